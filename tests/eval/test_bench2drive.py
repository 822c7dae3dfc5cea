"""Bench2Drive: parity with its own scripts (bench2drive*.json and b2d_comfort*.npz in DRIVE_GOLDEN), rules, hostile records."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.eval.bench2drive import (
    PENALTIES,
    ROUTES,
    CarlaMotion,
    bench2drive,
    checked_score,
    comfort,
    efficiency,
    infraction_penalty,
    load_records,
)
from drive.schema import PlanError

RECORDS = set_names("bench2drive*.json")
COMFORT = set_names("b2d_comfort*.npz")
ARRAYS = ("acceleration", "angular_velocity", "forward_vector", "right_vector")


@pytest.mark.skipif(not RECORDS, reason=f"no sets (bench2drive*.json) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", RECORDS or ["none"])
def test_golden_bench2drive(name: str, tally: Tally) -> None:
    answer = json.loads((FOLDER / f"{name}.json").read_text())
    result = bench2drive(answer["records"])
    assert len(result.failures) == ROUTES - len(answer["records"])
    assert result.metrics["driving_score"].mean == pytest.approx(answer["driving_score"], abs=1e-5)
    assert result.metrics["success"].mean == pytest.approx(answer["success_rate"], abs=1e-9)
    for record in answer["records"]:
        penalty = infraction_penalty(record["infractions"], record["outside_pct"])
        assert penalty == pytest.approx(record["scores"]["score_penalty"], abs=1e-5)
    tally("bench2drive", len(answer["records"]), 3 * len(answer["records"]), [])


@pytest.mark.skipif(not COMFORT, reason=f"no sets (b2d_comfort*.npz) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", COMFORT or ["none"])
def test_golden_b2d_comfort(name: str, tally: Tally) -> None:
    answers = FOLDER / f"{name.replace('b2d_comfort', 'bench2drive')}.json"
    if not answers.is_file():
        pytest.skip(f"no {answers.name} with the answers to {name} in {FOLDER}")
    answer, arrays = json.loads(answers.read_text()), np.load(FOLDER / f"{name}.npz")
    found = [comfort(CarlaMotion(*(arrays[f"c{i}_{part}"] for part in ARRAYS))) for i in range(len(answer["comfort"]))]
    np.testing.assert_allclose(found, answer["comfort"], atol=1e-5)
    assert np.mean(found) == pytest.approx(answer["comfort_mean"], abs=1e-5)
    tally("bench2drive comfort", len(found), len(found), [])


def record(route: float = 100.0, infractions: dict | None = None, route_id: str = "RouteScenario_0", percent: float = 0.0) -> dict:
    found = {**{kind: [] for kind in PENALTIES}, "outside_route_lanes": [], "min_speed_infractions": [], **(infractions or {})}
    penalty = round(infraction_penalty(found, percent), 6)
    return {
        "route_id": route_id, "status": "Completed" if route == 100 else "Failed - Agent timed out", "infractions": found,
        "outside_pct": percent,
        "scores": {"score_route": route, "score_penalty": penalty, "score_composed": round(route * penalty, 6)},
    }  # fmt: skip


def score_of(one: dict, name: str = "driving_score") -> float:
    return float(bench2drive([one], routes=1).metrics[name].values[0])


def test_penalties_multiply() -> None:
    two = {"collisions_vehicle": ["x", "x"], "red_light": ["x"]}
    assert infraction_penalty(two) == pytest.approx(0.6 * 0.6 * 0.7)
    assert infraction_penalty({}, 25.0) == pytest.approx(0.75)
    assert score_of(record(50.0, {"stop_infraction": ["x"]})) == pytest.approx(40.0)
    assert score_of(record(100.0, {"min_speed_infractions": ["Average speed is 40% of the surrounding traffic"]})) == 100


def test_success_is_completion_without_infractions() -> None:
    slow = {"min_speed_infractions": ["Average speed is 40% of the surrounding traffic"]}
    assert score_of(record(), "success") == 1 and score_of(record(100.0, slow), "success") == 1
    assert score_of(record(99.0), "success") == 0
    for kind in PENALTIES:
        assert score_of(record(100.0, {kind: ["x"]}), "success") == 0
    assert score_of(record(100.0, {"route_dev": ["x"]}), "success") == 0


def test_missing_routes_count_as_zero() -> None:
    result = bench2drive([record()])
    assert result.metrics["driving_score"].mean == pytest.approx(100 / ROUTES)
    assert result.metrics["success"].mean == pytest.approx(1 / ROUTES)
    assert len(result.failures) == ROUTES - 1 and result.metrics["success"].failed.sum() == ROUTES - 1


def test_efficiency_leaves_out_what_is_beyond_a_thousand_percent() -> None:
    def slow(*values: float) -> dict:
        return record(100.0, {"min_speed_infractions": [f"Average speed is {v}% of the surrounding traffic" for v in values]})

    assert efficiency(slow(80.5, 120, 1500.0)) == pytest.approx(100.25)
    assert np.isnan(efficiency(slow())) and np.isnan(efficiency(slow(2000)))
    metric = bench2drive([slow(50), {**record(), "route_id": "other"}], routes=3).metrics["efficiency"]
    np.testing.assert_array_equal(metric.valid, [True, False, False])
    assert metric.mean == 50 and metric.unit == "%"


def tampered(**scores: float) -> dict:
    one = copy.deepcopy(record(80.0, {"collisions_vehicle": ["x"]}))
    one["scores"].update(scores)
    return one


HOSTILE = {
    "NaN": tampered(score_composed=float("nan")),
    "infinity": tampered(score_route=float("inf")),
    "negative": tampered(score_route=-1.0),
    "more than all": tampered(score_route=120.0, score_composed=72.0),
    "a forgiven collision": tampered(score_penalty=1.0, score_composed=80.0),
    "another product": tampered(score_composed=79.0),
    "completed half-way": tampered(score_route=50.0, score_composed=30.0) | {"status": "Completed"},
    "no scores": {k: v for k, v in record().items() if k != "scores"},
    "no infractions": {k: v for k, v in record().items() if k != "infractions"},
    "counts for lists": record() | {"infractions": {"red_light": 1}},
    "text": tampered(score_composed="best"),
    "an off-lane share below zero": record(percent=-50.0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_scores_zero_and_says_why(name: str) -> None:
    bad = {**HOSTILE[name], "route_id": "bad"}
    result = bench2drive([bad, record(route_id="good")], routes=2)
    assert list(result.failures) == ["bad"] and result.failures["bad"]
    np.testing.assert_array_equal(result.metrics["driving_score"].values, [0, 100])
    np.testing.assert_array_equal(result.metrics["success"].values, [0, 1])
    assert result.metrics["driving_score"].valid.all() and result.metrics["success"].failed.tolist() == [True, False]


def test_an_unknown_off_lane_share_bounds_the_penalty_from_above() -> None:
    one = record(100.0, {"outside_route_lanes": ["x"]}, percent=20.0)
    del one["outside_pct"]
    assert checked_score(one) == pytest.approx(80.0)
    one["infractions"]["red_light"] = ["x"]
    with pytest.raises(PlanError, match="does not follow from the infractions"):
        checked_score(one)


def test_a_route_twice_or_too_many_routes_are_refused() -> None:
    with pytest.raises(ValueError, match="different routes"):
        bench2drive([record(), record()])
    with pytest.raises(ValueError, match="at most 1 records"):
        bench2drive([record(), record(route_id="b")], routes=1)


def motion(steps: int = 60, ahead: float = 0.0, yaw_rate: float = 0.0) -> CarlaMotion:
    """Constant acceleration ahead, along +x."""
    x, y = np.tile([1.0, 0, 0], (steps, 1)), np.tile([0, 1.0, 0], (steps, 1))
    return CarlaMotion(ahead * x, np.tile([0, 0, yaw_rate], (steps, 1)), x, y)


def test_comfort_is_the_share_of_comfortable_chunks() -> None:
    assert comfort(motion()) == 1 and comfort(motion(ahead=2.3)) == 1
    assert comfort(motion(ahead=2.5)) == 0 and comfort(motion(ahead=-4.2)) == 0 and comfort(motion(yaw_rate=1.0)) == 0
    jolt = motion()
    jolt.acceleration[25:30, 1] = 8.0
    assert comfort(jolt) == pytest.approx(2 / 3)
    late = motion(79)
    late.acceleration[61:, 1] = 8.0  # after the last full chunk
    assert comfort(late) == 1
    assert comfort(motion(15, ahead=3.0)) == 0 and comfort(motion(3)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_comfort_of_a_hostile_drive_is_a_failure(value: float) -> None:
    bad = motion()
    bad.acceleration[3, 0] = value
    for one in (bad, motion(2), CarlaMotion(np.zeros((30, 3)), np.zeros((29, 3)), np.zeros((30, 3)), np.zeros((30, 3)))):
        with pytest.raises(PlanError, match="the drive must be"):
            comfort(one)
    result = bench2drive([record(route_id="a"), record(route_id="b"), record(route_id="c")], {"a": bad, "b": motion()}, routes=3)
    np.testing.assert_array_equal(result.metrics["comfort"].values, [0, 1, 0])
    np.testing.assert_array_equal(result.metrics["comfort"].failed, [True, False, True])
    np.testing.assert_array_equal(result.metrics["driving_score"].values, 100)
    assert set(result.failures) == {"a", "c"}


def test_records_are_read_from_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "merged.json"
    path.write_text(json.dumps({"_checkpoint": {"records": [record()]}}))
    assert bench2drive(load_records(path), routes=1).metrics["success"].mean == 1
    for text in ("{}", "[]", "no json", '{"_checkpoint": {"records": {}}}', '{"_checkpoint": {"records": [1]}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"_checkpoint\.records"):
            load_records(path)
    with pytest.raises(ValueError, match="absent"):
        load_records(tmp_path / "absent.json")
