"""Who the ego touches, whose fault it is, and whom it would touch within a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from drive.eval.navsim.areas import Areas
from drive.eval.navsim.scene import DT_S, Scene, Traffic
from drive.eval.navsim.simulate import HEADING, LENGTH_M, VX, VY, WIDTH_M, X, Y
from drive.frames import Array
from drive.schema import Mask

STOPPED_EGO_MPS = 5e-2
STOPPED_EGO_TTC_MPS = 5e-3
AHEAD_RAD, BEHIND_RAD = np.deg2rad(30), np.deg2rad(150)
STATIC_CONTACT = 0.5  # score of an at-fault contact with a static object
LOOK_AHEAD_STEPS = (0, 3, 6, 9)
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps found: proposal, step, index into the looks ahead, agent, each [K]; where [K, 2]: the agent's centroid then;
    body, agent_shape [K]: the two polygons."""

    proposal: Ints
    step: Ints
    look: Ints
    agent: Ints
    where: Array
    body: NDArray[np.object_]
    agent_shape: NDArray[np.object_]

    def first_of_each(self, keep: Mask) -> Ints:
        """Of the hits in keep [K]: indices of the first one of each proposal and agent, in order of time. Only this one is
        ever judged: an innocent one excuses the agent from then on, a guilty one has settled the score."""
        order = np.flatnonzero(keep)
        order = order[np.lexsort((self.look[order], self.step[order]))]
        keys = self.proposal[order] * (self.agent.max(initial=0) + 1) + self.agent[order]
        return order[np.unique(keys, return_index=True)[1]]


def find_hits(states: Array, corners: Array, traffic: Traffic, looks: tuple[int, ...], steps: int) -> Overlaps:
    """Every overlap of the ego's body, moved on at constant velocity by each of `looks` steps, with the agent recorded then.

    states [P, T, 11], corners [P, T, 4, 2]; `steps` of them are looked at. Raises ValueError where the record is too short.
    """
    if steps - 1 + max(looks) >= traffic.valid.shape[1]:
        raise ValueError(f"traffic covers {traffic.valid.shape[1]} steps, {steps + max(looks)} are needed")
    speed = np.hypot(states[..., VX], states[..., VY])
    velocity = speed[..., None] * np.stack([np.cos(states[..., HEADING]), np.sin(states[..., HEADING])], -1)
    delay = np.array(looks, dtype=np.float64) * DT_S
    moved = corners[:, :steps, None] + (velocity[:, :steps, None] * delay[:, None])[..., None, :]
    at = np.arange(steps)[:, None] + np.array(looks)
    centres = moved.mean(-2)
    reach = np.hypot(LENGTH_M, WIDTH_M) / 2 + np.hypot(*traffic.sizes.T) / 2
    dx, dy = (centres[:, :, :, None, i] - np.moveaxis(traffic.poses[:, at, i], 0, 2) for i in (0, 1))
    near = dx * dx + dy * dy <= (reach * (1 + 1e-6) + 1e-6) ** 2
    p, t, k, a = np.nonzero(near & np.moveaxis(traffic.valid[:, at], 0, 2))
    bodies, agents = shapely.polygons(moved[p, t, k]), shapely.polygons(traffic.corners[a, at[t, k]])
    hit = shapely.intersects(bodies, agents)
    where = shapely.get_coordinates(shapely.centroid(agents[hit])).reshape(-1, 2)
    return Overlaps(p[hit], t[hit], k[hit], a[hit], where, bodies[hit], agents[hit])


def at_fault(scene: Scene, states: Array, corners: Array, areas: Areas) -> tuple[Array, Array]:
    """Score [P] (1, 0.5 for a static object, 0 for a road user) and step [P] of the first at-fault contact (infinity: none).

    A standing ego is never at fault; a standing agent or one at the front bumper always; one behind never; one at the side
    only where the ego is between lanes or off the road.
    """
    hits = find_hits(states, corners, scene.traffic, (0,), states.shape[1])
    p, t, a = hits.proposal, hits.step, hits.agent
    ego_stopped = np.hypot(states[p, t, VX], states[p, t, VY]) <= STOPPED_EGO_MPS
    bumper = shapely.intersects(shapely.linestrings(corners[p, t][:, [0, 3]]), hits.agent_shape) if len(p) else ego_stopped
    loose = (areas.several_lanes | areas.off_road)[p, t]
    moving_into = ~_behind(states[p, t], hits.where) & (bumper | loose)
    guilty = ~ego_stopped & (scene.traffic.stopped[a] | moving_into)
    return _judge(hits, np.ones(len(p), dtype=bool), guilty, np.where(scene.traffic.moving, 0.0, STATIC_CONTACT), len(states))


def time_to_collision(scene: Scene, states: Array, corners: Array, areas: Areas, steps: int) -> tuple[Array, Array]:
    """Score [P] (1 or 0) and step [P] of the first violation (infinity: none).

    At each of `steps` steps the ego goes on with constant velocity for 0, 0.3, 0.6 and 0.9 s. Touching an agent then is a
    violation where it is ahead, or where the ego is between lanes, off the road or in an intersection and it is not behind.
    """
    hits = find_hits(states, corners, scene.traffic, LOOK_AHEAD_STEPS, steps)
    p, t = hits.proposal, hits.step
    moving = np.hypot(states[p, t, VX], states[p, t, VY]) >= STOPPED_EGO_TTC_MPS
    loose = (areas.several_lanes | areas.off_road | areas.axle_crossing)[p, t]
    guilty = _ahead(states[p, t], hits.where) | (loose & ~_behind(states[p, t], hits.where))
    return _judge(hits, moving, guilty, np.zeros(len(scene.traffic.types)), len(states))


def traffic_light(scene: Scene, corners: Array) -> Array:
    """1 or 0 [P]: 0 where the body touches a connector of the route while its light is red."""
    score = np.ones(len(corners))
    for token, red in scene.red.items():
        when = np.flatnonzero(red[: corners.shape[1]])
        shapes = scene.polygons.shapes[scene.polygons.among(frozenset({token}) & scene.route)]
        for shape in shapes:
            score[shapely.intersects(shape, shapely.polygons(corners[:, when])).any(1)] = 0.0
    return score


def overlaps_now(corners: Array, traffic: Traffic) -> Mask:
    """Which agents [A] touch the body with corners [4, 2] at the first step."""
    here = traffic.valid[:, 0].copy()
    here[here] = shapely.intersects(shapely.Polygon(corners), shapely.polygons(traffic.corners[here, 0]))
    return here


def _judge(hits: Overlaps, keep: Mask, guilty: Mask, price: Array, proposals: int) -> tuple[Array, Array]:
    first = hits.first_of_each(keep)
    first = first[guilty[first]]
    score, when = np.ones(proposals), np.full(proposals, np.inf)
    np.minimum.at(score, hits.proposal[first], price[hits.agent[first]])
    np.minimum.at(when, hits.proposal[first], hits.step[first].astype(np.float64))
    return score, when


def _bearing(states: Array, where: Array) -> Array:
    """Angle [K] between the ego's heading and the way from its rear axle to the agents' centroids [K, 2], 0 .. pi.

    NaN where the two coincide, or where rounding carries the cosine beyond 1; both comparisons below are then False, as in
    the original.
    """
    way = where - states[:, [X, Y]]
    with np.errstate(invalid="ignore", divide="ignore"):
        way = way / np.sqrt((way**2).sum(-1, keepdims=True))
        return np.arccos(np.cos(states[:, HEADING]) * way[:, 0] + np.sin(states[:, HEADING]) * way[:, 1])


def _ahead(states: Array, where: Array) -> Mask:
    return _bearing(states, where) < AHEAD_RAD


def _behind(states: Array, where: Array) -> Mask:
    return _bearing(states, where) > BEHIND_RAD
