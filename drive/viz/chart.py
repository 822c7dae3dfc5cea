"""Small charts as SVG inside a page: in the page's own colours, light or dark, sharp at any width, no script.

A chart is one panel; names stand in a legend of HTML beside the panels, where long ones wrap and none is cut off. Every mark
tells its numbers when pointed at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from drive.viz.printable import printable

COLOURS = 8  # classes k0 to k7 of the page's style; the shape of a mark parts those that share a colour
GREY = -1
WIDTH = 440.0
LEFT, RIGHT, BOTTOM, TOP = 46.0, 12.0, 40.0, 26.0
ROW_LABELS = 128.0  # to the left of a chart of rows
ROW_STEP, ROW_GAP = 12.0, 12.0
MARK = 3.4
FAILED_ROOM = 0.16  # of the width, for the words beside a mark


@dataclass(frozen=True)
class Mark:
    """A value with the ends of its interval (None: no interval). hollow: a second value, drawn hollow. note: words beside it."""

    at: float
    value: float
    low: float | None = None
    high: float | None = None
    hollow: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Line:
    """What one name has. kind: its number in the legend (GREY: the one that all others are held against)."""

    name: str
    kind: int
    marks: Sequence[Mark]


def line_chart(lines: Sequence[Line], ticks: Sequence[float], x_title: str, y_title: str, height: float = 250.0) -> str:
    """Values upwards over `at`, a line each; ticks: where there are values. -> SVG."""
    top = max((v for line in lines for m in line.marks for v in (m.value, m.high or 0.0, m.hollow or 0.0)), default=0.0) or 1.0
    steps, spread = nice_ticks(top), (ticks[-1] - ticks[0]) / max(len(ticks) - 1, 1) if len(ticks) > 1 else 1.0
    shift = min(0.07, 0.6 / max(len(lines), 1)) * spread
    middle, side = (len(lines) - 1) / 2, 0.15 * spread + shift * len(lines) / 2
    low, high = ticks[0] - side, ticks[-1] + side
    top = max(top * 1.05, steps[-1])

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return height - BOTTOM - value / top * (height - BOTTOM - TOP)

    parts = [_text(6, 14, y_title, "start")]
    for step in steps:
        parts += [_rule(LEFT, y(step), WIDTH - RIGHT, y(step)), _text(LEFT - 6, y(step) + 4, _number(step), "end")]
    parts += [_text(x(t), height - BOTTOM + 17, _number(t), "middle") for t in ticks]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 5, x_title, "middle"))
    for i, line in enumerate(lines):
        places = [(x(m.at + shift * (i - middle)), m) for m in line.marks]
        path = " ".join(f"{px:.1f},{y(m.value):.1f}" for px, m in places)
        marks = "".join(_mark(line, m, px, y(m.value)) for px, m in places)
        bars = "".join(_bar(px, y(m.low), px, y(m.high)) for px, m in places if m.low is not None and m.high is not None)
        rings = "".join(_ring(px, y(m.hollow)) for px, m in places if m.hollow is not None)
        parts.append(f'<g class="{_class(line.kind)}"><polyline points="{path}"/>{bars}{rings}{marks}</g>')
    return _svg(parts, height, f"{y_title} over {x_title}")


def row_chart(lines: Sequence[Line], rows: Sequence[str], x_title: str) -> str:
    """A row per name in `rows`, in it a mark per line, one below the other; `at`: the number of the row. -> SVG."""
    most = max((v for line in lines for m in line.marks for v in (m.value, m.high or 0.0, m.hollow or 0.0)), default=0.0) or 1.0
    steps, pitch = nice_ticks(most), ROW_STEP * max(len(lines), 1) + ROW_GAP
    top = TOP + 16  # the scale stands above the rows too
    height, noted = top + pitch * len(rows) + BOTTOM, any(m.note for line in lines for m in line.marks)
    most = max(most * (1.05 + FAILED_ROOM * 2 * noted), steps[-1])

    def x(value: float) -> float:
        return ROW_LABELS + value / most * (WIDTH - ROW_LABELS - RIGHT)

    parts = [_text(ROW_LABELS, 14, x_title, "start")]
    for step in steps:
        parts.append(_rule(x(step), top, x(step), height - BOTTOM))
        parts += [_text(x(step), y, _number(step), "middle") for y in (top - 7, height - BOTTOM + 17)]
    for k, name in enumerate(rows):
        parts += [_rule(6, top + k * pitch, WIDTH - RIGHT, top + k * pitch), _text(6, top + (k + 0.5) * pitch + 4, name, "start")]
    for i, line in enumerate(lines):
        marks = "".join(_row_mark(line, m, x, top + m.at * pitch + ROW_GAP / 2 + (i + 0.5) * ROW_STEP) for m in line.marks)
        parts.append(f'<g class="{_class(line.kind)}">{marks}</g>')
    return _svg(parts, height, x_title)


def _row_mark(line: Line, mark: Mark, x: Callable[[float], float], at: float) -> str:
    low, high = (mark.value if v is None else v for v in (mark.low, mark.high))
    bar = _bar(x(low), at, x(high), at) if mark.low is not None and mark.high is not None else ""
    ring = "" if mark.hollow is None else _ring(x(mark.hollow), at)
    end = x(max(high, mark.value, mark.hollow or 0.0)) + 7
    return bar + ring + _mark(line, mark, x(mark.value), at) + (_text(end, at + 4, mark.note, "start") if mark.note else "")


def legend(names: Sequence[tuple[str, int]]) -> str:
    """(name, kind) each -> HTML."""
    items = "".join(
        f'<li><svg class="key {_class(kind)}" viewBox="-6 -6 12 12">{_shape(kind, 0, 0, 4.2)}</svg>{escape(printable(name))}</li>'
        for name, kind in names
    )
    return f'<ul class="legend">{items}</ul>'


def nice_ticks(top: float, most: int = 6) -> list[float]:
    """Round numbers from 0 up to `top`, at most `most` of them."""
    rough = top / (most - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * f for f in (1, 2, 2.5, 5, 10) if size * f >= rough * (1 - 1e-9))
    return [step * i for i in range(int(top / step + 1e-9) + 1)]


def _svg(parts: Sequence[str], height: float, told: str) -> str:
    return f'<svg class="chart" role="img" aria-label="{escape(told)}" viewBox="0 0 {WIDTH:g} {height:g}">{"".join(parts)}</svg>'


def _mark(line: Line, mark: Mark, x: float, y: float) -> str:
    ends = "" if mark.low is None or mark.high is None else f" [{mark.low:.3g}, {mark.high:.3g}]"
    hollow = "" if mark.hollow is None else f", {mark.hollow:.3g} over the answered samples"
    told = f"{printable(line.name)}: {mark.value:.3g}{ends}{hollow}{', ' + mark.note if mark.note else ''}"
    return f"<g><title>{escape(told)}</title>{_shape(line.kind, x, y, MARK)}</g>"


def _shape(kind: int, x: float, y: float, r: float) -> str:
    match (kind + kind // COLOURS) % 4 if kind >= 0 else 0:
        case 1:
            return f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}"/>'
        case 2:
            return f'<path d="M{x:.1f} {y - 1.3 * r:.1f}l{1.25 * r:.1f} {2.2 * r:.1f}h{-2.5 * r:.1f}z"/>'
        case 3:
            d = 1.4 * r
            return f'<path d="M{x:.1f} {y - d:.1f}l{d:.1f} {d:.1f}l{-d:.1f} {d:.1f}l{-d:.1f} {-d:.1f}z"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1.1 * r:.1f}"/>'


def _class(kind: int) -> str:
    return "kl" if kind == GREY else f"k{kind % COLOURS}"


def _ring(x: float, y: float) -> str:
    return f'<circle class="hollow" cx="{x:.1f}" cy="{y:.1f}" r="{MARK + 0.6:.1f}"/>'


def _bar(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _rule(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<line class="rule" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(words))}</text>'


def _number(value: float) -> str:
    return f"{value:.10g}"
