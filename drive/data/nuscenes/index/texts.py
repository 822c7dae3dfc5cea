"""Texts of a table's rows as columns, with the places of the rows: by `row_kernel` where a table is large, else row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.data.nuscenes.index.stream import CHUNK, NEXT, one_row, placed_rows, taken

ROWS = 8192  # of one batch
_FLAG = r'"{}"\s*:\s*(\w+)'


class Texts(NamedTuple):
    """Some rows: where each lies in the file, and of each field its values."""

    at: list[int]
    size: list[int]
    columns: tuple[list[str], ...]


def texts_of(path: Path, fields: tuple[str, ...], flag: str = "", compiled: bool = False, chunk: int = CHUNK) -> Iterator[Texts]:
    """The values of some fields, which are texts in plain rows (`placed_rows`), of all rows, or of those whose `flag` is true. What else
    stands in plain rows, and in those whose flag is false, is not read, and may be damaged. compiled: by the kernel.

    Raises KeyError where a row has no such field, ValueError as `placed_rows`.
    """
    return _by_kernel(path, fields, flag, chunk) if compiled else _by_rows(path, fields, flag, chunk)


def _by_rows(path: Path, fields: tuple[str, ...], flag: str, chunk: int) -> Iterator[Texts]:
    rows = (row for row in placed_rows(path, chunk, lambda text: glance(text, fields, flag)) if not flag or row.row[flag])
    while some := list(islice(rows, ROWS)):
        columns = tuple([row.row[field] for row in some] for field in fields)
        yield Texts([row.at for row in some], [row.size for row in some], columns)


def glance(text: str, fields: tuple[str, ...], flag: str) -> dict[str, Any] | None:
    """Of a plain row its texts, nothing where its flag is false; None where it has to be parsed."""
    flags = _flag(flag).findall(text) if flag else ["true"]
    if flags == ["false"]:
        return {}
    found = _pattern(fields).findall(text) if flags == ["true"] else []
    row = dict(found)
    return {**row, flag: True} if len(found) == len(row) == len(fields) else None


@cache
def _pattern(fields: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf'"({"|".join(fields)})"\s*:\s*"([^"]*)"')


@cache
def _flag(name: str) -> re.Pattern[str]:
    return re.compile(_FLAG.format(name))


def _by_kernel(path: Path, fields: tuple[str, ...], flag: str, chunk: int) -> Iterator[Texts]:
    from drive.data.nuscenes.index.row_kernel import COMMA, LIST, key_bytes, walk

    names = (*fields, flag) if flag else fields
    keys, ends = key_bytes(names)
    found = np.empty((ROWS, 2 + 2 * len(names)), np.int64)

    def take(text: str, data: bytes, at: int, way: re.Pattern[str]) -> tuple[Texts, int]:
        sign, place = COMMA if way is NEXT else LIST, len(fields) if flag else -1
        count, end = walk(np.frombuffer(data, np.uint8), at, sign, keys, ends, place, found)
        if end > at:
            return _sliced(text, found[:count], len(fields)), end
        row, begin, end = one_row(text, at, way)
        assert row is not None
        wanted = [row] if not flag or row[flag] else []
        return Texts([begin][: len(wanted)], [end - begin][: len(wanted)], tuple([one[field] for one in wanted] for field in fields)), end

    for (at, size, columns), before in taken(path, chunk, take):
        yield Texts([before + place for place in at], size, columns)


def _sliced(text: str, found: NDArray[np.int64], fields: int) -> Texts:
    """found: as `row_kernel.walk` has it."""
    spans = [zip(found[:, 2 + 2 * n].tolist(), found[:, 3 + 2 * n].tolist(), strict=True) for n in range(fields)]
    columns = tuple([text[begin:end] for begin, end in span] for span in spans)
    return Texts(found[:, 0].tolist(), (found[:, 1] - found[:, 0]).tolist(), columns)
