"""A JSON list of objects of any length, read one object at a time, each with its place in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

CHUNK = 1 << 24
Needless = Callable[[str], bool]
_SPACE = r"[ \t\n\r]*"
# What stands before a row: the first one, and every other.
_FIRST, _NEXT = (re.compile(rf"{_SPACE}{sign}{_SPACE}(?=\{{)") for sign in (r"\[", ","))
_CLOSING = re.compile(rf"{_SPACE}\]{_SPACE}\Z")
# The compiled scanner behind `json.loads`: (text, start) -> value, end.
scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class PlacedRow(NamedTuple):
    """An object and the bytes of the file that it stands in: at .. at + size."""

    row: dict[str, Any]
    at: int
    size: int


def placed_rows(path: Path, chunk: int = CHUNK, needless: Needless | None = None) -> Iterator[PlacedRow]:
    """The objects of a file that holds a JSON list of objects, as `json.loads` reads them, in memory of about a chunk of bytes.

    needless: whether nobody wants a row, judged by its text; such rows are passed over, and what stands between their braces is not read.
    It is asked only of plain rows: an object without objects in it, whose texts have neither braces nor backslashes.

    Raises ValueError where the file holds anything else (a row that is no object, text after the list); objects before that are read.
    """
    with path.open("rb") as file:
        # Bytes as characters of the same number: JSON's own signs are ASCII, so that places in the text are places in the file.
        text, before, at, whole, way = "", 0, 0, False, _FIRST
        while True:
            try:
                if needless and (end := _plain_end(text, at, way, needless)):
                    at, way = end, _NEXT
                    continue
                row, begin, end = _row(text, at, way, text.isascii())
            except (ValueError, StopIteration):
                if whole:
                    break
                # Twice as much each time: one endless row is looked at again and again in linear time all the same.
                more = file.read(max(chunk, len(text) - at))
                text, before, at, whole = text[at:] + more.decode("latin-1"), before + at, 0, not more
                continue
            yield PlacedRow(row, before + begin, end - begin)
            at, way = end, _NEXT
        if way is _FIRST or not _CLOSING.match(text, at):
            _refuse(path)


def _plain_end(text: str, at: int, way: re.Pattern[str], needless: Needless) -> int:
    """The end of the next row where it is plain and needless; else 0."""
    ahead = way.match(text, at)
    end = text.find("}", at) + 1 if ahead else 0
    if not ahead or not end:
        return 0
    piece = text[ahead.end() : end]
    # With an even number of quotation marks the brace stands in no text.
    plain = piece.count('"') % 2 == 0 and "{" not in piece[1:] and "\\" not in piece and piece.isascii()
    return end if plain and needless(piece) else 0


def _row(text: str, at: int, way: re.Pattern[str], ascii_text: bool) -> tuple[dict[str, Any], int, int]:
    """The object behind what has to stand before it, where it begins and ends."""
    ahead = way.match(text, at)
    if not ahead:
        raise ValueError("no object")
    row, end = scan(text, begin := ahead.end())
    if not ascii_text:
        row = json.loads(text[begin:end].encode("latin-1").decode())
    return row, begin, end


def _refuse(path: Path) -> None:
    """Raises ValueError in the words of `json.loads`, or says what the file holds; nothing for an empty list."""
    value = json.loads(path.read_bytes().decode())
    if value != []:
        what = "a row that is no object" if isinstance(value, list) else "no list"
        raise ValueError(f"{path.name} holds {what}, expected a list of objects")
