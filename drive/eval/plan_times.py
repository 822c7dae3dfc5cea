"""Which points of a plan answer the times asked for: those at these times, or between two neighbours that are near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array, wrap_angle
from drive.schema import Mask, PlanError

TIME_TOLERANCE_S = 0.01
# A time between two points of a plan is interpolated where both are as near as this.
NEIGHBOUR_S = 0.25


@dataclass(frozen=True, eq=False)
class PathTimes:
    """Which points of a path answer the T times asked for: those at `right` [T], or where `between` [T] a share of `share` [T] on the
    way there from the point before. Points count from t0's, 0."""

    right: NDArray[np.int64]
    share: Array
    between: Mask

    def of(self, path: Array, ahead: float) -> Array:
        """A path [N, 2 or 3] -> its points [T, 2 or 3]. ahead: the heading at t0."""
        known = np.concatenate([[[0.0, 0.0, ahead][: path.shape[1]]], path])
        end, start, share = known[self.right], known[np.maximum(self.right - 1, 0)], self.share[:, None]
        step = end - start
        step[:, 2:] = wrap_angle(step[:, 2:])
        return np.where(self.between[:, None], start + share * step, end)


def taken_at(times_s: Array, asked: Array) -> PathTimes:
    """How a path at times [N] answers the times [T] asked for: with its points there, or between two within NEIGHBOUR_S.

    Raises PlanError where neither is possible.
    """
    known = np.concatenate([[0.0], times_s])
    nearest = np.abs(known[None] - asked[:, None])
    at, exact = nearest.argmin(1), nearest.min(1) <= TIME_TOLERANCE_S
    right = np.clip(np.searchsorted(known, asked), 1, len(known) - 1)
    gaps = np.maximum(asked - known[right - 1], known[right] - asked)
    lost = ~exact & ((gaps > NEIGHBOUR_S + TIME_TOLERANCE_S) | (asked > known[-1])) if len(times_s) else np.ones(len(asked), dtype=bool)
    if lost.any():
        where = f"no points within {NEIGHBOUR_S:g} s on both sides of {asked[lost][0]:g} s"
        where += f"; the plan ends at {known[-1]:g} s" if asked[lost][0] > known[-1] else ""
        raise PlanError(f"times_s {_short(times_s)} disagree with the times asked for, {_short(asked)}: {where}")
    share = (asked - known[right - 1]) / (known[right] - known[right - 1])
    return PathTimes(np.where(exact, at, right), share, ~exact)


def _short(times: Array) -> str:
    return f"[{', '.join(f'{t:g}' for t in times[:8])}{', ...' if len(times) > 8 else ''}]"
