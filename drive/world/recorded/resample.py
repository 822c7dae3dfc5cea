"""Records at their own rate -> simulation steps: 10 Hz as it is, anything else interpolated."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from drive.frames import Array
from drive.schema import Mask
from drive.world.state import DT_S

MAX_GAP_SPACINGS = 2.0  # between frames further apart nothing is known


def interpolated(times_s: Array, poses: Array, valid: Mask, steps: int, longest_s: float) -> tuple[Array, Mask]:
    """Poses [N, 3] at times [N], where valid, -> rows [steps, 4] (x, y, heading, speed), one every DT_S, and where they are known.

    Known is what lies between two valid neighbours at most `longest_s` apart (and a lone key frame's own step). Positions
    run on cubic Hermite curves whose slopes are those of parabolas through three key frames, headings along the shorter arc.
    """
    rows, known, grid = np.zeros((steps, 4)), np.zeros(steps, dtype=bool), np.arange(steps) * DT_S
    at = np.flatnonzero(valid)
    joined = (np.diff(at) == 1) & (np.diff(times_s[at]) <= longest_s)
    for run in np.split(at, np.flatnonzero(~joined) + 1) if len(at) else ():
        t, pose = times_s[run], poses[run]
        inside = np.flatnonzero((grid >= t[0] - DT_S / 2) & (grid <= t[-1] + DT_S / 2))
        when = np.clip(grid[inside], t[0], t[-1])
        if len(run) == 1:
            rows[inside, :3] = pose[0]
        else:
            curve = CubicHermiteSpline(t, pose[:, :2], np.gradient(pose[:, :2], t, axis=0, edge_order=2 if len(run) > 2 else 1))
            rows[inside] = np.column_stack([curve(when), np.interp(when, t, np.unwrap(pose[:, 2])), np.hypot(*curve(when, 1).T)])
        known[inside] = True
    return rows, known
