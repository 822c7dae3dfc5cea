"""Draws what a camera sees: the ground from a raster by exact perspective, everything above it as shaded polygons.

Pictures are drawn at SUPERSAMPLE times their size and shrunk, which smooths all edges. Colours are RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.cameras import Camera, unproject
from drive.frames import Array, invert_se3, se2_to_se3, transform_points

SUPERSAMPLE = 2
RASTER_M = 0.1
LEVELS = 5
HAZE_M = 220.0
SKY_TOP, SKY_LOW = np.array([92.0, 142.0, 205.0]), np.array([214.0, 224.0, 232.0])
GRASS, HILL = (104, 122, 78), (158, 174, 178)
SUN = np.array([0.45, -0.55, 0.70])
NEAR_M, FAR_M = 0.15, 160.0
SHADOW = 0.6

Picture = NDArray[np.uint8]
Colour = ArrayLike  # three values of 0 to 255
Box = tuple[float, float, float, float, float, float]  # x0, x1, y0, y1, z0, z1 around a pose
Pane = tuple[int, float, float, float, float, Colour]  # face, u0, u1, v0, v1, colour


@dataclass(frozen=True)
class Solid:
    """A thing to draw: kind "car", "van", "person", "building", "tree" or "lamp"; pose (x, y, heading) of its centre on the
    ground; size (length, width, height); colour."""

    kind: str
    pose: Array
    size: tuple[float, float, float]
    colour: tuple[int, int, int]


class Ground:
    """The ground of one tile as a raster with its origin (lower left corner) in the world, blurred copies for distance."""

    def __init__(self, origin: tuple[float, float], size_m: float, seed: int) -> None:
        self.origin, self.cells = origin, round(size_m / RASTER_M)
        self.image: Picture = np.full((self.cells, self.cells, 3), GRASS, dtype=np.uint8)
        self._noise = np.random.default_rng(seed).normal(0.0, 1.0, (self.cells // 8, self.cells // 8)).astype(np.float32)
        self._levels: list[Picture] = []

    def paint(self, ring: Array, colour: tuple[int, int, int]) -> None:
        """Fills a ring [N, 2] in world metres."""
        cells = (ring - self.origin) / RASTER_M - 0.5
        cv2.fillPoly(self.image, [np.round(cells * 16).astype(np.int32)], colour, lineType=cv2.LINE_AA, shift=4)

    def levels(self) -> list[Picture]:
        """The raster with some unevenness, and its successively blurred copies."""
        if not self._levels:
            noise = cv2.resize(self._noise, (self.cells, self.cells), interpolation=cv2.INTER_CUBIC)[..., None]
            levels: list[Picture] = [np.clip(self.image + 3.0 * noise, 0, 255).astype(np.uint8)]
            for _ in range(LEVELS - 1):
                levels.append(cv2.pyrDown(levels[-1]).astype(np.uint8, copy=False))
            self._levels = levels
        return self._levels

    def look(self, points: Array, footprint_m: Array) -> NDArray[np.float32]:
        """Colours [N, 3] at world points [N, 2], mixed from the two levels whose cells are nearest to a pixel's footprint."""
        level = np.clip(np.log2(np.maximum(footprint_m / RASTER_M, 1.0)), 0, LEVELS - 1.001)
        colours = np.zeros((len(points), 3), dtype=np.float32)
        for i, image in enumerate(self.levels()):
            weight = 1.0 - np.abs(level - i)
            near = np.flatnonzero(weight > 0)
            at = ((points[near] - self.origin) / (RASTER_M * 2**i) - 0.5).astype(np.float32)
            for part in range(0, len(near), 30000):  # remap takes less than 32768 rows
                rows = slice(part, part + 30000)
                seen = cv2.remap(image, at[rows, :1], at[rows, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=GRASS)
                colours[near[rows]] += weight[near[rows], None].astype(np.float32) * seen[:, 0]
        return colours


def draw(camera: Camera, world_from_camera: Array, ground: Ground, solids: Sequence[Solid]) -> Picture:
    """The picture uint8 [height, width, 3] that `camera` (its pose ignored) takes from world_from_camera."""
    brush = Brush(_backdrop(camera, world_from_camera, ground), camera, world_from_camera)
    seen = [(brush.distance(solid), solid) for solid in solids]
    seen = [(distance, solid) for distance, solid in seen if distance < FAR_M]
    brush.shadows([_shadow(solid) for _, solid in seen if solid.kind in ("car", "van", "person", "tree")])
    for _, solid in sorted(seen, key=lambda s: -s[0]):
        _PARTS[solid.kind](brush, solid)
    return cv2.resize(brush.image, (camera.width, camera.height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _backdrop(camera: Camera, world_from_camera: Array, ground: Ground) -> Picture:
    """Sky, distant hills and the ground, by a ray through every pixel."""
    width, height = camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE
    u, v = (np.arange(width) + 0.5) / SUPERSAMPLE, (np.arange(height) + 0.5) / SUPERSAMPLE
    rays = unproject(camera, np.stack(np.meshgrid(u, v), -1)) @ world_from_camera[:3, :3].T
    climb = rays[..., 2]
    hills = 0.022 + 0.012 * np.sin(3 * (azimuth := np.arctan2(rays[..., 1], rays[..., 0])) + 1) + 0.008 * np.sin(11 * azimuth)
    picture = SKY_LOW + (SKY_TOP - SKY_LOW) * np.clip(climb / 0.45, 0, 1)[..., None] ** 0.7
    picture[climb < hills] = HILL
    below = climb < -1e-3
    eye, down = world_from_camera[:3, 3], -climb[below]
    reach = eye[2] / down
    footprint = reach / camera.K[0, 0] / np.sqrt(np.maximum(down, 0.02))
    picture[below] = _hazed(ground.look(eye[:2] + rays[below][:, :2] * reach[:, None], footprint), reach)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _hazed(colours: ArrayLike, distance: ArrayLike) -> Array:
    clear = np.exp(-np.asarray(distance) / HAZE_M)[..., None]
    return np.asarray(colours) * clear + SKY_LOW * (1 - clear)


def _fixed(pixels: Array) -> NDArray[np.int32]:
    """Pixels with four fractional bits, the top left pixel's centre at 0, as OpenCV takes them."""
    return np.round((pixels - 0.5) * 16).astype(np.int32)


class Brush:
    """Draws polygons given in world metres into one camera's picture."""

    def __init__(self, image: Picture, camera: Camera, world_from_camera: Array) -> None:
        self.image = image
        self.eye = world_from_camera[:3, 3]
        self._camera_from_world = invert_se3(world_from_camera)
        self._k = np.diag([SUPERSAMPLE, SUPERSAMPLE, 1.0]) @ camera.K

    def pixels(self, points: Array) -> Array | None:
        """World points [N, 3] of a polygon -> pixels [M, 2] of its part before the camera; None where there is none."""
        inside = transform_points(self._camera_from_world, points)
        kept: list[Array] = []
        for a, b in zip(inside, np.roll(inside, -1, axis=0), strict=True):
            if a[2] >= NEAR_M:
                kept.append(a)
            if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
                kept.append(a + (b - a) * (NEAR_M - a[2]) / (b[2] - a[2]))
        if len(kept) < 3:
            return None
        clipped = np.array(kept) @ self._k.T
        return np.clip(clipped[:, :2] / clipped[:, 2:], -20000, 20000)

    def distance(self, solid: Solid) -> float:
        """From the eye to a solid's centre in metres; infinite where none of it can be in the picture."""
        reach = max(solid.size) * 0.75 + 1.0
        x, _, z = transform_points(self._camera_from_world, np.array([*solid.pose[:2], solid.size[2] / 2]))
        half_width = self.image.shape[1] / 2 / self._k[0, 0]
        if z < -reach or abs(x) > (half_width * max(z, 0.0) + reach) * 1.5:
            return float("inf")
        return float(np.hypot(*(solid.pose[:2] - self.eye[:2])))

    def polygon(self, points: Array, colour: Colour) -> None:
        """Fills a polygon, hazed by its distance."""
        pixels = self.pixels(points)
        if pixels is not None:
            paint = _hazed(colour, np.linalg.norm(points.mean(0) - self.eye))
            cv2.fillPoly(self.image, [_fixed(pixels)], tuple(float(c) for c in paint), lineType=cv2.LINE_AA, shift=4)

    def shadows(self, rings: Sequence[Array]) -> None:
        """Darkens polygons on the ground, each place once."""
        dark = np.zeros(self.image.shape[:2], dtype=np.uint8)
        for pixels in (self.pixels(ring) for ring in rings):
            if pixels is not None:
                cv2.fillPoly(dark, [_fixed(pixels)], (255,), lineType=cv2.LINE_AA, shift=4)
        self.image = (self.image * (1 - (1 - SHADOW) / 255 * dark[..., None].astype(np.float32))).astype(np.uint8)

    def disc(self, centre: Array, radius: float, colour: Colour, squash: float = 1.0) -> None:
        """An upright disc that faces the camera."""
        to_eye = self.eye[:2] - centre[:2]
        side = np.array([-to_eye[1], to_eye[0], 0.0]) / max(float(np.hypot(*to_eye)), 1e-6)
        angle = np.linspace(0, 2 * np.pi, 18, endpoint=False)[:, None]
        self.polygon(centre + radius * (np.cos(angle) * side + squash * np.sin(angle) * np.array([0.0, 0.0, 1.0])), colour)


def _faces(pose: Array, box: Box, taper: float = 0.0) -> list[tuple[Array, Array]]:
    """A box (x0, x1, y0, y1, z0, z1 around a pose), its top shorter by `taper` at both ends -> (corners, outward normal) of
    its four sides and its top. Sides in the order front, left, rear, right."""
    x0, x1, y0, y1, z0, z1 = box
    low = np.array([[x1, y0, z0], [x1, y1, z0], [x0, y1, z0], [x0, y0, z0]])
    high = low + np.array([0, 0, z1 - z0]) + taper * np.array([[-1, 0, 0], [-1, 0, 0], [1, 0, 0], [1, 0, 0]])
    world = se2_to_se3(pose)
    low, high = transform_points(world, low), transform_points(world, high)
    corners = [np.array([low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]]) for i in range(4)] + [high]
    normals = [np.cross(c[1] - c[0], c[2] - c[1]) for c in corners]
    return [(c, n / max(float(np.linalg.norm(n)), 1e-9)) for c, n in zip(corners, normals, strict=True)]


def _shade(colour: Colour, normal: Array) -> Array:
    return np.minimum(np.asarray(colour, dtype=np.float64) * (0.66 + 0.42 * max(0.0, float(normal @ SUN))), 255)


def _box(brush: Brush, pose: Array, box: Box, colour: Colour, taper: float = 0.0) -> list[Array]:
    """Draws a box's visible sides; returns the corners of all five faces."""
    faces = _faces(pose, box, taper)
    for corners, normal in faces:
        if float(normal @ (brush.eye - corners[0])) > 0:
            brush.polygon(corners, _shade(colour, normal))
    return [corners for corners, _ in faces]


def _inset(face: Array, u0: float, u1: float, v0: float, v1: float) -> Array:
    """The part of a four-cornered face between fractions u of its width and v of its height."""
    u, v = np.array([[u0], [u1], [u1], [u0]]), np.array([[v0], [v0], [v1], [v1]])
    return (face[0] * (1 - u) + face[1] * u) * (1 - v) + (face[3] * (1 - u) + face[2] * u) * v


def _panes(brush: Brush, faces: Sequence[Array], spots: Sequence[Pane]) -> None:
    """Paints patches (face, u0, u1, v0, v1, colour) on those faces that are seen."""
    for index, u0, u1, v0, v1, colour in spots:
        face = faces[index]
        if float(np.cross(face[1] - face[0], face[2] - face[1]) @ (brush.eye - face[0])) > 0:
            brush.polygon(_inset(face, u0, u1, v0, v1), colour)


GLASS, LAMP_RED, LAMP_WHITE, RUBBER = (44, 54, 66), (196, 30, 28), (244, 240, 220), (30, 30, 32)
PANE = (78, 88, 100)


def _wheels(brush: Brush, solid: Solid, axle: float, radius: float) -> None:
    half = solid.size[1] / 2 - 0.02
    for x in (axle * solid.size[0], -axle * solid.size[0]):
        _box(brush, solid.pose, (x - radius, x + radius, -half, half, 0.0, 2 * radius), RUBBER)


def _lights(v_front: tuple[float, float], v_rear: tuple[float, float]) -> list[Pane]:
    spots: list[Pane] = []
    for u in (0.04, 0.78):
        spots += [(0, u, u + 0.18, *v_front, LAMP_WHITE), (2, u, u + 0.18, *v_rear, LAMP_RED)]
    return spots


def _car(brush: Brush, solid: Solid) -> None:
    length, width, height = solid.size
    x, y, waist = length / 2, width / 2, 0.58 * height
    _wheels(brush, solid, 0.3, 0.33)
    body = _box(brush, solid.pose, (-x, x, -y, y, 0.25, waist), solid.colour)
    _panes(brush, body, [*_lights((0.5, 0.85), (0.5, 0.9)), (2, 0.38, 0.62, 0.25, 0.5, LAMP_WHITE)])
    cabin = (-0.42 * length, 0.22 * length, -y * 0.9, y * 0.9, waist, height)
    windows: list[Pane] = [(i, 0.07, 0.93, 0.12, 0.86, GLASS) for i in (0, 2)]
    windows += [(i, u, u + 0.42, 0.12, 0.84, GLASS) for i in (1, 3) for u in (0.06, 0.52)]
    _panes(brush, _box(brush, solid.pose, cabin, solid.colour, taper=0.11 * length), windows)


def _van(brush: Brush, solid: Solid) -> None:
    length, width, height = solid.size
    _wheels(brush, solid, 0.32, 0.36)
    body = _box(brush, solid.pose, (-length / 2, length / 2, -width / 2, width / 2, 0.3, height), solid.colour)
    windows: list[Pane] = [(0, 0.08, 0.92, 0.5, 0.9, GLASS), (2, 0.1, 0.9, 0.55, 0.9, GLASS)]
    windows += [(1, 0.04, 0.22, 0.5, 0.88, GLASS), (3, 0.78, 0.96, 0.5, 0.88, GLASS)]
    _panes(brush, body, [*windows, *_lights((0.08, 0.22), (0.08, 0.25))])


def _person(brush: Brush, solid: Solid) -> None:
    height = solid.size[2]
    _box(brush, solid.pose, (-0.12, 0.12, -0.16, 0.16, 0.0, 0.48 * height), (48, 52, 66))
    _box(brush, solid.pose, (-0.15, 0.15, -0.24, 0.24, 0.46 * height, 0.84 * height), solid.colour)
    brush.disc(np.array([*solid.pose[:2], 0.92 * height]), 0.13, (206, 164, 134))


def _building(brush: Brush, solid: Solid) -> None:
    length, width, height = solid.size
    faces = _box(brush, solid.pose, (-length / 2, length / 2, -width / 2, width / 2, 0.0, height), solid.colour)
    floors = round(height / 3.2)
    for i, across in ((0, width), (1, length), (2, width), (3, length)):
        columns = max(1, round(across / 3.4))
        places = [((c + 0.25) / columns, (f + 0.3) / floors) for c in range(columns) for f in range(floors)]
        _panes(brush, faces, [(i, u, u + 0.5 / columns, v, v + 0.48 / floors, PANE) for u, v in places])


def _tree(brush: Brush, solid: Solid) -> None:
    spread, _, height = solid.size
    x, y = solid.pose[:2]
    _box(brush, solid.pose, (-0.13, 0.13, -0.13, 0.13, 0.0, 0.55 * height), (96, 76, 58))
    for lift, size, tone in ((0.62, 1.0, 0.78), (0.72, 0.85, 0.95), (0.8, 0.55, 1.15)):
        brush.disc(np.array([x, y, lift * height]), size * spread / 2, np.array(solid.colour) * tone)


def _lamp(brush: Brush, solid: Solid) -> None:
    height, reach = solid.size[2], solid.size[0]
    _box(brush, solid.pose, (-0.08, 0.08, -0.08, 0.08, 0.0, height), solid.colour)
    _box(brush, solid.pose, (-0.06, reach, -0.06, 0.06, height - 0.12, height), solid.colour)
    _box(brush, solid.pose, (reach - 0.5, reach, -0.14, 0.14, height - 0.2, height - 0.05), (236, 232, 210))


def _shadow(solid: Solid) -> Array:
    """The shadow's ring [N, 3] on the ground: the hull of the footprint and the footprint moved away from the sun."""
    length, width, height = solid.size
    if solid.kind == "tree":
        length, width = 0.7 * length, 0.7 * length
    foot = _faces(solid.pose, (-length / 2, length / 2, -width / 2, width / 2, 0.0, height))[4][0][:, :2]
    away = -SUN[:2] / SUN[2] * height * 0.8
    hull = cv2.convexHull(np.concatenate([foot, foot + away]).astype(np.float32))[:, 0].astype(np.float64)
    return np.concatenate([hull, np.zeros((len(hull), 1))], 1)


_PARTS = {"car": _car, "van": _van, "person": _person, "building": _building, "tree": _tree, "lamp": _lamp}
