"""Rows of cells as lines with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence

from drive.viz.printable import columns, printable

SOURCE = "source"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells under a header as lines with aligned columns, the first and SOURCE to the left."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(columns(row[i]) for row in shown) for i in range(len(shown[0]))]
    left = [i == 0 or name == SOURCE for i, name in enumerate(shown[0])]
    return "\n".join("  ".join(_padded(*cell) for cell in zip(row, widths, left, strict=True)).rstrip() for row in shown)


def _padded(cell: str, width: int, at_left: bool) -> str:
    space = " " * (width - columns(cell))
    return cell + space if at_left else space + cell
