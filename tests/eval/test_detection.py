"""nuScenes' detection scores: equal to the devkit's golden and to the devkit itself, on made boxes and through submission files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.answers.boxes import CLASSES, Boxes
from drive.data.dataset import open_dataset
from drive.eval.detection.evaluate import score_submissions
from drive.eval.detection.match import ERRORS, THRESHOLDS_M, match, match_greedily, match_plainly
from drive.eval.detection.score import Detection, detection
from drive.eval.detection.submission import read_submission
from drive.eval.detection.table import ATTRIBUTES, BoxTable
from drive.eval.detection.write import Collected, attribute_of, submission_rows, write_submission
from drive.eval.tasks.boxes import NAMES
from drive.frames import rotation_z, se3
from drive.schema import PlanError

SETS = set_names("nusc_det*.npz")


def golden_tables(name: str) -> tuple[BoxTable, BoxTable]:
    data = np.load(FOLDER / f"{name}.npz")
    kinds = np.array([CLASSES.index(str(word)) for word in data["class_names"]])

    def table(rows: np.ndarray, attributes: np.ndarray, scores: np.ndarray) -> BoxTable:
        places = np.array([ATTRIBUTES.index(word) if word else -1 for word in attributes])
        sample, kind = rows[:, 0].astype(np.int64), kinds[rows[:, 1].astype(np.int64)]
        columns = (rows[:, 2:4], rows[:, 5:8], rows[:, 8], rows[:, 9:11], scores, places, np.hypot(rows[:, 2], rows[:, 3]))
        return BoxTable(sample, kind, *columns)

    truth, answered = data["gt_num"], data["pred_num"]
    true = table(truth, data["gt_attr"], np.zeros(len(truth))).take(truth[:, 11] != 0)
    return true.in_range(), table(answered, data["pred_attr"], answered[:, 11]).in_range()


@pytest.mark.skipif(not SETS, reason=f"no sets (nusc_det*.npz) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", SETS or ["none"])
def test_golden_detection(name: str, tally: Tally) -> None:
    golden, found = json.loads((FOLDER / f"{name}.json").read_text()), detection(match(*golden_tables(name)))
    aps = [[golden["label_aps"][c][str(t)] for t in THRESHOLDS_M] for c in CLASSES]
    errors = [[np.nan if golden["label_tp_errors"][c][e] is None else golden["label_tp_errors"][c][e] for e in ERRORS] for c in CLASSES]
    np.testing.assert_allclose(found.aps, aps, atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.errors, errors, atol=1e-9, rtol=0)
    np.testing.assert_allclose([found.mean_ap, found.nds], [golden["mean_ap"], golden["nd_score"]], atol=1e-9, rtol=0)
    np.testing.assert_allclose(list(found.mean_errors.values()), [golden["tp_errors"][e] for e in ERRORS], atol=1e-9, rtol=0)
    tally(f"detection {name}", len(np.unique(golden_tables(name)[0].sample)), len(CLASSES) * 9 + 7, [])


def test_the_fast_matching_is_the_readable_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        samples, boxes, things = 4, int(rng.integers(0, 40)), int(rng.integers(0, 30))
        sample, of = rng.integers(0, samples, boxes), np.sort(rng.integers(0, samples, things))
        xy, places = rng.uniform(-5, 5, (boxes, 2)), rng.uniform(-5, 5, (things, 2))
        first = np.searchsorted(of, np.arange(samples + 1))
        for threshold in THRESHOLDS_M:
            arguments = sample, xy, first, places, threshold
            np.testing.assert_array_equal(match_greedily(*arguments), match_plainly(*arguments))


def test_a_sample_that_counts_twice_is_two_samples() -> None:
    """Where scores differ, weights say what copies say, but for the points between two copies that interpolation takes in."""
    true, answered = made_tables(0), made_tables(1)
    weights = np.array([1, 2, 0, 1, 1, 1], dtype=np.int64)
    kept = weights > 0
    lone = detection(match(true.take(kept[true.sample]), answered.take(kept[answered.sample])), None)
    once = detection(match(true, answered), kept.astype(np.int64))
    np.testing.assert_allclose(once.aps, lone.aps)
    np.testing.assert_allclose(once.errors, lone.errors)
    assert abs(detection(match(true, answered), weights).mean_ap - once.mean_ap) > 1e-6


def made_tables(seed: int, samples: int = 6) -> BoxTable:
    """Boxes around the same forty places, whatever the seed."""
    places = np.random.default_rng(99)
    count = 40 * samples
    xy, kinds = places.uniform(-25, 25, (count, 2)), places.integers(0, 10, count)
    rng = np.random.default_rng(seed)
    xy = xy + rng.normal(0, 0.7, (count, 2))
    velocity = np.where(rng.random((count, 1)) < 0.1, np.nan, rng.normal(0, 3, (count, 2)))
    return BoxTable(np.arange(count) % samples, kinds, xy, rng.uniform(0.5, 5, (count, 3)), rng.uniform(-3, 3, count), velocity,
                    rng.uniform(0, 1, count), rng.integers(-1, 8, count), np.hypot(*xy.T))  # fmt: skip


def devkit_scores(true: BoxTable, answered: BoxTable) -> dict[str, Any]:
    """What the devkit makes of tables."""
    from nuscenes.eval.common.config import config_factory
    from nuscenes.eval.common.data_classes import EvalBoxes
    from nuscenes.eval.detection.data_classes import DetectionBox
    from nuscenes.eval.detection.evaluate import DetectionEval

    def boxes(table: BoxTable) -> Any:
        found = EvalBoxes()
        for s in np.unique(np.concatenate([true.sample, answered.sample])):
            rows = np.flatnonzero(table.sample == s)
            found.add_boxes(str(s), [
                DetectionBox(sample_token=str(s), translation=(*table.xy[k], 0.0), size=tuple(table.size[k]),
                             rotation=(np.cos(table.yaw[k] / 2), 0.0, 0.0, np.sin(table.yaw[k] / 2)), velocity=tuple(table.velocity[k]),
                             detection_name=CLASSES[table.kind[k]], detection_score=float(table.score[k]),
                             attribute_name=ATTRIBUTES[table.attribute[k]] if table.attribute[k] >= 0 else "")
                for k in rows
            ])  # fmt: skip
        return found

    config = config_factory("detection_cvpr_2019")
    scored = SimpleNamespace(cfg=config, gt_boxes=boxes(true), pred_boxes=boxes(answered), verbose=False)
    start = time.process_time()
    found = DetectionEval.evaluate(scored)[0]  # type: ignore[arg-type]
    return {**found.serialize(), "cpu_s": time.process_time() - start}


def test_equal_to_the_devkit_on_made_boxes_with_equal_scores_and_unknown_velocities() -> None:
    true, answered = made_tables(0), made_tables(1)
    rounded = BoxTable(**{**vars(answered), "score": np.round(answered.score, 1)})
    order = np.argsort(rounded.sample, kind="stable")
    rounded = rounded.take(order)  # type: ignore[arg-type]
    ours, theirs = detection(match(true, rounded)), devkit_scores(true, rounded)
    np.testing.assert_allclose(ours.mean_ap, theirs["mean_ap"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(ours.nds, theirs["nd_score"], atol=1e-9, rtol=0)
    for c, name in enumerate(CLASSES):
        np.testing.assert_allclose(ours.errors[c], [theirs["label_tp_errors"][name][e] for e in ERRORS], atol=1e-9, rtol=0)


def test_nothing_true_and_nothing_answered() -> None:
    nothing = made_tables(0).take(np.zeros(240, dtype=bool))
    for found in (detection(match(nothing, made_tables(0))), detection(match(made_tables(0), nothing))):
        assert isinstance(found, Detection) and found.mean_ap == 0 and found.nds == 0
    assert np.isnan(detection(match(nothing, nothing)).mean_ap_present)


def answer(count: int = 3) -> Boxes:
    rng = np.random.default_rng(3)
    return Boxes(("car", "pedestrian", "barrier")[:count], rng.uniform(-20, 20, (count, 3)), rng.uniform(1, 4, (count, 3)),
                 rng.uniform(-3, 3, count), rng.normal(0, 3, (count, 2)), np.arange(count) != 1, rng.uniform(0, 1, count))  # fmt: skip


def test_what_is_written_the_devkit_reads_and_so_do_we(tmp_path: Path) -> None:
    from nuscenes.eval.common.loaders import load_prediction
    from nuscenes.eval.detection.data_classes import DetectionBox

    world_from_ego = se3(rotation_z(1.0), [1000.0, 2000.0, 3.0])
    path = write_submission(tmp_path / "sub.json", {"a": submission_rows("a", answer(), world_from_ego), "b": []})
    theirs, meta = load_prediction(str(path), 500, DetectionBox)
    assert len(theirs["a"]) == 3 and theirs["b"] == [] and meta["use_camera"] and not meta["use_lidar"]
    ours = read_submission(path).boxes("a")
    boxes, turn = answer(), rotation_z(1.0)
    np.testing.assert_allclose(ours.translation, boxes.centres @ turn.T + [1000, 2000, 3], atol=1e-9)
    np.testing.assert_allclose(ours.size, boxes.sizes)
    np.testing.assert_allclose(np.exp(1j * ours.yaw), np.exp(1j * (boxes.headings + 1.0)), atol=1e-9)
    np.testing.assert_allclose(ours.velocity[[0, 2]], boxes.velocities[[0, 2]] @ turn[:2, :2].T, atol=1e-9)
    assert [ATTRIBUTES[k] if k >= 0 else "" for k in ours.attribute] == [b.attribute_name for b in theirs["a"]]
    assert attribute_of("bus", 0.0) == "vehicle.stopped" and attribute_of("traffic_cone", 9.0) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"detection_name": "dragon"}, "detection_name of a box is 'dragon'"),
        ({"attribute_name": "asleep"}, "attribute_name of a box is 'asleep'"),
        ({"size": [1, 2, 0]}, "a size is not above 0"),
        ({"size": [1, 2]}, "size of a box is not 3 numbers"),
        ({"translation": [1, 2, float("nan")]}, "is not finite"),
        ({"translation": [1, 2, "x"]}, "translation of a box is not 3 numbers"),
        ({"rotation": [0, 0, 0, 0]}, "no quaternion"),
        ({"detection_score": None}, "detection_score of a box is not a finite number"),
        ({"sample_token": "b"}, "a box says that its sample is 'b'"),
    ],
)
def test_a_sample_with_a_box_that_is_none_fails_alone(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    good = submission_rows("a", answer(1), np.eye(4))[0]
    path = tmp_path / "sub.json"
    path.write_text(json.dumps({"meta": {}, "results": {"a": [good], "c": [good | {"sample_token": "c"} | change], "many": [good] * 501}}))
    submission = read_submission(path)
    assert len(submission.boxes("a").kind) == 1
    for token, told in (("c", reason), ("many", "501 boxes"), ("d", "no boxes for this sample")):
        with pytest.raises(PlanError, match=told):
            submission.boxes(token)


def test_a_file_that_is_no_submission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sub.json"
    plans = '{"meta": {}, "results": {"a": [{"planning_traj": 1}]}}'
    for text, told in (("[]", 'no single object "meta"'), (plans, "no boxes with a detection")):
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            read_submission(path)


def test_a_data_set_is_scored_as_the_devkit_scores_it(embedded: Path, tmp_path: Path) -> None:
    """Truth with noise on the embedded set, points and ranges filtered, against the devkit's own loading and filtering."""
    from nuscenes.eval.common.config import config_factory
    from nuscenes.eval.common.loaders import add_center_dist, filter_eval_boxes, load_gt_of_sample_tokens, load_prediction
    from nuscenes.eval.detection.data_classes import DetectionBox
    from nuscenes.eval.detection.evaluate import DetectionEval
    from nuscenes.nuscenes import NuScenes

    dataset: Any = open_dataset(embedded, maps=False)
    rng, results = np.random.default_rng(0), {}
    for sample in dataset:
        agents = sample.target.agents
        rows = np.flatnonzero(agents.valid[:, agents.now])
        here = Boxes(tuple(rng.choice(CLASSES[:4], len(rows))), agents.centres[rows, agents.now] + rng.normal(0, 0.5, (len(rows), 3)),
                     agents.sizes[rows] * 1.1, agents.headings[rows, agents.now], agents.velocities[rows, agents.now],
                     np.ones(len(rows), dtype=bool), np.round(rng.uniform(0, 1, len(rows)), 1))  # fmt: skip
        results[sample.token] = submission_rows(sample.token, here, sample.world_from_ego)
    path = write_submission(tmp_path / "sub.json", dict(reversed(results.items())))
    report = score_submissions(dataset, [read_submission(path)])
    ours = {row["metric"]: row for row in report.rows}
    config = config_factory("detection_cvpr_2019")
    answered, _ = load_prediction(str(path), 500, DetectionBox)
    nusc = NuScenes(version="v1.0-mini", dataroot=str(embedded), verbose=False)
    true = load_gt_of_sample_tokens(nusc, list(dataset.tokens), DetectionBox)
    both = [filter_eval_boxes(nusc, add_center_dist(nusc, b), config.class_range) for b in (true, answered)]
    scored = SimpleNamespace(cfg=config, gt_boxes=both[0], pred_boxes=both[1], verbose=False)
    theirs = DetectionEval.evaluate(scored)[0].serialize()  # type: ignore[arg-type]
    np.testing.assert_allclose(ours["map"]["value"], theirs["mean_ap"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(ours["nds"]["value"], theirs["nd_score"], atol=1e-9, rtol=0)
    for error, name in NAMES.items():
        np.testing.assert_allclose(ours[name]["value"], theirs["tp_errors"][error], atol=1e-9, rtol=0)
    assert ours["map"]["value"] > 0 and not report.failed


def test_answers_become_submissions_of_every_sample(embedded: Path, tmp_path: Path) -> None:
    first, second = list(open_dataset(embedded, maps=False, limit=2))
    collected = Collected()
    for sample, answers in ((first, {"plan:bins": 1, "boxes:16": answer()}), (second, {})):
        collected.add("a/b planner", sample, answers)
        collected.add("silent", sample, {})
    (path,) = collected.save(tmp_path)
    assert path.name == "detections-a-b-planner.json"
    assert [len(read_submission(path).boxes(sample.token).kind) for sample in (first, second)] == [3, 0]


def test_samples_that_the_file_lacks_fail_and_strangers_are_named(embedded: Path, tmp_path: Path) -> None:
    dataset: Any = open_dataset(embedded, maps=False, limit=3)
    path = write_submission(tmp_path / "sub.json", {dataset.tokens[0]: [], "nobody": []})
    report = score_submissions(dataset, [read_submission(path)])
    assert {f["reason"][:9] for f in report.failures} == {"no boxes ", "not a sam"}
    assert report.rows[0]["failed"] == 2 and report.rows[0]["scored"] == 1 and report.rows[0]["value"] == 0.0


@pytest.mark.slow
def test_ten_times_the_devkits_speed() -> None:
    """CPU time of scoring the same boxes, in turns, the best of three each."""
    true, answered = made_tables(0, 100), made_tables(1, 100)
    detection(match(true, answered))  # compiles
    ours, theirs = [], []
    for _ in range(3):
        theirs.append(devkit_scores(true, answered)["cpu_s"])
        start = time.process_time()
        detection(match(true, answered))
        ours.append(time.process_time() - start)
    print(f"ours {min(ours):.3f} s, devkit {min(theirs):.3f} s: {min(theirs) / min(ours):.0f} times")
    assert min(theirs) >= 10 * min(ours)
