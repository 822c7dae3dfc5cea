"""What a passenger car can do, as bounds on its motion, and whether a path of positions keeps them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle

# The direction of shorter steps is rounding alone.
STANDING_M = 1e-6


@dataclass(frozen=True)
class Envelope:
    """brake, gas: greatest deceleration and acceleration, m/s^2. lateral: greatest acceleration to the side, m/s^2. curvature: of the
    tightest turn about the rear axle, 1/m. back: greatest speed backwards, m/s, 0 = no reversing. All above or at 0."""

    brake: float = 6.0
    gas: float = 4.0
    lateral: float = 5.0
    curvature: float = 0.25
    back: float = 0.0

    def bend(self, speed: Array) -> Array:
        """The greatest curvature at speeds (any shape, m/s), 1/m."""
        return np.minimum(self.curvature, self.lateral / np.maximum(np.abs(speed), 1e-3) ** 2)


CAR = Envelope()
REVERSING_CAR = Envelope(back=4.0)


def breaches(
    xy: ArrayLike, speed_mps: float, step_s: float, envelope: Envelope = CAR, slack: float = 0.02, standing_m: float = STANDING_M
) -> dict[str, bool]:
    """Which bounds a path of positions [T, 2] breaks, ego frame of t0, at a speed at t0: "acceleration", "turn", "lateral".

    Mean speeds and turns of the steps are looked at, which a motion within the envelope keeps within it; slack: share of a bound that is
    allowed beyond it, since a chord is shorter than its arc. standing_m: shorter steps have no direction.
    """
    points = np.concatenate([np.zeros((1, 2)), np.asarray(xy, dtype=np.float64)])
    ways = np.diff(points, axis=0)
    lengths = np.hypot(*ways.T)
    speeds = np.concatenate([[abs(speed_mps)], lengths / step_s])
    # The first step's mean speed is that of its middle.
    gains = np.diff(speeds) / np.where(np.arange(len(lengths)) == 0, 0.5 * step_s, step_s)
    moving = lengths > standing_m
    headings = np.concatenate([[0.0], np.arctan2(*ways[moving].T[::-1])])
    between = np.concatenate([[0.0], lengths[moving]])
    bends = np.abs(wrap_angle(np.diff(headings))) / (0.5 * (between[1:] + between[:-1]))
    more = 1 + slack
    sideways = bends * np.minimum(between[1:], np.where(between[:-1] > 0, between[:-1], between[1:])) ** 2 / step_s**2
    return {
        "acceleration": bool((gains > envelope.gas * more).any() or (gains < -envelope.brake * more).any()),
        "turn": bool((bends > envelope.curvature * more).any()),
        "lateral": bool((sideways > envelope.lateral * more).any()),
    }
