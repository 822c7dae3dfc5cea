"""The kinematic bicycle: known circles, lags, limits."""

from __future__ import annotations

import numpy as np
import pytest

from drive.dynamics import (
    ACCELERATION,
    HEADING,
    SPEED,
    STEERING,
    Bicycle,
    X,
    Y,
    rollout,
    step,
    yaw_rate,
)

CAR = Bicycle(wheelbase_m=2.588)
DT = 0.1


def random_states(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low, high = [-50, -50, -np.pi, -2, -4, -0.5], [50, 50, np.pi, 20, 3, 0.5]
    return rng.uniform(low, high, (count, 6))


def test_straight_drive_at_constant_speed() -> None:
    states = rollout([1.0, 2.0, np.pi / 2, 5.0, 0.0, 0.0], np.zeros((20, 2)), CAR, DT)
    np.testing.assert_allclose(states[-1], [1.0, 2.0 + 5.0 * 2, np.pi / 2, 5.0, 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("steering", [-0.4, -0.05, 0.1, 0.6])
def test_constant_steering_drives_a_circle_of_wheelbase_over_tan(steering: float) -> None:
    states = rollout([0.0, 0.0, 0.3, 4.0, 0.0, steering], np.zeros((200, 2)), CAR, 0.01)
    xy = states[:, [X, Y]]
    # The circle through all points, by least squares: x^2 + y^2 = 2 cx x + 2 cy y + c.
    system = np.concatenate([2 * xy, np.ones((len(xy), 1))], 1)
    (cx, cy, c), *_ = np.linalg.lstsq(system, (xy**2).sum(1), rcond=None)
    radius = np.sqrt(c + cx**2 + cy**2)
    np.testing.assert_allclose(np.hypot(*(xy - [cx, cy]).T), radius, rtol=1e-9)
    expected = CAR.wheelbase_m / abs(np.tan(steering))
    turn = 0.01 * abs(yaw_rate(states[0], CAR))
    assert radius == pytest.approx(expected * (turn / 2) / np.sin(turn / 2), rel=1e-9)
    assert radius == pytest.approx(expected, rel=1e-4)
    turned = np.unwrap(states[:, HEADING])
    assert turned[-1] - turned[0] == pytest.approx(2.0 * 4.0 * np.tan(steering) / CAR.wheelbase_m)


def test_actuators_approach_the_command() -> None:
    before = np.array([0.0, 0, 0, 10.0, 1.0, 0.1])
    after = step(before, [3.0, 0.5], CAR, DT)
    assert after[ACCELERATION] == pytest.approx(1.0 + (3.0 - 1.0) * DT / (DT + 0.2))
    assert after[SPEED] == pytest.approx(10.0 + DT * after[ACCELERATION])
    assert after[STEERING] == pytest.approx(0.1 + 0.5 * DT * DT / (DT + 0.05))
    instant = Bicycle(2.588, acceleration_lag_s=0.0, steering_lag_s=0.0)
    np.testing.assert_allclose(step(before, [3.0, 0.5], instant, DT)[[ACCELERATION, STEERING]], [3.0, 0.15])


def test_steering_stops_at_its_limit_and_heading_wraps() -> None:
    states = rollout([0.0, 0, 3.1, 8.0, 0, 0.0], np.tile([0.0, 5.0], (60, 1)), CAR, DT)
    assert states[:, STEERING].max() == CAR.max_steering_rad
    assert (states[:, HEADING] >= -np.pi).all() and (states[:, HEADING] < np.pi).all()


def test_batch_equals_single() -> None:
    states, rng = random_states(7, 5), np.random.default_rng(6)
    commands = rng.uniform(-1, 1, (7, 15, 2))
    together = rollout(states, commands, CAR, DT)
    assert together.shape == (7, 16, 6)
    for i in range(7):
        np.testing.assert_array_equal(together[i], rollout(states[i], commands[i], CAR, DT))


def test_step_leaves_its_input_alone() -> None:
    states = random_states(3)
    copy = states.copy()
    step(states, np.ones((3, 2)), CAR, DT)
    np.testing.assert_array_equal(states, copy)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Bicycle(wheelbase_m=0.0),
        lambda: Bicycle(2.0, max_steering_rad=2.0),
        lambda: Bicycle(2.0, steering_lag_s=-0.1),
        lambda: step(np.zeros(5), np.zeros(2), CAR, DT),
        lambda: step(np.zeros(6), np.zeros(3), CAR, DT),
        lambda: step(np.zeros(6), np.zeros(2), CAR, 0.0),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(ValueError, match="must"):
        call()
