"""The exchange JSON: round trip, frames, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.eval.plans import load_plans, looks_like_other_frame, save_plans
from drive.schema import Degraded, Plan, PlanError, SceneSample

TIMES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
STRAIGHT = [[2.0 * (i + 1), 0.0] for i in range(6)]


@pytest.fixture(scope="module")
def sample(drives: Callable[..., list[SceneSample]]) -> SceneSample:
    return drives(1)[3]


def write(path: Path, entry: Any, token: str, **meta: Any) -> Path:
    data = {"meta": {"planner": "p", "frame": "ego", "times_s": TIMES, **meta}, "results": {token: entry}}
    path.write_text(json.dumps(data))
    return path


def test_saved_plans_come_back(tmp_path: Path, sample: SceneSample) -> None:
    rng = np.random.default_rng(0)
    plan = Plan(rng.uniform(-3, 3, (3, 6, 3)), TIMES, np.array([-0.1, -2.0, -3.0]))
    save_plans(tmp_path / "deep" / "plans.json", "mine", {sample.token: plan}, TIMES, {"other": "no image"})
    file = load_plans(tmp_path / "deep" / "plans.json")
    back = file.plan(sample)
    assert file.planner == "mine" and file.errors == {"other": "no image"}
    np.testing.assert_array_equal(back.trajectories, plan.trajectories)
    np.testing.assert_array_equal(back.log_probs, plan.log_probs)
    assert back.degraded is None


def test_what_a_planner_could_see_comes_back(tmp_path: Path, sample: SceneSample) -> None:
    told = Degraded(0.75, ("blurred: CAM_FRONT", "speed: 99 m/s"), "slow")
    save_plans(tmp_path / "p.json", "mine", {sample.token: Plan(np.zeros((1, 6, 3)), TIMES, degraded=told)}, TIMES)
    assert load_plans(tmp_path / "p.json").plan(sample).degraded == told
    brief = write(tmp_path / "q.json", {"trajectory": STRAIGHT, "degraded": {"probability": 1}}, sample.token)
    assert load_plans(brief).plan(sample).degraded == Degraded(1.0)
    brief.write_text(brief.read_text().replace('{"probability": 1}', '{"probability": 1, "probability": 0}'))
    with pytest.raises(PlanError, match="twice"):
        load_plans(brief).plan(sample)
    with pytest.raises(ValueError, match="degraded must be"):
        Plan(np.zeros((1, 6, 3)), TIMES, degraded={"probability": 0.5})  # type: ignore[arg-type]


def test_saving_plans_at_other_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is at times"):
        save_plans(tmp_path / "p.json", "p", {"t": Plan(np.zeros((1, 2, 3)), [1.0, 2.0])}, TIMES)


def test_lidar_frame_means_the_path_of_the_lidar(tmp_path: Path, sample: SceneSample) -> None:
    """Straight ahead is +y there; on a straight line rear axle and LiDAR move alike."""
    path = write(tmp_path / "p.json", {"trajectory": [[0.0, x] for x, _ in STRAIGHT]}, sample.token, frame="lidar")
    best = load_plans(path).plan(sample).best
    # The fixture's LiDAR is calibrated 0.002 rad off the axes.
    np.testing.assert_allclose(best[:, :2], STRAIGHT, atol=0.03)
    np.testing.assert_allclose(best[:, 2], 0.002, atol=1e-3)


def test_steps_beyond_those_asked_for_are_left_out(tmp_path: Path, sample: SceneSample) -> None:
    path = write(tmp_path / "p.json", {"trajectory": [*STRAIGHT, [14, 0], [16, 0]]}, sample.token, times_s=[*TIMES, 3.5, 4.0])
    assert load_plans(path).plan(sample).best.shape == (6, 3)


BAD_ENTRIES = {
    "NaN": ({"trajectory": [*STRAIGHT[:5], [float("nan"), 0]]}, "NaN"),
    "infinite": ({"trajectory": [*STRAIGHT[:5], [float("inf"), 0]]}, "infinity"),
    "infinite heading": ({"trajectory": [[x, y, float("-inf")] for x, y in STRAIGHT]}, "infinity"),
    "integer too large for a float": ({"trajectory": [*STRAIGHT[:5], [10**400, 0]]}, "numbers"),
    "1,000 km": ({"trajectory": [*STRAIGHT[:5], [1e6, 0]]}, "range"),
    "1e308": ({"trajectory": [*STRAIGHT[:5], [1e308, 1e308]]}, "range"),
    "just beyond 1 km": ({"trajectory": [*STRAIGHT[:5], [800, 800]]}, "range"),
    "five steps": ({"trajectory": STRAIGHT[:5]}, "shape"),
    "seven steps": ({"trajectory": [*STRAIGHT, [14, 0]]}, "shape"),
    "one number per step": ({"trajectory": [[x] for x, _ in STRAIGHT]}, "shape"),
    "ragged": ({"trajectory": [*STRAIGHT[:5], [12]]}, "numbers"),
    "text": ({"trajectory": [["2", "0"]] * 6}, "numbers"),
    "truth values": ({"trajectory": [[True, False]] * 6}, "numbers"),
    "null": ({"trajectory": None}, "numbers"),
    "empty": ({"trajectory": []}, "shape"),
    "no trajectory": ({}, "one trajectory"),
    "a list": (STRAIGHT, "one trajectory"),
    "bad sample": ({"trajectory": STRAIGHT, "samples": [STRAIGHT, STRAIGHT[:3]]}, "shape"),
    "samples that begin with another": ({"trajectory": STRAIGHT, "samples": [[[1, 1]] * 6]}, "samples"),
    "log_prob of another length": ({"trajectory": STRAIGHT, "log_prob": [-1, -2]}, "log_prob"),
    "degraded in a word": ({"trajectory": STRAIGHT, "degraded": True}, "degraded is an object"),
    "degraded without a probability": ({"trajectory": STRAIGHT, "degraded": {"reasons": ["blurred"]}}, "degraded is an object"),
    "a probability above 1": ({"trajectory": STRAIGHT, "degraded": {"probability": 1.01}}, "from 0 to 1"),
    "a probability that is none": ({"trajectory": STRAIGHT, "degraded": {"probability": float("nan")}}, "from 0 to 1"),
    "a probability in words": ({"trajectory": STRAIGHT, "degraded": {"probability": "0.5"}}, "from 0 to 1"),
    "a truth value for a probability": ({"trajectory": STRAIGHT, "degraded": {"probability": True}}, "from 0 to 1"),
    "reasons that are a word": ({"trajectory": STRAIGHT, "degraded": {"probability": 0.5, "reasons": "dirt"}}, "reasons"),
    "reasons without end": ({"trajectory": STRAIGHT, "degraded": {"probability": 0.5, "reasons": ["x" * 301]}}, "reasons"),
    "too many reasons": ({"trajectory": STRAIGHT, "degraded": {"probability": 0.5, "reasons": ["x"] * 101}}, "reasons"),
    "an unknown fallback": ({"trajectory": STRAIGHT, "degraded": {"probability": 0.5, "fallback": "fly"}}, "fallback"),
    "degraded with another key": ({"trajectory": STRAIGHT, "degraded": {"probability": 0.5, "why": "x"}}, "degraded is an object"),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_bad_entry_is_a_failure_with_its_reason(tmp_path: Path, sample: SceneSample, name: str) -> None:
    entry, reason = BAD_ENTRIES[name]
    with pytest.raises(PlanError, match=reason):
        load_plans(write(tmp_path / "p.json", entry, sample.token)).plan(sample)


BAD_META = {
    "unknown frame": ({"frame": "camera"}, "meta.frame"),
    "no frame": ({"frame": None}, "meta.frame"),
    "frame that is a list": ({"frame": ["ego"]}, "meta.frame"),
    "other rate": ({"times_s": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, "disagree"),
    "shifted times": ({"times_s": [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]}, "increasing"),
    "too short": ({"times_s": TIMES[:5]}, "disagree"),
    "no times": ({"times_s": None}, "times_s"),
    "times of text": ({"times_s": ["0.5"] * 6}, "times_s"),
    "times not a number": ({"times_s": [0.5, 1, 1.5, 2, 2.5, float("nan")]}, "times_s"),
}


@pytest.mark.parametrize("name", BAD_META)
def test_bad_declaration_fails_every_sample(tmp_path: Path, sample: SceneSample, name: str) -> None:
    meta, reason = BAD_META[name]
    with pytest.raises(PlanError, match=reason):
        load_plans(write(tmp_path / "p.json", {"trajectory": STRAIGHT}, sample.token, **meta)).plan(sample)


def test_missing_reported_and_repeated_tokens_fail(tmp_path: Path, sample: SceneSample) -> None:
    entry = json.dumps({"trajectory": STRAIGHT})
    meta = json.dumps({"planner": "p", "frame": "ego", "times_s": TIMES})
    token = json.dumps(sample.token)
    for results, errors, reason in (
        ("{}", "{}", "no plan"),
        ("{}", f'{{{token}: "out of memory"}}', "out of memory"),
        (f"{{{token}: {entry}, {token}: {entry}}}", "{}", "more than once"),
        (f"{{{token}: {entry}}}", f'{{{token}: "failed"}}', "more than once"),
    ):
        path = tmp_path / "p.json"
        path.write_text(f'{{"meta": {meta}, "results": {results}, "errors": {errors}}}')
        with pytest.raises(PlanError, match=reason):
            load_plans(path).plan(sample)
    path.write_text(f'{{"meta": {meta}, "results": {{{token}: {{"trajectory": {STRAIGHT}, "trajectory": {STRAIGHT}}}}}}}')
    with pytest.raises(PlanError, match="one trajectory"):
        load_plans(path).plan(sample)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"meta": {}}', '{"meta": {}, "results": []}', '{"meta": {}, "results": {}, "results": {}}',
             '{"meta": {"frame": "ego", "frame": "lidar"}, "results": {}}', "[" * 100_000, "\xff"],
)  # fmt: skip
def test_what_is_no_plans_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="p.json"):
        load_plans(path)


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        load_plans(tmp_path / "absent.json")


def test_wrongly_declared_frame_is_noticed() -> None:
    record = np.array([[20.0, 1.0], [15.0, -3.0], [30.0, 0.0], [0.5, 0.0]])
    as_lidar_read_as_ego = np.stack([-record[:, 1], record[:, 0]], -1)
    as_ego_read_as_lidar = np.stack([record[:, 1], -record[:, 0]], -1)
    assert looks_like_other_frame(as_lidar_read_as_ego, record, "ego")
    assert looks_like_other_frame(as_ego_read_as_lidar, record, "lidar")
    for plan in (record, -record, record[:, ::-1] * [1, 0]):
        assert not looks_like_other_frame(plan, record, "ego") and not looks_like_other_frame(plan, record, "lidar")
    # Two samples, or samples that hardly move, prove nothing.
    assert not looks_like_other_frame(as_lidar_read_as_ego[:2], record[:2], "ego")
