"""WOD-E2E: parity with Waymo's code on every set in the golden folder (waymo_rfs*.npz in DRIVE_GOLDEN), rules, hostile plans."""

from __future__ import annotations

import json

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.eval.waymo import FLOOR, STEPS, RatedSample, displacement, rater_feedback, wod_e2e
from drive.schema import PlanError

SETS = set_names("waymo_rfs*.npz")
TIMES = 0.25 * np.arange(1, STEPS + 1)


def straight(speed: float = 10.0, lateral: float = 0.0) -> np.ndarray:
    return np.stack([speed * TIMES, np.full(STEPS, lateral)], -1)


def rated(*raters: tuple[np.ndarray, float], speed: float = 11.0, token: str = "one") -> RatedSample:
    return RatedSample(token, speed, [path for path, _ in raters], [label for _, label in raters], straight())


def rfs(sample: RatedSample, plan: np.ndarray) -> float:
    return float(wod_e2e([sample], [plan]).metrics["rfs"].values[0])


@pytest.mark.skipif(not SETS, reason=f"no sets (waymo_rfs*.npz) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", SETS or ["none"])
def test_golden_waymo_rfs(name: str, tally: Tally) -> None:
    data, answer = dict(np.load(FOLDER / f"{name}.npz")), json.loads((FOLDER / f"{name}.json").read_text())
    raters = np.split(data["rater_pts"], np.cumsum(data["rater_len"])[:-1])
    first = np.concatenate([[0], np.cumsum(data["rater_n"])])
    samples = [
        RatedSample(str(i), float(speed), raters[a:b], data["rater_score"][a:b])
        for i, (speed, a, b) in enumerate(zip(data["init_speed"], first[:-1], first[1:], strict=True))
    ]
    result = wod_e2e(samples, list(data["pred"]))
    assert not result.failures
    np.testing.assert_allclose(result.metrics["rfs"].values, answer["rfs"], atol=1e-5)
    assert result.metrics["rfs"].mean == pytest.approx(answer["mean"], abs=1e-5)
    np.testing.assert_array_equal(rater_feedback(samples, data["pred"])[1], answer["within"])
    tally("wod-e2e rfs", len(samples), 2 * len(samples), [])


def test_inside_the_region_the_label_counts_in_full() -> None:
    sample = rated((straight(), 8.0))
    for plan in (straight(), straight(lateral=0.99), straight(10.0 + 3.9 / 3.0)):
        assert rfs(sample, plan) == pytest.approx(8.0)


def test_outside_it_decays_down_to_the_floor() -> None:
    sample = rated((straight(), 10.0))
    beyond = rfs(sample, straight(lateral=1.1))
    # 0.1 of a half width outside at 3 s (1.0 m), inside at 5 s (1.8 m).
    assert beyond == pytest.approx((10 * 0.1**0.1 + 10) / 2)
    assert rfs(sample, straight(lateral=30.0)) == FLOOR
    assert rfs(rated((straight(), 3.0)), straight(lateral=30.0)) == FLOOR


def test_a_bad_label_is_no_refuge() -> None:
    """Quirk: whoever follows the plan that raters gave 1 gets 1, whoever is nowhere near gets the floor."""
    sample = rated((straight(), 1.0))
    assert rfs(sample, straight()) == pytest.approx(1.0)
    assert rfs(sample, straight(lateral=20.0)) == FLOOR


def test_the_region_shrinks_at_low_speed() -> None:
    plan = straight(lateral=0.8)
    assert rfs(rated((straight(), 8.0), speed=11.0), plan) == pytest.approx(8)
    assert rfs(rated((straight(), 8.0), speed=1.0), plan) < 8
    assert rfs(rated((straight(), 8.0), speed=1.0), straight(lateral=0.49)) == pytest.approx(8)


def test_the_region_turns_with_the_rater_s_path() -> None:
    """On a path to the left, what was lateral is longitudinal: four times as much room."""
    left = np.stack([np.zeros(STEPS), 10.0 * TIMES], -1)
    assert rfs(rated((left, 8.0)), left + [0.0, 3.5]) == pytest.approx(8)
    assert rfs(rated((left, 8.0)), left + [3.5, 0.0]) < 8


def test_a_standing_rater_faces_ahead() -> None:
    still = np.zeros((STEPS, 2))
    assert rfs(rated((still, 8.0)), still + [3.5, 0.0]) == pytest.approx(8)
    assert rfs(rated((still, 8.0)), still + [0.0, 3.5]) < 8
    stopping = straight()
    stopping[8:] = stopping[7]
    assert rfs(rated((stopping, 8.0)), stopping + [3.5, 0.0]) == pytest.approx(8)


def test_the_best_rater_counts_at_each_time_and_the_fourth_not_at_all() -> None:
    near, far = straight(), straight(lateral=5.0)
    assert rfs(rated((far, 9.0), (near, 6.0)), near) == pytest.approx(6)
    assert rfs(rated((near, 6.0), (near, 7.0), (far, 1.0), (near, 10.0)), near) == pytest.approx(7)
    crossing = straight()
    crossing[12:, 1] = 5.0  # near the one at 3 s, near the other at 5 s
    assert rfs(rated((near, 10.0), (far, 6.0)), crossing) == pytest.approx((10 + 6) / 2)


def test_short_rated_paths_are_filled_up() -> None:
    filled = np.concatenate([straight()[:17], np.repeat(straight()[16:17], 3, axis=0)])
    assert rfs(rated((straight()[:17], 8.0)), filled) == pytest.approx(8)


def test_displacement() -> None:
    sample = rated((straight(), 8.0))
    result = wod_e2e([sample, RatedSample("bare", 3.0)], [straight(12.0), straight()])
    for seconds in (3, 5):
        metric = result.metrics[f"ade_{seconds}s"]
        np.testing.assert_array_equal(metric.valid, [True, False])
        assert metric.values[0] == pytest.approx(2.0 * TIMES[: 4 * seconds].mean()) and metric.unit == "m"
    np.testing.assert_array_equal(result.metrics["rfs"].valid, [True, False])
    assert displacement(straight(), straight(lateral=3.0), 3) == pytest.approx(3)


def test_a_heading_column_is_ignored() -> None:
    with_heading = np.concatenate([straight(), np.ones((STEPS, 1))], 1)
    assert rfs(rated((straight(), 8.0)), with_heading) == pytest.approx(8)


def spoiled(value: float) -> np.ndarray:
    path = straight()
    path[5, 1] = value
    return path


HOSTILE = {
    "NaN": spoiled(np.nan), "infinity": spoiled(-np.inf), "1,000 km": spoiled(1e6), "1e308": np.full((STEPS, 2), 1e308),
    "just beyond 1 km": spoiled(1001.0),
    "19 points": straight()[:19], "21 points": np.zeros((21, 2)), "four columns": np.zeros((STEPS, 4)), "empty": [],
    "ragged": [[1.0, 2.0], [1.0]], "text": [["a", "b"]] * STEPS, "none": None, "planner's error": PlanError("gave up"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_plan_scores_zero_and_says_why(name: str) -> None:
    samples = [rated((straight(), 8.0), token="bad"), rated((straight(), 8.0), token="good")]
    result = wod_e2e(samples, [HOSTILE[name], straight()])
    assert list(result.failures) == ["bad"] and result.failures["bad"]
    np.testing.assert_allclose(result.metrics["rfs"].values, [0, 8])
    np.testing.assert_array_equal(result.metrics["rfs"].valid, True)
    np.testing.assert_array_equal(result.metrics["rfs"].failed, [True, False])
    np.testing.assert_array_equal(result.metrics["ade_5s"].valid, [False, True])


def test_plans_and_samples_must_match() -> None:
    with pytest.raises(ValueError, match="one plan per sample"):
        wod_e2e([rated()], [])
    with pytest.raises(ValueError, match="different tokens"):
        wod_e2e([rated(), rated()], [straight(), straight()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: rated((straight(), 11.0)),
        lambda: rated((straight(), -1.0)),
        lambda: rated((straight(), float("nan"))),
        lambda: RatedSample("x", 3.0, [straight()], []),
        lambda: RatedSample("x", float("nan")),
        lambda: RatedSample("x", 3.0, [np.zeros((0, 2))], [5.0]),
        lambda: RatedSample("x", 3.0, future=straight()[:10]),
    ],
)
def test_a_damaged_sample_is_refused(make) -> None:
    with pytest.raises(ValueError, match="sample"):
        make()
