"""A JSON list of objects of any length, read one object at a time, each with its place in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

CHUNK = 1 << 22
Glance = Callable[[str], dict[str, Any] | None]
# (bytes as characters, the same bytes, where to go on, what stands before the next object) -> what was taken, and where it ended.
Found = TypeVar("Found")
Take = Callable[[str, bytes, int, re.Pattern[str]], tuple[Found, int]]
_SPACE = r"[ \t\n\r]*"
# What stands before a row: the first one, and every other.
FIRST, NEXT = (re.compile(rf"{_SPACE}{sign}{_SPACE}(?=\{{)") for sign in (r"\[", ","))
_CLOSING = re.compile(rf"{_SPACE}\]{_SPACE}\Z")
# The compiled scanner behind `json.loads`: (text, start) -> value, end.
scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class PlacedRow(NamedTuple):
    """An object and the bytes of the file that it stands in: at .. at + size."""

    row: dict[str, Any]
    at: int
    size: int


def placed_rows(path: Path, chunk: int = CHUNK, glance: Glance | None = None) -> Iterator[PlacedRow]:
    """The objects of a file that holds a JSON list of objects, as `json.loads` reads them, in memory of about a chunk of bytes.

    glance: what is wanted of a row, told from its text without parsing it; nothing where nobody wants the row, which is then passed over;
    None where it has to be parsed. It is asked only of plain rows: an object without objects in it, whose texts are ASCII with neither
    braces nor backslashes. What else stands in such a row is not read, and may be damaged.

    Raises ValueError where the file holds anything else (a row that is no object, text after the list); objects before that are read.
    """

    def take(text: str, _: bytes, at: int, way: re.Pattern[str]) -> tuple[tuple[dict[str, Any] | None, int, int], int]:
        row, begin, end = one_row(text, at, way, glance)
        return (row, begin, end), end

    for (row, begin, end), before in taken(path, chunk, take):
        if row is not None:
            yield PlacedRow(row, before + begin, end - begin)


def taken(path: Path, chunk: int, take: Take[Found]) -> Iterator[tuple[Found, int]]:
    """What `take` takes from a file that holds a JSON list of objects, piece by piece, and where in the file the text began that it was
    given. It raises ValueError or StopIteration where no whole object stands there, and is then given more of the file.

    Raises ValueError as `placed_rows`.
    """
    with path.open("rb") as file:
        # Bytes as characters of the same number: JSON's own signs are ASCII, so that places in the text are places in the file.
        data, text, before, at, whole, way = b"", "", 0, 0, False, FIRST
        while True:
            try:
                found, end = take(text, data, at, way)
            except (ValueError, StopIteration):
                if whole:
                    break
                # Twice as much each time: one endless row is looked at again and again in linear time all the same.
                more = file.read(max(chunk, len(data) - at))
                data, before, at, whole = data[at:] + more, before + at, 0, not more
                text = data.decode("latin-1")
                continue
            yield found, before
            at, way = end, NEXT
        if way is FIRST or not _CLOSING.match(text, at):
            _refuse(path)


def one_row(text: str, at: int, way: re.Pattern[str], glance: Glance | None = None) -> tuple[dict[str, Any] | None, int, int]:
    """The object behind what has to stand before it, None where nobody wants it; where it begins and ends. Raises ValueError or
    StopIteration where no whole one stands there."""
    ahead = way.match(text, at)
    if not ahead:
        raise ValueError("no object")
    begin = ahead.end()
    if glance:
        end = text.find("}", begin) + 1
        piece = text[begin:end]
        if _plain(piece) and (seen := glance(piece)) is not None:
            return seen or None, begin, end
    row, end = scan(text, begin)
    if not text.isascii():
        row = json.loads(text[begin:end].encode("latin-1").decode())
    return row, begin, end


def _plain(piece: str) -> bool:
    """Whether what ends at the first closing brace is a whole object: with an even number of quotation marks the brace is in no text."""
    return piece.count('"') % 2 == 0 and piece[1:].find("{") < 0 and "\\" not in piece and piece.isascii() and piece != ""


def _refuse(path: Path) -> None:
    """Raises ValueError in the words of `json.loads`, or says what the file holds; nothing for an empty list."""
    value = json.loads(path.read_bytes().decode())
    if value != []:
        what = "a row that is no object" if isinstance(value, list) else "no list"
        raise ValueError(f"{path.name} holds {what}, expected a list of objects")
