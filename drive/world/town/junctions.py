"""Junctions of a town: connectors, who yields to whom, lights, surfaces, crossings, stop lines, roundabouts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from drive.curves import arc_between, circle_arc, resample, unit
from drive.frames import Array, wrap_angle
from drive.maps import Colour, Crossing, Junction, Lane, Light, StopLine
from drive.world.town.layout import Node
from drive.world.town.streets import CROSSING_DEPTH_M, ArmEnd, arm_point

CONFLICT_M = 2.6  # connectors that come nearer than this cannot be driven side by side
STRAIGHT_RAD = np.deg2rad(40)
RING_WIDTH_M = 5.0
RING_SPEED_MPS = 6.5
ENTRY_ANGLE_RAD = 0.52
YELLOW_S, ALL_RED_S = 3.0, 2.0


@dataclass(frozen=True, eq=False)
class ArmLanes:
    """Lane ends at an arm: ids and end points of lanes that come in, and go out, inner lane first."""

    incoming: tuple[str, ...]
    outgoing: tuple[str, ...]
    in_points: Array
    out_points: Array


@dataclass(eq=False)
class JunctionParts:
    """What a junction adds to the map."""

    junction: Junction
    lanes: list[Lane] = field(default_factory=list)
    rings: list[Array] = field(default_factory=list)
    islands: list[Array] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    stop_lines: list[StopLine] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)


def build_junction(
    index: int, node: Node, ends: tuple[ArmEnd, ...], arms: list[ArmLanes], limit_mps: float, rng: np.random.Generator
) -> JunctionParts:
    """Everything between the stop lines of a node."""
    name = f"j{index}"
    parts = JunctionParts(Junction(name, node.kind, node.centre, max(end.cut_m for end in ends)))
    if node.kind == "roundabout":
        _roundabout(parts, name, node, ends, arms)
    else:
        _connectors(parts, name, node, ends, arms, limit_mps)
        parts.rings.append(_surface(node, ends))
    if node.kind != "bend":
        _furnish(parts, name, node, ends, arms, rng)
    return parts


def _connectors(parts: JunctionParts, name: str, node: Node, ends: tuple[ArmEnd, ...], arms: list[ArmLanes], limit: float) -> None:
    ranks: list[int] = []
    for a, k, b, m in _all_movements(node, arms):
        path = _crossing_path(node, ends, a, b, arms[a].in_points[k], arms[b].out_points[m])
        lane_id, width = f"{name}.{a}{k}-{b}{m}", min(node.arms[a].width_m, node.arms[b].width_m)
        after, before = (arms[b].outgoing[m],), (arms[a].incoming[k],)
        parts.lanes.append(Lane(lane_id, path, width, limit, after, before, None, None, "connector", "", name))
        ranks.append((2 if a in node.main or node.lights else 0) + (_turn(node, a, b) < STRAIGHT_RAD))
    if node.kind != "bend":
        parts.lanes[:] = with_yields(parts.lanes, ranks)


def _turn(node: Node, a: int, b: int) -> float:
    """How far a car turns to the left that comes in on arm a and leaves on arm b."""
    return float(wrap_angle(node.arms[b].angle - node.arms[a].angle - np.pi))


def _all_movements(node: Node, arms: list[ArmLanes]) -> list[tuple[int, int, int, int]]:
    """(arm, lane) -> (arm, lane) of every connector; each lane gets one, if only straight on beside its neighbour."""
    others = {a: [b for b in range(len(arms)) if b != a] for a in range(len(arms))}
    ways = []
    for a, arm in enumerate(arms):
        turns = [_turn(node, a, b) for b in others[a]]
        for b, turn in zip(others[a], turns, strict=True):
            ways += [(a, k, b, m) for k, m in _movements(turn, turns, len(arm.incoming), len(arms[b].outgoing))]
    for a, arm in enumerate(arms):
        for k in range(len(arm.incoming)):
            if not any(way[:2] == (a, k) for way in ways):
                b = min(others[a], key=lambda b: abs(_turn(node, a, b)))
                ways.append((a, k, b, min(k, len(arms[b].outgoing) - 1)))
    for b, arm in enumerate(arms):
        for m in range(len(arm.outgoing)):
            if not any(way[2:] == (b, m) for way in ways):
                a = min(others[b], key=lambda a: abs(_turn(node, a, b)))
                ways.append((a, min(m, len(arms[a].incoming) - 1), b, m))
    return ways


def _movements(turn: float, turns: list[float], lanes_in: int, lanes_out: int) -> list[tuple[int, int]]:
    """Which lane (0 = inner) may make a turn, and into which lane."""
    straight_exists = any(abs(t) <= STRAIGHT_RAD for t in turns)
    if abs(turn) <= STRAIGHT_RAD:
        if lanes_in == 1:
            return [(0, m) for m in range(lanes_out)]
        return [(k, min(k, lanes_out - 1)) for k in range(lanes_in)]
    if turn > 0:
        return [(0, 0)]
    if not straight_exists and turn > min(turns):
        return [(0, lanes_out - 1)]
    return [(lanes_in - 1, lanes_out - 1)]


def _crossing_path(node: Node, ends: tuple[ArmEnd, ...], a: int, b: int, start: Array, end: Array) -> Array:
    """Straight to the junction's edge, an arc across, straight to the other stop line's height."""
    go, leave = node.arms[a].angle + np.pi, node.arms[b].angle
    first = start + unit(go) * (ends[a].cut_m - ends[a].corner_m)
    last = end - unit(leave) * (ends[b].cut_m - ends[b].corner_m)
    return resample(np.concatenate([start[None], arc_between(first, go, last, leave, 0.5), end[None]]))


def with_yields(lanes: list[Lane], ranks: list[int]) -> list[Lane]:
    """The same connectors, each yielding to those of higher rank that cross it or end where it ends."""
    result = []
    for lane, rank in zip(lanes, ranks, strict=True):
        over = [o.id for o, r in zip(lanes, ranks, strict=True) if r > rank and o.predecessors != lane.predecessors and _near(lane, o)]
        result.append(replace(lane, yields_to=tuple(over)))
    return result


def _near(a: Lane, b: Lane) -> bool:
    gaps = np.hypot(*np.moveaxis(a.centreline[:, None] - b.centreline[None], -1, 0))
    return bool(gaps.min() < CONFLICT_M)


def _surface(node: Node, ends: tuple[ArmEnd, ...]) -> Array:
    """The junction's ring: arms as wide as their roads, joined by rounded corners."""
    points: list[Array] = []
    for i, end in enumerate(ends):
        j = (i + 1) % len(ends)
        half, other = end.half_width_m, ends[j].half_width_m
        points.append(arm_point(node, i, end.cut_m + 0.5, -half)[None])
        points.append(arm_point(node, i, end.cut_m + 0.5, half)[None])
        start, stop = arm_point(node, i, end.corner_m, half), arm_point(node, j, ends[j].corner_m, -other)
        points.append(arc_between(start, node.arms[i].angle + np.pi, stop, node.arms[j].angle, 0.5))
    return np.concatenate(points)


def _roundabout(parts: JunctionParts, name: str, node: Node, ends: tuple[ArmEnd, ...], arms: list[ArmLanes]) -> None:
    """One lane counter-clockwise; traffic in the ring goes first."""
    count, radius = len(arms), node.radius_m
    angles = np.array([arm.angle for arm in node.arms])
    exits, entries = angles - ENTRY_ANGLE_RAD, angles + ENTRY_ANGLE_RAD

    def lane(lane_id: str, path: Array, successors: tuple[str, ...], before: tuple[str, ...], yields: tuple[str, ...] = ()) -> None:
        parts.lanes.append(Lane(lane_id, path, 4.0, RING_SPEED_MPS, successors, before, None, None, "connector", "", name, yields))

    for i in range(count):
        j, before = (i + 1) % count, (i - 1) % count
        into = arc_between(arms[i].in_points[0], angles[i] + np.pi, node.centre + radius * unit(entries[i]), entries[i] + np.pi / 2)
        out = arc_between(node.centre + radius * unit(exits[i]), exits[i] + np.pi / 2, arms[i].out_points[0], angles[i])
        passing, onward = f"{name}.pass{i}", f"{name}.ring{i}"
        lane(f"{name}.in{i}", into, (onward,), (arms[i].incoming[0],), (passing,))
        lane(f"{name}.out{i}", out, (arms[i].outgoing[0],), (f"{name}.ring{before}",))
        lane(passing, circle_arc(node.centre, radius, exits[i], entries[i]), (onward,), (f"{name}.ring{before}",))
        around = circle_arc(node.centre, radius, entries[i], exits[j])
        lane(onward, around, (f"{name}.pass{j}", f"{name}.out{j}"), (f"{name}.in{i}", passing))
    outer, inner = radius + RING_WIDTH_M / 2 + 0.5, radius - RING_WIDTH_M / 2 - 0.5
    around = np.linspace(0, 2 * np.pi, 73)[:-1]
    parts.rings.append(node.centre + outer * unit(around))
    parts.islands.append(node.centre + inner * unit(around))
    for i, end in enumerate(ends):
        half = end.half_width_m
        flare = [arm_point(node, i, end.cut_m + 0.5, -half), arm_point(node, i, end.cut_m + 0.5, half)]
        left = arc_between(flare[1], angles[i] + np.pi, node.centre + outer * unit(entries[i] + 0.25), entries[i] + 0.25 + np.pi / 2)
        right = arc_between(node.centre + outer * unit(exits[i] - 0.25), exits[i] - 0.25 + np.pi / 2, flare[0], angles[i])
        parts.rings.append(np.concatenate([flare[0][None], left, node.centre[None] + inner * unit(angles[i : i + 1]), right]))


def _furnish(parts: JunctionParts, name: str, node: Node, ends: tuple[ArmEnd, ...], arms: list[ArmLanes], rng: np.random.Generator) -> None:
    """Lights, stop lines, crossings."""
    cycles = _cycles(node, rng) if node.lights else {}
    offset = float(rng.uniform(0, 40)) if node.lights else 0.0
    for i, arm in enumerate(arms):
        light = None
        if node.lights:
            light = f"{name}.light{i}"
            controlled = tuple(lane.id for lane in parts.lanes if lane.predecessors and lane.predecessors[0] in arm.incoming)
            parts.lights.append(Light(light, controlled, cycles[i], offset))
        waits = node.lights or node.kind == "roundabout" or i not in node.main
        for k, lane_id in enumerate(arm.incoming if waits else ()):
            side, half = unit(node.arms[i].angle + np.pi / 2), node.arms[i].width_m / 2 - 0.1
            line = np.stack([arm.in_points[k] - side * half, arm.in_points[k] + side * half])[::-1]
            parts.stop_lines.append(StopLine(line, lane_id, "light" if node.lights else "yield", light))
        if node.arms[i].crossing:
            parts.crossings.append(_crossing(f"{name}.crossing{i}", node, i, ends[i], light))


def _crossing(name: str, node: Node, i: int, end: ArmEnd, light: str | None) -> Crossing:
    near, far = end.cut_m - CROSSING_DEPTH_M + 0.7, end.cut_m - 1.5
    half = end.half_width_m
    corners = ((near, -half), (far, -half), (far, half), (near, half))
    ring = np.stack([arm_point(node, i, reach, left) for reach, left in corners])
    middle = (near + far) / 2
    return Crossing(name, ring, np.stack([arm_point(node, i, middle, -half), arm_point(node, i, middle, half)]), light)


def _cycles(node: Node, rng: np.random.Generator) -> dict[int, tuple[tuple[Colour, float], ...]]:
    """The main road's arms are green together, then the others."""
    first, second = float(rng.uniform(10, 18)), float(rng.uniform(8, 13))
    clear = YELLOW_S + ALL_RED_S
    mains: tuple[tuple[Colour, float], ...] = (("green", first), ("yellow", YELLOW_S), ("red", ALL_RED_S + second + clear))
    others: tuple[tuple[Colour, float], ...] = (("red", first + clear), ("green", second), ("yellow", YELLOW_S), ("red", ALL_RED_S))
    return {i: mains if i in node.main else others for i in range(len(node.arms))}
