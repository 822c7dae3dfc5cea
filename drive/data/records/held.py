"""Samples of records that stay in memory, without their pictures, for whoever reads them again and again, as training does.

Nothing is kept until some sample is asked for a second time, so that one pass costs no memory; then what is read is kept as far as there is
room. Nothing makes way for another: in random order whatever is kept is as likely to be asked for again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from drive.cameras import Camera
from drive.schema import SceneSample

ROOM_BYTES = 1 << 27  # of JSON; in memory a sample takes about as much


class Held:
    """Up to `room` bytes of samples. A copy in another process begins empty."""

    def __init__(self, room: int = ROOM_BYTES) -> None:
        self.room = self._left = room
        self._seen: set[Hashable] = set()
        self._again = False
        self._samples: dict[Hashable, SceneSample] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Held, (self.room,)

    def get(self, key: Hashable) -> SceneSample | None:
        """A sample that is kept, with arrays of its own."""
        found = self._samples.get(key)
        return None if found is None else fresh(found)

    def put(self, key: Hashable, sample: SceneSample, size: int) -> None:
        """Keeps a copy of a sample of so many bytes, where it is time and there is room."""
        self._again |= key in self._seen
        if not self._again:
            self._seen.add(key)
        elif size <= self._left and key not in self._samples:
            self._seen.clear()
            self._samples[key] = fresh(sample)
            self._left -= size


def fresh(value: Any) -> Any:
    """A value type with arrays of its own, so that whoever writes into one changes no other; cameras, which nobody changes, are shared."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple) and not (value and isinstance(value[0], str)):
        return tuple([fresh(one) for one in value])
    if isinstance(value, dict):
        return {key: fresh(one) for key, one in value.items()}
    if not is_dataclass(value) or isinstance(value, Camera):
        return value
    new = object.__new__(type(value))
    vars(new).update({name: fresh(one) for name, one in vars(value).items()})
    return new
