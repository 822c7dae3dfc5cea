"""Where the towns of a set lie: side by side on at most four canvases, which go by the names of nuScenes' locations.

`NuScenesMap` opens maps of those names only, so a set's towns share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drive.frames import Array
from drive.maps import RoadMap

LOCATIONS = ("boston-seaport", "singapore-onenorth", "singapore-queenstown", "singapore-hollandvillage")
PER_CANVAS, PER_ROW = 16, 4
MAX_TOWNS = len(LOCATIONS) * PER_CANVAS
MARGIN_M = 40.0  # of a town's edge around its roads
MASK_PX_PER_M = 10  # fixed by the devkit


@dataclass(frozen=True, eq=False)
class Place:
    """Where a town lies: canvas coordinates are its own plus shift [2]."""

    location: str
    shift: Array


@dataclass(frozen=True, eq=False)
class MapCanvas:
    """One of the set's maps: width and height in metres, from (0, 0)."""

    location: str
    width_m: float
    height_m: float


def place_towns(maps: Sequence[RoadMap]) -> tuple[tuple[Place, ...], tuple[MapCanvas, ...]]:
    """Rows of towns, one canvas after the other. Raises ValueError for more towns than canvases hold."""
    if len(maps) > MAX_TOWNS:
        raise ValueError(f"{len(maps)} towns do not fit on {len(LOCATIONS)} canvases of {PER_CANVAS}")
    bounds = [_bounds(road_map) for road_map in maps]
    places: list[Place] = []
    canvases = []
    for n in range(0, len(maps), PER_CANVAS):
        location, bottom, widest = LOCATIONS[n // PER_CANVAS], 0.0, 0.0
        group = bounds[n : n + PER_CANVAS]
        for row in (group[k : k + PER_ROW] for k in range(0, len(group), PER_ROW)):
            left = 0.0
            for low, high in row:
                places.append(Place(location, np.array([left, bottom]) - low))
                left += high[0] - low[0]
            bottom += max(high[1] - low[1] for low, high in row)
            widest = max(widest, left)
        canvases.append(MapCanvas(location, widest, bottom))
    return tuple(places), tuple(canvases)


def _bounds(road_map: RoadMap) -> tuple[Array, Array]:
    """Lower left and upper right corner of a town with its margin, whole metres."""
    points = np.concatenate([polygon.exterior for polygon in road_map.drivable])
    return np.floor(points.min(0) - MARGIN_M), np.ceil(points.max(0) + MARGIN_M)


def draw_mask(path: Path, canvas: MapCanvas, towns: Sequence[tuple[RoadMap, Place]]) -> None:
    """The raster mask of a canvas: white where one may drive, the last row at y = 0."""
    mask = np.zeros((round(canvas.height_m * MASK_PX_PER_M), round(canvas.width_m * MASK_PX_PER_M)), dtype=np.uint8)
    for road_map, place in towns:
        for polygon in road_map.drivable:
            for ring, value in ((polygon.exterior, 255), *((hole, 0) for hole in polygon.holes)):
                cells = (ring + place.shift) * MASK_PX_PER_M - 0.5
                cells[:, 1] = len(mask) - 1 - cells[:, 1]
                cv2.fillPoly(mask, [np.round(cells).astype(np.int32)], (value,))
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError(f"OpenCV could not encode the mask {path.name}")
    path.write_bytes(data.tobytes())
