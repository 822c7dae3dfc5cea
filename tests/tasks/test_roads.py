"""What `roads` tells: which parts of which lanes, where their points lie, in which order, and how they come back from tokens."""

from __future__ import annotations

import numpy as np
import pytest

from drive.answers.roads import LaneLines
from drive.around import lanes_around
from drive.cameras import Camera
from drive.frames import EGO_FROM_CAMERA_AXES, Array, se3
from drive.maps import Lane
from drive.schema import CameraImage, DecodeError, Frame, Observation, SceneSample, Target, Trajectory, Window
from drive.tasks import declared, make_task
from drive.tasks.roads import BINS_M, MOST_POINTS, PLACES, REACH_M, SPACING_M, RoadsTask, bins_of, placed, sampled
from drive.tokens.vocab import Grid, Vocabulary

FRONT = Camera("FRONT", 200, 100, np.array([[100.0, 0, 100], [0, 100, 50], [0, 0, 1]]), se3(EGO_FROM_CAMERA_AXES, [1.5, 0.0, 1.5]))


def make_roads_task(grids: dict[str, Grid] | None = None) -> RoadsTask:
    task = make_task("roads", Vocabulary().extended(declared(["roads"], grids or {}), ["roads"]), Window())
    assert isinstance(task, RoadsTask)
    return task


def sample_of(lines: list[Array] | None, cameras: tuple[Camera, ...] = ()) -> SceneSample:
    nothing = Trajectory(np.zeros((1, 3)), np.zeros(1), np.ones(1, dtype=bool))
    views = tuple(CameraImage(camera, 0.0, np.zeros((1, 1, 3), dtype=np.uint8)) for camera in cameras)
    observation = Observation("t", (Frame(0.0, views),) if views else (), nothing, np.zeros(0))
    lanes = None if lines is None else lanes_around([Lane(f"l{i}", line, 3.5, 10.0) for i, line in enumerate(lines)], np.zeros(3))
    return SceneSample("t", "s", 0, 0, np.eye(4), observation, Target(nothing, lanes=lanes))


def straight(y: float, begin: float = -80.0, end: float = 80.0) -> Array:
    return np.array([[begin, y], [end, y]])


def test_unknown_lanes_are_no_answer_and_no_lanes_are_one() -> None:
    task = make_roads_task()
    assert task.answer(sample_of(None)) is None
    empty = task.answer(sample_of([]))
    assert empty is not None and len(empty) == 0
    assert len(task.encode(empty)) == len(BINS_M) * PLACES + 2 and len(task.decode(task.encode(empty))) == 0


def test_a_lane_is_cut_at_reach_and_sampled_from_where_it_passes_the_ego() -> None:
    for begin in (-80.0, -81.3, -83.7):  # wherever the lane begins, its points stay
        lines = make_roads_task().answer(sample_of([straight(0.0, begin)]))
        assert lines is not None and len(lines) == 1
        x = lines.lines[0][:, 0]
        assert abs(x[0] + REACH_M) < 0.3 and abs(x[-1] - REACH_M) < 0.3
        np.testing.assert_allclose(x[1:-1], np.arange(-35.0, 36.0, 5.0), atol=0.2)
    back = make_roads_task().answer(sample_of([straight(3.5)[::-1]]))
    assert back is not None and back.lines[0][0, 0] > 39 and back.lines[0][-1, 0] < -39


def test_points_are_a_spacing_apart_but_at_the_ends() -> None:
    rng = np.random.default_rng(0)
    for first, length, origin in zip(rng.uniform(0, 50, 200), rng.uniform(2, 80, 200), rng.uniform(-50, 150, 200), strict=True):
        at = sampled(first, first + length, origin)
        assert at[0] == first and at[-1] == first + length and (np.diff(at) > 0).all() and len(at) <= MOST_POINTS
        np.testing.assert_allclose(np.diff(at)[1:-1], SPACING_M, atol=1e-9)
        np.testing.assert_allclose((at[1:-1] - origin) / SPACING_M, np.round((at[1:-1] - origin) / SPACING_M), atol=1e-9)
        if len(at) > 2:
            assert (np.diff(at)[[0, -1]] >= SPACING_M / 2 - 1e-9).all() and (np.diff(at)[[0, -1]] <= 1.5 * SPACING_M + 1e-9).all()
    curve = np.stack([20 * np.sin(np.linspace(0, 2, 200)), 20 - 20 * np.cos(np.linspace(0, 2, 200))], -1)
    lines = make_roads_task().answer(sample_of([curve]))
    assert lines is not None
    distance = np.abs(np.hypot(lines.lines[0][:, 0], lines.lines[0][:, 1] - 20) - 20)
    assert distance.max() < 0.05


def test_only_where_a_camera_looks_and_what_the_hood_hides_goes_on() -> None:
    lines = make_roads_task().answer(sample_of([straight(0.0), straight(-3.5), straight(0.0, -60, -5)], (FRONT,)))
    assert lines is not None and len(lines) == 2
    starts = sorted(float(line[:, 0].min()) for line in lines.lines)
    assert 0 <= starts[0] < 0.3 and starts[1] < 1.0


def test_bins_are_by_the_end_and_what_finds_no_place_is_counted() -> None:
    lines = [np.array([[30.0, y], [25.0, y]]) for y in np.linspace(-8, 8, 9)] + [straight(0.0, -5, 5)]
    value = make_roads_task().answer(sample_of(lines))
    assert value is not None and len(value) == PLACES + 1 and value.left_out == 3
    assert bins_of(value.lines).tolist() == [0] + [2] * PLACES
    assert abs(value.lines[-1][0, 1]) <= max(abs(line[0, 1]) for line in value.lines[1:-1]) + 2.1  # the nearest were kept


def test_order_within_a_bin_is_shuffled_and_nothing_else() -> None:
    task = make_roads_task()
    value = task.answer(sample_of([straight(y) for y in (-3.5, 0.0, 3.5)] + [straight(y, 0, 15) for y in (-3.5, 0.0, 3.5)]))
    assert value is not None
    orders = set()
    for seed in range(20):
        other = task.shuffled(value, np.random.default_rng(seed))
        assert bins_of(other.lines).tolist() == bins_of(value.lines).tolist()
        orders.add(tuple(float(line[0, 1]) for line in other.lines))
        assert sorted(map(str, other.lines)) == sorted(map(str, value.lines))
        np.testing.assert_array_equal(np.sort(task.encode(other)), np.sort(task.encode(value)))
    assert len(orders) > 10


def test_lanes_come_back_and_turn() -> None:
    task = make_roads_task()
    value = task.answer(sample_of([straight(y) for y in (-3.5, 0.0, 3.5)]))
    assert value is not None
    again = task.decode(task.encode(value))
    for line, other in zip(value.lines, again.lines, strict=True):
        np.testing.assert_allclose(line, other, atol=1e-9)
    np.testing.assert_allclose(task.turned(value, np.pi / 2).lines[0][:, 1], value.lines[0][:, 0])
    assert len(task.encode(task.turned(value, 0.1))) == len(task.encode(value))
    assert task.to_json(task.from_json(task.to_json(again))) == task.to_json(again)


def test_full_bins_spill_over_and_too_many_lanes_are_refused() -> None:
    lines = tuple(np.array([[0.0, y], [2.0, y]]) for y in np.linspace(0, 5, 24))
    assert [len(rows) for rows in placed(lines)] == [PLACES] * len(BINS_M)
    task = make_roads_task()
    assert len(task.decode(task.encode(LaneLines(lines, np.ones(24))))) == 24
    with pytest.raises(ValueError, match="at most 24 lanes"):
        task.encode(LaneLines((*lines, lines[0]), np.ones(25)))
    ids = task.encode(LaneLines(lines, np.ones(24)))
    with pytest.raises(DecodeError):
        task.decode(np.delete(ids, 0))


def test_json_that_is_no_answer_is_named() -> None:
    task = make_roads_task()
    one = {"score": 1}
    for lanes in (3, [{}], *([one | {"points": p}] for p in ([[0, 0]], [[0, 0], [1]], [[0, 0], [1, "2"]], None))):
        with pytest.raises(ValueError, match=r"must be|needs|got"):
            task.from_json({"lanes": lanes, "left_out": 0})


def test_scores_are_the_marks_probabilities() -> None:
    task = make_roads_task()
    value = task.answer(sample_of([straight(0.0), straight(3.5)]))
    assert value is not None
    ids = task.encode(value)
    log_probs = np.full(len(ids), -9.0)
    log_probs[task.first_of_lanes(ids)] = np.log([0.8, 0.3])
    np.testing.assert_allclose(task.scored(task.decode(ids), ids, log_probs).scores, [0.8, 0.3])
