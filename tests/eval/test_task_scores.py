"""Answers scored by their tasks' metrics: known shares, what is unknown or failed, intervals, the verb from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.answers.boxes import Boxes
from drive.answers.roads import LaneLines
from drive.data.dataset import Dataset, open_dataset
from drive.eval.chamfer import average_precisions, distances, match_lines, resampled
from drive.eval.page import write_report
from drive.eval.pairs import nearest_pairs
from drive.eval.result import MetricResult, PooledResult
from drive.eval.table import text_table
from drive.eval.tasks import METRICS, boxes, plan, roads
from drive.eval.tasks.evaluate import score_tasks, scored_tasks
from drive.schema import Answers, Observation, Plan, PlanError
from drive.tasks import chains

SETS = set_names("map_chamfer*.npz")


@pytest.mark.skipif(not SETS, reason=f"no sets (map_chamfer*.npz) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", SETS or ["none"])
@pytest.mark.parametrize("same", [True, False])
def test_golden_chamfer(name: str, same: bool, tally: Tally) -> None:
    data, golden = np.load(FOLDER / f"{name}.npz"), json.loads((FOLDER / f"{name}.json").read_text())[f"use_same_gt_sample_num={same}"]
    lines = {kind: np.split(data[f"{kind}_pts"], np.cumsum(data[f"{kind}_npts"])[:-1]) for kind in ("gt", "pred")}
    found = []
    for c in range(3):
        rows = {kind: [np.flatnonzero((data[f"{kind}_sample"] == s) & (data[f"{kind}_cls"] == c)) for s in range(int(data["n_samples"]))]
                for kind in ("gt", "pred")}  # fmt: skip
        true = [[resampled(lines["gt"][i]) for i in own] for own in rows["gt"]]
        told = [[resampled(lines["pred"][i]) if same else lines["pred"][i] for i in own] for own in rows["pred"]]
        distance = [distances(a, t) for a, t in zip(told, true, strict=True)]
        found.append(average_precisions(match_lines(distance, [data["pred_conf"][own] for own in rows["pred"]])))
    np.testing.assert_allclose(np.array(found).T, golden["ap_thr_by_class"], atol=1e-6)  # the original adds up in 32 bits
    tally(f"chamfer {name}", int(data["n_samples"]), 9, [])


def by_name(results: list[Any]) -> dict[str, float]:
    return {result.name: result.over(np.ones(len(result.valid), dtype=bool)) for result in results}


def cars(*places: tuple[float, float], kind: str = "car") -> Boxes:
    count = len(places)
    centres = np.concatenate([np.array(places, dtype=np.float64).reshape(-1, 2), np.ones((count, 1))], -1)
    return Boxes((kind,) * count, centres, np.tile([4.0, 2, 1.5], (count, 1)), np.zeros(count), np.zeros((count, 2)),
                 np.ones(count, dtype=bool), np.ones(count))  # fmt: skip


def test_boxes_by_pairs() -> None:
    truths = [cars((10, 0), (20, 0), (35, 0)), cars(), None, cars((5, 5))]
    answers = [cars((11.9, 0), (12.5, 0), (35, 0)), cars((8, 0)), cars((1, 1)), None]
    found = by_name(boxes.score(answers, truths))
    assert found["vehicles_30m_precision"] == 1 / 3 and found["vehicles_30m_recall"] == 1 / 3 and found["vehicles_30m_f1"] == 1 / 3
    assert found["precision"] == 2 / 4 and found["recall"] == 2 / 4
    assert by_name(boxes.score([cars((10, 0), kind="bus")], [cars((10, 0))]))["f1"] == 0.0  # another class
    assert by_name(boxes.score([cars((10, 0), kind="bus")], [cars((10, 0))]))["vehicles_30m_f1"] == 1.0  # a vehicle all the same
    perfect = by_name(boxes.score(truths, truths))
    assert perfect["vehicles_30m_f1"] == perfect["f1"] == 1.0 and np.isclose(perfect["mate"], 0.9)  # nine classes have nothing
    assert perfect["maae"] == 1.0
    assert np.isclose(perfect["ap_car"], 1.0) and np.isclose(perfect["map"], 0.1) and np.isclose(perfect["map_present"], 1.0)


def test_pairs_are_the_nearest_first() -> None:
    distance = np.array([[1.0, 0.4, 9.0], [0.5, 0.6, 9.0]])
    assert nearest_pairs(distance, 2.0).tolist() == [[0, 1], [1, 0]]
    assert nearest_pairs(distance, 0.45).tolist() == [[0, 1]] and nearest_pairs(np.zeros((0, 3)), 1.0).shape == (0, 2)


def lane(y: float, begin: float = 0.0, end: float = 40.0) -> np.ndarray:
    return np.array([[begin, y], [end, y]])


def test_roads_by_chamfer() -> None:
    truths = [LaneLines((lane(0), lane(3.5), lane(7.0)), np.ones(3)), None, LaneLines((lane(0),), np.ones(1))]
    answers = [LaneLines((lane(0.9), lane(5.2)), np.ones(2)), LaneLines((lane(0),), np.ones(1)), None]
    found = by_name(roads.score(answers, truths))
    assert found["beside_precision"] == 1 / 2 and found["beside_recall"] == 1 / 3 and found["beside_f1"] == 2 / 5
    assert found["precision"] == 1 / 2 and found["recall"] == 1 / 4
    assert found["points_precision"] == 1 / 2 and np.isclose(found["points_recall"], 1 / 4)
    assert found["chamfer_ap_0.5m"] == 0.0 and found["chamfer_ap_1m"] == 1 / 4
    assert by_name(roads.score(truths, truths))["f1"] == 1.0
    assert by_name(roads.score([LaneLines((np.zeros((2, 2)),), np.ones(1))], truths[:1]))["f1"] == 0.0  # a lane without a length


def test_plans_by_their_distance() -> None:
    truth = np.stack([np.arange(1.0, 7), np.zeros(6), np.zeros(6)], -1)
    found = by_name(plan.score([truth + [0, 1, 0], None, truth], [truth, truth, None]))
    assert found == {"ade": 1.0, "fde": 1.0}
    (mean,) = plan.baselines([truth, truth + 2.0, None]).values()
    np.testing.assert_array_equal(mean[0], truth + 1.0)


def test_intervals_of_pooled_values_cover_and_need_two_scenes() -> None:
    rng = np.random.default_rng(0)
    hits = rng.random(400) < 0.7
    scenes = [f"s{i // 10}" for i in range(400)]
    everything, none = np.ones(400, dtype=bool), np.zeros(400, dtype=bool)
    pooled = PooledResult("share", lambda w: float(w @ hits / w.sum()) if w.sum() else float("nan"), everything, none)
    plain = MetricResult("share", hits.astype(float), everything, none, "")
    assert pooled.over(everything) == plain.mean
    np.testing.assert_allclose(pooled.interval(everything, scenes), plain.interval(everything, scenes), atol=0.015)
    assert np.isnan(pooled.interval(everything, ["one"] * 400)).all() and np.isnan(pooled.over(none))


class Told:
    """Answers what it is told to, plans too; fails where it is told nothing."""

    name = "told"

    def __init__(self, known: dict[str, dict[str, Any]]) -> None:
        self.known, self.asked = known, list[list[str]]()

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        raise PlanError("no plans")

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> Answers:
        self.asked.append(list(requests))
        links = [str(link) for chain in chains(requests) for link in chain]
        known = self.known.get(observation.token, {})
        if not known:
            raise PlanError("told nothing")
        return Answers({link: (known[link],) for link in links if link in known}, {}, {n: "not told" for n in links if n not in known})


@pytest.fixture(scope="module")
def dataset(embedded: Path) -> Dataset:
    return open_dataset(embedded, lanes=True, split="scene-5000,scene-5001")


@pytest.fixture(scope="module")
def told(dataset: Dataset) -> Told:
    tasks = scored_tasks(chains("boxes,roads,plan"), dataset.window)
    return Told({s.token: {name: v for name, task in tasks.items() if (v := task.answer(s)) is not None} for s in list(dataset)[1:]})


def test_right_answers_score_full_marks_and_what_is_unknown_is_counted(dataset: Dataset, told: Told, tmp_path: Path) -> None:
    report = score_tasks(dataset, "boxes>plan,roads", [told])
    rows = {(r["planner"], r["protocol"], r["metric"]): r for r in report.rows}
    first = rows["told", "boxes:16", "vehicles_30m_precision"]
    assert first["value"] == 1.0 and first["failed"] == 1 and first["unknown"] == 0 and first["requested"] == len(dataset)
    assert rows["told", "boxes:16", "vehicles_30m_recall"]["value"] < rows["told", "boxes:16", "vehicles_30m_recall"]["answered"] == 1.0
    ends = sum(not s.target.future.valid.all() for s in dataset)
    assert rows["told", "plan:bins", "ade"]["unknown"] == ends > 0 and rows["told", "plan:bins", "ade"]["value"] == 0.0
    assert rows["always the mean", "plan:bins", "ade"]["value"] > 0
    assert rows["told", "roads", "f1"]["unknown"] == sum(s.target.lanes is None for s in dataset)
    assert {f["reason"] for f in report.failures} >= {"told nothing"} and report.failed
    assert told.asked[0] == ["boxes:16>plan:bins", "roads"]
    text = text_table(report)
    assert "vehicles_30m_f1" in text and "unknown" in text and "always the mean" in text
    assert (write_report(report, tmp_path)).is_file()
    assert json.loads(report.save(tmp_path).read_text())["rows"]


def test_what_has_no_metric_or_is_no_request_is_refused(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(METRICS, "roads")
    with pytest.raises(ValueError, match="roads has no metric; those with one: plan"):
        score_tasks(dataset, "roads", [])
    with pytest.raises(ValueError, match="no task 'fly'"):
        score_tasks(dataset, "fly", [])


def test_the_baseline_of_lanes_knows_a_straight_road() -> None:
    truths = [LaneLines((lane(0.0), lane(3.5)), np.ones(2))]
    (straight,) = roads.baselines(truths).values()
    assert by_name(roads.score(straight, truths))["beside_f1"] == 0.8


def test_a_planner_that_plans_alone_fails_the_others(dataset: Dataset) -> None:
    class Stands:
        name = "stands"

        def plan(self, observation: Observation, samples: int = 1) -> Plan:
            return Plan(np.zeros((1, len(observation.future_times_s), 3)), observation.future_times_s)

    report = score_tasks(dataset, "boxes>plan", [Stands()])
    rows = {(r["planner"], r["metric"]): r for r in report.rows}
    assert rows["stands", "map"]["failed"] == len(dataset) and rows["stands", "ade"]["failed"] == 0
    assert any("plan alone" in failure["reason"] for failure in report.failures)


def test_the_verb_on_others_detections(embedded: Path, dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps({"meta": {}, "results": {sample.token: [] for sample in dataset}}))
    command = [sys.executable, "-m", "drive", "eval", str(embedded), "--split", ",".join(dataset.scenes)]
    command += ["--detections", str(path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "nuscenes-detection" in done.stdout and "theirs" in done.stdout
    assert json.loads((tmp_path / "out" / "report.json").read_text())["rows"][0]["value"] == 0.0


class Knows:
    """Answers every request with the truth, as it comes back from tokens."""

    name = "knows"

    def __init__(self, dataset: Dataset, requests: str) -> None:
        self.samples = {sample.token: sample for sample in dataset}
        self.tasks = scored_tasks(chains(requests), dataset.window)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        raise PlanError("asked for answers alone")

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> Answers:
        values = {}
        for link in (link for chain in chains(requests) for link in chain):
            task, sample = self.tasks[link.name], self.samples[observation.token]
            known = dict(task.answers(sample))
            if link.prompt in known:
                values[str(link)] = (task.decode(task.encode(known[link.prompt]), observation),)
        return Answers(values)


def test_the_truth_through_tokens_is_right_in_every_task(dataset: Dataset) -> None:
    requests = "see>decide>plan,boxes,roads,describe,ask"
    report = score_tasks(list(dataset)[:6], requests, [Knows(dataset, requests)])
    rows = {(r["protocol"], r["metric"]): r for r in report.rows if r["planner"] == "knows"}
    assert {protocol for protocol, _ in rows} >= {"decide", "plan:bins", "boxes:16", "roads", "describe", "ask", "decide_plan"}
    assert rows["boxes:16", "f1"]["value"] == rows["roads", "f1"]["value"] == 1.0 and rows["plan:bins", "ade"]["value"] < 0.05
    assert next(r for key, r in rows.items() if key[0] == "ask")["requested"] > 6
    assert [key for key, r in rows.items() if r["failed"] and not key[0].endswith("_plan")] == [] and not report.failed
    assert "knows: the data know no right answer to any of 6 questions" in text_table(report)  # to see: nobody tells of lights here
