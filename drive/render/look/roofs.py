"""Roofs of buildings: gabled, hipped, flat with a cornice."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.render.look.solids import box, join, moved, prism, quad
from drive.render.look.soup import Shape, Soup
from drive.render.look.textures import NUMBER

ROOF_TINTS = ((0.95, 0.62, 0.50), (0.80, 0.50, 0.42), (0.60, 0.60, 0.64), (0.72, 0.66, 0.60))
EAVES_M = 0.45
TILES_M = 2.4  # one repeat


def pitched_roof(soup: Soup, row: Array, tint: Array, style: str, rng: np.random.Generator) -> None:
    """A roof with its ridge along the longer side: ends are hips, or gables of the wall's stuff. row: box and height of the eaves."""
    x, y, heading, length, width, height = row
    if width > length:
        length, width, heading = width, length, heading + np.pi / 2
    rise, roof = width / 2 * rng.uniform(0.55, 0.9), ROOF_TINTS[int(rng.integers(len(ROOF_TINTS)))]
    gable = bool(rng.random() < 0.5)
    half, side, drop = length / 2 + EAVES_M, width / 2 + EAVES_M, rise * EAVES_M / (width / 2)
    ridge = half if gable else length / 2 - width / 2
    eaves = np.array([(half, side, -drop), (-half, side, -drop), (-half, -side, -drop), (half, -side, -drop)])
    front, back = np.array([ridge, 0.0, rise]), np.array([-ridge, 0.0, rise])
    slopes = [_slope([eaves[0], eaves[1], back, front]), _slope([eaves[2], eaves[3], front, back])]
    ends = join([_slope([eaves[1], eaves[2], back]), _slope([eaves[3], eaves[0], front])])
    place = (x, y, height)
    soup.add(moved(join(slopes), place, heading), "building", NUMBER["tiles"], roof)
    soup.add(moved(ends, place, heading), "building", NUMBER[f"{style}_blind" if gable else "tiles"], tint if gable else roof)
    soup.add(moved(quad(eaves[::-1]), place, heading), "building", 0, (0.55, 0.52, 0.48))
    if rng.random() < 0.7:
        chimney = box((rng.uniform(-0.3, 0.3) * length, width * 0.15, rise * 0.75), (0.7, 0.7, rise * 0.9 + 1.0), 0.5)
        soup.add(moved(chimney, place, heading), "building", NUMBER["brick_blind"], (0.8, 0.62, 0.55))


def _slope(corners: list[Array]) -> Shape:
    """A flat face of three or four corners, its first two along the eaves; the texture lies level on it."""
    points = np.array(corners)
    level = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
    up = np.cross(np.cross(level, points[2] - points[0]), level)
    uv = (points - points[0]) @ np.stack([level, up / np.linalg.norm(up)], -1) / TILES_M
    t = np.array([[0, 1, 2], [0, 2, 3]])[: len(points) - 2]
    return Shape(points, t, uv[t])


def flat_roof(soup: Soup, row: Array, tint: Array, rng: np.random.Generator) -> None:
    """A cornice round a gravel roof, with a hut and vents on it."""
    x, y, heading, length, width, height = row
    place, corners = (x, y, 0.0), np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    rim = prism(corners * (length / 2 + 0.15, width / 2 + 0.15), height - 0.25, height + 0.35)
    soup.add(moved(rim, place, heading), "building", NUMBER["concrete"], np.clip(tint * 0.9, 0, 1))
    inner = corners * (length / 2 - 0.25, width / 2 - 0.25)
    top = quad(np.column_stack([inner, np.full(4, height + 0.35)]), inner / 4.0)
    soup.add(moved(top, place, heading), "building", NUMBER["gravel"], layer=1)
    hut = box((rng.uniform(-0.25, 0.25) * length, 0.0, height + 1.4), (3.0, 2.6, 2.2), 0.3)
    soup.add(moved(hut, place, heading), "building", NUMBER["concrete"], np.clip(tint * 0.95, 0, 1))
    for _ in range(int(rng.integers(0, 4))):
        vent = box((rng.uniform(-0.4, 0.4) * length, rng.uniform(-0.35, 0.35) * width, height + 0.75), (1.0, 0.8, 0.8))
        soup.add(moved(vent, place, heading), "building", 0, (0.62, 0.64, 0.66))
