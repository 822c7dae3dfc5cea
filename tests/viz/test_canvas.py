"""Drawing: where it lands, how it mixes, what stays untouched."""

from __future__ import annotations

import numpy as np
import pytest

from drive.viz.canvas import Canvas, fitted_size, shortened, text_width

SQUARE = np.array([[10.0, 10], [10, 30], [30, 30], [30, 10]])  # counter-clockwise to the eye: y runs down


def white(canvas):
    return canvas.finish()[..., 0] / 255


def test_polygon_covers_its_area_at_subpixel_places():
    for shift in (0.0, 0.25, 0.5):
        canvas = Canvas(60, 40)
        canvas.polygon(SQUARE + (0.5 + shift, 0), (255, 255, 255))
        picture = white(canvas)
        columns = np.arange(60) + 0.5
        assert picture.sum() == pytest.approx(400, rel=0.08)  # edges are a quarter of a pixel fat
        assert (picture.sum(0) * columns).sum() / picture.sum() == pytest.approx(20.5 + shift, abs=0.1)
    assert picture[:, :9].max() == 0 and picture[:9].max() == 0


def test_alpha_mixes_linearly():
    canvas = Canvas(40, 40, (100, 100, 100))
    canvas.polygon(SQUARE, (200, 0, 100), 0.25)
    np.testing.assert_allclose(canvas.finish()[20, 20], (125, 75, 100), atol=1)
    np.testing.assert_array_equal(canvas.finish()[5, 5], (100, 100, 100))


def test_area_fills_by_winding():
    hole, island = SQUARE[::-1] * 0.5 + 10, SQUARE * 0.2 + 16
    canvas = Canvas(60, 60)
    canvas.area([SQUARE, hole, island, SQUARE + (12, 12)], (255, 255, 255))
    picture = white(canvas)
    assert picture[12, 12] == 1 and picture[17, 17] < 0.05, "outline and hole"
    assert picture[20, 20] == 1, "an island in a hole"
    assert picture[27, 27] == 1, "two outlines overlap: still inside, where even-odd would leave a gap"


def test_gradient_is_one_sheet():
    """Overlapping parts are not mixed twice; a part before them lets only a share through; what comes after covers it."""
    canvas = Canvas(60, 40)
    right = SQUARE + (10, 0)
    canvas.gradient([(SQUARE, (200, 0, 0)), (right, (200, 0, 0)), (SQUARE, None), (right + (10, 0), (0, 200, 0))], 0.5, hidden=0.2)
    picture = canvas.finish()
    np.testing.assert_allclose(picture[20, 15], (20, 0, 0), atol=2)
    np.testing.assert_allclose(picture[20, 33], (0, 100, 0), atol=2)
    once = Canvas(60, 40)
    once.gradient([(SQUARE, (200, 0, 0)), (right, (200, 0, 0))], 0.5)
    np.testing.assert_allclose(once.finish()[20, 11:39, 0], 100, atol=2)


def test_dashes_and_gaps_have_the_length_asked_for():
    canvas = Canvas(100, 20)
    canvas.line([[10, 10.5], [90, 10.5]], (255, 255, 255), 1, dash=8)
    row = white(canvas)[10] > 0.5
    starts = np.flatnonzero(np.diff(row.astype(int)) == 1)
    np.testing.assert_allclose(np.diff(starts), 16, atol=1)
    assert row.sum() == pytest.approx(40, abs=12)  # round ends lengthen each dash a little


def test_far_outside_is_harmless():
    canvas = Canvas(40, 40)
    canvas.line([[-1e12, 20.5], [1e12, 20.5]], (255, 255, 255), 1)
    canvas.polygon([[1e9, 1e9], [2e9, 1e9], [2e9, 2e9]], (255, 255, 255))
    canvas.text((-500, 5), "outside")
    canvas.text((39, 39), "at the edge")
    assert white(canvas)[20].min() > 0.4 and white(canvas)[:18, :30].max() == 0


def test_text_stands_where_it_should():
    for anchor, share in (("left", 0.0), ("middle", 0.5), ("right", 1.0)):
        canvas = Canvas(300, 40)
        width = canvas.text((150, 20), "HHHHHHHH", 16, (255, 255, 255), anchor)
        columns, rows = np.flatnonzero(white(canvas).max(0) > 0.2), np.flatnonzero(white(canvas).max(1) > 0.2)
        assert columns.mean() == pytest.approx(150 + (0.5 - share) * width, abs=2)
        assert rows.mean() == pytest.approx(20, abs=2)
    assert width == text_width("HHHHHHHH", 16)
    short = shortened("a long line of words", 16, 80)
    assert short.endswith("\u2026") and text_width(short, 16) <= 80
    assert shortened("short", 16, 80) == "short"
    size = fitted_size("a long line of words", (30, 20, 10), 170)
    assert text_width("a long line of words", size) <= 170 < text_width("a long line of words", {10: 20, 20: 30}[size])
    assert fitted_size("a long line of words", (30, 20), 10) == 20 and fitted_size("a", (30, 20), 100) == 30


def test_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="picture must be"):
        Canvas(40, 30, picture=np.zeros((30, 40, 3), dtype=np.uint8))
