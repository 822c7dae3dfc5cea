"""`heedful:NAME`: a plan stays behind who is stated ahead, on its own path; any other stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drive.answers.see import LeadSeen, Seen
from drive.planners.heedful import (
    BRAKES_MPS2,
    KEPT_M,
    RESPONSE_S,
    SLOWED,
    STAND_OFF_M,
    Heedful,
    behind,
    heedful,
    lead_by_both,
    room_behind,
)
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.schema import Answers, PlanError, Window
from drive.schema.observation import MOST_FRAMES
from tests.model.conftest import make_network, make_observation

TIMES = np.arange(1, 7) * 0.5
STRAIGHT = np.stack([8.0 * TIMES, 0 * TIMES, 0 * TIMES], -1)


def _lead(gap_m: float, speed_mps: float = 0.0) -> LeadSeen:
    return LeadSeen("vehicle", gap_m, speed_mps)


@pytest.mark.parametrize("lead", [_lead(29.0), _lead(18.0, 8.0), _lead(3.0, 30.0)])
def test_who_is_out_of_reach_changes_nothing(lead: LeadSeen) -> None:
    assert behind(STRAIGHT, TIMES, 8.0, lead) is STRAIGHT


def test_it_stops_behind_who_stands_as_gently_as_is_enough() -> None:
    found, room = behind(STRAIGHT, TIMES, 8.0, _lead(13.0)), room_behind(_lead(13.0), TIMES)
    assert room == pytest.approx(0.9 * 13.0 - STAND_OFF_M)
    brake = next(b for b in BRAKES_MPS2 if 8.0**2 / (2 * b) + 8.0 * RESPONSE_S <= room[-1])
    assert found[-1, 0] == pytest.approx(8.0**2 / (2 * brake), abs=1e-6) and found[-1, 0] <= room[-1]
    assert (np.diff(found[:, 0]) >= 0).all() and not found[:, 1:].any()


def test_who_is_ahead_may_brake_and_comes_as_far_as_that_brings_it() -> None:
    room = room_behind(_lead(10.0, 6.0), TIMES)
    assert room - room_behind(_lead(10.0), TIMES) == pytest.approx([2.625, 4.5, 5.625, 6.0, 6.0, 6.0])  # stands after 2 s
    assert (room_behind(_lead(10.0, -3.0), TIMES) == room_behind(_lead(10.0), TIMES)).all() and not room_behind(_lead(1.0), TIMES).any()


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


def test_who_is_ahead_is_no_faster_than_the_gap_grows() -> None:
    now, before = _lead(12.0, 8.0), _lead(12.0, 8.0)
    assert lead_by_both(now, None, 4.0, 0.5) is now and lead_by_both(now, before, 4.0, 0.5) == now, "the gap is kept: as fast as the car"
    assert lead_by_both(now, _lead(16.0, 8.0), 4.0, 0.5) == _lead(12.0), "it stands"
    assert lead_by_both(now, _lead(15.0, 8.0), 4.0, 0.5) == _lead(12.0, 2.0)
    assert lead_by_both(now, _lead(30.0, 8.0), 4.0, 0.5) == _lead(12.0), "somebody else: no speed below 0 is made up"
    assert lead_by_both(_lead(12.0, -5.0), before, 4.0, 0.5) == _lead(12.0, -5.0), "it comes towards the car"


def test_who_is_stated_no_more_is_still_there_where_that_was_near() -> None:
    assert lead_by_both(None, _lead(10.0), 4.0, 0.5) == _lead(6.0) and lead_by_both(None, _lead(3.0, 2.0), 4.0, 0.5) == _lead(0.0, 2.0)
    assert lead_by_both(None, _lead(KEPT_M + 4.0), 4.0, 0.5) is None and lead_by_both(None, None, 4.0, 0.5) is None


class _Talker(NetworkPlanner):
    """Plans straight on and states one lead, another of frames before."""

    lead: LeadSeen | None = None
    earlier: LeadSeen | None = None
    blind: bool = False
    lost: bool = False

    def _answers(self, observations: Any, chains: Any, samples: int, deadline_s: float | None = None) -> list[Answers]:
        links = [str(link) for chain in chains for link in chain]
        now = observations[0].frames[-1].time_s == 0.0
        if self.lost and not now:
            raise PlanError("no picture")
        values = {"see": (Seen(("lead",), lead=self.lead if now else self.earlier),) * samples, "plan:bins": (STRAIGHT,) * samples}
        told = [name for name in links if not (self.blind and name == "see")]
        failed = {name: "cannot be read" for name in links if name not in told}
        return [Answers({name: values[name] for name in told}, {name: np.zeros(samples) for name in told}, failed)]


def _talker(lead: LeadSeen | None, **changes: Any) -> Heedful:
    planner = _Talker(make_network(requests=("see", "plan:bins"), plan_request="see>plan", window=Window()), **changes)
    planner.lead = lead
    return heedful(planner)


OBSERVATION = replace(make_observation(window=Window()), speed_mps=8.0)


def test_plans_alone_and_among_other_answers_are_the_same_and_nothing_else_is_changed() -> None:
    lead = _lead(14.0)
    found = _talker(lead).plan(OBSERVATION, samples=2)
    assert found.trajectories == pytest.approx(np.stack([behind(STRAIGHT, TIMES, 8.0, lead)] * 2)) and "14 m" in str(found.text)
    answers = _talker(lead).answer(OBSERVATION, "see>plan")
    assert (answers.best("plan:bins") == found.best).all() and answers.best("see").lead == lead
    assert (_talker(lead).answer(OBSERVATION, "plan").best("plan:bins") == STRAIGHT).all(), "nothing is stated beside it"
    assert (_talker(None).plan(OBSERVATION).best == STRAIGHT).all()
    assert str(found.text).endswith(SLOWED) and SLOWED not in str(_talker(None).plan(OBSERVATION).text)


def test_the_frame_before_is_heeded_where_it_is_of_a_moment_before() -> None:
    (frame,) = OBSERVATION.frames
    shown = replace(OBSERVATION, frames=(replace(frame, time_s=-0.5), frame))
    talker = _talker(None)
    talker.planner.earlier = _lead(14.0)  # type: ignore[attr-defined]
    assert talker.spec.window is not None and talker.spec.window.frames == 2
    expected = behind(STRAIGHT, TIMES, 8.0, _lead(10.0))
    assert talker.plan(shown).best == pytest.approx(expected) and expected[-1, 0] < 10.0
    assert str(talker.plan(shown).text).endswith(SLOWED)
    assert talker.answer(shown, "see>plan").best("plan:bins") == pytest.approx(expected)
    for back in (0.1, 2.0):
        odd = replace(OBSERVATION, frames=(replace(frame, time_s=-back), frame))
        assert (talker.plan(odd).best == STRAIGHT).all(), back
    assert (talker.plan(OBSERVATION).best == STRAIGHT).all()


def test_where_the_frame_before_cannot_be_read_plans_fail_and_other_answers_stay() -> None:
    (frame,) = OBSERVATION.frames
    shown = replace(OBSERVATION, frames=(replace(frame, time_s=-0.5), frame))
    talker = _talker(None)
    talker.planner.lost = True  # type: ignore[attr-defined]
    answers = talker.answer(shown, "see>plan")
    assert set(answers.values) == {"see"} and "the frame before, and that failed: no picture" in answers.failures["plan:bins"]
    with pytest.raises(PlanError, match="no picture"):
        talker.plan(shown)


def test_a_network_of_the_most_frames_is_heeded_too() -> None:
    window = Window(frames=MOST_FRAMES)
    planner = _Talker(make_network(requests=("see", "plan:bins"), plan_request="see>plan", window=window))
    assert heedful(planner).spec.window == window


def test_without_a_speed_it_says_what_it_lacks() -> None:
    with pytest.raises(PlanError, match="brakes from the car's speed"):
        _talker(_lead(14.0)).plan(replace(OBSERVATION, speed_mps=None))


def test_where_it_could_not_state_anything_the_plan_fails_with_the_reason() -> None:
    blind = _talker(None)
    blind.planner.blind = True  # type: ignore[attr-defined]
    with pytest.raises(PlanError, match="that failed: cannot be read"):
        blind.plan(OBSERVATION)
    answers = blind.answer(OBSERVATION, "see>plan")
    assert not answers.values and not answers.log_probs and set(answers.failures) == {"see", "plan:bins"}


def test_without_a_speed_other_answers_stay() -> None:
    answers = _talker(_lead(14.0)).answer(replace(OBSERVATION, speed_mps=None), "see>plan")
    assert answers.best("see").lead == _lead(14.0) and "brakes from the car's speed" in answers.failures["plan:bins"]


def test_a_plan_without_what_it_heeds_is_refused() -> None:
    with pytest.raises(PlanError, match="heeds what it states"):
        _talker(_lead(14.0), deadline_s=5.0).plan(OBSERVATION)


def test_only_who_states_something_heeds_it() -> None:
    planner = load_planner("heedful:first-answers")
    assert isinstance(planner, Heedful) and planner.name == "first-answers-heedful"
    for other in ("first-drive", "constant-velocity"):
        with pytest.raises(ValueError, match="states nothing before it plans"):
            load_planner(f"heedful:{other}")
