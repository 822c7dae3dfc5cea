"""What a target says that its other parts, the ego's speed and the command can be held against."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.around import RADIUS_M
from drive.frames import Array, wrap_angle
from drive.geometry import EGO_LENGTH_M, EGO_WIDTH_M, boxes_overlap, ego_boxes
from drive.schema import Agents, MapPatch, SceneSample, Target
from drive.tasks.truths.lead import lead_of, seen_now
from drive.tasks.truths.line import light_of, next_gate
from drive.tasks.truths.way import WayAhead, way_of
from drive.world.observe import TURN_AHEAD_M

BODY = 0.7  # of the ego's size: annotated boxes are not exact to the decimetre
CALM_M, MOVES_MPS = 40.0, 0.5


def label_scores(sample: SceneSample) -> dict[str, float]:
    """What is known of: off_road_m, by how much the future's way leaves the road further than the car is beside it now; off_route_m, from
    the route at the future's end; hits, of annotated things that the future drives through; red_m, how far it is over the line when a red
    light there still is red; jump_mps2, the change of speed that its first step asks for; slip_m, how far that step is beside what a car
    can reach; turn_rad, of the route over the next TURN_AHEAD_M."""
    return dict(_scores(sample))


def _scores(sample: SceneSample) -> Iterator[tuple[str, float]]:
    target, future = sample.target, sample.target.future
    if not future.valid.any():
        return
    way, times = future.poses[future.valid], future.times_s[future.valid]
    yield from _first_step(way[0], float(times[0]), sample.observation.speed_mps)
    if target.map is not None and target.map.polygons.get("drivable_area"):
        yield "off_road_m", off_road(target.map, way)
    if target.agents is not None:
        yield "hits", float(_hits(target.agents, way, times))
    if target.route is not None and len(target.route.points) > TURN_AHEAD_M:
        points = target.route.points
        yield "off_route_m", float(np.hypot(*(points[:, :2] - way[-1, :2]).T).min())
        yield "turn_rad", float(np.unwrap(points[:, 2])[int(TURN_AHEAD_M)] - points[0, 2])
    if (over := _over_red(target, way, times)) is not None:
        yield "red_m", over


def _first_step(pose: Array, seconds: float, speed_mps: float | None) -> Iterator[tuple[str, float]]:
    """A car that goes on with an even acceleration is half the change of speed faster on average; the tightest turn has a radius of 4 m."""
    reach = float(np.hypot(*pose[:2]))
    if speed_mps is not None:
        forwards = reach if pose[0] >= 0 else -reach
        yield "jump_mps2", abs(forwards / seconds - speed_mps) / (seconds / 2)
    yield "slip_m", max(0.0, abs(float(pose[1])) - reach**2 / 8.0)


def off_road(patch: MapPatch, way: Array) -> float:
    """How far the furthest of points [T, 2 or more] is outside the drivable area, less what the origin is, m; 0 where none is."""
    rings = [np.ascontiguousarray(ring, dtype=np.float32)[:, None] for ring in patch.polygons["drivable_area"] if len(ring) > 2]
    signs = [1 if cv2.contourArea(ring, oriented=True) > 0 else -1 for ring in rings]
    outside = [_outside(rings, signs, point) for point in np.concatenate([np.zeros((1, 2)), way[:, :2]])]
    return max(0.0, max(outside[1:]) - outside[0])


def _outside(rings: list[NDArray[np.float32]], signs: list[int], point: Array) -> float:
    """How far a point is from the area that outlines, less their holes, hold."""
    if not rings or max(abs(point)) > RADIUS_M:  # the map is told no further
        return 0.0
    depths = [cv2.pointPolygonTest(ring, (float(point[0]), float(point[1])), True) for ring in rings]
    winding = sum(sign for sign, depth in zip(signs, depths, strict=True) if depth >= 0)
    return 0.0 if winding > 0 else float(min(abs(depth) for depth in depths))


def _hits(agents: Agents, way: Array, times: Array) -> int:
    """How many annotated things the way goes through that the car does not touch now."""
    body = ego_boxes(np.concatenate([np.zeros((1, 3)), way]), BODY * EGO_LENGTH_M, BODY * EGO_WIDTH_M)
    touched = boxes_overlap(agents.boxes(agents.now), body[0]) & agents.valid[:, agents.now]
    hit = np.zeros(len(touched), dtype=bool)
    for box, time in zip(body[1:], times, strict=True):
        step = int(np.argmin(np.abs(agents.times_s - time)))
        if abs(agents.times_s[step] - time) < 0.1:
            hit |= boxes_overlap(agents.boxes(step), box) & agents.valid[:, step]
    return int((hit & ~touched).sum())


def _over_red(target: Target, way: Array, times: Array) -> float | None:
    """None where the next light is not red, or for how long is not known."""
    ahead, route, lights = way_of(target), target.route, target.lights
    gate = None if ahead is None or route is None or lights is None else next_gate(ahead, route, lit=True)
    if gate is None or route is None or lights is None:
        return None
    light, to_line = int(route.light[gate[0]]), gate[1]
    if lights.colours[light] != "red" or not lights.remaining_known[light] or to_line <= 0:
        return None
    steps = np.diff(np.concatenate([np.zeros((1, 2)), way[:, :2]]), axis=0)
    driven = np.interp(lights.remaining_s[light], [0.0, *times], [0.0, *np.hypot(*steps.T).cumsum()])
    return max(0.0, float(driven) - to_line)


def surroundings(sample: SceneSample) -> tuple[str, ...]:
    """Words on what is around: lead, people, moving, light_red (green, yellow), junction, bend, calm. People and who moves count within
    CALM_M, a junction or bend within what the car drives in 3 s and 10 m more; calm: none of all; () where nothing is known of anybody."""
    target, told = sample.target, []
    agents, way = target.agents, way_of(target)
    if agents is None:
        return ()
    near = seen_now(agents) & (np.hypot(*agents.centres[:, agents.now, :2].T) < CALM_M)
    if way is not None and lead_of(way, agents, sample.observation.speed_mps or 0.0)[0] is not None:
        told.append("lead")
    if any(agents.categories[k].startswith("human") for k in np.flatnonzero(near)):
        told.append("people")
    if way is not None and (light := light_of(way, target)[0]) is not None:
        told.append(f"light_{light.colour}")
    if (near & (np.hypot(*agents.velocities[:, agents.now].T) > MOVES_MPS)).any():
        told.append("moving")
    reach = 10.0 + 3.0 * (sample.observation.speed_mps or 0.0)
    if _junction_ahead(sample, reach):
        told.append("junction")
    if way is not None and abs(_bend(way, reach)) > 0.3:
        told.append("bend")
    return tuple(told) or ("calm",)


def _junction_ahead(sample: SceneSample, reach: float) -> bool:
    said, lanes = sample.observation.navigation, sample.target.lanes
    if said is not None:
        return said.distance_m < reach
    if lanes is None:
        return False
    inside = [line for line, junction in zip(lanes.lines, lanes.in_junction, strict=True) if junction]
    points = np.concatenate([line[:, :2] for line in inside]) if inside else np.zeros((0, 2))
    return bool(((points[:, 0] > 0) & (points[:, 0] < reach) & (np.abs(points[:, 1]) < 6.0)).any())


def _bend(way: WayAhead, reach: float) -> float:
    turn = way.heading(min(way.origin_m + reach, float(way.along[-1]))) - way.heading(way.origin_m)
    return float(wrap_angle(turn))
