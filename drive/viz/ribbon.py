"""A trajectory as a smooth band on the ground, coloured by time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.geometry import EGO_WIDTH_M
from drive.schema import SceneSample

RIBBON_WIDTH_M = 0.8 * EGO_WIDTH_M
STEP_M = 0.25
SHORTEST_M = 0.3  # a path shorter than this is a car that stands, and has no band
GROUND_RADIUS_M = 20.0
GROUND_MIN_BOXES = 5


@dataclass(frozen=True, eq=False)
class Ribbon:
    """left, right [N, 2] metres in the ego frame: the band's edges; centre [N, 2]; fraction [N]: time over the horizon."""

    left: Array
    right: Array
    centre: Array
    fraction: Array

    @property
    def quads(self) -> Array:
        """The band's pieces in order, [N - 1, 4, 2]."""
        return np.stack([self.left[:-1], self.left[1:], self.right[1:], self.right[:-1]], 1)


def make_ribbon(poses: ArrayLike, times_s: ArrayLike, width_m: float = RIBBON_WIDTH_M) -> Ribbon | None:
    """A trajectory [T, >= 2] of rear-axle positions after t0, at times_s [T] -> its band from the origin; None where the
    car hardly moves.

    The path runs through every given point; between them a monotone cubic (PCHIP) in time never overshoots.
    """
    from scipy.interpolate import PchipInterpolator

    xy = np.concatenate([np.zeros((1, 2)), np.asarray(poses, dtype=np.float64)[:, :2]])
    times = np.concatenate([[0.0], np.asarray(times_s, dtype=np.float64)])
    fine_times = np.linspace(0.0, times[-1], 40 * len(times))
    fine = PchipInterpolator(times, xy)(fine_times)
    stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(fine, axis=0).T))])
    if stations[-1] < SHORTEST_M:
        return None
    at = np.linspace(0.0, stations[-1], max(2, round(stations[-1] / STEP_M) + 1))
    centre = np.stack([np.interp(at, stations, fine[:, axis]) for axis in range(2)], -1)
    tangent = np.gradient(centre, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1) / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    half = width_m / 2 * normal
    return Ribbon(centre + half, centre - half, centre, np.interp(at, stations, fine_times) / times[-1])


def ground_height(samples: Iterable[SceneSample]) -> float:
    """Height of the road around the car in the ego frame: the median lower face of the boxes near it, metres.

    nuScenes puts the ego frame's origin on the ground; other records do not (PandaSet's is that of its LiDAR poses). Give
    all samples of a scene, so that the ground does not tremble from picture to picture. 0 where too few boxes are near.
    """
    bottoms = [np.zeros(0)]
    for sample in samples:
        agents = sample.target.agents
        if agents is None:
            continue
        centres = agents.centres[:, agents.now]
        near = agents.valid[:, agents.now] & (np.hypot(centres[:, 0], centres[:, 1]) < GROUND_RADIUS_M)
        bottoms.append((centres[:, 2] - agents.sizes[:, 2] / 2)[near])
    found = np.concatenate(bottoms)
    return float(np.median(found)) if len(found) >= GROUND_MIN_BOXES else 0.0
