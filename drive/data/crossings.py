"""Crossings that a map tells as polygons alone: how people walk over them."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import wrap_angle
from drive.maps import Crossing, Lane


def crossing_over(name: str, ring: BaseGeometry, lanes: tuple[Lane, ...]) -> Crossing:
    """A crossing polygon; people walk along that side of its least rectangle which lies most across the nearest lane."""
    corners = np.array(shapely.minimum_rotated_rectangle(ring).exterior.coords)[:-1]
    centre = corners.mean(0)
    middles = (corners + np.roll(corners, -1, axis=0)) / 2 - centre
    gaps = [float(np.hypot(*(lane.centreline - centre).T).min()) for lane in lanes]
    line = lanes[int(np.argmin(gaps))].centreline
    at = min(int(np.argmin(np.hypot(*(line - centre).T))), len(line) - 2)
    along = np.arctan2(*(line[at + 1] - line[at])[::-1])
    across = [abs(np.sin(float(wrap_angle(np.arctan2(*m[::-1]) - along)))) for m in middles[:2]]
    half = middles[int(np.argmax(across))]
    return Crossing(name, np.array(ring.exterior.coords)[:-1], np.stack([centre - half, centre + half]))
