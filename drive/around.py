"""What lies around a pose: lanes with their links, and lights, of a map in the world, as rows in the pose's frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drive.frames import Array, invert_se2, rotation_2d
from drive.maps import Colour, Lane, Layer, Light, RoadMap
from drive.roads import Lanes, LightColour, Lights, links

RADIUS_M = 60.0


def to_frame(points: Array, pose: Array) -> Array:
    """World points [..., 2] in the frame of a pose [3]."""
    frame = invert_se2(pose)
    return np.asarray(points @ rotation_2d(frame[2]).T + frame[:2])


def lanes_around(lanes: Sequence[Lane], pose: Array, radius_m: float = RADIUS_M) -> Lanes:
    """The lanes that reach into the square of that half width around a pose [3], whole, with the links among them.

    A map none of whose lanes yields is taken not to tell who goes first.
    """
    told = any(lane.yields_to for lane in lanes)
    layer = Layer(tuple(lane.centreline for lane in lanes), np.array([lane.box for lane in lanes], dtype=np.float64).reshape(-1, 4))
    near = [(lanes[k], line) for k, line in layer.near(pose, radius_m)]
    row = {lane.id: k for k, (lane, _) in enumerate(near)}
    width_known, limit_known = np.array([(lane.width_known, lane.limit_known) for lane, _ in near], dtype=bool).reshape(-1, 2).T
    return Lanes(
        ids=tuple(row),
        lines=tuple(line for _, line in near),
        width_m=np.where(width_known, [lane.width_m for lane, _ in near], 0.0),
        width_known=width_known,
        limit_mps=np.where(limit_known, [lane.speed_limit_mps for lane, _ in near], 0.0),
        limit_known=limit_known,
        in_junction=np.array([lane.kind == "connector" for lane, _ in near], dtype=bool),
        follows=links([(row[lane.id], row[name]) for lane, _ in near for name in lane.successors if name in row]),
        left=links([(row[lane.id], row[lane.left]) for lane, _ in near if lane.left in row]),
        right=links([(row[lane.id], row[lane.right]) for lane, _ in near if lane.right in row]),
        yields=links([(row[lane.id], row[name]) for lane, _ in near for name in lane.yields_to if name in row]) if told else None,
    )


def lights_around(road_map: RoadMap, lanes: Lanes, pose: Array, time_s: float, repeats: bool) -> Lights:
    """The lights that rule one of those lanes, as they are at a time. repeats: whether cycles do; a recorded one is told once."""
    row = {name: k for k, name in enumerate(lanes.ids)}
    near = [light for light in road_map.lights if any(name in row for name in light.lanes)]
    shown = [phase(light, time_s, repeats) for light in near]
    since, since_known = _column([since for _, since, _ in shown])
    remaining, remaining_known = _column([remaining for *_, remaining in shown])
    waits: dict[str | None, list[Array]] = {}
    for stop in road_map.stop_lines:
        waits.setdefault(stop.light, []).append(to_frame(stop.line, pose))
    return Lights(
        ids=tuple(light.id for light in near),
        colours=tuple(colour for colour, *_ in shown),
        since_s=since,
        since_known=since_known,
        remaining_s=remaining,
        remaining_known=remaining_known,
        stop_lines=tuple(np.array(waits.get(light.id, [])).reshape(-1, 2, 2) for light in near),
        rules=links([(k, row[name]) for k, light in enumerate(near) for name in light.lanes if name in row]),
    )


def phase(light: Light, time_s: float, repeats: bool) -> tuple[LightColour | None, float | None, float | None]:
    """What a light shows at a time, since when and for how much longer, in seconds.

    All None where it is dark or was not seen. The times are None where they are not known: before and after what is told of a cycle
    that does not repeat, and of a light that never changes.
    """
    rest = (time_s + light.offset_s) % light.period_s
    ends = np.cumsum([seconds for _, seconds in light.cycle])
    now = min(int(np.searchsorted(ends, rest, side="right")), len(ends) - 1)
    colour = light.cycle[now][0]
    if colour == "off":
        return None, None, None
    back, on = (_same(light.cycle, now, step, repeats) for step in (-1, 1))
    since = None if back is None else float(rest - ends[now] + light.cycle[now][1] + back)
    remaining = None if on is None else float(ends[now] - rest + on)
    return colour, since, remaining


def _same(cycle: tuple[tuple[Colour, float], ...], now: int, step: int, repeats: bool) -> float | None:
    """Seconds of the neighbouring phases of the same colour on one side; None where their end is not known."""
    seconds = 0.0
    for k in range(1, len(cycle)):
        at = now + step * k
        if not repeats and not 0 <= at < len(cycle):
            return None
        colour, lasts = cycle[at % len(cycle)]
        if colour != cycle[now][0]:
            return None if colour == "off" else seconds
        seconds += lasts
    return None


def _column(values: list[float | None]) -> tuple[Array, np.ndarray]:
    known = np.array([value is not None for value in values], dtype=bool)
    return np.array([value or 0.0 for value in values], dtype=np.float64), known
