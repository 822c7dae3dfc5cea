"""Surroundings of a recorded scene, of which only lanes and tracks are known: where vehicles stand is asphalt; houses and trees
stand along the roads where nobody is, and not before those who are there.

Who drives in the scene must not read the future from its scenery: that knows where everybody is at the start, and what stands
where it is first seen. With hindsight, to look back at a recording, it knows all tracks.
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import Array
from drive.geometry import box_corners
from drive.world.furniture import PAVEMENT_M, STOREY_SHARES, STOREYS_M, Furniture
from drive.world.state import ACTIVE, AS_RECORDED, BY_LANE, OBSTACLE, PEDESTRIAN
from drive.world.world import World

SEEN_M = 150.0  # houses stand this near to the recorded drive
CLOSE_M = 2.0  # gaps narrower than twice this between parked cars and the road are asphalt too
LINE_SIDE_M = 1.0  # asphalt on both sides of a painted line
FIRST_STEPS, STANDS_M = 10, 0.5  # who has moved less in a second stands
VIEW_M = 3.0  # half width of the free view from the road to somebody who stands off it


def whole_tracks(world: World) -> list[tuple[int, Array]]:
    """Where each agent was: (agent, poses [N, 3])."""
    static, found = world.static, []
    for i in range(1, len(static.kind)):
        if static.mode[i] == AS_RECORDED:
            poses = static.recorded[static.recorded_valid[:, i], i, :3]
        else:
            poses = static.path[static.path_ptr[i] : static.path_ptr[i + 1], :3]
            poses = poses[:-59] if static.mode[i] == BY_LANE and len(poses) > 62 else poses
        if len(poses):
            found.append((i, poses[:: max(1, len(poses) // 60)]))
    return found


def first_places(world: World) -> list[tuple[int, Array]]:
    """Where each agent is at the start, or where it stands when it is first seen: (agent, poses [1, 3])."""
    static, found = world.static, []
    for i in range(1, len(static.kind)):
        if world.start.marks[i, ACTIVE]:
            found.append((i, world.start.pose[i][None]))
        elif static.mode[i] == AS_RECORDED:
            poses = static.recorded[static.recorded_valid[:, i], i, :3]
            if len(poses) and np.hypot(*(poses[: FIRST_STEPS + 1, :2] - poses[0, :2]).T).max() < STANDS_M:
                found.append((i, poses[:1]))
    return found


def driven_area(world: World, road: BaseGeometry, hindsight: bool = False) -> BaseGeometry:
    """The road, the ground under recorded vehicles and under painted lines, small gaps closed."""
    boxes = [np.empty((0, 5))]
    for i, poses in (whole_tracks if hindsight else first_places)(world):
        if world.static.kind[i] not in (PEDESTRIAN, OBSTACLE):
            size = np.broadcast_to(world.static.size[i, :2] + [0.8, 0.6], (len(poses), 2))
            boxes.append(np.column_stack([poses, size]))
    under = shapely.union_all(shapely.polygons(box_corners(np.concatenate(boxes))))
    lines = [shapely.LineString(line).buffer(LINE_SIDE_M, cap_style="flat") for items in world.map.lines.values() for line in items]
    whole = shapely.union_all([road, under, *lines]).buffer(CLOSE_M, quad_segs=2).buffer(-CLOSE_M, quad_segs=2)
    return shapely.simplify(shapely.union(whole, road), 0.05)


def surroundings(world: World, road: BaseGeometry, rng: np.random.Generator, hindsight: bool = False) -> tuple[Furniture, BaseGeometry]:
    """Houses and trees along a recorded scene's roads, and the ground off the road where somebody is."""
    drive = shapely.LineString(world.static.human[:, :2]) if len(world.static.human) > 1 else shapely.Point(world.start.ego[:2])
    near = drive.buffer(SEEN_M, quad_segs=4)
    taken = _taken(world, road, hindsight)
    houses = _houses(road, taken.union(road.buffer(PAVEMENT_M + 0.5, quad_segs=2)), near, rng)
    trees = _trees(road, taken, houses, near, rng)
    return Furniture(np.zeros((0, 7)), houses, trees, np.zeros((0, 4))), taken


def _taken(world: World, road: BaseGeometry, hindsight: bool) -> BaseGeometry:
    """Where somebody is, and the view of it from the road."""
    shapes = []
    shapely.prepare(road)
    for i, poses in (whole_tracks if hindsight else first_places)(world):
        half = 0.5 * float(np.hypot(*world.static.size[i, :2])) + 0.7
        way = shapely.LineString(poses[:, :2]) if np.ptp(poses[:, :2], axis=0).max() > 0.1 else shapely.Point(poses[0, :2])
        shapes.append(way.buffer(half, quad_segs=2))
        if not road.intersects(way):
            with np.errstate(invalid="ignore"):  # GEOS sets the flag on the way to a good answer
                view = shapely.shortest_line(way, road)
            shapes.append(view.buffer(VIEW_M, quad_segs=2))
    return shapely.union_all(shapes)


def _spots(road: BaseGeometry, out_m: float, spacing: tuple[float, float], near: BaseGeometry, rng: np.random.Generator) -> list[Array]:
    """Places at a distance outside the road: x, y, heading along its edge, spaced at random."""
    spots = []
    edge = road.buffer(out_m, quad_segs=3)
    for piece in getattr(edge, "geoms", [edge]):
        for ring in (piece.exterior, *piece.interiors):
            at = float(rng.uniform(*spacing))
            while at < ring.length:
                a, b = ring.interpolate(at - 0.5), ring.interpolate(at + 0.5)
                if near.contains(a):
                    spots.append(np.array([(a.x + b.x) / 2, (a.y + b.y) / 2, np.arctan2(b.y - a.y, b.x - a.x)]))
                at += float(rng.uniform(*spacing))
    return spots


def _houses(road: BaseGeometry, taken: BaseGeometry, near: BaseGeometry, rng: np.random.Generator) -> Array:
    shapely.prepare(taken)
    rows: list[list[float]] = []
    shapes: list[BaseGeometry] = []
    for setback in (PAVEMENT_M + 8.0, PAVEMENT_M + 14.0):
        for x, y, heading in _spots(road, setback, (14.0, 32.0), near, rng):
            row = [x, y, heading, rng.uniform(10, 24), rng.uniform(9, 15)]
            shape = shapely.Polygon(box_corners(row))
            if not taken.intersects(shape) and not any(shape.intersects(other) for other in shapes):
                rows.append([*row, float(rng.choice(STOREYS_M, p=STOREY_SHARES))])
                shapes.append(shape)
    return np.array(rows).reshape(-1, 6)


def _trees(road: BaseGeometry, taken: BaseGeometry, houses: Array, near: BaseGeometry, rng: np.random.Generator) -> Array:
    walls = shapely.union_all([shapely.Polygon(c) for c in box_corners(houses[:, :5])]) if len(houses) else shapely.Polygon()
    blocked = taken.union(walls.buffer(1.5, quad_segs=2)).union(road.buffer(1.2, quad_segs=2))
    shapely.prepare(blocked)
    spots = _spots(road, PAVEMENT_M - 0.6, (9.0, 24.0), near, rng)
    rows = [[x, y, rng.uniform(1.4, 2.6), rng.uniform(4.5, 9.0)] for x, y, _ in spots if not blocked.intersects(shapely.Point(x, y))]
    return np.array(rows).reshape(-1, 4)
