"""What is painted on a road: lines, stop lines, arrows, zebra crossings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from drive.curves import parallel, stations_of
from drive.frames import Array
from drive.maps import Crossing, Lane, RoadMap, StopLine
from drive.render.look.flat import flat_shape
from drive.render.look.solids import eased, join, quad, ribbon
from drive.render.look.soup import Shape, Soup
from drive.render.look.textures import NUMBER
from drive.render.scene import FINE_LAYER

WIDTH_M, STOP_WIDTH_M = 0.15, 0.4
DASH_M, GAP_M, SOLID_END_M = 3.0, 4.5, 18.0
DOUBLE_M, DOUBLE_WIDTH_M = 0.13, 0.12  # two lines, each so far from the middle
STRIPE_M, STRIPE_GAP_M = 0.5, 0.5
WHITE, YELLOW = (0.93, 0.93, 0.91), (0.95, 0.74, 0.18)


def paint_lines(soup: Soup, road_map: RoadMap, yellow: bool) -> None:
    """Centre lines, double and yellow or white and interrupted; dividers between lanes of one direction."""
    for line in _long(road_map.lines.get("road_divider", ())):
        for shape in _double(line) if yellow else _interrupted(line):
            _add(soup, shape, YELLOW if yellow else WHITE)
    for line in _long(road_map.lines.get("lane_divider", ())):
        _add(soup, _dashed(line, WIDTH_M), WHITE)


def paint_edges(soup: Soup, road_map: RoadMap) -> None:
    """A line at the right edge of each road's outer lane."""
    for lane in road_map.lanes:
        if lane.kind == "road" and lane.right is None:
            _add(soup, _solid(parallel(lane.centreline, -lane.width_m / 2), 0.12), WHITE)


def _long(lines: Iterable[Array]) -> list[Array]:
    """Those that have a length."""
    return [line for line in lines if stations_of(line)[-1] > 0.2]


def _add(soup: Soup, shape: Shape | None, colour: tuple[float, float, float], semantic: str = "marking") -> None:
    if shape is not None:
        soup.add(shape, semantic, NUMBER["paint"], colour, layer=FINE_LAYER)


def _solid(line: Array, width: float) -> Shape:
    return ribbon(eased(line), width / 2, width / 2, 2.5)


def _double(line: Array) -> list[Shape]:
    return [_solid(parallel(line, side * DOUBLE_M), DOUBLE_WIDTH_M) for side in (-1, 1)]


def _interrupted(line: Array) -> list[Shape | None]:
    """Solid towards both ends of a road, dashed in between."""
    along = stations_of(line)
    ends = min(SOLID_END_M, along[-1] / 2)
    head, tail = line[along <= ends], line[along >= along[-1] - ends]
    pieces: list[Shape | None] = [_solid(piece, WIDTH_M) for piece in (head, tail) if len(piece) > 1]
    return [*pieces, _dashed(line, WIDTH_M, ends + GAP_M, GAP_M)]


def _dashed(line: Array, width: float, margin: float = 1.0, gap: float = GAP_M) -> Shape | None:
    """Dashes along a line, none nearer to its ends than a margin."""
    along = stations_of(line)
    dashes = []
    for start in np.arange(margin, along[-1] - margin - DASH_M, DASH_M + gap):
        at = np.linspace(start, start + DASH_M, 3)
        piece = np.column_stack([np.interp(at, along, line[:, n]) for n in range(2)])
        dashes.append(ribbon(piece, width / 2, width / 2, 2.5))
    return join(dashes) if dashes else None


def paint_stops(soup: Soup, road_map: RoadMap) -> None:
    """A bar before a light; a row of teeth where one gives way."""
    for stop in road_map.stop_lines:
        _add(soup, _bar(stop) if stop.kind == "light" else _teeth(stop), WHITE)


def _ways(stop: StopLine) -> tuple[Array, Array, float]:
    """Right end of a stop line, unit way from right to left, length."""
    right, left = stop.line
    length = float(np.hypot(*(left - right)))
    return right, (left - right) / length, length


def _bar(stop: StopLine) -> Shape:
    right, way, length = _ways(stop)
    back = np.array([way[1], -way[0]])  # ahead is to the right of the way from right to left
    ahead = back
    corners = [right - STOP_WIDTH_M * ahead, right, right + way * length, right + way * length - STOP_WIDTH_M * ahead]
    return quad(np.column_stack([corners, np.zeros(4)]), ((0, 0), (0, 0.3), (2, 0.3), (2, 0)))


def _teeth(stop: StopLine) -> Shape:
    right, way, length = _ways(stop)
    ahead = np.array([way[1], -way[0]])
    count = max(3, int(length / 0.6))
    step = length / count
    shapes = []
    for k in range(count):
        a = right + way * (k + 0.15) * step
        b = right + way * (k + 0.85) * step
        tip = (a + b) / 2 - 0.6 * ahead
        points = np.column_stack([np.stack([tip, a, b]), np.zeros(3)])
        shapes.append(Shape(points, np.array([[0, 1, 2]]), np.array([[[0.5, 0.0], [0.3, 0.3], [0.7, 0.3]]])))
    return join(shapes)


def paint_crossings(soup: Soup, road_map: RoadMap) -> None:
    """Zebra stripes, on asphalt that counts as crossing too."""
    import shapely

    for crossing in road_map.crossings:
        area = shapely.Polygon(crossing.ring)
        soup.add(flat_shape(area, 0.0, 14.0, 6.0), "crossing", NUMBER["asphalt"], layer=FINE_LAYER - 1)
        _add(soup, _zebra(crossing), WHITE, "crossing")


def _zebra(crossing: Crossing) -> Shape:
    a, b = crossing.walk
    length = float(np.hypot(*(b - a)))
    walk = (b - a) / length
    drive = np.array([-walk[1], walk[0]])
    reach = (crossing.ring - a) @ drive
    low, high = float(reach.min()), float(reach.max())
    count = max(2, int((length - 0.4) / (STRIPE_M + STRIPE_GAP_M)))
    first = (length - count * (STRIPE_M + STRIPE_GAP_M) + STRIPE_GAP_M) / 2
    stripes = []
    for k in range(count):
        at = first + k * (STRIPE_M + STRIPE_GAP_M)
        corners = [a + walk * s + drive * d for s, d in ((at, low), (at + STRIPE_M, low), (at + STRIPE_M, high), (at, high))]
        uv = np.array(((0, 0), (0.25, 0), (0.25, 1.5), (0, 1.5))) + 0.37 * k
        stripes.append(quad(np.column_stack([corners, np.zeros(4)]), uv))
    return join(stripes)


def paint_arrows(soup: Soup, road_map: RoadMap) -> None:
    """Arrows before lights: where each lane leads."""
    lanes = {lane.id: lane for lane in road_map.lanes}
    for stop in road_map.stop_lines:
        lane = lanes[stop.lane]
        if stop.kind == "light" and lane.kind == "road" and lane.length_m > 25.0:
            for shape in _arrows(lane, [lanes[name] for name in lane.successors]):
                _add(soup, shape, WHITE)


def _arrows(lane: Lane, onward: list[Lane]) -> list[Shape]:
    at = np.array([lane.length_m - 14.0, lane.length_m - 10.0])
    tail, head = np.column_stack([np.interp(at, lane.stations, lane.centreline[:, n]) for n in range(2)])
    way = (head - tail) / np.hypot(*(head - tail))
    left = np.array([-way[1], way[0]])
    sides = {_turn(other) for other in onward}
    shapes = [_polygon(tail, way, left, [(0, 0.075), (0, -0.075), (2.4, -0.075), (2.4, 0.075)])]
    if 0 in sides:
        shapes.append(_polygon(tail, way, left, [(2.4, 0.075), (2.4, -0.075), (3.0, -0.075), (3.0, 0.075)]))
        shapes.append(_polygon(tail, way, left, [(3.0, 0.28), (3.0, -0.28), (4.4, 0.0)]))
    for side in sides - {0}:
        arm = [(1.6, 0.0), (2.0, 0.0), (2.4, 0.55), (2.4, 0.8), (2.15, 0.8), (2.0, 0.55)]
        tip = [(1.85, 0.62), (2.75, 0.62), (2.3, 1.3)]
        for outline in (arm, tip):
            points = [(x, y * side) for x, y in outline]
            shapes.append(_polygon(tail, way, left, points if side < 0 else points))
    return shapes


def _turn(lane: Lane) -> int:
    """1 left, -1 right, 0 straight on."""
    first, last = lane.centreline[1] - lane.centreline[0], lane.centreline[-1] - lane.centreline[-2]
    angle = np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last)
    return int(np.sign(angle)) if abs(angle) > 0.6 else 0


def _polygon(origin: Array, way: Array, left: Array, outline: list[tuple[float, float]]) -> Shape:
    """A flat outline given as (ahead, left) from an origin."""
    from drive.render.look.flat import clip_ears

    points = np.array([origin + x * way + y * left for x, y in outline])
    x, y = points.T
    if (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() < 0:
        points = points[::-1]
    triangles = clip_ears(np.ascontiguousarray(points))
    return Shape(np.column_stack([points, np.zeros(len(points))]), triangles, (points / 2.5)[triangles])
