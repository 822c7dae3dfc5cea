"""Numbers read from the bytes of JSON: compiled, for tables of gigabytes. places [N, 2]: where values begin and end, as `row_kernel.pick`
finds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.data.nuscenes.index.row_kernel import COMMA, LIST, LIST_END, MARK, Bytes, Places, spaces
from drive.frames import Array
from drive.jit import kernel, part

MINUS, PLUS, DOT, ZERO, NINE, EXPONENT = 45, 43, 46, 48, 57, (101, 69)
DIGITS = 18  # as many fit into 64 bits; what follows is less than a number's rounding
POWERS = 10.0 ** np.arange(23)


@kernel
def numbers(text: Bytes, places: Places, found: Array) -> bool:
    """Values that lie at `places` [N, 2] and are lists of as many numbers as `found` [N, M] has columns: to the last place but one,
    very large and small ones to 1e-13 of themselves or 1e-200. False where one is none."""
    for n in range(len(places)):
        at, sign = places[n, 0], LIST
        if text[at - 1] == MARK:
            return False
        for m in range(found.shape[1]):
            at = spaces(text, at)
            if at >= len(text) or text[at] != sign:
                return False
            found[n, m], at = _number(text, spaces(text, at + 1))
            sign = COMMA
            if at < 0:
                return False
        at = spaces(text, at)
        if at + 1 != places[n, 1] or text[at] != LIST_END:
            return False
    return True


@kernel
def integers(text: Bytes, places: Places, found: Places) -> bool:
    """Values that lie at `places` [N, 2] and are whole numbers from 0 on of up to DIGITS digits -> `found` [N]. False where one is none."""
    for n in range(len(places)):
        begin, end = places[n, 0], places[n, 1]
        if not 0 < end - begin <= DIGITS or text[begin - 1] == MARK or (text[begin] == ZERO and end - begin > 1):
            return False
        value = 0
        for at in range(begin, end):
            if not ZERO <= text[at] <= NINE:
                return False
            value = 10 * value + _digit(text, at)
        found[n] = value
    return True


@part
def _number(text: Bytes, at: int) -> tuple[float, int]:
    """The number at `at` and where it ends, -1 where none stands there."""
    negative = at < len(text) and text[at] == MINUS
    at += negative
    first, digits, power, value = at, 0, 0, 0
    while at < len(text) and ZERO <= text[at] <= NINE:
        if digits < DIGITS:
            value, digits = 10 * value + _digit(text, at), digits + (value > 0 or text[at] > ZERO)
        else:
            power += 1
        at += 1
    if at == first or (text[first] == ZERO and at > first + 1):
        return 0.0, -1
    if at < len(text) and text[at] == DOT:
        at += 1
        first = at
        while at < len(text) and ZERO <= text[at] <= NINE:
            if digits < DIGITS:
                value, digits, power = 10 * value + _digit(text, at), digits + (value > 0 or text[at] > ZERO), power - 1
            at += 1
        if at == first:
            return 0.0, -1
    if at < len(text) and text[at] in EXPONENT:
        at, more = _exponent(text, at + 1)
        power += more
    size = float(value)
    size = size * _ten_to(power) if power > 0 else size / _ten_to(-power)
    return -size if negative else size, at


@part
def _digit(text: Bytes, at: int) -> int:
    code: Any = np.int64(text[at])
    digit: int = code - ZERO
    return digit


@part
def _exponent(text: Bytes, at: int) -> tuple[int, int]:
    """Where a number's exponent ends, -1 where none stands there, and the exponent."""
    sign = 1
    if at < len(text) and text[at] in (MINUS, PLUS):
        sign = -1 if text[at] == MINUS else 1
        at += 1
    first, value = at, 0
    while at < len(text) and ZERO <= text[at] <= NINE:
        value = min(10 * value + _digit(text, at), 10_000)
        at += 1
    return (at if at > first else -1), sign * value


@part
def _ten_to(power: int) -> float:
    return POWERS[power] if power < len(POWERS) else 10.0**power
