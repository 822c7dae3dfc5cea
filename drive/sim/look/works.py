"""Road works: a digger, traffic cones, striped barriers. Frame: x ahead, y left, middle of the box on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.sim.look.solids import box, join, tube
from drive.sim.look.soup import Soup

YELLOW, DARK, GLASS = (0.93, 0.66, 0.07), (0.09, 0.09, 0.10), (0.22, 0.30, 0.34)
ORANGE, RED, WHITE, RUBBER = (0.96, 0.34, 0.06), (0.80, 0.09, 0.09), (0.93, 0.93, 0.91), (0.16, 0.15, 0.15)
STRIPES = 7


def put_works(soup: Soup, row: Array, instance: int) -> None:
    """One thing of `Furniture.works`: x, y, heading, length, width, height, kind (0 digger, 1 cone, 2 barrier)."""
    own = Soup()
    (_digger, _cone, _barrier)[int(row[6])](own, row[3:6])
    soup.absorb(own, (row[0], row[1], 0.0), float(row[2]), "truck" if row[6] == 0 else "obstacle", instance)


def _digger(soup: Soup, size: ArrayLike) -> None:
    """Tracks, a turned upper body with a cab on its left, an arm that reaches forward to a bucket on the ground."""
    length, width, height = np.asarray(size, dtype=np.float64)
    rear, half = -length / 2, width / 2
    track = 0.62 * length
    for side in (-1, 1):
        y = side * (half - 0.24)
        ends = [tube((x, y - 0.22, 0.3), (x, y + 0.22, 0.3), 0.3, 10) for x in (rear + 0.32, rear + track - 0.02)]
        soup.add(join([box((rear + 0.15 + track / 2, y, 0.3), (track - 0.35, 0.44, 0.6)), *ends]), "truck", 0, DARK)
        soup.add(box((rear + 0.15 + track / 2, side * (half - 0.01) - side * 0.006, 0.3), (track - 0.7, 0.02, 0.16)), "truck", 0, (0.3, 0.3, 0.31))
    middle = rear + 0.15 + track / 2
    soup.add(tube((middle, 0, 0.55), (middle, 0, 0.8), 0.5, 10), "truck", 0, DARK)
    body = join([box((middle - 0.2, 0, 1.15), (track - 0.35, width - 0.15, 0.7)), box((rear + 0.4, 0, 1.32), (0.7, width - 0.2, 1.02))])
    soup.add(body, "truck", 0, YELLOW)
    cab_x, cab_y = middle + 0.2, half - 0.55
    soup.add(box((cab_x, cab_y, height - 0.1), (1.15, 0.9, 0.12)), "truck", 0, YELLOW)
    soup.add(box((cab_x, cab_y, 1.5 + (height - 1.66) / 2), (1.05, 0.82, height - 1.66)), "truck", 0, GLASS)
    posts = [box((cab_x + x, cab_y + y, 1.5 + (height - 1.66) / 2), (0.09, 0.09, height - 1.66)) for x in (-0.52, 0.52) for y in (-0.41, 0.41)]
    soup.add(join(posts), "truck", 0, YELLOW)
    root, elbow, wrist = (middle + 0.5, -0.3, 1.35), (0.29 * length, -0.3, height - 0.15), (0.43 * length, -0.3, 0.75)
    soup.add(join([tube(root, elbow, (0.2, 0.15), 4), tube(elbow, wrist, (0.15, 0.1), 4)]), "truck", 0, YELLOW)
    soup.add(join([tube((root[0] + 0.2, -0.3, 1.0), (0.22 * length, -0.3, height - 0.7), 0.06, 5)]), "truck", 0, (0.6, 0.6, 0.62))
    soup.add(box((0.41 * length, -0.3, 0.42), (0.55, 0.85, 0.6)), "truck", 0, (0.24, 0.23, 0.22))


def _cone(soup: Soup, size: ArrayLike) -> None:
    """Orange with two white bands on a square foot."""
    length, width, height = np.asarray(size, dtype=np.float64)
    wide, top = 0.4 * width, 0.06
    soup.add(box((0, 0, 0.025), (length, width, 0.05)), "obstacle", 0, RUBBER)
    levels = (0.05, 0.36 * height, 0.52 * height, 0.68 * height, 0.82 * height, height)
    for i, (low, high) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        radii = tuple(wide + (top - wide) * (z - 0.05) / (height - 0.05) for z in (low, high))
        soup.add(tube((0, 0, low), (0, 0, high), radii, 10), "obstacle", 0, WHITE if i in (1, 3) else ORANGE)


def _barrier(soup: Soup, size: ArrayLike) -> None:
    """Two boards with red and white stripes between two posts on feet."""
    length, width, height = np.asarray(size, dtype=np.float64)
    posts = [box((side * (length / 2 - 0.12), 0, height / 2), (0.07, 0.07, height)) for side in (-1, 1)]
    feet = [box((side * (length / 2 - 0.12), 0, 0.06), (0.24, width, 0.12)) for side in (-1, 1)]
    soup.add(join(posts), "obstacle", 0, (0.75, 0.75, 0.76))
    soup.add(join(feet), "obstacle", 0, RUBBER)
    step = length / STRIPES
    for centre, tall in ((height - 0.16, 0.28), (0.45 * height, 0.2)):
        for i in range(STRIPES):
            board = box((-length / 2 + (i + 0.5) * step, 0, centre), (step, 0.05, tall))
            soup.add(board, "obstacle", 0, RED if i % 2 == 0 else WHITE)
