"""Colours, fonts and sizes of every picture, in one place. Colours are RGB, 0 to 255."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array

Colour = tuple[int, int, int]

BACKGROUND: Colour = (13, 17, 23)
PANEL: Colour = (20, 26, 34)
TEXT: Colour = (232, 237, 243)
SOFT_TEXT: Colour = (142, 154, 168)
GRID: Colour = (46, 55, 67)
MISSING: Colour = (52, 58, 66)
EGO: Colour = (240, 244, 248)
RECORD: Colour = (255, 255, 255)
ANSWER: Colour = (64, 255, 208)  # what a planner says is there
TRUTH: Colour = (206, 214, 222)

# The plan's colour runs along these from now to the horizon: none of them is an agent's.
TIME_COLOURS: tuple[Colour, ...] = ((0, 226, 255), (96, 128, 255), (255, 62, 190))

# Layer -> colour of a filled map polygon, drawn in this order; layers without an entry are not drawn as areas.
MAP_AREAS: dict[str, Colour] = {
    "walkway": (27, 35, 39),
    "drivable_area": (36, 43, 54),
    "carpark_area": (33, 40, 50),
    "ped_crossing": (62, 72, 88),
    "stop_line": (104, 56, 60),
    "building": (24, 24, 32),
}
MAP_LINES: dict[str, Colour] = {
    "lane_centre": (58, 68, 82),
    "lane_divider": (112, 124, 140),
    "road_divider": (176, 150, 72),
    "stop_line": (196, 84, 84),
}
OTHER_LINE: Colour = (84, 95, 110)

# (prefix of a nuScenes category, name in the legend, colour); the first prefix that fits counts.
CATEGORIES: tuple[tuple[str, str, Colour], ...] = (
    ("human", "pedestrian", (132, 230, 110)),
    ("animal", "pedestrian", (132, 230, 110)),
    ("vehicle.bicycle", "cycle", (255, 105, 97)),
    ("vehicle.motorcycle", "cycle", (255, 105, 97)),
    ("vehicle.car", "car", (255, 186, 40)),
    ("vehicle", "truck, bus", (232, 118, 32)),
    ("", "object", (150, 162, 176)),
)


def category_style(category: str) -> tuple[str, Colour]:
    """nuScenes category name -> (name in the legend, colour)."""
    return next((name, colour) for prefix, name, colour in CATEGORIES if category.startswith(prefix))


def time_colours(fraction: ArrayLike) -> Array:
    """Fractions [...] of the horizon, 0 to 1 -> colours [..., 3]."""
    f, anchors = np.asarray(fraction, dtype=np.float64), np.array(TIME_COLOURS, dtype=np.float64)
    places = np.linspace(0.0, 1.0, len(anchors))
    return np.stack([np.interp(f, places, anchors[:, channel]) for channel in range(3)], -1)


@cache
def font(size: int, bold: bool = False) -> Any:
    """A PIL font of that pixel size: DejaVu Sans, which matplotlib ships."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
