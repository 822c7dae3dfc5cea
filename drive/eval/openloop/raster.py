"""Occupancy grids without drawing them: which cells a polygon fills, asked only where the ego stands.

The published protocols fill every agent's rounded polygon into an image with `cv2.fillPoly` and look up the ego's cells.
Here the same fill is worked out row by row inside the ego's cells alone, cell for cell as OpenCV 4.11 draws it:

* every edge as an 8-connected line from left to right, its ends first clipped to the image;
* between, each row from the ceiling of the left edge's x to the floor of the right one's, both in 16-bit fixed point, an
  edge's slope being that of its clipped ends where it leaves the image.

OpenCV versions differ in that last point only (4.8 to 4.10 also inside the image); `tests/eval/test_raster.py` compares
cell by cell with the installed one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.jit import maker_part, part
from drive.schema import Mask

Ints = NDArray[np.int64]
FIXED = 16
ONE = 1 << FIXED


@maker_part
def fills_any(polygon: Ints, width: int, height: int, cells: Mask, row0: int, col0: int) -> bool:  # pragma: no cover - compiled
    """Whether filling a convex polygon [V, 2] (column, row) marks one of `cells` [H, W] bool, whose corner is (row0, col0).

    width, height: size of the image in which it is drawn. The cells lie inside that image.
    """
    rows, cols = cells.shape
    count = polygon.shape[0]
    low, high = polygon[0, 0], polygon[0, 0]
    top, bottom = polygon[0, 1], polygon[0, 1]
    for i in range(1, count):
        low, high = min(low, polygon[i, 0]), max(high, polygon[i, 0])
        top, bottom = min(top, polygon[i, 1]), max(bottom, polygon[i, 1])
    if high < col0 or low >= col0 + cols or bottom < row0 or top >= row0 + rows:
        # Clipping moves a line within its bounding box and onto the border, so nothing is filled outside.
        return False
    edges = np.empty((count, 4), dtype=np.int64)
    used = 0
    for i in range(count):
        x0, y0 = polygon[i - 1, 0], polygon[i - 1, 1]
        x1, y1 = polygon[i, 0], polygon[i, 1]
        inside, cx0, cy0, cx1, cy1 = _clip(x0, y0, x1, y1, width, height)
        if inside and line_hits(cx0, cy0, cx1, cy1, cells, row0, col0):
            return True
        if y0 == y1:
            continue
        if cy0 == cy1:
            # Only the heights go back to what they were: OpenCV keeps the clipped columns.
            cy0, cy1 = y0, y1
        slope = _divide((cx1 - cx0) * ONE, cy1 - cy0)
        edges[used, 0], edges[used, 1] = min(y0, y1), max(y0, y1)
        anchor_x, anchor_y = (cx0, cy0) if y0 < y1 else (cx1, cy1)
        edges[used, 2] = anchor_x * ONE + (min(y0, y1) - anchor_y) * slope
        edges[used, 3] = slope
        used += 1
    return _rows_hit(edges[:used], width, cells, row0, col0)


@part
def _rows_hit(edges: Ints, width: int, cells: Mask, row0: int, col0: int) -> bool:  # pragma: no cover - compiled
    """Edges [E, 4] (first row, row after the last, x at the first row, slope; fixed point) -> whether a span marks a cell."""
    rows, cols = cells.shape
    for r in range(rows):
        y = row0 + r
        left, right, found = 0, 0, 0
        for e in range(edges.shape[0]):
            if edges[e, 0] <= y < edges[e, 1]:
                x = edges[e, 2] + (y - edges[e, 0]) * edges[e, 3]
                left, right = (x, x) if found == 0 else (min(left, x), max(right, x))
                found += 1
        if found < 2:
            continue
        first, last = max((left + ONE - 1) >> FIXED, col0), min(right >> FIXED, col0 + cols - 1)
        for x in range(first, last + 1):
            if cells[r, x - col0]:
                return True
    return False


@part
def line_hits(x0: int, y0: int, x1: int, y1: int, cells: Mask, row0: int, col0: int) -> bool:  # pragma: no cover - compiled
    """Whether the 8-connected line between two points inside the image passes one of the cells."""
    rows, cols = cells.shape
    if x1 < x0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    if x1 < col0 or x0 >= col0 + cols or max(y0, y1) < row0 or min(y0, y1) >= row0 + rows:
        return False
    dx, dy, down = x1 - x0, abs(y1 - y0), 1 if y1 >= y0 else -1
    steep = dy > dx
    long, short = (dy, dx) if steep else (dx, dy)
    error, x, y = long - 2 * short, x0, y0
    for _ in range(long + 1):
        if row0 <= y < row0 + rows and col0 <= x < col0 + cols and cells[y - row0, x - col0]:
            return True
        turn = error < 0
        error += 2 * long - 2 * short if turn else -2 * short
        if steep:
            y += down
            x += 1 if turn else 0
        else:
            x += 1
            y += down if turn else 0
    return False


@part
def _divide(a: int, b: int) -> int:  # pragma: no cover - compiled
    """Integer division towards zero."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


@part
def _outside(x: int, y: int, right: int, bottom: int) -> int:  # pragma: no cover - compiled
    return (1 if x < 0 else 0) + (2 if x > right else 0) + (4 if y < 0 else 0) + (8 if y > bottom else 0)


@part
def _clip(x0: int, y0: int, x1: int, y1: int, width: int, height: int) -> tuple[bool, int, int, int, int]:  # pragma: no cover - compiled
    """Ends of a line clipped to the image as OpenCV does (integers, towards zero), and whether any of it is inside.

    A line that is wholly outside comes back with its ends wherever the clipping left them, as OpenCV uses them.
    """
    right, bottom = width - 1, height - 1
    c0, c1 = _outside(x0, y0, right, bottom), _outside(x1, y1, right, bottom)
    if c0 & c1 == 0 and c0 | c1 != 0:
        if c0 & 12:
            edge = 0 if c0 < 8 else bottom
            x0 += _divide((edge - y0) * (x1 - x0), y1 - y0)
            y0 = edge
            c0 = _outside(x0, y0, right, bottom)
        if c1 & 12:
            edge = 0 if c1 < 8 else bottom
            x1 += _divide((edge - y1) * (x1 - x0), y1 - y0)
            y1 = edge
            c1 = _outside(x1, y1, right, bottom)
        if c0 & c1 == 0 and c0 | c1 != 0:
            if c0:
                edge = 0 if c0 == 1 else right
                y0 += _divide((edge - x0) * (y1 - y0), x1 - x0)
                x0, c0 = edge, 0
            if c1:
                edge = 0 if c1 == 1 else right
                y1 += _divide((edge - x1) * (y1 - y0), x1 - x0)
                x1, c1 = edge, 0
    return c0 | c1 == 0, x0, y0, x1, y1
