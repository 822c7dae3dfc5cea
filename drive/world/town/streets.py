"""Roads of a town: reference lines between junctions, lanes beside them, surfaces, painted lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drive.curves import arc_between, least_radius, normals_of, parallel, resample, smoothstep, stations_of, unit
from drive.frames import Array, wrap_angle
from drive.maps import Junction, Lane
from drive.world.town.layout import Node, RoadPlan

KERB_GAP_M = 0.4  # between the outermost lane's edge and the kerb
CROSSING_DEPTH_M = 5.5  # a stop line's distance from the junction's corner curves where people cross in between
PARKING_WIDTH_M = 2.4
TAPER_M = 32.0
ROUNDABOUT_APPROACH_M = 12.0
LEAST_RADIUS_M = 28.0


@dataclass(frozen=True, eq=False)
class ArmEnd:
    """Where a road meets a node: corner = distance of the corner curves from the centre, cut = of the stop line."""

    corner_m: float
    cut_m: float
    half_width_m: float


@dataclass(eq=False)
class Street:
    """A road as built: reference line [N, 2] from cut to cut; lane ids at its two ends, by direction, inner lane first."""

    plan: RoadPlan
    line: Array
    half_width: Array
    lanes: list[Lane] = field(default_factory=list)
    out_at_start: list[str] = field(default_factory=list)
    in_at_end: list[str] = field(default_factory=list)
    out_at_end: list[str] = field(default_factory=list)
    in_at_start: list[str] = field(default_factory=list)
    junctions: list[Junction] = field(default_factory=list)


def arm_ends(node: Node) -> tuple[ArmEnd, ...]:
    """How far from the centre each arm of a node is cut so that neither lanes nor corners run into each other."""
    ends = []
    half = [arm.lanes * arm.width_m + KERB_GAP_M for arm in node.arms]
    for i, arm in enumerate(node.arms):
        corner = 3.0
        for j in ((i + 1) % len(node.arms), (i - 1) % len(node.arms)):
            gap = abs(float(wrap_angle(node.arms[j].angle - arm.angle)))
            if len(node.arms) == 2 and gap < 2.5:
                corner = max(corner, 30.0 * np.tan((np.pi - gap) / 2) * 0.7)
            if gap < 2.6:
                corner = max(corner, (half[j] + half[i] * np.cos(gap)) / np.sin(gap) + node.corner_m)
        if node.kind == "roundabout":
            corner = node.radius_m + ROUNDABOUT_APPROACH_M
        ends.append(ArmEnd(float(corner), float(corner + (CROSSING_DEPTH_M if arm.crossing else 1.0)), half[i]))
    return tuple(ends)


def build_street(index: int, plan: RoadPlan, start: Array, start_angle: float, end: Array, end_angle: float) -> Street:
    """A road from one cut point to another; the angles look out of the junctions at its ends."""
    line = _reference(plan, start, start_angle, end, end_angle)
    along = stations_of(line)
    taper = min(TAPER_M, 0.5 * along[-1])
    share = smoothstep((along - (along[-1] - taper) / 2) / taper)
    lanes = plan.lanes[0] + (plan.lanes[1] - plan.lanes[0]) * share
    street = Street(plan, line, lanes * plan.width_m + KERB_GAP_M)
    _lay_lanes(street, f"r{index}f", line, plan.lanes, taper, street.out_at_start, street.in_at_end)
    _lay_lanes(street, f"r{index}b", line[::-1], plan.lanes[::-1], taper, street.out_at_end, street.in_at_start)
    return street


def _reference(plan: RoadPlan, start: Array, start_angle: float, end: Array, end_angle: float) -> Array:
    base = arc_between(start, start_angle, end, end_angle + np.pi)
    reach, bump = stations_of(base), plan.bump_m
    for _ in range(6):
        line = resample(parallel(base, bump * np.sin(np.pi * reach / reach[-1]) ** 2))
        if least_radius(line) > LEAST_RADIUS_M:
            return line
        bump /= 2
    return base


def _lay_lanes(street: Street, prefix: str, line: Array, lanes: tuple[int, int], taper: float, first: list[str], last: list[str]) -> None:
    """Lanes of one direction, right of the line: one section, or two with a merge or split in the taper between."""
    plan, along = street.plan, stations_of(line)
    if lanes[0] == lanes[1]:
        ids = [f"{prefix}.{k}" for k in range(lanes[0])]
        _section(street, ids, line, normals_of(line), prefix, [()] * lanes[0])
        first.extend(ids)
        last.extend(ids)
        return
    i, j = int(np.searchsorted(along, (along[-1] - taper) / 2)), int(np.searchsorted(along, (along[-1] + taper) / 2))
    normals = normals_of(line)
    kind = "merge" if lanes[0] > lanes[1] else "split"
    froms, tos = [f"{prefix}0.{k}" for k in range(lanes[0])], [f"{prefix}1.{k}" for k in range(lanes[1])]
    links = [(min(k, lanes[0] - 1), min(k, lanes[1] - 1), f"{prefix}x.{k}") for k in range(max(lanes))]
    onward = [tuple(name for f, _, name in links if f == k) for k in range(lanes[0])]
    _section(street, froms, line[: i + 1], normals[: i + 1], f"{prefix}0", onward)
    _section(street, tos, line[j:], normals[j:], f"{prefix}1", [()] * lanes[1])
    middle, sideways = line[i : j + 1], normals[i : j + 1]
    share = smoothstep((along[i : j + 1] - along[i]) / (along[j] - along[i]))
    centre = middle[len(middle) // 2]
    street.junctions.append(Junction(f"{prefix}x", kind, centre, taper / 2))
    for k, (f, t, name) in enumerate(links):
        offset = -(f + 0.5 + (t - f) * share) * plan.width_m
        yields = (links[0][2],) if kind == "merge" and k > 0 else ()
        path, junction = middle + sideways * offset[:, None], f"{prefix}x"
        lane = Lane(name, path, plan.width_m, plan.limit_mps, (tos[t],), (), None, None, "connector", prefix, junction, yields)
        street.lanes.append(lane)
    first.extend(froms)
    last.extend(tos)


def _section(street: Street, ids: list[str], line: Array, normals: Array, road: str, successors: list[tuple[str, ...]]) -> None:
    width, limit = street.plan.width_m, street.plan.limit_mps
    for k, lane_id in enumerate(ids):
        left, right = ids[k - 1] if k > 0 else None, ids[k + 1] if k + 1 < len(ids) else None
        centre = resample(line - normals * (k + 0.5) * width)
        street.lanes.append(Lane(lane_id, centre, width, limit, successors[k], (), left, right, "road", road))


def surface(street: Street) -> list[Array]:
    """The road's ring and the rings of its parking strips, which swell smoothly from the kerb."""
    line = street.line
    rings = [np.concatenate([parallel(line, street.half_width), parallel(line, -street.half_width)[::-1]])]
    for side, parked in zip((-1, 1), street.plan.parking, strict=True):
        if parked:
            outer = street.half_width + PARKING_WIDTH_M * parking_share(street)
            rings.append(np.concatenate([parallel(line, side * (street.half_width - 0.5)), parallel(line, side * outer)[::-1]]))
    return rings


def parking_share(street: Street) -> Array:
    """How much of the parking strip's width stands at each point of the reference line, 0 to 1 [N]."""
    along = stations_of(street.line)
    edge = np.minimum(along, along[-1] - along)
    return smoothstep((edge - 8.0) / 6.0)


def pavement(street: Street) -> list[Array]:
    """The lines on which people walk beside the road, right and left; none beside short roads."""
    if stations_of(street.line)[-1] < 20.0:
        return []
    share = parking_share(street) * PARKING_WIDTH_M
    sides = zip((-1, 1), street.plan.parking, strict=True)
    return [resample(parallel(street.line, side * (street.half_width + 1.4 + share * parked))) for side, parked in sides]


def painted(street: Street) -> dict[str, list[Array]]:
    """Painted lines: the divide of directions, the dividers between lanes of one direction."""
    lines: dict[str, list[Array]] = {"road_divider": [street.line], "lane_divider": []}
    roads = {lane.id: lane for lane in street.lanes if lane.kind == "road"}
    for lane in roads.values():
        if lane.right is not None:
            lines["lane_divider"].append(parallel(lane.centreline, -lane.width_m / 2))
    return lines


def arm_point(node: Node, arm: int, reach_m: float, left_m: float = 0.0) -> Array:
    """The point at a distance out along an arm and to its left, looking out of the node."""
    out = unit(node.arms[arm].angle)
    return node.centre + out * reach_m + np.array([-out[1], out[0]]) * left_m
