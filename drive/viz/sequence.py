"""The attention table as a picture, drawn from the tensor itself: whatever the mask says is what one sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.viz.canvas import Canvas, Picture, text_width
from drive.viz.style import BACKGROUND, PANEL, SOFT_TEXT, TEXT, TIME_COLOURS, Colour

CELL = 16.0  # pixels of a token where there is room
LEAST = 18.0  # pixels of a segment, so that its name fits
LARGEST = 900.0  # pixels of the whole table, where the segments' least sizes allow
OWN: Colour = TIME_COLOURS[1]
OTHER: Colour = (42, 138, 186)
_SIZE = 13
_PAD = 24.0


@dataclass(frozen=True, eq=False)
class TableLayout:
    """segments: (label, first token, count) of each run of equal labels; edges [N + 1]: pixel at which each token begins,
    from the table's corner on; origin: that corner in the picture."""

    segments: tuple[tuple[str, int, int], ...]
    edges: Array
    origin: tuple[float, float]

    @property
    def size(self) -> float:
        """Width and height of the table in pixels."""
        return float(self.edges[-1])

    def name(self, segment: int) -> str:
        """Label and, where it has several tokens, their number."""
        label, _, count = self.segments[segment]
        return label if count == 1 else f"{label}  \u00d7{count}"


def table_layout(labels: Sequence[str], title: str = "") -> TableLayout:
    """Where each token goes. Long segments are drawn smaller per token (by the root of their length)."""
    segments, first = [], 0
    for label, run in groupby(labels):
        count = len(list(run))
        segments.append((label, first, count))
        first += count
    counts = np.array([count for *_, count in segments], dtype=np.float64)
    sizes = np.maximum(LEAST, np.minimum(CELL * counts, 1.4 * CELL * np.sqrt(counts)))
    spare = sizes - LEAST
    if sizes.sum() > LARGEST and spare.sum() > 0:
        sizes = LEAST + spare * max(0.0, (LARGEST - LEAST * len(sizes)) / spare.sum())
    per_token = np.concatenate([np.full(count, size / count) for (*_, count), size in zip(segments, sizes, strict=True)])
    layout = TableLayout(tuple(segments), np.concatenate([[0.0], np.cumsum(per_token)]), (0.0, 0.0))
    margin = max(text_width(layout.name(i), _SIZE) for i in range(len(segments))) + _PAD + 34
    return TableLayout(layout.segments, layout.edges, (margin, margin + (34 if title else 0)))


def draw_attention(table: ArrayLike, labels: Sequence[str], title: str = "") -> Picture:
    """Attention table [N queries, N keys] bool, True = may attend, with a label per token -> a picture uint8 [H, W, 3].

    Neighbouring tokens of equal label form a segment with one name. A segment's own block has another colour than what it
    sees of others; where several tokens share a pixel it shows the share of them that may attend. Raises ValueError where
    the table is not boolean, not square, or has not one label per token.
    """
    allowed = np.asarray(table)
    if allowed.dtype != np.bool_ or allowed.shape != (len(labels), len(labels)) or not len(labels):
        got = f"{allowed.dtype} {list(allowed.shape)} and {len(labels)} labels"
        raise ValueError(f"the table must be bool [N, N] with a label for each of N >= 1 tokens, got {got}")
    layout = table_layout(labels, title)
    x0, y0 = layout.origin
    width = max(x0 + layout.size + _PAD, _PAD + text_width(title, 20, bold=True) + _PAD, _PAD + 500)
    canvas = Canvas(round(width), round(y0 + layout.size + 64), BACKGROUND)
    if title:
        canvas.text((_PAD, 28), title, 20, TEXT, bold=True)
    _draw_cells(canvas, layout, allowed)
    _draw_names(canvas, layout)
    _draw_key(canvas, (_PAD, y0 + layout.size + 32))
    return canvas.finish()


def _draw_cells(canvas: Canvas, layout: TableLayout, allowed: np.ndarray) -> None:
    """The table at the canvas's own resolution: each pixel is the mean of the cells it covers."""
    scale = canvas.pixels.shape[0] / canvas.height
    top, left = round(layout.origin[1] * scale), round(layout.origin[0] * scale)
    count = round(layout.size * scale)
    places = np.interp(np.arange(count + 1) / scale, layout.edges, np.arange(len(layout.edges)))
    share = _means(_means(allowed.astype(np.float64), places).T, places).T
    segment = np.repeat(np.arange(len(layout.segments)), [n for *_, n in layout.segments])
    owner = segment[np.minimum((places[:-1] + places[1:]) / 2, len(segment) - 1).astype(int)]
    hue = np.where((owner[:, None] == owner)[..., None], np.array(OWN), np.array(OTHER))
    shade = np.array(PANEL) + share[..., None] * (hue - np.array(PANEL))
    canvas.pixels[top : top + count, left : left + count] = np.round(shade).astype(np.uint8)
    x, y = layout.origin
    for _, first, n in layout.segments:
        token_px = (layout.edges[first + n] - layout.edges[first]) / n
        starts = range(first, first + n) if token_px >= 8 else [first]
        for token in starts:
            at, thick = layout.edges[token], 1.5 if token == first else 0.5
            canvas.lines([np.array([[x + at, y], [x + at, y + layout.size]])], BACKGROUND, thick)
            canvas.lines([np.array([[x, y + at], [x + layout.size, y + at]])], BACKGROUND, thick)


def _means(values: Array, places: Array) -> Array:
    """Means of values [N, M] over the intervals between places [P + 1] along the first axis -> [P, M]."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0)])
    low = np.minimum(places.astype(int), len(values) - 1)
    upto = total[low] + (places - low)[:, None] * values[low]
    return np.diff(upto, axis=0) / np.diff(places)[:, None]


def _draw_names(canvas: Canvas, layout: TableLayout) -> None:
    x, y = layout.origin
    for i, (_, first, count) in enumerate(layout.segments):
        middle = (layout.edges[first] + layout.edges[first + count]) / 2
        canvas.text((x - 10, y + middle), layout.name(i), _SIZE, TEXT, "right")
        canvas.text((x + middle, y - 10), layout.name(i), _SIZE, TEXT, "left", turned=True)
    canvas.text((x - 22, y - 14), "query", _SIZE, SOFT_TEXT, "right", bold=True)
    canvas.text((x - 14, y - 22), "key", _SIZE, SOFT_TEXT, "left", bold=True, turned=True)


def _draw_key(canvas: Canvas, place: tuple[float, float]) -> None:
    x, y = place
    for colour, words in ((OWN, "attends in its own segment"), (OTHER, "attends to another"), (PANEL, "does not")):
        square = np.array([[x, y - 6], [x + 12, y - 6], [x + 12, y + 6], [x, y + 6]])
        canvas.polygon(square, colour)
        canvas.line(square, SOFT_TEXT, 0.5, 0.6, closed=True)
        x += 20 + canvas.text((x + 20, y), words, _SIZE, SOFT_TEXT) + 22
