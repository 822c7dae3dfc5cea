"""Protocol buffers' wire format, as far as it is needed: fields out of bytes, and bytes out of fields, without a schema.

https://protobuf.dev/programming-guides/encoding. Groups, which nothing has used for years, are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
LONGEST_VARINT = 10


class Span(NamedTuple):
    """Bytes of a message, from start up to end."""

    start: int
    end: int


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int | Span]]:
    """(number, wire type, value) of the fields of a message that stands in some bytes, in their order: integers for varints, where the
    bytes are for all others. Raises ValueError where there is no message."""
    place = start
    while place < end:
        key, place = _varint(data, place, end)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError("no protocol buffer: a field has the number 0")
        if kind == VARINT:
            value, place = _varint(data, place, end)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(data, place, end)
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            raise ValueError(f"no protocol buffer: field {number} has wire type {kind}")
        if size > end - place:
            raise ValueError(f"no protocol buffer: field {number} says {size} bytes, {end - place} are left")
        yield number, kind, Span(place, place + size)
        place += size


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """As `walk` of a whole message, with the bytes themselves."""
    for number, kind, value in walk(data, 0, len(data)):
        yield number, kind, data[value.start : value.end] if isinstance(value, Span) else value


def floats(parts: Iterable[tuple[int, int, int | bytes]], number: int) -> NDArray[np.float32]:
    """The values of a repeated float, packed or not. Raises ValueError where the field is something else."""
    found = [value for n, kind, value in parts if n == number]
    kinds = {kind for n, kind, _ in parts if n == number}
    whole = b"".join(value for value in found if isinstance(value, bytes))
    if not kinds <= {BYTES, FIXED32} or len(whole) % 4:
        raise ValueError(f"field {number} holds no floats")
    return np.frombuffer(whole, dtype="<f4")


def text(value: int | bytes) -> str:
    """A string. Raises ValueError where it is none."""
    if not isinstance(value, bytes):
        raise ValueError("a field of text holds a number")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("a field of text is not UTF-8") from None


def message(number: int, value: bytes | str) -> bytes:
    """A field of bytes, text or an inner message."""
    data = value.encode("utf-8") if isinstance(value, str) else value
    return _as_varint(number << 3 | BYTES) + _as_varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    """A field of an integer of 0 or more, a boolean or an enumeration."""
    return _as_varint(number << 3 | VARINT) + _as_varint(int(value))


def packed(number: int, values: ArrayLike) -> bytes:
    """A field of packed floats."""
    return message(number, np.asarray(values, dtype="<f4").tobytes())


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A number of 64 bits, and where it ends."""
    value = 0
    for k, byte in enumerate(data[place : min(place + LONGEST_VARINT, end)]):
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value & (1 << 64) - 1, place + k + 1
    raise ValueError("no protocol buffer: a number has no end")


def _as_varint(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"{value} is below 0")
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
