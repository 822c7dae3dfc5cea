"""A bicycle's drive fitted to a path of positions: what `drive.poses` takes headings from.

A drive of T steps is a row [2 T]: the signed length s of each step, then its curvature k. A step turns the heading by s k and moves the
axle along the arc's chord; a standing car cannot turn, a reversing one faces ahead. Damped least squares (Levenberg and Marquardt) weigh
the points' distances against how much the curvature changes. `drive.bicycle_kernel` does the same compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, rotation_2d, wrap_angle

# What one unit of residual is (`docs/log.md` has what was tried): how far points lie from the drive, metres, how sharp a bend is at first
# and by how much it changes at each step, 1/m.
POINT_M = 0.1
FIRST_CURVATURE = 0.1
CURVATURE_CHANGE = 0.05
# No passenger car turns more tightly about its rear axle.
LEAST_RADIUS_M = 4.0
# The first guess takes no direction from a shorter step.
SHORT_M = 0.1
ROUNDS = 12
SETTLED = 1e-9  # a row whose cost falls by less is done
DAMPING, LESS, MORE, LEAST = 1e-3, 0.2, 10.0, 1e-12


def fitted_headings(moved: ArrayLike, mount: ArrayLike = (0.0, 0.0)) -> Array:
    """Headings [..., T], radians in [-pi, pi), of the car whose point at `mount` [2] moves by `moved` [..., T, 2] since t0.

    Metres, in the ego frame of t0, in which the car faces +x at t0. Finite values only. Rows do not depend on each other.
    """
    from drive.bicycle_kernel import fit  # its compiler is loaded by who needs a fit

    return _fitted(moved, mount, fit)


def readable_headings(moved: ArrayLike, mount: ArrayLike = (0.0, 0.0)) -> Array:
    """As `fitted_headings`, in plain NumPy: what the kernel is compared with."""
    return _fitted(moved, mount, _fit)


def _fitted(moved: ArrayLike, mount: ArrayLike, fit: Callable[[Array, Array], Array]) -> Array:
    seen, m = np.ascontiguousarray(moved, dtype=np.float64), np.asarray(mount, dtype=np.float64)
    if not seen.size:
        return np.zeros(seen.shape[:-1])
    lengths, bends = np.split(fit(seen.reshape(-1, *seen.shape[-2:]), m), 2, -1)
    return wrap_angle(np.cumsum(lengths * bends, -1)).reshape(seen.shape[:-1])


def _fit(points: Array, m: Array) -> Array:
    drive = _first_guess(points)
    damping, cost = np.full(len(points), DAMPING), _cost(drive, points, m)
    at = np.arange(len(points))  # rows that still change
    for _ in range(ROUNDS):
        tried = drive[at] - _step(_Drive.of(drive[at], m), points[at], damping[at])
        found = _cost(tried, points[at], m)
        better = found <= cost[at]
        settled = better & (cost[at] - found <= SETTLED * (1 + found))
        drive[at[better]], cost[at[better]] = tried[better], found[better]
        damping[at] *= np.where(better, LESS, MORE)
        at = at[~settled]
        if not len(at):
            break
    return drive


def _first_guess(points: Array) -> Array:
    """The drive [B, 2 T] along the points' chords, no tighter than a car turns."""
    steps = np.diff(points, axis=-2, prepend=np.zeros_like(points[:, :1]))
    headings = _chord_headings(steps)
    lengths = steps[..., 0] * np.cos(headings) + steps[..., 1] * np.sin(headings)
    turns = wrap_angle(np.diff(headings, axis=-1, prepend=0.0))
    bends = turns / np.where(np.abs(lengths) < SHORT_M, np.inf, lengths)
    return np.concatenate([lengths, np.clip(bends, -1 / LEAST_RADIUS_M, 1 / LEAST_RADIUS_M)], -1)


def _chord_headings(steps: Array) -> Array:
    """Headings [B, T] of a car that follows steps [B, T, 2]: each the nearest to the step's direction, or to its opposite (it may
    reverse), that a turn no tighter than LEAST_RADIUS_M leads to."""
    headings, heading = np.zeros(steps.shape[:-1]), np.zeros(len(steps))
    for t in range(steps.shape[-2]):
        length = np.hypot(steps[:, t, 0], steps[:, t, 1])
        turn = wrap_angle(np.arctan2(steps[:, t, 1], steps[:, t, 0]) - heading)
        turn = np.where(np.abs(turn) > np.pi / 2, wrap_angle(turn + np.pi), turn)
        most = length / LEAST_RADIUS_M
        heading = np.where(length < SHORT_M, heading, wrap_angle(heading + np.clip(turn, -most, most)))
        headings[:, t] = heading
    return headings


@dataclass(frozen=True, eq=False)
class _Drive:
    """Drives as geometry. [B, T]: lengths, curvatures, half the turns, headings, lengths of chords. [B, T, 2]: the chords' directions,
    where the point is, and its mount turned by the heading."""

    lengths: Array
    bends: Array
    half: Array
    headings: Array
    chords: Array
    along: Array
    points: Array
    swung: Array

    @classmethod
    def of(cls, drive: Array, mount: Array) -> _Drive:
        lengths, bends = np.split(drive, 2, -1)
        half = lengths * bends / 2
        headings = np.cumsum(2 * half, -1)
        chords = lengths * np.sinc(half / np.pi)
        along = np.stack([np.cos(headings - half), np.sin(headings - half)], -1)
        swung = rotation_2d(headings) @ mount
        return cls(lengths, bends, half, headings, chords, along, np.cumsum(chords[..., None] * along, -2) + swung - mount, swung)


def _residuals(drive: _Drive, points: Array) -> Array:
    """[B, 3 T]: distances in x, in y, changes of curvature."""
    misses = (drive.points - points) / POINT_M
    return np.concatenate([misses[..., 0], misses[..., 1], np.diff(drive.bends, axis=-1, prepend=0.0) * _weights(points)], -1)


def _weights(points: Array) -> Array:
    return 1 / np.array([FIRST_CURVATURE] + [CURVATURE_CHANGE] * (points.shape[-2] - 1))


def _cost(drive: Array, points: Array, mount: Array) -> Array:
    return (_residuals(_Drive.of(drive, mount), points) ** 2).sum(-1)


def _step(drive: _Drive, points: Array, damping: Array) -> Array:
    """What to take off the drives [B, 2 T]."""
    slopes = _slopes(drive, _weights(points))
    across = np.swapaxes(slopes, -1, -2)
    square = across @ slopes
    diagonal = np.einsum("bii->bi", square)
    diagonal += damping[:, None] * diagonal + LEAST
    return np.linalg.solve(square, across @ _residuals(drive, points)[..., None])[..., 0]


def _slopes(drive: _Drive, weights: Array) -> Array:
    """Derivatives of the residuals [B, 3 T, 2 T]."""
    each, none = np.eye(drive.lengths.shape[-1]), np.zeros((drive.lengths.shape[-1],) * 2)
    # A step's own turn and chord follow from its own length and curvature; headings and points are their sums.
    turn_by = np.concatenate([each * drive.bends[:, None], each * drive.lengths[:, None]], -1)
    heading_by = np.cumsum(turn_by, -2)
    straight = np.concatenate([each * np.sinc(drive.half / np.pi)[:, None], np.zeros_like(each * drive.half[:, None])], -1)
    chord_by = straight + (drive.lengths * _sinc_slope(drive.half))[..., None] * turn_by / 2
    middle_by = heading_by - turn_by / 2
    parts = []
    for axis, side, swing in ((0, -drive.along[..., 1], -drive.swung[..., 1]), (1, drive.along[..., 0], drive.swung[..., 0])):
        step_by = drive.along[..., axis, None] * chord_by + (drive.chords * side)[..., None] * middle_by
        parts.append((np.cumsum(step_by, -2) + swing[..., None] * heading_by) / POINT_M)
    change_by = np.concatenate([none, (each - np.eye(len(each), k=-1)) * weights[:, None]], -1)
    return np.concatenate([*parts, np.broadcast_to(change_by, parts[0].shape)], -2)


def _sinc_slope(x: Array) -> Array:
    """Derivative of sin(x) / x."""
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, x)
    return np.where(small, -x / 3, (np.cos(safe) - np.sin(safe) / safe) / safe)
