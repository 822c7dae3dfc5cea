"""Lines and rings of a map by what is near, and the way rings turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, invert_se2, rotation_2d


@dataclass(frozen=True, eq=False)
class Layer:
    """Polylines or rings [N, 2] each, with their boxes [L, 4] (least x, y, greatest x, y): what is far off is told by its box."""

    items: tuple[Array, ...]
    boxes: Array

    def near(self, pose: ArrayLike, radius_m: float) -> list[tuple[int, Array]]:
        """(row, points in the frame of a pose [3]) of all that reaches into the square of that half width around it."""
        pose = np.asarray(pose, dtype=np.float64)
        frame, reach = invert_se2(pose), 1.5 * radius_m + 1.0  # a turned square's corners are 1.42 half widths away
        rotation = rotation_2d(frame[2]).T
        rows = np.flatnonzero((self.boxes[:, :2] <= pose[:2] + reach).all(1) & (self.boxes[:, 2:] >= pose[:2] - reach).all(1))
        moved = ((int(k), self.items[k] @ rotation + frame[:2]) for k in rows)
        return [(k, points) for k, points in moved if (points.min(0) <= radius_m).all() and (points.max(0) >= -radius_m).all()]


def layer_of(items: Iterable[Array]) -> Layer:
    """A layer of arrays."""
    kept = tuple(items)
    return Layer(kept, np.array([[*item.min(0), *item.max(0)] for item in kept], dtype=np.float64).reshape(-1, 4))


def turning(ring: Array, left: bool) -> Array:
    """The ring [N, 2], counter-clockwise (left) or clockwise."""
    x, y = (ring - ring[0]).T
    return ring if (float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > 0) == left else ring[::-1]
