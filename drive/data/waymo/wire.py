"""Protobuf's encoding, as far as it is needed: a message is fields of a number and a value, which its schema gives a meaning.

Wire types: 0 varint, 1 eight bytes, 2 bytes of a length (text, messages, packed numbers), 5 four bytes. Groups (3, 4) are refused.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive.frames import Array

MAX_FIELDS = 1_000_000


class Span(NamedTuple):
    """Bytes of a record, from start up to end."""

    start: int
    end: int


class WireMessage:
    """A message within a record's bytes: its fields by number, each value an int (of a varint) or a `Span`.

    Unknown numbers are kept and do no harm. Raises ValueError where the bytes are no message.
    """

    def __init__(self, data: bytes, span: Span | None = None) -> None:
        self.data = data
        self.fields: dict[int, list[int | Span]] = {}
        at, end = span or Span(0, len(data))
        count = 0
        while at < end:
            key, at = _varint(data, at, end)
            value, at = _value(data, key & 7, at, end)
            self.fields.setdefault(key >> 3, []).append(value)
            count += 1
            if count > MAX_FIELDS:
                raise ValueError(f"a message of more than {MAX_FIELDS} fields")

    def integer(self, number: int, default: int = 0) -> int:
        """An integer of 64 bits with a sign; the last one where there are several, as protobuf has it."""
        value = self.fields.get(number, [default])[-1]
        if not isinstance(value, int):
            raise ValueError(f"field {number} is no integer")
        return value - (1 << 64) if value >= 1 << 63 else value

    def spans(self, number: int) -> list[Span]:
        """The bytes of a field, as often as it stands there."""
        found = self.fields.get(number, [])
        if not all(isinstance(value, Span) for value in found):
            raise ValueError(f"field {number} is a number, expected bytes")
        return [value for value in found if isinstance(value, Span)]

    def messages(self, number: int) -> list[WireMessage]:
        """The messages of a field."""
        return [WireMessage(self.data, span) for span in self.spans(number)]

    def message(self, number: int) -> WireMessage:
        """The message of a field, an empty one where it is absent."""
        return WireMessage(self.data, (self.spans(number) or [Span(0, 0)])[-1])

    def text(self, number: int) -> str:
        """The text of a field, empty where it is absent."""
        start, end = (self.spans(number) or [Span(0, 0)])[-1]
        return self.data[start:end].decode("utf-8")

    def doubles(self, number: int) -> Array:
        """Numbers of eight bytes [N], packed or not."""
        return self._numbers(number, "<f8")

    def _numbers(self, number: int, kind: str) -> Array:
        parts = [self.data[start:end] for start, end in self.spans(number)]
        if any(len(part) % np.dtype(kind).itemsize for part in parts):
            raise ValueError(f"field {number} holds no whole number of {kind} values")
        return np.frombuffer(b"".join(parts), dtype=kind).astype(np.float64)


def _value(data: bytes, kind: int, at: int, end: int) -> tuple[int | Span, int]:
    if kind == 0:
        return _varint(data, at, end)
    if kind == 2:
        size, at = _varint(data, at, end)
    elif kind in (1, 5):
        size = 8 if kind == 1 else 4
    else:
        raise ValueError(f"wire type {kind} at byte {at}: no message of this kind")
    if at + size > end:
        raise ValueError(f"a field at byte {at} goes on for {size} bytes, past its message's end")
    return Span(at, at + size), at + size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise ValueError(f"a number at byte {at} does not end")
