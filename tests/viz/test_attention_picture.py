"""The attention table's picture shows the tensor, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from drive.viz.sequence import LARGEST, OTHER, OWN, draw_attention, table_layout
from drive.viz.style import PANEL


def cell(picture, layout, query, key):
    """The pixel in the middle of a token pair's cell."""
    middle = (layout.edges[:-1] + layout.edges[1:]) / 2
    return picture[int(layout.origin[1] + middle[query]), int(layout.origin[0] + middle[key])].astype(int)


def test_every_cell_shows_its_entry():
    labels = ["frame 0 CAM_FRONT"] * 4 + ["ego"] + ["plan"] * 5
    table = np.random.default_rng(1).random((10, 10)) < 0.5
    picture, layout = draw_attention(table, labels, "title"), table_layout(labels, "title")
    assert picture.dtype == np.uint8 and picture.shape[0] >= layout.origin[1] + layout.size
    for query in range(10):
        for key in range(10):
            want = PANEL if not table[query, key] else OWN if labels[query] == labels[key] else OTHER
            np.testing.assert_allclose(cell(picture, layout, query, key), want, atol=14, err_msg=f"{query}, {key}")


def test_a_mask_off_by_one_looks_different():
    labels = ["plan"] * 8
    right, wrong = np.tri(8, dtype=bool), np.tri(8, k=-1, dtype=bool)
    assert (draw_attention(right, labels) != draw_attention(wrong, labels)).any(-1).sum() > 8 * 50


def test_long_segments_show_shares():
    labels = ["a"] * 3000 + ["b"]
    table = np.zeros((3001, 3001), dtype=bool)
    table[:3000, 0:3000:4] = True  # a quarter
    picture, layout = draw_attention(table, labels), table_layout(labels)
    assert layout.size <= LARGEST + 1 and [s[2] for s in layout.segments] == [3000, 1]
    block = picture[int(layout.origin[1]) + 5 :, int(layout.origin[0]) + 5 :][:300, :300].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(block, np.array(PANEL) + 0.25 * (np.array(OWN) - PANEL), atol=6)


def test_neighbours_of_equal_label_are_one_segment_and_separate_runs_are_not():
    assert [s[0] for s in table_layout(["a", "a", "b", "a"]).segments] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("table", "labels"),
    [
        (np.eye(3), ["a"] * 3),
        (np.eye(3, dtype=bool), ["a"] * 2),
        (np.ones((2, 3), dtype=bool), ["a"] * 2),
        (np.ones((0, 0), dtype=bool), []),
    ],
)
def test_what_is_no_table_is_refused(table, labels):
    with pytest.raises(ValueError, match=r"bool \[N, N\]"):
        draw_attention(table, labels)
