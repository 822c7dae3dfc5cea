"""Plain rows of a JSON list of objects found in its bytes: compiled, for tables of gigabytes.

The readable twin of `walk` is `stream.placed_rows` with a glance. A row is plain where it is an object without objects in it, whose texts
are ASCII with neither braces nor backslashes. keys: the names of fields in quotation marks, one behind the other, `ends` [K] where each
ends. found [N, 2 + 2 K]: where a row begins and ends, then for each key where its value does (of a text: without its quotation marks);
-1 where the row has no such field.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.jit import kernel, part

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
MARK, BACKSLASH, COLON, COMMA = 34, 92, 58, 44
LIST, LIST_END, ROW, ROW_END = 91, 93, 123, 125
ODD = -1  # the row is not plain, or is not whole


def key_bytes(names: tuple[str, ...]) -> tuple[Bytes, Places]:
    """Names of fields as `keys` and `ends`."""
    parts = [f'"{name}"'.encode() for name in names]
    return np.frombuffer(b"".join(parts), np.uint8), np.cumsum([len(part) for part in parts])


@kernel
def walk(text: Bytes, at: int, sign: int, keys: Bytes, ends: Places, flag: int, found: Places) -> tuple[int, int]:
    """The plain rows from `at` on, before the first of which `sign` has to stand: how many were found, and where the last one that was
    looked at ended. Stops where a row is not plain or not whole, does not have every field once as a text, or `found` is full.

    flag: which key's value is true in rows that are wanted and false in others; -1: none.
    """
    count = 0
    while count < len(found):
        begin = spaces(text, at)
        if begin == len(text) or text[begin] != sign:
            break
        begin = spaces(text, begin + 1)
        if begin == len(text) or text[begin] != ROW:
            break
        found[count, 0] = begin
        end = _row(text, begin, keys, ends, found[count])
        wanted = _wanted(text, flag, found[count]) if end >= 0 else ODD
        if wanted == ODD:
            break
        found[count, 1] = end
        at, sign = end, COMMA
        count += wanted
    return count, at


@kernel
def pick(text: Bytes, keys: Bytes, ends: Places, found: Places) -> bool:
    """Fills in where the fields of known rows lie. False where a row is not plain or lacks a field."""
    for row in found:
        if _row(text, row[0], keys, ends, row) != row[1]:
            return False
        for value in row[2:]:
            if value < 0:
                return False
    return True


@part
def spaces(text: Bytes, at: int) -> int:
    """The first place from `at` on that is no white space."""
    while at < len(text) and text[at] in (32, 10, 13, 9):
        at += 1
    return at


@part
def _text(text: Bytes, at: int) -> int:
    """Where a text's closing mark stands; ODD where it is not plain or not whole. at: behind the opening one."""
    while at < len(text):
        sign = text[at]
        if sign == MARK:
            return at
        if sign in (BACKSLASH, ROW, ROW_END) or sign >= 128:
            return ODD
        at += 1
    return ODD


@part
def _row(text: Bytes, begin: int, keys: Bytes, ends: Places, found: Places) -> int:
    """Where the row at `begin` ends, ODD where it is not plain, not whole or has a field twice; found [2 + 2 K]: of this row."""
    found[2:] = -1
    at = begin + 1
    while at < len(text):
        sign = text[at]
        if sign == ROW_END:
            return at + 1
        if sign in (ROW, BACKSLASH) or sign >= 128:
            return ODD
        at += 1
        if sign != MARK:
            continue
        end = _text(text, at)
        colon = spaces(text, end + 1)
        if end < 0 or colon == len(text):
            return ODD
        key = _key(text, at - 1, end + 1, keys, ends) if text[colon] == COLON else -1
        at = end + 1
        if key >= 0:
            at = spaces(text, colon + 1)
            end = _value(text, at)
            if end < 0 or found[2 + 2 * key] >= 0:
                return ODD
            quoted = text[at] == MARK
            found[2 + 2 * key], found[3 + 2 * key] = at + quoted, end - quoted
            at = end
    return ODD


@part
def _key(text: Bytes, begin: int, end: int, keys: Bytes, ends: Places) -> int:
    """Which of the keys the text at begin .. end is, -1: none."""
    first = 0
    for key in range(len(ends)):
        last = ends[key]
        if last - first == end - begin:
            same = True
            for n in range(last - first):
                if keys[first + n] != text[begin + n]:
                    same = False
                    break
            if same:
                return key
        first = last
    return -1


@part
def _value(text: Bytes, at: int) -> int:
    """Where a text, a list of numbers or a word ends; ODD where it is none of them or not whole."""
    if at >= len(text):
        return ODD
    if text[at] == MARK:
        end = _text(text, at + 1)
        return end + 1 if end >= 0 else ODD
    depth = 0
    while at < len(text):
        sign = text[at]
        if sign in (MARK, BACKSLASH, ROW) or sign >= 128:
            return ODD
        if depth == 0 and (sign in (COMMA, ROW_END) or sign <= 32):
            return at
        depth += (sign == LIST) - (sign == LIST_END)
        at += 1
    return ODD


@part
def _wanted(text: Bytes, flag: int, found: Places) -> int:
    """1 for a row with every field as a text, 0 for one whose flag is false, ODD for others."""
    if flag >= 0:
        begin, end = found[2 + 2 * flag], found[3 + 2 * flag]
        if begin < 0 or text[begin - 1] == MARK:
            return ODD
        if end - begin == 5 and _is_word(text, begin, b"false"):
            return 0
        if end - begin != 4 or not _is_word(text, begin, b"true"):
            return ODD
    for key in range((len(found) - 2) // 2):
        if key != flag and (found[2 + 2 * key] < 0 or text[found[2 + 2 * key] - 1] != MARK):
            return ODD
    return 1


@part
def _is_word(text: Bytes, begin: int, word: bytes) -> bool:
    for n in range(len(word)):  # noqa: SIM110
        if text[begin + n] != word[n]:
            return False
    return True
