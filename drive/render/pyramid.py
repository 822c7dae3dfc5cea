"""Textures level by level, each half as fine as the one before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pyramid(NamedTuple):
    """texels [M] uint32: red, green, blue from the lowest byte up, roots of linear colour; start [L]: first texel of each level;
    side [L]: texels across a texture."""

    texels: NDArray[np.uint32]
    start: NDArray[np.int64]
    side: NDArray[np.int64]


def pyramid(textures: NDArray[np.uint8]) -> Pyramid:
    """Textures [N, S, S, 3] with all their halved levels. Raises ValueError where S is not a power of two."""
    count, side = textures.shape[:2]
    if textures.ndim != 4 or textures.shape[2:] != (side, 3) or side & (side - 1):
        raise ValueError(f"textures must be [N, S, S, 3] with S a power of two, got shape {textures.shape}")
    level, parts, starts, sides = (textures / np.float32(255)) ** 2, [], [0], []
    while True:
        parts.append(np.round(255 * np.sqrt(level.reshape(-1, 3))).astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16], np.uint32))
        starts.append(starts[-1] + len(parts[-1]))
        sides.append(level.shape[1])
        if level.shape[1] == 1:
            break
        half = level.shape[1] // 2
        level = level.reshape(count, half, 2, half, 2, 3).mean((2, 4), dtype=np.float32)
    return Pyramid(np.concatenate(parts), np.array(starts[:-1]), np.array(sides))
