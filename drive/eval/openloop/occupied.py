"""Which agents a protocol draws and where, worked out only for those that can matter to the ego."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drive.eval.openloop.raster import Ints
from drive.frames import Array
from drive.jit import kernel
from drive.schema import Mask

# Slack in metres for rounding to cells, whatever the grid.
ROUNDING_M = 1.0


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Agents on a grid. drawn [N, A, 6] bool; centres [N, A, 6, 2] and wl [N, A, 2] in metres, in one frame per sample.

    vertices(n, a, k): index arrays [M] of sample, agent and step -> grid polygons [M, 4, 2] (column, row) int64.
    """

    drawn: Mask
    centres: Array
    wl: Array
    vertices: Callable[[Ints, Ints, Ints], Ints]

    def everything(self) -> tuple[Ints, Mask]:
        """Polygons [N, A, 6, 4, 2] of all agents, and which are drawn."""
        n, a, k = (index.ravel() for index in np.indices(self.drawn.shape))
        return self.vertices(n, a, k).reshape(*self.drawn.shape, 4, 2), self.drawn

    def near(self, egos: Array, reach_m: float) -> tuple[Ints, Ints]:
        """Polygons [M, 4, 2] of the agents that come within reach_m of one of the egos [N, E, 6, 2], sample by sample and
        step by step, and where each step's begin: start [6 N + 1]."""
        agents, start = _near(self.centres, self.wl, self.drawn, egos, reach_m + ROUNDING_M)
        counts = np.diff(start)
        n, k = (np.repeat(index.ravel(), counts) for index in np.indices((len(self.drawn), self.drawn.shape[2])))
        return self.vertices(n, agents, k), start


@kernel
def _near(centres: Array, wl: Array, drawn: Mask, egos: Array, reach: float) -> tuple[Ints, Ints]:  # pragma: no cover - compiled
    samples, agents, steps = drawn.shape
    found = np.empty(samples * agents * steps, dtype=np.int64)
    start = np.zeros(samples * steps + 1, dtype=np.int64)
    used = 0
    for n in range(samples):
        for k in range(steps):
            for a in range(agents):
                if not drawn[n, a, k]:
                    continue
                # A box's upright bounding box reaches no further than its diagonal.
                far = np.hypot(wl[n, a, 0], wl[n, a, 1]) + reach
                for e in range(egos.shape[1]):
                    dx, dy = centres[n, a, k, 0] - egos[n, e, k, 0], centres[n, a, k, 1] - egos[n, e, k, 1]
                    if dx * dx + dy * dy <= far * far:
                        found[used] = a
                        used += 1
                        break
            start[n * steps + k + 1] = used
    return found[:used].copy(), start
