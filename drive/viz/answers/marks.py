"""What can be drawn of an answer, whatever its task: the pictures know this alone."""

from __future__ import annotations

from dataclasses import dataclass

from drive.frames import Array


@dataclass(frozen=True, eq=False)
class Solid:
    """A box: centre [3] m, heading rad, size [3] (length, width, height) m, in the ego frame of t0."""

    centre: Array
    heading: float
    size: Array


@dataclass(frozen=True, eq=False)
class Marks:
    """solids: boxes. lines: polylines [N, 2] on the ground. places: (x, y, word) on the ground. words: short lines of text."""

    solids: tuple[Solid, ...] = ()
    lines: tuple[Array, ...] = ()
    places: tuple[tuple[float, float, str], ...] = ()
    words: tuple[str, ...] = ()


NOTHING = Marks()


def together(parts: list[Marks]) -> Marks:
    """The marks of several answers."""
    return Marks(
        tuple(solid for part in parts for solid in part.solids),
        tuple(line for part in parts for line in part.lines),
        tuple(place for part in parts for place in part.places),
        tuple(word for part in parts for word in part.words),
    )
