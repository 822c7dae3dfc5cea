"""What `boxes` tells: which things, in which order, with which numbers, and how they come back from tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive.answers.boxes import CLASS_OF, CLASS_RANGE_M, CLASSES, Boxes
from drive.cameras import Camera
from drive.data.dataset import open_dataset
from drive.eval.openloop.batch import DETECTION, RAW, RAW_TO_DETECTION
from drive.frames import EGO_FROM_CAMERA_AXES, se3
from drive.schema import Agents, CameraImage, DecodeError, Frame, Observation, SceneSample, Target, Trajectory, Window
from drive.tasks import declared, make_task
from drive.tasks.boxes import BoxesTask
from drive.tokens.vocab import Grid, Vocabulary


def make_boxes_task(parameter: str = "16", grids: dict[str, Grid] | None = None) -> BoxesTask:
    request = f"boxes:{parameter}"
    task = make_task(request, Vocabulary().extended(declared([request], grids or {}), [request]), Window())
    assert isinstance(task, BoxesTask)
    return task


def made(positions: list[tuple[float, float]], categories: list[str], **columns: list[int]) -> Agents:
    """Standing things of 4 x 2 x 1.5 m at t0 alone."""
    count = len(positions)
    centres = np.concatenate([np.array(positions, dtype=np.float64).reshape(-1, 2), np.full((count, 1), 0.75)], -1)[:, None]
    there = np.ones((count, 1), dtype=bool)
    numbers = {"points": np.full((count, 1), -1), "visibility": np.zeros((count, 1), dtype=np.int64)}
    numbers |= {name: np.array(values, dtype=np.int64)[:, None] for name, values in columns.items()}
    sizes, names = np.tile([4.0, 2.0, 1.5], (count, 1)), tuple(f"a{i}" for i in range(count))
    headings, velocities = np.zeros((count, 1)), np.zeros((count, 1, 2))
    return Agents(centres, headings, sizes, velocities, there, there, categories=tuple(categories), instances=names,
                  times_s=np.zeros(1), now=0, **numbers)  # fmt: skip


FRONT = Camera("FRONT", 200, 100, np.array([[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]), se3(EGO_FROM_CAMERA_AXES, [1.5, 0.0, 1.5]))


def sample_of(agents: Agents | None, cameras: tuple[Camera, ...] = ()) -> SceneSample:
    nothing = Trajectory(np.zeros((1, 3)), np.zeros(1), np.ones(1, dtype=bool))
    views = tuple(CameraImage(camera, 0.0, np.zeros((1, 1, 3), dtype=np.uint8)) for camera in cameras)
    observation = Observation("t", (Frame(0.0, views),) if views else (), nothing, np.zeros(0))
    return SceneSample("t", "s", 0, 0, np.eye(4), observation, Target(nothing, agents))


def test_classes_are_those_of_the_open_loop_protocols() -> None:
    assert DETECTION == CLASSES == tuple(CLASS_RANGE_M)
    assert {RAW[k]: CLASSES[c] for k, c in enumerate(RAW_TO_DETECTION[:-1]) if c >= 0} == CLASS_OF


def test_classes_and_ranges_are_the_devkits() -> None:
    from nuscenes.eval.common.config import config_factory
    from nuscenes.eval.detection.utils import category_to_detection_name

    assert {name: category_to_detection_name(name) for name in RAW} == {name: CLASS_OF.get(name) for name in RAW}
    assert dict(config_factory("detection_cvpr_2019").class_range) == CLASS_RANGE_M


def test_a_data_set_without_agents_knows_no_boxes_and_an_empty_road_has_none() -> None:
    task = make_boxes_task()
    assert task.answer(sample_of(None)) is None
    empty = task.answer(sample_of(made([], [])))
    assert empty is not None and len(empty) == 0
    assert len(task.encode(empty)) == 2 and len(task.decode(task.encode(empty))) == 0


def test_the_nearest_are_told_and_the_others_counted() -> None:
    positions = [(30.0 - k, 0.0) for k in range(20)]
    boxes = make_boxes_task("8").answer(sample_of(made(positions, ["vehicle.car"] * 20)))
    assert boxes is not None and boxes.left_out == 12
    np.testing.assert_array_equal(boxes.centres[:, 0], np.arange(11.0, 19.0))


def test_what_is_no_class_too_far_empty_or_hardly_seen_is_left_out() -> None:
    categories = ["vehicle.car", "animal", "movable_object.trafficcone", "human.pedestrian.child", *["vehicle.car"] * 3]
    agents = made([(10, 0), (11, 0), (35, 0), (35, 0), (12, 0), (13, 0), (50, 0)], categories,
                  points=[-1, -1, 9, 9, 0, 1, 1], visibility=[0, 0, 4, 2, 4, 1, 4])  # fmt: skip
    boxes = make_boxes_task().answer(sample_of(agents))
    assert boxes is not None and boxes.classes == ("car", "pedestrian") and boxes.left_out == 0


def test_only_what_lies_in_a_picture_counts_and_a_part_is_enough() -> None:
    agents = made([(20, 0), (-20, 0), (5, 9.0), (5, 5.5)], ["vehicle.car"] * 4)
    task = make_boxes_task()
    boxes, all_around = task.answer(sample_of(agents, (FRONT,))), task.answer(sample_of(agents))
    assert boxes is not None and boxes.centres[:, :2].tolist() == [[5, 5.5], [20, 0]]
    assert all_around is not None and len(all_around) == 4


def test_numbers_come_back_to_half_a_step() -> None:
    rng = np.random.default_rng(0)
    value = Boxes(
        classes=tuple(rng.choice(CLASSES, 16)),
        centres=rng.uniform(-50, 50, (16, 3)),
        sizes=rng.uniform(0.3, 20, (16, 3)),
        headings=rng.uniform(-np.pi, np.pi, 16),
        velocities=rng.uniform(-15, 15, (16, 2)) * (np.arange(16) % 2)[:, None],
        velocity_known=np.arange(16) % 2 == 1,
        scores=rng.uniform(0, 1, 16),
        left_out=7,
    )
    task = make_boxes_task()
    again = task.decode(task.encode(value))
    assert again.classes == value.classes and again.left_out == 7
    np.testing.assert_array_equal(again.velocity_known, value.velocity_known)
    for name, step in (("centres", 0.05), ("sizes", 0.05), ("headings", 0.02), ("velocities", 0.1), ("scores", 0.01)):
        np.testing.assert_allclose(getattr(again, name), getattr(value, name), atol=step / 2 + 1e-9, rtol=0, err_msg=name)
    assert task.to_json(task.from_json(task.to_json(again))) == task.to_json(again)


def test_off_the_grid_sizes_and_speeds_are_clipped_and_places_left_out() -> None:
    agents = made([(10, 0), (30, 0)], ["vehicle.car"] * 2)
    agents = replace(agents, sizes=agents.sizes * [10, 1, 1], velocities=agents.velocities + [-33.0, 60.0])
    boxes = make_boxes_task(grids={"metre": Grid(-20.0, 20.0, 0.05)}).answer(sample_of(agents))
    assert boxes is not None and boxes.left_out == 1
    assert boxes.sizes[0, 0] == 25.0 and boxes.velocities[0].tolist() == [-20.0, 45.0]


def test_a_turn_moves_places_headings_and_velocities() -> None:
    task = make_boxes_task()
    box = Boxes(("car",), np.array([[10.0, 0, 1]]), np.ones((1, 3)), np.array([3.0]), np.array([[5.0, 0]]), np.array([True]), np.ones(1))
    turned = task.turned(box, np.pi / 2)
    np.testing.assert_allclose(turned.centres, [[0, 10, 1]], atol=1e-12)
    np.testing.assert_allclose(turned.velocities, [[0, 5]], atol=1e-12)
    np.testing.assert_allclose(turned.headings, [3.0 + np.pi / 2 - 2 * np.pi])


def test_too_many_boxes_and_broken_answers_are_refused() -> None:
    task, more = make_boxes_task("8"), make_boxes_task("16")
    value = more.answer(sample_of(made([(10.0 + k, 0) for k in range(9)], ["vehicle.car"] * 9)))
    with pytest.raises(ValueError, match="boxes:8 tells at most 8 boxes, got 9"):
        task.encode(value)
    ids = more.encode(value)
    with pytest.raises(DecodeError):
        more.decode(np.delete(ids, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class": "dragon"}, "got 'dragon'"),
        ({"size": [1, 2, -3]}, "sizes must be above 0"),
        ({"position": [1, 2]}, "position of boxes must be finite numbers"),
        ({"position": [1, 2, "3"]}, "position of boxes must be finite numbers"),
        ({"heading": float("nan")}, "heading of boxes must be finite numbers"),
        ({"velocity": 3}, "velocity of boxes must be finite numbers"),
        ({"score": None}, "score of boxes must be finite numbers"),
    ],
)
def test_json_that_is_no_answer_is_named(change: dict, message: str) -> None:
    task = make_boxes_task()
    box = {"class": "car", "position": [1, 2, 3], "size": [4, 2, 1], "heading": 0, "velocity": None, "score": 1}
    assert len(task.from_json({"boxes": [box], "left_out": 0})) == 1
    with pytest.raises(ValueError, match=message):
        task.from_json({"boxes": [box | change], "left_out": 0})
    for other in (None, {}, {"boxes": 3, "left_out": 0}, {"boxes": [], "left_out": -1}, {"boxes": [{}], "left_out": 0}):
        with pytest.raises(ValueError, match=r"must be|got"):
            task.from_json(other)


def test_real_shapes(mini: object) -> None:
    task = make_boxes_task("64")
    for sample in list(open_dataset(mini, maps=False))[:6]:  # type: ignore[arg-type]
        boxes = task.answer(sample)
        assert boxes is not None and (np.diff(boxes.distances_m) >= 0).all()
        assert len(task.decode(task.encode(boxes))) == len(boxes)


def test_scores_are_the_class_tokens_probabilities() -> None:
    task = make_boxes_task()
    value = task.answer(sample_of(made([(10, 0), (20, 0)], ["vehicle.car"] * 2)))
    assert value is not None
    ids = task.encode(value)
    log_probs = np.full(len(ids), -9.0)
    log_probs[task.first_of_boxes(ids)] = np.log([0.9, 0.4])
    np.testing.assert_allclose(task.scored(task.decode(ids), ids, log_probs).scores, [0.9, 0.4])
