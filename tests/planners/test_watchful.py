"""`watchful:` says of every plan whether it could be trusted and falls back where it could not; faults are shown from their onset on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.asking import notes_of, spec_of
from drive.data.dataset import open_dataset
from drive.planners.check import check_planner
from drive.planners.faulty import Faulty
from drive.planners.load import load_planner, load_sim_planner
from drive.planners.watchful import FRAMES, SURE, Watchful, watchful
from drive.schema import Degraded, Observation, Plan, PlanError, PlannerSpec, Window
from drive.watch.corruptions import corrupted
from drive.watch.fallback import SLOW_SHARE, stopping
from tests.model.conftest import make_observation


class Steady:
    """8 m/s straight on; keeps what it was shown."""

    name = "steady"
    spec = PlannerSpec(Window(), "needed", ("CAM_FRONT",))

    def __init__(self) -> None:
        self.shown: list[Observation] = []

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        self.shown.append(observation)
        if not observation.frames[-1].cameras:
            raise PlanError("no pictures")
        t = observation.future_times_s
        return Plan(np.repeat(np.stack([8 * t, 0 * t, 0 * t], -1)[None], samples, 0), t)


@pytest.fixture(scope="module")
def moment(embedded: Path) -> Observation:
    found = open_dataset(embedded, window=Window(frames=2), maps=False)
    return next(s.observation for s in found if len(s.observation.frames) == 2 and (s.observation.speed_mps or 0) > 2)


def told(probability: float) -> Callable[[Observation], Degraded]:
    return lambda observation: Degraded(probability, ("dirty: CAM_FRONT",))


def test_a_clean_observation_gets_the_planners_own_plan(moment: Observation) -> None:
    planner, inner = watchful(Steady()), Steady()
    plan = planner.plan(moment, 2)
    assert np.array_equal(plan.trajectories, inner.plan(moment, 2).trajectories)
    assert plan.degraded is not None and plan.degraded.reasons == () and plan.degraded.fallback == "none"
    assert plan.degraded.probability < planner.threshold and notes_of(planner) == ()


def test_it_asks_for_two_frames_and_hands_on_as_many_as_are_wanted(moment: Observation) -> None:
    inner = Steady()
    planner = watchful(inner)
    assert planner.spec == replace(inner.spec, window=Window(frames=FRAMES)) and planner.name == "steady-watchful"
    planner.plan(moment)
    assert [len(shown.frames) for shown in inner.shown] == [1] and inner.shown[0].frames[0] is moment.frames[-1]


def test_doubt_slows_it_down_and_certainty_stops_it(moment: Observation) -> None:
    planner = Watchful(Steady())
    own = planner.plan(moment).best
    for probability, fallback in ((planner.threshold, "slow"), (SURE, "stop"), (1.0, "stop")):
        planner.judge = told(probability)  # type: ignore[assignment]
        plan = planner.plan(moment, 2)
        assert plan.degraded == Degraded(probability, ("dirty: CAM_FRONT",), fallback)  # type: ignore[arg-type]
        assert len(plan.trajectories) == 2
        if fallback == "slow":
            np.testing.assert_allclose(plan.best[:, 0], SLOW_SHARE * own[:, 0])
        else:
            np.testing.assert_array_equal(plan.best, stopping(moment).best)
    assert notes_of(planner) == ("of 4 plans fell back to slow in 1, to stop in 2",) and notes_of(planner) == ()


def test_a_refusal_is_braked_where_something_is_wrong_and_stays_one_elsewhere(moment: Observation) -> None:
    planner = Watchful(Steady())
    plan = planner.plan(corrupted(moment, "missing", 3))
    assert plan.degraded is not None and plan.degraded.fallback == "stop" and plan.degraded.reasons[0].startswith("missing")
    planner.judge = told(0.0)  # type: ignore[assignment]
    with pytest.raises(PlanError, match="no pictures"):
        planner.plan(corrupted(moment, "missing", 3))


def test_it_keeps_the_contract() -> None:
    check_planner(watchful(load_planner("constant-velocity")), [make_observation(seed, frames=2) for seed in range(2)])


def test_names_wrap_from_left_to_right() -> None:
    planner = load_planner("blurred-2@10:watchful+CAM_A+CAM_B:constant-velocity")
    assert isinstance(planner, Faulty) and (planner.kind, planner.strength, planner.onset_s) == ("blurred", 2, 10.0)
    assert planner.name == "constant-velocity-watchful-blurred2" and planner.planner.judge.cameras == ("CAM_A", "CAM_B")
    assert not spec_of(planner).deterministic and load_sim_planner("watchful:stand-still").name == "stand-still-watchful"
    assert load_planner("watchful:black:stand-still").name == "stand-still-black-watchful"


NONE = ["watchful:nobody", "blurred-7:stand-still", "blurred-1@60:stand-still", "watchful:", "blurred:stand-still"]


@pytest.mark.parametrize("name", NONE)
def test_names_that_are_none_are_refused(name: str) -> None:
    for load in (load_planner, load_sim_planner):
        with pytest.raises(ValueError):
            load(name)


def test_who_is_shown_the_world_is_not_watched_over() -> None:
    with pytest.raises(ValueError, match="shown the world"):
        watchful(load_sim_planner("expert"))


def test_a_fault_begins_at_its_onset_and_a_frozen_camera_shows_that_moment() -> None:
    inner = Steady()
    planner = Faulty(inner, "frozen", 3, onset_s=1.0)
    seen = [replace(make_observation(step, frames=2), token=f"town-1:{step}") for step in (5, 10, 15, 199)]
    for one in seen:
        planner.plan(one)
    pictures = [shown.frames[-1].cameras[0].image for shown in inner.shown]
    own = [one.frames[-1].cameras[0].image for one in seen]
    assert np.array_equal(pictures[0], own[0]) and np.array_equal(pictures[1], own[1])
    assert np.array_equal(pictures[2], own[1]) and np.array_equal(pictures[3], own[1])
    assert np.array_equal(inner.shown[3].frames[0].cameras[0].image, own[1])  # the frame before as well
    again = replace(make_observation(50, frames=2), token="town-2:12")
    planner.plan(again)
    assert np.array_equal(inner.shown[4].frames[-1].cameras[0].image, again.frames[-1].cameras[0].image)
