"""How much of a pixel a triangle covers, exactly: the triangle cut by the pixel's square (Sutherland and Hodgman, 1974). Compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from drive.frames import Array
from drive.jit import fast_part, maker_part

MOST_CORNERS = 12


class Pen(NamedTuple):
    """Room for polygons, corners in rows: whole [2, 12] in the picture, strip [2, 12] of a row of pixels, cut [2, 12], spare [2, 12];
    span [4]: from and to of the strip, then of its part that covers pixels from top to bottom; found [3]: area, and its middle."""

    whole: Array
    strip: Array
    cut: Array
    spare: Array
    span: Array
    found: Array


@maker_part
def new_pen() -> Pen:
    """A pen that has drawn nothing."""
    room = np.empty((4, 2, MOST_CORNERS))
    return Pen(room[0], room[1], room[2], room[3], np.empty(4), np.empty(3))


@fast_part
def cut_by(source: Array, count: int, axis: int, limit: float, sign: float, result: Array) -> int:
    """The part of a convex polygon where sign * (coordinate - limit) >= 0, into `result`; returns its number of corners."""
    made, other = 0, 1 - axis
    for k in range(count):
        n = k + 1 if k + 1 < count else 0
        here, there = sign * (source[axis, k] - limit), sign * (source[axis, n] - limit)
        if here >= 0.0:
            result[0, made], result[1, made] = source[0, k], source[1, k]
            made += 1
        if (here >= 0.0) != (there >= 0.0):
            s = here / (here - there)
            result[axis, made] = limit
            result[other, made] = source[other, k] + s * (source[other, n] - source[other, k])
            made += 1
    return made


@fast_part
def take_strip(pen: Pen, count: int, row: int) -> int:
    """The polygon's part in a row of pixels, and where along it; returns its number of corners, 0 where there is none."""
    many = cut_by(pen.whole, count, 1, float(row), 1.0, pen.spare)
    many = cut_by(pen.spare, many, 1, row + 1.0, -1.0, pen.strip)
    low, high, top_low, top_high, bottom_low, bottom_high = 1e9, -1e9, 1e9, -1e9, 1e9, -1e9
    for k in range(many):
        u, v = pen.strip[0, k], pen.strip[1, k]
        low, high = min(low, u), max(high, u)
        if v <= row:
            top_low, top_high = min(top_low, u), max(top_high, u)
        if v >= row + 1.0:
            bottom_low, bottom_high = min(bottom_low, u), max(bottom_high, u)
    pen.span[0], pen.span[1] = low, high
    pen.span[2], pen.span[3] = max(top_low, bottom_low), min(top_high, bottom_high)
    return many if many > 2 else 0


@fast_part
def take_share(pen: Pen, many: int, row: int, column: int) -> None:
    """The strip's area in one pixel, and its middle."""
    found = pen.found
    if column >= pen.span[2] and column + 1.0 <= pen.span[3]:
        found[0], found[1], found[2] = 1.0, column + 0.5, row + 0.5
        return
    count = cut_by(pen.strip, many, 0, float(column), 1.0, pen.spare)
    count = cut_by(pen.spare, count, 0, column + 1.0, -1.0, pen.cut)
    area = middle_u = middle_v = 0.0
    for k in range(2, count):
        u0, v0 = pen.cut[0, 0], pen.cut[1, 0]
        u1, v1, u2, v2 = pen.cut[0, k - 1], pen.cut[1, k - 1], pen.cut[0, k], pen.cut[1, k]
        twice = abs((u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0))
        area += 0.5 * twice
        middle_u += twice * (u0 + u1 + u2)
        middle_v += twice * (v0 + v1 + v2)
    found[0] = min(area, 1.0)
    if area > 0.0:
        found[1], found[2] = middle_u / (6.0 * area), middle_v / (6.0 * area)


@fast_part
def columns_of(pen: Pen, width: int) -> tuple[int, int]:
    """First and last pixel of a row that the strip reaches."""
    return int(max(math.floor(pen.span[0]), 0.0)), int(min(math.ceil(pen.span[1]) - 1.0, width - 1.0))
