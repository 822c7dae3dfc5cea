"""Slower along the same path; to a standstill on the bend that is driven, whatever is told of the speed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive.schema import Observation, Plan, Trajectory
from drive.watch.fallback import BRAKING_MPS2, SLOW_SHARE, UNTRUSTED_MPS, bend, driven_mps, slowed, stopping
from tests.model.conftest import make_observation


def straight(speed: float, told: float | None, yaw_rate: float | None = 0.0) -> Observation:
    one = make_observation(1)
    times = one.past.times_s
    poses = np.stack([speed * times, 0 * times, 0 * times], -1)
    return replace(one, past=Trajectory(poses, times, np.ones(len(times), bool)), speed_mps=told, yaw_rate_radps=yaw_rate)


def test_stopping_brakes_to_a_standstill_and_stays() -> None:
    plan = stopping(straight(6.0, 6.0), samples=2)
    t = plan.times_s
    expected = np.where(t < 2.0, 6.0 * t - 0.5 * BRAKING_MPS2 * t**2, 6.0)
    np.testing.assert_allclose(plan.trajectories, np.stack([[np.stack([expected, 0 * t, 0 * t], -1)] * 2])[0], atol=1e-9)


def test_stopping_follows_the_circle() -> None:
    """6 m of braking on a radius of 10 m end at 0.6 rad."""
    last = stopping(straight(6.0, 6.0, 0.6)).best[-1]
    np.testing.assert_allclose(last, [10 * np.sin(0.6), 10 * (1 - np.cos(0.6)), 0.6], atol=1e-9)


@pytest.mark.parametrize("told", [float("nan"), float("inf"), 1e9, 40.0, -3.0, None])
def test_a_speed_that_the_poses_contradict_is_not_braked_from(told: float | None) -> None:
    assert driven_mps(straight(6.0, told)) == pytest.approx(6.0)
    plan = stopping(straight(6.0, told, float("nan")))
    assert plan.best[-1, 0] == pytest.approx(6.0)


def test_where_nothing_is_known_braking_starts_from_a_usual_speed() -> None:
    one = make_observation(1)
    unknown = replace(one, past=replace(one.past, valid=np.zeros(len(one.past.valid), bool)))
    assert driven_mps(replace(unknown, speed_mps=None)) == UNTRUSTED_MPS == driven_mps(replace(unknown, speed_mps=1e6))
    assert driven_mps(replace(unknown, speed_mps=4.0)) == 4.0


def test_a_car_that_stands_stays_and_no_bend_is_sharper_than_a_car_can_turn() -> None:
    assert not stopping(straight(0.0, 0.0, 3.0)).best.any()
    assert bend(straight(2.0, 2.0, 9.0), 2.0) == 0.2 and bend(straight(0.1, 0.1, 9.0), 0.1) == 0.0


def test_slower_plans_stay_on_their_path() -> None:
    times = np.arange(1, 7) * 0.5
    path = np.stack([4 * times, 0.5 * times**2, np.unwrap(3.0 + times)], -1)
    plan = slowed(Plan(np.stack([path, path]), times, np.array([-1.0, -2.0]), "text"))
    np.testing.assert_allclose(plan.best[:, 0], SLOW_SHARE * 4 * times)
    assert plan.log_probs is not None and plan.text == "text" and (np.abs(plan.best[:, 2]) <= np.pi).all()
    np.testing.assert_allclose(plan.best[1::2, 1], 0.5 * times[:3] ** 2)  # at even steps the original's points
