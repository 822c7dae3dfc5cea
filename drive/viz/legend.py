"""What the colours and lines of the pictures mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drive.schema import Plan, SceneSample
from drive.viz.canvas import Canvas
from drive.viz.style import ANSWER, EGO, RECORD, SOFT_TEXT, TEXT, TIME_COLOURS, TRUTH, Colour, category_style, time_colours

ROW = 28.0
SWATCH = 46.0
LETTERS = 15

Entry = tuple[str, Callable[[Canvas, float, float], None]]


def draw_legend(
    canvas: Canvas, place: tuple[float, float], size: tuple[float, float], sample: SceneSample, plan: Plan | None, said: bool = False
) -> None:
    """Entries in two columns from place (x, y of the first row's middle) on: only what the pictures of this sample show.

    size: width and height in pixels that they may take; where that is little, rows and letters shrink.
    """
    entries = legend_entries(sample, plan, said)
    rows = (len(entries) + 1) // 2
    step = min(ROW, size[1] / max(rows - 0.5, 1))
    letters = round(min(LETTERS, 0.75 * step, size[0] / 30))
    for i, (name, swatch) in enumerate(entries):
        x, y = place[0] + (i // rows) * size[0] / 2, place[1] + (i % rows) * step
        swatch(canvas, x, y)
        canvas.text((x + SWATCH + 10, y), name, letters, TEXT)


def legend_entries(sample: SceneSample, plan: Plan | None, said: bool = False) -> list[Entry]:
    """(name, how to draw its swatch) for everything drawn of this sample. said: answers to requests too."""
    entries: list[Entry] = []
    if plan is not None:
        horizon = f"{plan.times_s[-1]:g}"
        entries.append((f"plan, 0 to {horizon} s", _gradient))
        if len(plan.trajectories) > 1:
            others = len(plan.trajectories) - 1
            entries.append((f"{others} other sample{'s' * (others > 1)}", _stroke(TIME_COLOURS[1])))
    if sample.target.future.valid.any():
        entries.append(("recorded drive", _stroke(RECORD, dash=6.0)))
    if sample.target.ratings is not None:
        entries.append(("rated path, 0 to 10", _stroke(SOFT_TEXT)))
    entries.append(("ego", _box(EGO, 0.95)))
    entries += [("answers", _stroke(ANSWER)), ("the truth of these", _stroke(TRUTH, dash=6.0))] if said else []
    agents = sample.target.agents
    valid = agents.valid[:, agents.now] if agents is not None else ()
    shown = [category_style(c) for c, there in zip(agents.categories if agents is not None else (), valid, strict=True) if there]
    entries += [(name, _box(colour, 0.38)) for name, colour in sorted(set(shown))]
    if shown:
        entries += [("velocity, 1 s", _arrow(SOFT_TEXT)), ("track: past, future", _track(SOFT_TEXT))]
    return entries


def _gradient(canvas: Canvas, x: float, y: float) -> None:
    edges = np.linspace(x, x + SWATCH, 24)
    colours = time_colours(np.linspace(0, 1, 23))
    quads = [np.array([[a, y - 5], [b, y - 5], [b, y + 5], [a, y + 5]]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    canvas.gradient([(q, (int(c[0]), int(c[1]), int(c[2]))) for q, c in zip(quads, colours, strict=True)], 0.9)


def _stroke(colour: Colour, dash: float = 0.0) -> Callable[[Canvas, float, float], None]:
    return lambda canvas, x, y: canvas.line([[x, y], [x + SWATCH, y]], colour, 2.0, dash=dash)


def _box(colour: Colour, alpha: float) -> Callable[[Canvas, float, float], None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        corners = np.array([[x + 6, y - 7], [x + SWATCH - 6, y - 7], [x + SWATCH - 6, y + 7], [x + 6, y + 7]])
        canvas.polygon(corners, colour, alpha)
        canvas.line(corners, colour, 1.4, closed=True)

    return draw


def _arrow(colour: Colour) -> Callable[[Canvas, float, float], None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        canvas.line([[x, y], [x + SWATCH - 7, y]], colour, 1.6)
        canvas.polygon([[x + SWATCH, y], [x + SWATCH - 8, y - 4], [x + SWATCH - 8, y + 4]], colour)

    return draw


def _track(colour: Colour) -> Callable[[Canvas, float, float], None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        canvas.line([[x, y], [x + SWATCH / 2, y]], colour, 1.6, 0.6)
        canvas.line([[x + SWATCH / 2, y], [x + SWATCH, y]], colour, 1.6, 0.8, dash=3.0)

    return draw
