"""Exact checks: what a sensible source does passes, what it never does is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drive.schema import Frame, Observation, Trajectory
from drive.watch.checks import LATE_S, missing_cameras, wrong_speed, wrong_times
from tests.model.conftest import make_observation

NAN = float("nan")


@pytest.fixture
def clean() -> Observation:
    return make_observation(3, cameras=2, frames=2)


def late(observation: Observation, seconds: float) -> Observation:
    """Its last frame's second camera is so late."""
    last = observation.frames[-1]
    views = (last.cameras[0], replace(last.cameras[1], time_s=last.time_s - seconds))
    return replace(observation, frames=(*observation.frames[:-1], replace(last, cameras=views)))


def at(observation: Observation, *times: float) -> Observation:
    return replace(observation, frames=tuple(Frame(t, frame.cameras) for t, frame in zip(times, observation.frames, strict=True)))


def test_a_clean_observation_has_no_reasons(clean: Observation) -> None:
    assert not [*missing_cameras(clean, ("CAM_0", "CAM_1")), *wrong_times(clean), *wrong_speed(clean)]
    assert not [*wrong_times(late(clean, LATE_S - 0.01)), *wrong_times(late(clean, 0.01 - LATE_S))]


def test_cameras_that_are_expected_or_were_there_are_missed(clean: Observation) -> None:
    one = replace(clean, frames=(clean.frames[0], replace(clean.frames[1], cameras=clean.frames[1].cameras[:1])))
    assert list(missing_cameras(one, ())) == ["missing: CAM_1"]
    assert list(missing_cameras(clean, ("CAM_1", "CAM_9", "CAM_8"))) == ["missing: CAM_9, CAM_8"]
    assert list(missing_cameras(replace(clean, frames=()), ())) == ["missing: no camera at all"]


@pytest.mark.parametrize("seconds", [LATE_S + 0.01, -LATE_S - 0.01, 1e12, NAN, float("inf")])
def test_pictures_of_another_time_are_named(clean: Observation, seconds: float) -> None:
    (reason,) = wrong_times(late(clean, seconds))
    assert reason.startswith("times: CAM_1")


@pytest.mark.parametrize("times", [(-0.5, 0.5), (-0.5, -0.4), (0.0, 0.0), (0.5, 0.0), (NAN, 0.0), (-0.5, NAN)])
def test_frames_that_do_not_ascend_to_t0_are_named(clean: Observation, times: tuple[float, float]) -> None:
    assert any("frames at" in reason for reason in wrong_times(at(clean, *times)))


@pytest.mark.parametrize("told", [11.0, 8.0, 5.0, None])
def test_speeds_that_the_poses_allow_pass(clean: Observation, told: float | None) -> None:
    """8 m/s were driven."""
    assert not list(wrong_speed(replace(clean, speed_mps=told)))


@pytest.mark.parametrize("told", [16.0, 0.0, 71.0, 1e9, NAN, float("inf"), float("-inf"), -40.0])
def test_absurd_speeds_are_named(clean: Observation, told: float) -> None:
    (reason,) = wrong_speed(replace(clean, speed_mps=told))
    assert reason.startswith("speed:")


def test_without_a_past_only_speeds_of_no_car_are_absurd(clean: Observation) -> None:
    times = clean.past.times_s
    unknown = replace(clean, past=Trajectory(np.zeros((len(times), 3)), times, times == 0.0))
    assert not list(wrong_speed(replace(unknown, speed_mps=30.0))) and list(wrong_speed(replace(unknown, speed_mps=300.0)))


@pytest.mark.parametrize("change", [{"poses": np.full((5, 3), NAN)}, {"times_s": np.zeros(5)}])
def test_a_past_that_is_none_is_named(clean: Observation, change: dict[str, Any]) -> None:
    (reason,) = wrong_speed(replace(clean, past=replace(clean.past, **change)))
    assert "no sensible" in reason
