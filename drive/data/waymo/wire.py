"""Messages within a record's bytes, read as they are asked for: fields of a number and a value, which their schema gives a meaning.

The bytes of pictures stay where they are; the encoding itself is read by `drive.protobuf`.
"""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.protobuf import Span, walk

MAX_FIELDS = 1_000_000


class WireMessage:
    """A message within a record's bytes: its fields by number, each value an int (of a varint) or a `Span`.

    Unknown numbers are kept and do no harm. Raises ValueError where the bytes are no message.
    """

    def __init__(self, data: bytes, span: Span | None = None) -> None:
        self.data = data
        self.fields: dict[int, list[int | Span]] = {}
        for count, (number, _, value) in enumerate(walk(data, *(span or Span(0, len(data))))):
            if count == MAX_FIELDS:
                raise ValueError(f"a message of more than {MAX_FIELDS} fields")
            self.fields.setdefault(number, []).append(value)

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

    def floats(self, number: int) -> Array:
        """Numbers of four bytes [N], packed or not."""
        return self._numbers(number, "<f4")

    def _numbers(self, number: int, kind: str) -> Array:
        parts = [self.data[start:end] for start, end in self.spans(number)]
        if any(len(part) % np.dtype(kind).itemsize for part in parts):
            raise ValueError(f"field {number} holds no whole number of {kind} values")
        return np.frombuffer(b"".join(parts), dtype=kind).astype(np.float64)
