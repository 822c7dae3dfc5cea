"""Obstacles and what stands at road works: cones, barriers, boxes, construction vehicles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.render.look.solids import box, join, loft, moved, quad, tube
from drive.render.look.soup import Soup
from drive.render.look.textures import NUMBER
from drive.render.look.vehicles import TRIM, add_wheels

ORANGE, WHITE = (0.95, 0.38, 0.06), (0.95, 0.95, 0.95)


def build_obstacle(soup: Soup, size: ArrayLike, rng: np.random.Generator) -> None:
    """A cone where the box is small, a barrier where it is long and low, else a crate."""
    length, width, height = np.asarray(size, dtype=np.float64)
    if max(length, width) < 0.75:
        build_cone(soup, size)
    elif min(length, width) < 0.4 * max(length, width) or height < 1.2:
        build_barrier(soup, size)
    else:
        crate = box((0, 0, height / 2), (0.96 * length, 0.96 * width, height), 1.0)
        soup.add(crate, "obstacle", NUMBER["concrete"], rng.uniform(0.5, 0.9, 3))


def build_cone(soup: Soup, size: ArrayLike) -> None:
    """A traffic cone: a dark foot, an orange cone with two white bands."""
    length, width, height = np.asarray(size, dtype=np.float64)
    wide = min(length, width) / 2
    soup.add(box((0, 0, 0.02), (length * 0.98, width * 0.98, 0.04)), "obstacle", 0, TRIM)

    def radius(share: float) -> float:
        return wide * (0.80 - 0.65 * share)

    bands = ((0.0, 0.35, ORANGE), (0.35, 0.52, WHITE), (0.52, 0.68, ORANGE), (0.68, 0.82, WHITE), (0.82, 1.0, ORANGE))
    for low, high, colour in bands:
        a, b = 0.04 + low * (height - 0.05), 0.04 + high * (height - 0.05)
        soup.add(tube((0, 0, a), (0, 0, b), (radius(low), radius(high)), 8, (False, high == 1.0)), "obstacle", 0, colour)


def build_barrier(soup: Soup, size: ArrayLike) -> None:
    """A barrier across the longer side of its box: concrete foot, striped boards on both faces."""
    length, width, height = np.asarray(size, dtype=np.float64)
    along_x = length > width
    long, thick = (max(length, width) - 0.02) / 2, (min(length, width) - 0.01) / 2
    profile = ((0.0, 1.0), (0.18, 1.0), (0.45, 0.55), (1.0, 0.4))
    outline = ((-long, -thick), (long, -thick), (long, thick), (-long, thick))
    rings = [[(x, y * w, z * height) for x, y in outline] for z, w in profile]
    body = loft(rings)
    low, high = 0.55 * height, 0.95 * height
    y0, y1 = thick * 0.54 + 0.012, thick * 0.42 + 0.012
    u = long * 2 / 0.8
    uv = ((0, 0), (u, 0), (u, 0.5), (0, 0.5))
    boards = [quad([(-long, -y0, low), (long, -y0, low), (long, -y1, high), (-long, -y1, high)], uv)]
    boards.append(quad([(long, y0, low), (-long, y0, low), (-long, y1, high), (long, y1, high)], uv))
    turn = 0.0 if along_x else np.pi / 2
    soup.add(moved(body, heading=turn), "obstacle", NUMBER["concrete"], (0.9, 0.9, 0.88))
    soup.add(moved(join(boards), heading=turn), "obstacle", NUMBER["stripes"])


def build_digger(soup: Soup, size: ArrayLike) -> None:
    """A wheeled loader: yellow body, glass cab, an arm with a shovel ahead."""
    length, width, height = np.asarray(size, dtype=np.float64)
    yellow, half, z = (0.92, 0.68, 0.08), width / 2 - 0.05, height
    rear, radius, grey = -length / 2 + 0.05, min(0.6, 0.22 * height, 0.13 * length), (0.35, 0.34, 0.30)
    cab = rear + 0.40 * length
    soup.add(box((rear + 0.32 * length, 0, 0.36 * z), (0.62 * length, 1.4 * half, 0.34 * z)), "truck", 0, yellow)
    soup.add(box((cab, 0, 0.72 * z), (0.26 * length, 1.2 * half, 0.5 * z)), "truck", NUMBER["glass"])
    soup.add(box((cab, 0, z - 0.05), (0.30 * length, 1.3 * half, 0.08)), "truck", 0, yellow)
    soup.add(box((0.43 * length - 0.015, 0, 0.15 * z + 0.025), (0.14 * length - 0.03, 2 * half, 0.3 * z - 0.05)), "truck", 0, grey)
    for side in (-1, 1):
        y = side * 0.5 * half
        soup.add(tube((0.1 * length, y, 0.5 * z), (0.42 * length, y, 0.2 * z), 0.12, 4), "truck", 0, yellow)
    add_wheels(soup, [rear + 0.16 * length, rear + 0.52 * length], half, radius, 0.35)
