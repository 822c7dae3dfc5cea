"""Shapes that everything is built of: quads, strips, boxes, lofts, cylinders, blobs, flat polygons. Metres, z up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike

from drive.curves import parallel, resample, stations_of
from drive.frames import Array
from drive.maps import Lane
from drive.render.look.soup import Shape


def quad(corners: ArrayLike, uv: ArrayLike = ((0, 0), (1, 0), (1, 1), (0, 1))) -> Shape:
    """Four corners [4, 3], counter-clockwise from the front, and their texture coordinates [4, 2]."""
    t = np.array([[0, 1, 2], [0, 2, 3]])
    return Shape(np.asarray(corners, dtype=np.float64), t, np.asarray(uv, dtype=np.float64)[t])


def join(shapes: Sequence[Shape]) -> Shape:
    """Several shapes as one."""
    starts = np.cumsum([0, *(len(s.vertices) for s in shapes[:-1])])
    triangles = np.concatenate([s.triangles + start for s, start in zip(shapes, starts, strict=True)])
    return Shape(np.concatenate([s.vertices for s in shapes]), triangles, np.concatenate([s.uv for s in shapes]))


def moved(shape: Shape, offset: ArrayLike = (0.0, 0.0, 0.0), heading: float = 0.0) -> Shape:
    """The shape turned about z, then shifted."""
    c, s = np.cos(heading), np.sin(heading)
    turned = shape.vertices @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return shape._replace(vertices=turned + np.asarray(offset, dtype=np.float64))


def loft(rings: ArrayLike, caps: tuple[bool, bool] = (True, True), uv_scale: float = 1.0) -> Shape:
    """A skin over rings [K, M, 3] that follow each other; each ring turns counter-clockwise about the way they go.

    Caps are fans, so end rings must be convex. u runs round the ring and v along, in repeats per metre of `uv_scale`.
    """
    r = np.asarray(rings, dtype=np.float64)
    k, m = r.shape[:2]
    at = np.arange(k * m).reshape(k, m)
    a, b = at[:-1], np.roll(at, -1, axis=1)[:-1]
    c, d = np.roll(at, -1, axis=1)[1:], at[1:]
    side = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    around = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.roll(r[0], -1, 0) - r[0], axis=1))]) * uv_scale
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(r.mean(1), axis=0), axis=1))]) * uv_scale
    u0, u1 = np.broadcast_to(around[:-1], (k - 1, m)), np.broadcast_to(around[1:], (k - 1, m))
    v0, v1 = np.broadcast_to(along[:-1, None], (k - 1, m)), np.broadcast_to(along[1:, None], (k - 1, m))
    pa, pb, pc, pd = (np.stack(pair, -1) for pair in ((u0, v0), (u1, v0), (u1, v1), (u0, v1)))
    uv = np.stack([np.stack([pa, pb, pc], 2), np.stack([pa, pc, pd], 2)], 2).reshape(-1, 3, 2)
    fan = np.stack([np.zeros(m - 2, dtype=np.int64), np.arange(1, m - 1), np.arange(2, m)], -1)
    triangles, uvs = [side], [uv]
    for wanted, cap in zip(caps, (fan[:, ::-1], fan + (k - 1) * m), strict=True):
        if wanted:
            flat = r.reshape(-1, 3)[cap]
            triangles.append(cap)
            uvs.append(flat[..., np.argsort(np.ptp(flat.reshape(-1, 3), axis=0))[1:]] * uv_scale)
    return Shape(r.reshape(-1, 3), np.concatenate(triangles), np.concatenate(uvs))


def prism(outline: ArrayLike, low: float, high: float, caps: tuple[bool, bool] = (True, True), uv_scale: float = 1.0) -> Shape:
    """A convex outline [N, 2], counter-clockwise, from height low to high."""
    ring = np.asarray(outline, dtype=np.float64)
    return loft([np.column_stack([ring, np.full(len(ring), z)]) for z in (low, high)], caps, uv_scale)


def box(centre: ArrayLike, size: ArrayLike, uv_scale: float = 1.0, caps: tuple[bool, bool] = (True, True)) -> Shape:
    """A box along the axes; caps: bottom, top."""
    c, h = np.asarray(centre, dtype=np.float64), np.asarray(size, dtype=np.float64) / 2
    outline = c[:2] + h[:2] * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return prism(outline, c[2] - h[2], c[2] + h[2], caps, uv_scale)


def tube(
    start: ArrayLike, end: ArrayLike, radius: float | tuple[float, float], sides: int = 6, caps: tuple[bool, bool] = (True, True)
) -> Shape:
    """A round bar (or cone) between two points."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    axis = (b - a) / np.linalg.norm(b - a)
    first = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.8 else [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    angle = 2 * np.pi * np.arange(sides) / sides
    circle = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    low, high = radius if isinstance(radius, tuple) else (radius, radius)
    return loft([a + low * circle, b + high * circle], caps)


_P = (1 + 5**0.5) / 2
_ICO = np.array([(-1, _P, 0), (1, _P, 0), (-1, -_P, 0), (1, -_P, 0), (0, -1, _P), (0, 1, _P), (0, -1, -_P), (0, 1, -_P)])
_ICO = np.concatenate([_ICO, np.array([(_P, 0, -1), (_P, 0, 1), (-_P, 0, -1), (-_P, 0, 1)])]) / np.hypot(1, _P)
_FACES = np.array(
    [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8)]
    + [(3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
)


def blob(centre: ArrayLike, radii: ArrayLike, rng: np.random.Generator | None = None, rough: float = 0.2, uv_scale: float = 0.5) -> Shape:
    """A faceted ball of twenty triangles, its corners moved in and out where a generator is given."""
    bumps = 1.0 if rng is None else rng.uniform(1 - rough, 1.0, (12, 1))
    points = _ICO * bumps * np.asarray(radii, dtype=np.float64)
    corners = points[_FACES]
    uv = np.stack([corners[..., 0] + 0.6 * corners[..., 1], corners[..., 2] + 0.3 * corners[..., 1]], -1) * uv_scale
    return Shape(points + np.asarray(centre, dtype=np.float64), _FACES, uv)


def disc(centre: ArrayLike, right: ArrayLike, up: ArrayLike, sides: int = 8) -> Shape:
    """A flat round face; right and up are its half axes [3], right x up its front. The texture lies over it once."""
    return _fan(centre, right, up, 2 * np.pi * (np.arange(sides) + 0.5) / sides)


def arch(centre: ArrayLike, right: ArrayLike, up: ArrayLike, sides: int = 8) -> Shape:
    """The upper part of a disc."""
    return _fan(centre, right, up, np.linspace(-0.35, np.pi + 0.35, sides))


def _fan(centre: ArrayLike, right: ArrayLike, up: ArrayLike, angle: Array) -> Shape:
    c, s = np.cos(angle), np.sin(angle)
    r, u = np.asarray(right, dtype=np.float64), np.asarray(up, dtype=np.float64)
    points = np.asarray(centre, dtype=np.float64) + c[:, None] * r + s[:, None] * u
    t = np.stack([np.zeros(len(angle) - 2, dtype=np.int64), np.arange(1, len(angle) - 1), np.arange(2, len(angle))], -1)
    return Shape(points, t, (0.5 + 0.5 * np.stack([c, s], -1))[t])


def _strip(first: Array, second: Array, uv: Array) -> Shape:
    """Faces between two rows of points [N, 3], the first on the right of the way they go; uv [2, N, 2]."""
    n = len(first)
    i = np.arange(n - 1)
    triangles = np.concatenate([np.stack([i, i + 1, n + i + 1], -1), np.stack([i, n + i + 1, n + i], -1)])
    return Shape(np.concatenate([first, second]), triangles, uv.reshape(-1, 2)[triangles])


def _at_height(points: Array, z: ArrayLike) -> Array:
    return np.column_stack([points, np.broadcast_to(np.asarray(z, dtype=np.float64), len(points))])


def eased(line: Array, error_m: float = 0.02) -> Array:
    """A line [N, 2] with as few points as an error allows, ends kept."""
    return np.array(shapely.simplify(shapely.LineString(resample(line)), error_m).coords)


def ribbon(line: ArrayLike, right_m: float, left_m: float, repeat_m: float = 1.0) -> Shape:
    """A strip on the ground along a line [N, 2], from right to left of it: u 0 to 1 across, v in repeats along."""
    points = np.asarray(line, dtype=np.float64)
    v = stations_of(points) / repeat_m
    uv = np.stack([np.column_stack([np.full_like(v, u), v]) for u in (0.0, 1.0)])
    return _strip(_at_height(parallel(points, -right_m), 0.0), _at_height(parallel(points, left_m), 0.0), uv)


def between(right: Array, left: Array, z: float, repeat_m: float) -> Shape:
    """A level strip between two lines [N, 2]: u in repeats along, v 0 to 1 across."""
    u = stations_of(left) / repeat_m
    uv = np.stack([np.column_stack([u, np.full_like(u, v)]) for v in (0.0, 1.0)])
    return _strip(_at_height(right, z), _at_height(left, z), uv)


def wall(line: ArrayLike, low: float, high: ArrayLike, repeat_m: float = 1.0) -> Shape:
    """Upright faces along a line [N, 2], their front to the right of its way; high: one height or [N]; u along, v up."""
    points = np.asarray(line, dtype=np.float64)
    u = stations_of(points) / repeat_m
    top = np.broadcast_to(np.asarray(high, dtype=np.float64), len(points))
    uv = np.stack([np.column_stack([u, np.zeros_like(u)]), np.column_stack([u, (top - low) / repeat_m])])
    return _strip(_at_height(points, low), _at_height(points, top), uv)


def point_at(lane: Lane, station: float) -> tuple[Array, Array]:
    """The point [2] of a lane at a station, and the unit way there."""
    at = np.clip([station, station - 0.5, station + 0.5], 0.0, lane.length_m)
    spot, before, after = np.column_stack([np.interp(at, lane.stations, lane.centreline[:, n]) for n in range(2)])
    return spot, (after - before) / np.hypot(*(after - before))
