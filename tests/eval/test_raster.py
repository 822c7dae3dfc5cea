"""The fill kernel against the installed OpenCV, cell by cell, inside the image and across its border."""

from __future__ import annotations

import cv2
import numba
import numpy as np
import pytest

from drive.eval.openloop.raster import fills_any

SIZE = 48


@numba.njit
def filled(polygon: np.ndarray, width: int, height: int) -> np.ndarray:
    """The whole image, one cell asked for at a time."""
    image = np.zeros((height, width), dtype=np.bool_)
    cell = np.ones((1, 1), dtype=np.bool_)
    for row in range(height):
        for col in range(width):
            image[row, col] = fills_any(polygon, width, height, cell, row, col)
    return image


def rectangle(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    length, width, angle = rng.uniform(0.2, 40), rng.uniform(0.2, 12), rng.uniform(0, 7)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[length, width], [-length, width], [-length, -width], [length, -width]]) / 2
    return np.round(corners @ turn.T + rng.uniform(low, high, 2)).astype(np.int64)


@pytest.mark.parametrize(("low", "high"), [(18, 30), (-15, 63)])
def test_fills_the_cells_that_opencv_fills(low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    crossing = 0
    for _ in range(1500):
        polygon = rectangle(rng, low, high)
        image = np.zeros((SIZE, SIZE + 7), dtype=np.uint8)
        cv2.fillPoly(image, [polygon.astype(np.int32)], 1)
        np.testing.assert_array_equal(filled(polygon, SIZE + 7, SIZE), image.astype(bool), err_msg=str(polygon.tolist()))
        crossing += bool(image.any() and ((polygon < 0) | (polygon >= [SIZE + 7, SIZE])).any())
    assert low > 0 or crossing > 500


def test_a_window_is_hit_where_one_of_its_cells_is() -> None:
    """Windows with holes: the answer is that of the cells in them."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1500):
        polygon = rectangle(rng, 0, SIZE)
        image = np.zeros((SIZE, SIZE), dtype=np.uint8)
        cv2.fillPoly(image, [polygon.astype(np.int32)], 1)
        rows, cols = rng.integers(1, 12, 2)
        row0, col0 = rng.integers(0, SIZE - rows + 1), rng.integers(0, SIZE - cols + 1)
        cells = rng.random((rows, cols)) < 0.1
        expected = bool((image[row0 : row0 + rows, col0 : col0 + cols].astype(bool) & cells).any())
        assert fills_any(polygon, SIZE, SIZE, cells, row0, col0) == expected
        hits += expected
    assert 80 < hits < 1420
