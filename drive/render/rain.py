"""Falling rain before a picture: short pale streaks, other ones at every moment. Compiled."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.jit import kernel

PIXELS_A_STREAK = 260  # at full rain
LENGTH, STRENGTH = (0.03, 0.10), (0.10, 0.32)  # of the picture's height; share of the streak in a pixel
SLANT = 0.12


def fall(rgb: NDArray[np.uint8], rain: float, glare: float, camera: Camera, seed: int, step: int) -> None:
    """Draws streaks into a picture [H, W, 3] as strong as the rain. glare: their light, linear. What falls where follows from the
    camera, the seed and the step of the state."""
    if rain > 0.0:
        number = zlib.crc32(np.array([camera.width, camera.height, seed, step]).tobytes() + camera.name.encode())
        streaks(rgb, int(rain * rgb.shape[0] * rgb.shape[1] / PIXELS_A_STREAK), 255 * math.sqrt(glare), number)


@kernel
def streaks(rgb: NDArray[np.uint8], count: int, bright: float, seed: int) -> None:
    """So many streaks, each a pixel wide between two columns."""
    height, width = rgb.shape[:2]
    state = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15)
    values = np.empty(4)
    for _ in range(count):
        for k in range(4):  # xorshift, Marsaglia 2003
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            values[k] = (state >> np.uint64(40)) / 16777216.0
        u, v = values[0] * (width + 4) - 2, values[1] * height * 1.1 - 0.1 * height
        long = height * (LENGTH[0] + values[2] * (LENGTH[1] - LENGTH[0]))
        strong = STRENGTH[0] + values[3] * (STRENGTH[1] - STRENGTH[0])
        for i in range(max(0, int(v)), min(height, int(v + long) + 1)):
            across = u - SLANT * (i - v)
            j = int(math.floor(across))
            for k in range(2):
                if 0 <= j + k < width:
                    share = strong * (1.0 - abs(across - (j + k)))
                    for c in range(3):
                        rgb[i, j + k, c] = np.uint8(rgb[i, j + k, c] + share * (bright - rgb[i, j + k, c]))
