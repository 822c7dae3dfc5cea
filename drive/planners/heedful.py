"""A plan that heeds what its network stated before it: it stays behind who is stated ahead.

Most cars that `first-answers` hits it has stated, and planned into all the same (docs/log.md). `heedful:NAME` slows such a plan along its
own path, by the gentlest braking that is enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from drive.answers.see import LeadSeen
from drive.frames import Array
from drive.planners.network import NetworkPlanner

STAND_OFF_M = 1.5  # left to who is ahead
BRAKES_MPS2 = np.arange(0.5, 8.01, 0.25)


def behind(poses: Array, times_s: Array, speed_mps: float, lead: LeadSeen) -> Array:
    """A plan [T, 3] in the ego frame of t0 at times_s [T] that stays behind a lead as it is stated, on the plan's own path: as it is where
    it does already, else slowed from the car's speed by the least of `BRAKES_MPS2` that is enough, or the most where none is."""
    path = np.vstack([np.zeros(3), poses])
    way = np.append(0.0, np.cumsum(np.hypot(*np.diff(path[:, :2], axis=0).T)))
    room = np.maximum(lead.gap_m - STAND_OFF_M + max(lead.speed_mps, 0.0) * times_s, 0.0)
    if (way[1:] <= room).all():
        return poses
    braking = np.minimum(times_s, speed_mps / BRAKES_MPS2[:, None])
    slowed = np.minimum(speed_mps * braking - 0.5 * BRAKES_MPS2[:, None] * braking**2, way[1:])  # [brakes, T]
    enough = (slowed <= room).all(1)
    driven = slowed[int(np.argmax(enough)) if enough.any() else -1]
    along = way + np.arange(len(way)) * 1e-9  # a plan that stands has one place at many times
    return np.stack([np.interp(driven, along, column) for column in path.T], -1)


def heedful(planner: Any) -> NetworkPlanner:
    """The planner, its plans kept behind what it states. Raises ValueError where it states nothing before it plans."""
    chain = planner.plan_chain[0] if isinstance(planner, NetworkPlanner) else ()
    links = [str(link) for link in chain]
    if "see" not in links or links.index("see") > links.index(planner.plan_chain[1]):
        raise ValueError(
            f"heedful: {planner.name} states nothing before it plans; take a network that plans by see>plan, such as first-answers"
        )
    return replace(planner, name=f"{planner.name}-heedful", heeds=behind)
