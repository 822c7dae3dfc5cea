"""Who is next in the way: as the towns' own drivers look ahead (`drive.world.traffic.look_ahead`), of what cameras can see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.answers.see import LeadSeen, Who
from drive.curves import unit
from drive.frames import Array
from drive.geometry import EGO_WIDTH_M
from drive.schema import Agents
from drive.tasks.truths.way import REACH_M, WayAhead

SIDE_GAP_M = 0.35  # who is further beside the ego's body than this is not in the way
STEP_M = 0.25
HIDDEN = 1  # nuScenes' lowest visibility: less than 40 % of it, or nothing, is in sight
WALK_SECONDS = (1, 2, 3)  # people on foot are followed so far ahead
WALKING_MPS, STEP_ASIDE_S, SLOWEST_MPS = 0.2, 0.7, 0.5
ON_FOOT_M = 0.8  # edge of the square that a walker will take up


def seen_now(agents: Agents) -> NDArray[np.bool_]:
    """Which agents [A] are there at t0 and in sight of the cameras; where that is not known they count."""
    return agents.valid[:, agents.now] & (agents.visibility[:, agents.now] != HIDDEN)


def who(category: str) -> Who:
    """What a nuScenes category, or a kind of agent, is to a driver."""
    if category in ("vehicle.bicycle", "vehicle.motorcycle"):
        return "cyclist"
    return {"vehicle": "vehicle", "human": "person"}.get(category.partition(".")[0], "thing")  # type: ignore[return-value]


def lead_of(way: WayAhead, agents: Agents, speed_mps: float) -> tuple[LeadSeen | None, bool]:
    """The nearest of those in the way within REACH_M, None where it is free; and whether that is known: a lead whose speed is not is none.

    Somebody on foot is in the way also where its walk will take it within 3 s, unless the ego will have passed before.
    """
    now, reach = agents.now, way.along[-1]
    at = np.arange(way.front_m, min(way.front_m + REACH_M, reach), STEP_M)
    seen = np.flatnonzero(seen_now(agents))
    if not len(seen) or not len(at):
        return None, True
    corridor, boxes, velocities = way.at(at), agents.boxes(now)[seen], agents.velocities[seen, now]
    gaps = _gaps(corridor, boxes)
    on_foot = np.array([who(agents.categories[k]) == "person" for k in seen]) & (np.hypot(*velocities.T) > WALKING_MPS)
    for seconds in WALK_SECONDS:
        walked = np.column_stack([boxes[:, :2] + seconds * velocities, boxes[:, 2], np.full((len(boxes), 2), ON_FOOT_M)])
        later = np.where(on_foot, _gaps(corridor, walked), np.inf)
        gone = (later + 4.0) / max(speed_mps, SLOWEST_MPS) < seconds - STEP_ASIDE_S
        gaps = np.minimum(gaps, np.where(gone, np.inf, later))
    first = int(np.argmin(gaps))
    if not np.isfinite(gaps[first]):
        return None, True
    along = float(velocities[first] @ unit(way.heading(way.front_m + gaps[first])))
    return LeadSeen(who(agents.categories[seen[first]]), float(gaps[first]), along), bool(agents.velocity_valid[seen[first], now])


def _gaps(corridor: Array, boxes: Array) -> Array:
    """How far along a corridor [K, 3] of points STEP_M apart the ego gets before it is at each box [A, 5]; infinite where it is not."""
    half = 0.5 * EGO_WIDTH_M + SIDE_GAP_M
    turn = corridor[None, :, 2] - boxes[:, 2, None]
    delta = corridor[None, :, :2] - boxes[:, None, :2]
    c, s = np.cos(boxes[:, 2, None]), np.sin(boxes[:, 2, None])
    ahead, aside = np.abs(c * delta[..., 0] + s * delta[..., 1]), np.abs(c * delta[..., 1] - s * delta[..., 0])
    long, wide = 0.5 * boxes[:, 3, None] + half * np.abs(np.sin(turn)), 0.5 * boxes[:, 4, None] + half * np.abs(np.cos(turn))
    hit = (ahead < long) & (aside < wide)
    return np.where(hit.any(1), STEP_M * hit.argmax(1), np.inf)
