"""`drive.bicycle_fit.readable_headings` compiled: the same fit, row by row.

Names as there. Of a row: drive [2 T], points [T, 2], slopes [3 T, 2 T], residuals [3 T].
"""

from __future__ import annotations

import numpy as np

from drive.bicycle_fit import (
    CURVATURE_CHANGE,
    DAMPING,
    FIRST_CURVATURE,
    LEAST,
    LEAST_RADIUS_M,
    LESS,
    MORE,
    POINT_M,
    ROUNDS,
    SETTLED,
    SHORT_M,
)
from drive.frames import Array
from drive.jit import kernel, part

# A pivot that rounding took away: the step is then nonsense, and not taken.
_LEAST_PIVOT = 1e-300


@kernel
def fit(points: Array, mount: Array) -> Array:
    """Displacements [B, T, 2] of the point at `mount` [2] -> the drives [B, 2 T] fitted to them."""
    count = points.shape[1]
    drives = np.zeros((len(points), 2 * count))
    tried, residuals, state = np.zeros(2 * count), np.zeros(3 * count), np.zeros((count, 6))
    slopes, square = np.zeros((3 * count, 2 * count)), np.zeros((2 * count, 2 * count))
    for b in range(len(points)):
        drive, seen = drives[b], points[b]
        _first_guess(seen, drive)
        damping, cost = DAMPING, _residuals(drive, seen, mount, state, residuals)
        for _ in range(ROUNDS):
            _slopes(drive, state, slopes)
            _step(slopes, residuals, damping, square, tried)
            for i in range(2 * count):
                tried[i] = drive[i] - tried[i]
            found = _residuals(tried, seen, mount, state, residuals)
            if found <= cost:
                settled = cost - found <= SETTLED * (1 + found)
                for i in range(2 * count):
                    drive[i] = tried[i]
                cost, damping = found, damping * LESS
                if settled:
                    break
            else:
                damping *= MORE
                _residuals(drive, seen, mount, state, residuals)
    return drives


@part
def _wrapped(angle: float) -> float:
    return (angle + np.pi) % (2 * np.pi) - np.pi


@part
def _first_guess(points: Array, drive: Array) -> None:
    count, heading = len(points), 0.0
    for t in range(count):
        x = points[t, 0] - (points[t - 1, 0] if t else 0.0)
        y = points[t, 1] - (points[t - 1, 1] if t else 0.0)
        length, before = np.hypot(x, y), heading
        turn = _wrapped(np.arctan2(y, x) - heading)
        if abs(turn) > np.pi / 2:
            turn = _wrapped(turn + np.pi)
        most = length / LEAST_RADIUS_M
        if length >= SHORT_M:
            heading = _wrapped(heading + min(max(turn, -most), most))
        ahead = x * np.cos(heading) + y * np.sin(heading)
        bend = _wrapped(heading - before) / ahead if abs(ahead) >= SHORT_M else 0.0
        drive[t], drive[count + t] = ahead, min(max(bend, -1 / LEAST_RADIUS_M), 1 / LEAST_RADIUS_M)


@part
def _residuals(drive: Array, points: Array, mount: Array, state: Array, residuals: Array) -> float:
    """Fills state [T, 6] (half the turn, length of the chord, its direction, the mount turned) and residuals -> their squares' sum."""
    count = len(points)
    heading, x, y, before, cost = 0.0, -mount[0], -mount[1], 0.0, 0.0
    for t in range(count):
        half = drive[t] * drive[count + t] / 2
        chord = drive[t] * (np.sin(half) / half if half != 0 else 1.0)
        heading += 2 * half
        c, s = np.cos(heading - half), np.sin(heading - half)
        x, y = x + chord * c, y + chord * s
        cos, sin = np.cos(heading), np.sin(heading)
        swung_x, swung_y = cos * mount[0] - sin * mount[1], sin * mount[0] + cos * mount[1]
        state[t, 0], state[t, 1], state[t, 2], state[t, 3], state[t, 4], state[t, 5] = half, chord, c, s, swung_x, swung_y
        residuals[t] = (x + swung_x - points[t, 0]) / POINT_M
        residuals[count + t] = (y + swung_y - points[t, 1]) / POINT_M
        residuals[2 * count + t] = (drive[count + t] - before) / (CURVATURE_CHANGE if t else FIRST_CURVATURE)
        before = drive[count + t]
    for value in residuals:
        cost += value * value
    return cost


@part
def _slopes(drive: Array, state: Array, slopes: Array) -> None:
    count = len(drive) // 2
    for j in range(2 * count):
        own = j % count
        length, bend, half = drive[own], drive[count + own], state[own, 0]
        turn_by = bend if j < count else length
        chord_by = length * _sinc_slope(half) * turn_by / 2
        if j < count:
            chord_by += np.sin(half) / half if half != 0 else 1.0
        x, y = 0.0, 0.0
        for t in range(count):
            if t >= own:
                chord, c, s = state[t, 1], state[t, 2], state[t, 3]
                middle_by = turn_by / 2 if t == own else turn_by
                x -= chord * s * middle_by
                y += chord * c * middle_by
                if t == own:
                    x, y = x + c * chord_by, y + s * chord_by
                slopes[t, j], slopes[count + t, j] = (x - state[t, 5] * turn_by) / POINT_M, (y + state[t, 4] * turn_by) / POINT_M
            else:
                slopes[t, j], slopes[count + t, j] = 0.0, 0.0
            slopes[2 * count + t, j] = 0.0
    for t in range(count):
        weight = 1 / (CURVATURE_CHANGE if t else FIRST_CURVATURE)
        slopes[2 * count + t, count + t] = weight
        if t:
            slopes[2 * count + t, count + t - 1] = -weight


@part
def _sinc_slope(x: float) -> float:
    return -x / 3 if abs(x) < 1e-3 else (np.cos(x) - np.sin(x) / x) / x


@part
def _step(slopes: Array, residuals: Array, damping: float, square: Array, step: Array) -> None:
    """Solves the damped normal equations by Cholesky's factors, in place."""
    rows, count = slopes.shape
    for i in range(count):
        step[i] = 0.0
        for k in range(i + 1):
            square[i, k] = 0.0
    for r in range(rows):
        for i in range(count):
            value = slopes[r, i]
            if value != 0:
                step[i] += value * residuals[r]
                for k in range(i + 1):
                    square[i, k] += value * slopes[r, k]
    for i in range(count):
        square[i, i] += damping * square[i, i] + LEAST
    for i in range(count):
        for k in range(i + 1):
            value = square[i, k]
            for n in range(k):
                value -= square[i, n] * square[k, n]
            square[i, k] = np.sqrt(max(value, _LEAST_PIVOT)) if i == k else value / square[k, k]
        for n in range(i):
            step[i] -= square[i, n] * step[n]
        step[i] /= square[i, i]
    for i in range(count - 1, -1, -1):
        for n in range(i + 1, count):
            step[i] -= square[n, i] * step[n]
        step[i] /= square[i, i]
