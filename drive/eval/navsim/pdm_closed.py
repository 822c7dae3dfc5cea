"""PDM-Closed, the rule-based planner whose progress NAVSIM measures plans against.

Fifteen proposals: the centreline and its parallels 1 m to both sides, each driven by an IDM towards a fifth to all of the speed limit,
behind whatever a forecast at constant velocity puts into the corridor. They are tracked, scored like plans, and the best one is taken.

Source: autonomousvision/navsim, commit 0811876 (`pdm_closed_planner.py`, `pdm_generator.py`, `batch_idm_policy.py`,
`pdm_observation.py`, `metric_cache_processor.py`). Quirks kept: the first step has a leader at progress 0, so everybody brakes; leaders
are looked for every second step; what a leader's row holds of the proposal before stays in it. Left out: at most so many agents of a
kind are looked at there, by distance; here all are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely
from shapely.ops import substring

from drive.eval.navsim.runs import ProposalScores
from drive.eval.navsim.scene import DT_S, LANES, REPLAY_STEPS, STEPS, Scene, Traffic
from drive.eval.navsim.simulate import HEADING, LENGTH_M, VX, WIDTH_M, body_points, simulate
from drive.frames import Array, wrap_angle

FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)
OFFSETS_M = (0.0, -1.0, 1.0)
FALLBACK_LIMIT_MPS = 15.0  # of a lane whose speed limit is not told
GAP_M, HEADWAY_S, GAS_MPS2, BRAKE_MPS2, EXPONENT = 1.0, 1.5, 1.5, 3.0, 10
LEADER_EVERY = 2  # steps
HORIZON_S = 5.0  # of the corridor
RADIUS_M = 100.0  # agents further off are not looked at
PROGRESS, SPEED, REAR = range(3)


class PathLine:
    """A line [N, 2] to drive along, with headings: poses by progress."""

    def __init__(self, points: Array) -> None:
        self.points, self.line = points, shapely.linestrings(points)
        self.stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        self.headings = np.unwrap(np.arctan2(*np.gradient(points, axis=0).T[::-1]))

    def at(self, progress: Array) -> Array:
        """Progress [...] -> poses [..., 3], those of the ends beyond them."""
        columns = [np.interp(progress, self.stations, v) for v in (self.points[:, 0], self.points[:, 1], self.headings)]
        return np.stack([columns[0], columns[1], wrap_angle(columns[2])], -1)

    def beside(self, left_m: float) -> PathLine:
        """The parallel so far to the left."""
        normal = np.stack([-np.sin(self.headings), np.cos(self.headings)], -1)
        return PathLine(self.points + left_m * normal)


def pdm_closed(scene: Scene, limit_mps: float | None, scorers: tuple[Callable[[Scene, Array], ProposalScores], ...]) -> list[Array]:
    """The planner's poses [STEPS, 3] in a scene, one for each of the scorers that choose among the proposals.

    What it looks at is the scene at t0: its `reference` and everything later in `traffic` is not used. limit_mps: of the lane under the
    ego, None where it is not told.
    """
    seen = replace(scene, traffic=forecast(scene.traffic, scene.ego))
    middle = PathLine(scene.centreline)
    paths = [middle if offset == 0 else middle.beside(offset) for offset in OFFSETS_M]
    proposals = np.concatenate([_driven(path, seen, np.array(FRACTIONS) * (limit_mps or FALLBACK_LIMIT_MPS)) for path in paths])
    states = simulate(scene.ego[None], proposals)
    return [proposals[int(np.argmax(score(seen, states).scores["pdm_score"]))] for score in scorers]


def forecast(traffic: Traffic, ego: Array) -> Traffic:
    """Those seen at t0 within RADIUS_M, going on along their headings (backwards where they do) at their speed."""
    here = traffic.valid[:, 0] & (np.hypot(*(traffic.poses[:, 0, :2] - ego[:2]).T) <= RADIUS_M)
    seen = traffic.without(~here)
    pose, velocity = seen.poses[:, :1], np.where(seen.moving[:, None], seen.velocities[:, 0], 0.0)
    speed = np.hypot(*velocity.T)
    backwards = np.abs(wrap_angle(pose[:, 0, 2] - np.arctan2(velocity[:, 1], velocity[:, 0]))) >= np.pi / 2
    heading = pose[:, 0, 2] + np.pi * backwards
    along = speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
    times = DT_S * np.arange(REPLAY_STEPS)
    poses = np.repeat(pose, REPLAY_STEPS, axis=1)
    poses[..., :2] += times[:, None] * along[:, None]
    shape = (len(seen.types), REPLAY_STEPS)
    velocities = np.broadcast_to(velocity[:, None], (*shape, 2))
    return Traffic(seen.types, seen.sizes, poses, velocities, np.ones(shape, dtype=bool))


def _driven(path: PathLine, scene: Scene, wanted_mps: Array) -> Array:
    """A path driven by IDMs of wanted speeds [K] -> poses [K, STEPS, 3]."""
    count, obstacles = len(wanted_mps), _Obstacles(scene, path, float(wanted_mps.max()))
    progress, speed = np.zeros((count, STEPS)), np.zeros((count, STEPS))
    progress[:, 0] = shapely.line_locate_point(path.line, shapely.points(scene.ego[:2]))
    speed[:, 0] = scene.ego[VX]
    leader = np.zeros((count, 3))
    for t in range(1, STEPS):
        if t % LEADER_EVERY == 0:
            leader = obstacles.leaders(t, progress[:, t - 1])
        progress[:, t], speed[:, t] = idm_step(progress[:, t - 1], speed[:, t - 1], leader, wanted_mps)
    return path.at(progress)


def idm_step(progress: Array, speed: Array, leader: Array, wanted_mps: Array) -> tuple[Array, Array]:
    """Progress, speeds [K] and leaders [K, 3] (PROGRESS, SPEED, REAR) -> the same a step of DT_S later."""
    closing = speed * (speed - leader[:, SPEED]) / (2 * np.sqrt(GAS_MPS2 * BRAKE_MPS2))
    wished = GAP_M + speed * HEADWAY_S + closing
    gap = np.maximum(leader[:, PROGRESS] - progress - leader[:, REAR], GAP_M)
    rate = np.clip(GAS_MPS2 * (1 - (speed / wanted_mps) ** EXPONENT - (wished / gap) ** 2), -BRAKE_MPS2, GAS_MPS2)
    return progress + DT_S * speed, speed + DT_S * rate


class _Obstacles:
    """What lies in the corridor of a path: forecast bodies, and connectors of the route whose light is red at t0."""

    def __init__(self, scene: Scene, path: PathLine, fastest_mps: float) -> None:
        self.path, traffic = path, scene.traffic
        ends = shapely.line_locate_point(path.line, shapely.points(scene.ego[:2])) + np.array([0.0, fastest_mps * HORIZON_S])
        ahead = substring(path.line, *ends.tolist())
        corridor = shapely.buffer(ahead, WIDTH_M / 2, cap_style="square")
        shapely.prepare(corridor)
        polygons = shapely.polygons(traffic.corners)
        body = shapely.Polygon(body_points(scene.ego)[:4])
        apart = ~shapely.intersects(polygons[:, 0], body) if len(polygons) else np.zeros(0, dtype=bool)
        self.polygons, self.traffic, self.apart = polygons, traffic, apart
        self.inside = shapely.intersects(corridor, polygons) & apart[:, None] if len(polygons) else np.zeros((0, 1), dtype=bool)
        red = [token for token, shown in scene.red.items() if shown[0] and token in scene.route]
        lights = scene.polygons.shapes[scene.polygons.among(frozenset(red)) & scene.polygons.of(LANES)] if red else ()
        self.lights = [light for light in lights if corridor.intersects(light) and not (body.intersects(light) and body.within(light))]

    def leaders(self, t: int, progress: Array) -> Array:
        """Of each progress [K] before step t the nearest thing ahead: [K, 3]."""
        rows = np.flatnonzero(self.inside[:, t]) if len(self.inside) else np.zeros(0, dtype=np.int64)
        shapes = np.array([*self.polygons[rows, t], *self.lights], dtype=object)
        places = shapely.line_locate_point(self.path.line, shapely.centroid(shapes)) if len(shapes) else np.zeros(0)
        found, row = np.zeros((len(progress), 3)), np.zeros(3)
        for k, own in enumerate(progress):
            ahead = np.flatnonzero(places > own)
            if len(ahead):
                pose = self.path.at(np.array(own))
                gaps = shapely.distance(shapely.Polygon(body_points(pose)[:4]), shapes[ahead])
                nearest = int(ahead[gaps.argmin()])
                row[PROGRESS] = own + gaps.min()
                if nearest < len(rows):
                    row[SPEED] = self._speed_along(int(rows[nearest]), float(pose[HEADING]))
            else:
                row[PROGRESS], row[REAR] = self.path.line.length, LENGTH_M / 2
            found[k] = row
        return found

    def _speed_along(self, agent: int, heading: float) -> float:
        velocity = self.traffic.velocities[agent, 0] if self.traffic.moving[agent] else np.zeros(2)
        return float(np.hypot(*velocity) * np.cos(self.traffic.poses[agent, 0, 2] - heading))
