"""The one vocabulary: named ranges of ids that every task and codec shares.

    | special | request | byte | what tasks and codecs declare, in the order in which they came |

Ranges are allotted once and never move: what comes later is put behind. A checkpoint stores the allotment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array

PAD, END = 0, 1
_BYTES = 256
MOST_IDS = 2_000_000  # a wrong step would ask for more memory than there is


@dataclass(frozen=True)
class Grid:
    """Numbers that are tokens: low, low + step, ... up to high, in their unit. wave: the shortest of the waves that embed them, in the
    same unit; it decides how far apart two learned answers may lie for the network to find the one between them."""

    low: float
    high: float
    step: float
    wave: float = 8.0

    def __post_init__(self) -> None:
        finite = np.isfinite([self.low, self.high, self.step, self.wave]).all()
        if not (finite and self.step > 0 and self.wave > 0 and self.low < self.high):
            raise ValueError(f"a grid of numbers needs finite low < high, step > 0 and wave > 0, got {self}")
        if (self.high - self.low) / self.step > MOST_IDS:
            raise ValueError(f"{self} has {(self.high - self.low) / self.step:.3g} numbers, at most {MOST_IDS:,} are possible: raise step")

    @property
    def count(self) -> int:
        return round((self.high - self.low) / self.step) + 1

    @property
    def values(self) -> Array:
        """[count]."""
        return self.low + self.step * np.arange(self.count)

    def told(self, index: int) -> str:
        """A number as it is written down, with the digits that its step has: "15.60"."""
        digits = next((n for n in range(12) if abs(round(self.step, n) - self.step) < 1e-12), 12)
        return f"{round(self.low + self.step * index, digits) + 0.0:.{digits}f}"


@dataclass(frozen=True)
class IdRange:
    """`size` ids under a name. With a grid each stands for a number, and the network embeds it by its value."""

    name: str
    size: int
    grid: Grid | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST_IDS or (self.grid and self.grid.count != self.size):
            raise ValueError(f"range {self.name!r} has {self.size} ids" + (f" for {self.grid.count} numbers" if self.grid else ""))


def numbers(name: str, grid: Grid) -> IdRange:
    """The range of a grid's numbers."""
    return IdRange(name, grid.count, grid)


BASE = (IdRange("special", 8), IdRange("request", 64), IdRange("byte", _BYTES))


@dataclass(frozen=True)
class Vocabulary:
    """allotted: the ranges in the order of their ids. requests: what the tokens of range `request` stand for, in order."""

    allotted: tuple[IdRange, ...] = BASE
    requests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [part.name for part in self.allotted]
        if self.allotted[: len(BASE)] != BASE or len(set(names)) != len(names) or len(set(self.requests)) != len(self.requests):
            begin = ", ".join(part.name for part in BASE)
            raise ValueError(f"a vocabulary begins with {begin} and names nothing twice, got {names}, {self.requests}")
        if len(self.requests) > BASE[1].size:
            raise ValueError(f"a vocabulary holds at most {BASE[1].size} requests, got {len(self.requests)}")

    def extended(self, declared: Iterable[IdRange], requests: Iterable[str] = ()) -> Vocabulary:
        """With ranges and requests that it lacks behind its own, which keep their ids.

        Raises ValueError where a range is declared otherwise than it was allotted.
        """
        known = {part.name: part for part in self.allotted}
        for part in declared:
            if known.setdefault(part.name, part) != part:
                raise ValueError(f"range {part.name!r} was allotted as {known[part.name]}, now it is declared as {part}")
        return replace(self, allotted=tuple(known.values()), requests=tuple(dict.fromkeys([*self.requests, *requests])))

    @cached_property
    def ranges(self) -> dict[str, range]:
        """Name -> range of ids, in order and without gaps."""
        ranges, start = {}, 0
        for part in self.allotted:
            ranges[part.name] = range(start, start + part.size)
            start += part.size
        return ranges

    @property
    def size(self) -> int:
        return sum(part.size for part in self.allotted)

    def grid(self, name: str) -> Grid:
        """The grid of a range of numbers."""
        grid = next(part.grid for part in self.allotted if part.name == name)
        assert grid is not None, f"range {name!r} holds no numbers"
        return grid

    def request_id(self, request: str) -> int:
        """Id of a request's token. Raises ValueError for a request this vocabulary does not know."""
        if request not in self.requests:
            raise ValueError(f"unknown request {request!r}; known: {', '.join(self.requests)}")
        return self.ranges["request"].start + self.requests.index(request)

    def numbers_to_ids(self, name: str, values: ArrayLike) -> NDArray[np.int64]:
        """Numbers, any shape -> nearest tokens of a range. Raises ValueError where one is not finite or off the grid."""
        grid, numbers_ = self.grid(name), np.asarray(values, dtype=np.float64)
        index = np.round((numbers_ - grid.low) / grid.step)
        bad = ~np.isfinite(numbers_) | (index < 0) | (index >= grid.count)
        if bad.any():
            raise ValueError(
                f"{numbers_[bad].flat[0]:g} has no {name} token: the grid spans {grid.low:g} to {grid.high:g}; "
                f"widen numbers.{name} in the model's configuration"
            )
        return index.astype(np.int64) + self.ranges[name].start

    def ids_to_numbers(self, name: str, ids: ArrayLike) -> Array:
        """Tokens of a range, any shape -> numbers. Raises ValueError for an id of another range."""
        index, grid = np.asarray(ids, dtype=np.int64) - self.ranges[name].start, self.grid(name)
        if ((index < 0) | (index >= grid.count)).any():
            raise ValueError(f"ids {np.asarray(ids).tolist()} are not all {name} tokens")
        return grid.low + grid.step * index

    def text_to_ids(self, text: str) -> NDArray[np.int64]:
        """Text -> one byte token per UTF-8 byte."""
        return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64) + self.ranges["byte"].start

    def ids_to_text(self, ids: ArrayLike) -> str:
        """Byte tokens -> text. Raises ValueError for an id of another range or bytes that are not UTF-8."""
        values = np.asarray(ids, dtype=np.int64) - self.ranges["byte"].start
        if ((values < 0) | (values >= _BYTES)).any():
            raise ValueError(f"ids {np.asarray(ids).tolist()} are not all byte tokens")
        return values.astype(np.uint8).tobytes().decode()

    def place_of(self, token_id: int) -> tuple[IdRange, int]:
        """The range that an id is of, and its number there. Raises ValueError for an id of none."""
        for part, ids in zip(self.allotted, self.ranges.values(), strict=True):
            if token_id in ids:
                return part, token_id - ids.start
        raise ValueError(f"no id {token_id}: this vocabulary has 0 to {self.size - 1}")

    def name_of(self, token_id: int) -> str:
        """What an id stands for, for people: "metre 12.5", "byte 'a'", "request plan:bins". The words of a task's own ranges are known
        to `Task.name_of`."""
        part, index = self.place_of(token_id)
        if part.grid:
            return f"{part.name} {part.grid.low + part.grid.step * index:g}"
        known = {"special": ("PAD", "END"), "request": self.requests}.get(part.name, ())
        return f"{part.name} {known[index] if index < len(known) else repr(bytes([index]))[1:] if part.name == 'byte' else index}"
