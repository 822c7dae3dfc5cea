"""The tracker: it follows lines and arcs, stops, and comes back from an offset."""

from __future__ import annotations

import numpy as np
import pytest

from drive.control import Lqr, command, difference_matrix, fit_profiles, resample, track
from drive.dynamics import HEADING, SPEED, STEERING, Bicycle, X, Y

CAR = Bicycle(wheelbase_m=2.588)
TIMES = 0.1 * np.arange(61)


def line(speed: float = 10.0, heading: float = 0.0, acceleration: float = 0.0) -> np.ndarray:
    s = speed * TIMES + 0.5 * acceleration * TIMES**2
    return np.stack([s * np.cos(heading), s * np.sin(heading), np.full_like(s, heading)], -1)


def arc(radius: float, speed: float) -> np.ndarray:
    """A left turn from the origin (a right turn for a negative radius), heading 0 at first."""
    turn = speed * TIMES / radius
    return np.stack([radius * np.sin(turn), radius * (1 - np.cos(turn)), (turn + np.pi) % (2 * np.pi) - np.pi], -1)


def start(path: np.ndarray, speed: float, steering: float = 0.0) -> np.ndarray:
    return np.array([*path[0], speed, 0.0, steering])


def cross_track(states: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Distance of each state to the nearest point of the path, finely resampled."""
    fine = resample(path, TIMES, np.linspace(0, TIMES[-1], 3001))[:, :2]
    return np.linalg.norm(states[:, None, :2] - fine, axis=-1).min(1)


@pytest.mark.parametrize("heading", [0.0, 1.0, 3.1, -2.0])
def test_a_straight_line_is_followed_exactly(heading: float) -> None:
    path = line(10.0, heading)
    states, commands = track(start(path, 10.0), path, CAR)
    np.testing.assert_allclose(states[:, :3], path, atol=2e-2)
    assert cross_track(states, path).max() < 1e-3
    np.testing.assert_allclose(commands[:, 1], 0, atol=1e-3)


@pytest.mark.parametrize(("radius", "speed"), [(30.0, 6.0), (-30.0, 6.0), (12.0, 4.0), (-80.0, 12.0)])
def test_an_arc_is_followed(radius: float, speed: float) -> None:
    path = arc(radius, speed)
    steering = np.arctan(CAR.wheelbase_m / radius)
    states, _ = track(start(path, speed, steering), path, CAR)
    # What explicit Euler steps and the look-ahead leave: the car ends within a hand of the arc.
    assert cross_track(states, path).max() < 0.15
    assert np.median(states[10:-12, STEERING]) == pytest.approx(steering, rel=0.1)


def test_an_arc_from_straight_wheels_is_reached() -> None:
    path = arc(40.0, 8.0)
    states, _ = track(start(path, 8.0), path, CAR)
    assert cross_track(states, path).max() < 0.8
    assert cross_track(states[-10:], path).max() < 0.15


@pytest.mark.parametrize("offset", [-1.0, 0.5])
def test_an_offset_dies_out(offset: float) -> None:
    path = line(10.0)
    state = start(path, 10.0)
    state[Y] = offset
    states, _ = track(state, path, CAR)
    assert abs(states[-1, Y]) < 0.1 * abs(offset)
    assert np.abs(states[:, Y]).max() <= abs(offset) + 1e-9


def test_speed_is_reached_and_acceleration_stays_within_reason() -> None:
    path = line(8.0)
    states, _ = track(start(path, 4.0), path, CAR)
    assert states[-1, SPEED] == pytest.approx(8.0, abs=0.1)
    assert np.diff(states[:, SPEED]).min() > -0.05


def test_a_standing_plan_stops_the_car_and_leaves_the_wheels() -> None:
    path = np.zeros((61, 3))
    states, commands = track([0, 0, 0, 3.0, 0, 0.2], path, CAR)
    assert abs(states[-1, SPEED]) < 0.1
    still, wheels = track([0, 0, 0, 0.1, 0, 0.2], path, CAR)
    np.testing.assert_array_equal(wheels[:, 1], 0)
    assert np.isfinite(states).all() and np.isfinite(commands).all()
    assert abs(still[-1, SPEED]) < 0.02


def test_profiles_of_known_paths() -> None:
    speeding = fit_profiles(line(5.0, acceleration=1.0), Lqr())
    np.testing.assert_allclose(speeding.speed, 5.0 + 0.1 * np.arange(60) + 0.05, atol=0.02)
    np.testing.assert_allclose(speeding.curvature, 0, atol=1e-9)
    turning = fit_profiles(arc(20.0, 6.0), Lqr())
    np.testing.assert_allclose(turning.curvature, 1 / 20.0, rtol=0.02)
    assert turning.speed.shape == turning.curvature.shape == (60,)


def test_profiles_equal_a_plain_least_squares_solution() -> None:
    rng, lqr = np.random.default_rng(0), Lqr()
    path = line(7.0, 0.4)[:12] + rng.normal(0, 0.05, (12, 3))
    found = fit_profiles(path, lqr)
    n, delta = 11, np.diff(path, axis=0)
    directions = np.stack([np.cos(path[:-1, 2]), np.sin(path[:-1, 2])], -1)

    def solve(design: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> np.ndarray:
        x = np.linalg.lstsq(np.concatenate([design, penalty]), np.concatenate([target, np.zeros(len(penalty))]), rcond=None)[0]
        return np.concatenate([x[:1], x[0] + 0.1 * np.cumsum(x[1:])])

    to_speed = np.concatenate([np.ones((n, 1)), 0.1 * np.tri(n, n - 1, -1)], 1)
    design = (0.1 * directions[:, :, None] * to_speed[:, None, :]).reshape(2 * n, n)
    smooth = np.sqrt(lqr.jerk_penalty) * np.concatenate([np.zeros((n - 2, 1)), difference_matrix(n - 1)], 1)
    speed = solve(design, delta[:, :2].ravel(), smooth)
    np.testing.assert_allclose(found.speed, speed, atol=1e-8)
    penalty = np.sqrt(np.diag([1e-10] + [lqr.curvature_rate_penalty] * (n - 1)))
    np.testing.assert_allclose(found.curvature, solve(0.1 * speed[:, None] * to_speed, delta[:, 2], penalty), atol=1e-8)


def test_steering_rate_is_the_minimum_of_the_linear_problem() -> None:
    """The command against a plain simulation of the linearised error over the horizon, minimised by search."""
    path, lqr = arc(25.0, 7.0), Lqr()
    state = np.array([0.3, -0.4, 0.1, 6.0, 0.0, 0.05])
    profiles = fit_profiles(path, lqr)
    acceleration, rate = command(state, path, profiles, 0, CAR, lqr)

    def cost(u: float) -> float:
        lateral, heading, steering = -0.4, 0.1, 0.05
        for k in range(lqr.horizon_steps):
            distance = 0.1 * (6.0 + k * 0.1 * acceleration)
            lateral, heading, steering = (
                lateral + distance * heading,
                heading + distance * (steering / CAR.wheelbase_m - profiles.curvature[k]),
                steering + 0.1 * u,
            )
        return lateral**2 + 10 * heading**2 + u**2

    trials = rate + np.linspace(-0.5, 0.5, 1001)
    assert trials[np.argmin([cost(u) for u in trials])] == pytest.approx(rate, abs=1e-9)


def test_batch_equals_single() -> None:
    paths = np.stack([line(), arc(30.0, 6.0), np.zeros((61, 3)), line(3.0, 2.0, 1.0)])
    starts = np.stack([start(p, v) for p, v in zip(paths, (9.0, 6.0, 0.1, 5.0), strict=True)])
    states, commands = track(starts, paths, CAR)
    assert states.shape == (4, 61, 6) and commands.shape == (4, 60, 2)
    for i in range(4):
        one, asked = track(starts[i], paths[i], CAR)
        np.testing.assert_allclose(states[i], one, atol=1e-9)
        np.testing.assert_allclose(commands[i], asked, atol=1e-9)


def test_tracking_does_not_depend_on_the_place_in_the_world() -> None:
    path = arc(30.0, 6.0)
    here, _ = track(start(path, 5.0), path, CAR)
    angle, shift = 1.2, np.array([1e5, -2e5])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.concatenate([path[:, :2] @ turn.T + shift, path[:, 2:] + angle], 1)
    there, _ = track(start(moved, 5.0), moved, CAR)
    np.testing.assert_allclose((there[:, [X, Y]] - shift) @ turn, here[:, [X, Y]], atol=1e-6)
    np.testing.assert_allclose(np.sin(there[:, HEADING] - angle - here[:, HEADING]), 0, atol=1e-8)


def test_resample_is_linear_and_turns_the_short_way() -> None:
    poses = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, -3.0], [3.0, 2.0, -3.0]])
    out = resample(poses, [0.0, 1.0, 2.0], [-1.0, 0.0, 0.5, 1.5, 2.0, 9.0])
    np.testing.assert_allclose(out[:, :2], [[0, 0], [0, 0], [0.5, 1], [2, 2], [3, 2], [3, 2]])
    assert abs(out[2, 2]) == pytest.approx(np.pi)
    np.testing.assert_allclose(out[[1, 4], 2], [3.0, -3.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: Lqr(horizon_steps=1),
        lambda: Lqr(dt_s=0.0),
        lambda: Lqr(speed_weight=-1.0),
        lambda: Lqr(jerk_penalty=float("nan")),
        lambda: fit_profiles(np.zeros((3, 3)), Lqr()),
        lambda: resample(np.zeros((2, 3)), [1.0, 1.0], [0.0]),
        lambda: resample(np.zeros((2, 2)), [0.0, 1.0], [0.0]),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"must|need"):
        call()
