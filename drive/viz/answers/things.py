"""Answers that are things in space: boxes and lanes."""

from __future__ import annotations

from collections import Counter

from drive.answers.boxes import Boxes
from drive.answers.roads import LaneLines
from drive.viz.answers.marks import Marks, Solid


def boxes(value: Boxes) -> Marks:
    """Every box, and how many there are of each class."""
    solids = tuple(Solid(c, float(h), s) for c, h, s in zip(value.centres, value.headings, value.sizes, strict=True))
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in Counter(value.classes).most_common())
    return Marks(solids, words=(counts or "nothing",))


def lanes(value: LaneLines) -> Marks:
    """Every line."""
    return Marks(lines=value.lines, words=(f"{len(value)} lane{'s' * (len(value) != 1)}",))
