"""`heedful:NAME`: a plan stays behind who is stated ahead, on its own path; any other stays as it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from drive.answers.see import LeadSeen
from drive.planners.heedful import BRAKES_MPS2, STAND_OFF_M, behind
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.schema import Answers, PlanError

TIMES = np.arange(1, 7) * 0.5
STRAIGHT = np.stack([8.0 * TIMES, 0 * TIMES, 0 * TIMES], -1)


def _lead(gap_m: float, speed_mps: float = 0.0) -> LeadSeen:
    return LeadSeen("vehicle", gap_m, speed_mps)


@pytest.mark.parametrize("lead", [_lead(26.0), _lead(10.0, 8.0), _lead(3.0, 30.0)])
def test_who_is_out_of_reach_changes_nothing(lead: LeadSeen) -> None:
    assert behind(STRAIGHT, TIMES, 8.0, lead) is STRAIGHT


def test_it_stops_behind_who_stands_as_gently_as_is_enough() -> None:
    found = behind(STRAIGHT, TIMES, 8.0, _lead(13.0))
    brake = next(b for b in BRAKES_MPS2 if 8.0**2 / (2 * b) <= 13.0 - STAND_OFF_M)
    assert found[-1, 0] == pytest.approx(8.0**2 / (2 * brake), abs=1e-6) and found[-1, 0] <= 13.0 - STAND_OFF_M
    assert (np.diff(found[:, 0]) >= 0).all() and not found[:, 1:].any()


def test_it_stays_on_the_path_that_was_planned() -> None:
    angle = 8.0 * TIMES / 20.0
    bend = np.stack([20.0 * np.sin(angle), 20.0 * (1 - np.cos(angle)), angle], -1)
    found = behind(bend, TIMES, 8.0, _lead(9.0))
    assert np.hypot(found[:, 0], found[:, 1] - 20.0) == pytest.approx(20.0, abs=0.12)  # its chords
    assert found[-1, 2] < bend[-1, 2] and found[-1, 2] == pytest.approx(np.arctan2(found[-1, 0], 20.0 - found[-1, 1]), abs=0.02)


def test_too_near_it_brakes_as_hard_as_it_can_and_standing_it_stands() -> None:
    assert behind(STRAIGHT, TIMES, 8.0, _lead(1.0))[-1, 0] == pytest.approx(8.0**2 / (2 * BRAKES_MPS2[-1]), abs=1e-6)
    standing = np.zeros((6, 3))
    assert behind(standing, TIMES, 0.0, _lead(0.5)) is standing
    assert np.abs(behind(STRAIGHT, TIMES, 0.0, _lead(1.0))).max() < 1e-6


def test_only_who_states_something_heeds_it() -> None:
    planner = load_planner("heedful:first-answers")
    assert isinstance(planner, NetworkPlanner) and planner.name == "first-answers-heedful" and planner.heeds is behind
    for other in ("first-drive", "constant-velocity"):
        with pytest.raises(ValueError, match="states nothing before it plans"):
            load_planner(f"heedful:{other}")


def test_a_plan_without_what_it_heeds_is_refused() -> None:
    planner = load_planner("heedful:first-answers")
    assert isinstance(planner, NetworkPlanner)
    seen = SimpleNamespace(speed_mps=5.0)
    with pytest.raises(PlanError, match="heeds what it states"):
        planner._heeded(Answers({"plan:bins": (STRAIGHT,)}), seen, "plan:bins")  # type: ignore[arg-type]
