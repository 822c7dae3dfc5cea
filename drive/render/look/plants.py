"""Trees, hedges and the far line of woods."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.render.look.solids import blob, tube, wall
from drive.render.look.soup import Soup
from drive.render.look.textures import NUMBER

SEGMENT_M = 100.0  # long enough that the renderer draws the woods from anywhere
LEAF_TINTS = ((0.95, 1.0, 0.8), (0.8, 0.95, 0.75), (1.1, 1.05, 0.7), (0.75, 0.85, 0.8))


def plant_tree(soup: Soup, row: Array, rng: np.random.Generator) -> None:
    """One tree: x, y, crown radius, height. A trunk and a crown of three or four faceted balls; some are conical."""
    x, y, radius, height = row
    bare = min(max(2.2, 0.35 * height), height - 1.5)
    trunk = 0.08 + 0.012 * height
    soup.add(tube((x, y, 0.0), (x, y, bare + 0.6), (trunk * 1.2, trunk * 0.8), 5, (False, False)), "vegetation", NUMBER["bark"])
    tint = np.array(LEAF_TINTS[int(rng.integers(len(LEAF_TINTS)))])
    if rng.random() < 0.15:
        _cone(soup, row, bare, tint, rng)
        return
    tall = (height - bare) / 2
    core = np.clip(tint * 0.85, 0, 1)
    soup.add(blob((x, y, bare + 0.95 * tall), (radius * 0.72, radius * 0.72, tall * 0.95), rng), "vegetation", NUMBER["leaves"], core)
    turn = rng.uniform(0, 2 * np.pi)
    for k in range(3):
        angle = turn + k * 2.4
        rise = 0.5 + 0.45 * k
        out, size = radius * (0.48 - 0.10 * k), radius * rng.uniform(0.60, 0.75)
        at = (x + out * np.cos(angle), y + out * np.sin(angle), bare + tall * rise)
        shade = np.clip(tint * (0.8 + 0.12 * k) * rng.uniform(0.93, 1.07), 0, 1)
        soup.add(blob(at, (size, size, min(size, 0.6 * tall) * rng.uniform(0.85, 1.1)), rng), "vegetation", NUMBER["leaves"], shade)


def _cone(soup: Soup, row: Array, bare: float, tint: Array, rng: np.random.Generator) -> None:
    """A conifer: three cones on each other."""
    x, y, radius, height = row
    low = bare * 0.5
    for k in range(3):
        start, stop = low + (height - low) * 0.28 * k, low + (height - low) * min(1.0, 0.28 * k + 0.48)
        wide = radius * (0.9 - 0.25 * k)
        shape = tube((x, y, start), (x, y, stop), (wide, 0.02), 7)
        soup.add(shape._replace(uv=shape.uv * 0.6), "vegetation", NUMBER["leaves"], np.clip(tint * 0.75, 0, 1))


def plant_woods(soup: Soup, bounds: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    """A ring of woods far out: two uneven screens that hide where the fields end."""
    low_x, low_y, high_x, high_y = bounds
    middle = np.array([(low_x + high_x) / 2, (low_y + high_y) / 2])
    reach = 0.75 * float(np.hypot(high_x - low_x, high_y - low_y))
    for distance, tall, tone in ((reach + 60.0, 14.0, 0.75), (reach + 350.0, 38.0, 0.62)):
        n = int(2 * np.pi * distance / SEGMENT_M)
        angle = np.linspace(0, 2 * np.pi, n + 1)[::-1]
        ring = middle + (distance * np.stack([np.cos(angle), np.sin(angle)], -1)) * rng.uniform(0.95, 1.05, (n + 1, 1))
        height = tall * rng.uniform(0.55, 1.0, n + 1)
        ring[-1], height[-1] = ring[0], height[0]
        soup.add(wall(ring, 0.0, height, 12.0), "vegetation", NUMBER["leaves"], tone * np.array([0.85, 0.95, 0.9]))
