"""Mixing colours into a picture through a mask, compiled: a frame of a video does it some forty times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.jit import kernel


def mix(below: NDArray[np.uint8], above: NDArray[Any], mask: NDArray[np.uint8], alpha: float) -> None:
    """Mixes a colour [3] or a picture like `below` [H, W, 3] into it, in place: a share alpha * mask / 255, mask [H, W]."""
    over = np.broadcast_to(np.asarray(above).astype(np.uint8, copy=False), below.shape)
    _mix(below, over, mask, np.float32(alpha / 255))


@kernel
def _mix(below: NDArray[np.uint8], above: NDArray[np.uint8], mask: NDArray[np.uint8], share: np.float32) -> None:
    half = np.float32(0.5)
    for row in range(below.shape[0]):
        for column in range(below.shape[1]):
            if mask[row, column]:
                weight = np.float32(mask[row, column]) * share
                for channel in range(3):
                    under = np.float32(below[row, column, channel])
                    over = np.float32(above[row, column, channel])
                    below[row, column, channel] = np.uint8(under + (over - under) * weight + half)
