"""The road around a car seen from above, put together from its camera pictures; and where the map's lines lie on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from drive.cameras import Camera, project
from drive.frames import Array, rotation_2d
from drive.maps import RoadMap

REACH_M, CELL_M = 20.0, 0.05
SIDE = round(2 * REACH_M / CELL_M)
CLEAR_M = 18.0  # beyond this from a camera a pixel covers too much of the road
BORDER = 2  # pixels of a picture that are not used
PAINT_M = 0.45  # what is wider than this is no painted line
KERB_M = 0.7  # lines this near to the road's edge are kerbs, not paint
MOST_M, STEP_M = 1.2, 0.1  # shifts of the map that are tried
NEARLY = 0.95  # of the best shifts, the smallest whose score is this share of the best
CLEARLY = 2.0  # a shift is believed where its score is so many times the mean of all


@dataclass(frozen=True, eq=False)
class RoadPhoto:
    """pixels uint8 [SIDE, SIDE, 3]: forward is up; seen bool [SIDE, SIDE]."""

    pixels: NDArray[np.uint8]
    seen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LineFit:
    """How well the map's lines lie on paint. shift [2]: metres forward and left that move them onto it, 0 where none is clearly
    better; score: mean brightness of the paint under the moved lines; at_zero: unmoved; mean: over all shifts tried."""

    shift: Array
    score: float
    at_zero: float
    mean: float


def take_photo(cameras: Sequence[Camera], pictures: Sequence[NDArray[np.uint8]]) -> RoadPhoto:
    """Cameras in a level frame whose z = 0 is the road, and their pictures -> the road from above; the nearest camera counts."""
    axis = REACH_M - (np.arange(SIDE) + 0.5) * CELL_M
    forward, left = np.meshgrid(axis, axis, indexing="ij")
    ground = np.stack([forward, left, np.zeros_like(forward)], -1)
    pixels, nearest = np.zeros((SIDE, SIDE, 3), dtype=np.uint8), np.full((SIDE, SIDE), CLEAR_M)
    for camera, picture in zip(cameras, pictures, strict=True):
        uv, front = project(camera, ground)
        uv = np.nan_to_num(uv, nan=-1e6)
        inside = front & (uv >= BORDER).all(-1) & (uv < np.array([camera.width, camera.height]) - BORDER).all(-1)
        far = np.linalg.norm(ground - camera.ego_from_camera[:3, 3], axis=-1)
        at = np.clip(uv - 0.5, -1e4, 1e4).astype(np.float32)
        sampled = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
        better = inside & (far < nearest)
        pixels[better], nearest[better] = sampled[better], far[better]
    return RoadPhoto(pixels, nearest < CLEAR_M)


def line_pixels(road_map: RoadMap, pose: Array) -> list[Array]:
    """The map's painted lines around a pose [3] as pixels (column, row) of a photo; kerbs left out."""
    centre = shapely.Point(pose[:2])
    edges = shapely.union_all([shapely.Polygon(p.exterior, p.holes).boundary for p in road_map.drivable]).buffer(KERB_M)
    around, turn = centre.buffer(1.5 * REACH_M), rotation_2d(pose[2])
    found = []
    for items in road_map.lines.values():
        for line in items:
            paint = shapely.LineString(line).intersection(around).difference(edges)
            for piece in getattr(paint, "geoms", [paint]):
                if isinstance(piece, shapely.LineString) and piece.length > 0.5:
                    forward, left = ((np.array(piece.coords) - pose[:2]) @ turn).T
                    found.append(np.column_stack([REACH_M - left, REACH_M - forward]) / CELL_M)
    return found


def fit_lines(photo: RoadPhoto, lines: Sequence[Array]) -> LineFit:
    """Moves lines over the photo's paint (bright and narrow) and finds where they lie on it best."""
    size = round(PAINT_M / CELL_M)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    inner = cv2.erode(photo.seen.astype(np.uint8), kernel)  # the photo's own edges are no paint
    paint = np.minimum(cv2.morphologyEx(photo.pixels.max(-1), cv2.MORPH_TOPHAT, kernel), 50).astype(np.float32) * inner
    drawn = np.zeros((SIDE, SIDE), dtype=np.uint8)
    cv2.polylines(drawn, [np.round(line).astype(np.int32) for line in lines], False, (1,), 3)
    reach = round(MOST_M / STEP_M)
    cells = np.arange(-reach, reach + 1) * round(STEP_M / CELL_M)
    rows, columns = np.nonzero(drawn)
    score = np.zeros((len(cells), len(cells)))
    for i, forward in enumerate(cells):
        for j, left in enumerate(cells):
            r, c = np.clip(rows - forward, 0, SIDE - 1), np.clip(columns - left, 0, SIDE - 1)
            score[i, j] = paint[r, c].sum() / max(int(inner[r, c].sum()), 1)
    size_of = np.hypot(*np.meshgrid(cells, cells, indexing="ij")) * CELL_M
    good = (score >= NEARLY * score.max()) & (score.max() > CLEARLY * score.mean())
    i, j = divmod(int(np.argmin(np.where(good, size_of, np.inf))), len(cells)) if good.any() else (reach, reach)
    shift = np.array([cells[i], cells[j]]) * CELL_M
    return LineFit(shift, float(score[i, j]), float(score[reach, reach]), float(score.mean()))
