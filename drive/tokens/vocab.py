"""The one vocabulary: named ranges of ids that every task and codec shares.

    | special | requests | bytes | metres |

Numbers in metres are tokens of their own, one per step of a fixed grid, so that the network can embed them by value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.limits import TINY, within

PAD, END = 0, 1
_SPECIALS = 8
_REQUEST_SLOTS = 64
_BYTES = 256
# Tokens of the metre grid: 2 km in centimetres.
MOST_METRES = 200_000
# Slots are never reordered: a checkpoint keeps its ids when later tasks are added behind these.
REQUESTS = ("plan:bins", "plan:text")


@dataclass(frozen=True)
class Vocabulary:
    """metre_low, metre_high, metre_step: the grid of metre tokens, in metres."""

    metre_low: float = -60.0
    metre_high: float = 120.0
    metre_step: float = 0.05

    def __post_init__(self) -> None:
        within(self, metre_low=(-10_000, -TINY), metre_high=(TINY, 10_000), metre_step=(1e-6, 1_000))
        if self.metre_count > MOST_METRES:
            raise ValueError(f"the metre grid {self} has {self.metre_count:,} tokens, at most {MOST_METRES:,}; take a larger metre_step")

    @property
    def metre_count(self) -> int:
        return round((self.metre_high - self.metre_low) / self.metre_step) + 1

    @property
    def ranges(self) -> dict[str, range]:
        """Name -> range of ids, in order and without gaps."""
        sizes = {"special": _SPECIALS, "request": _REQUEST_SLOTS, "byte": _BYTES, "metre": self.metre_count}
        ranges, start = {}, 0
        for name, size in sizes.items():
            ranges[name] = range(start, start + size)
            start += size
        return ranges

    @property
    def size(self) -> int:
        return self.ranges["metre"].stop

    @property
    def metre_values(self) -> Array:
        """Value in metres of each metre token, [metre_count]."""
        return self.metre_low + self.metre_step * np.arange(self.metre_count)

    def request_id(self, request: str) -> int:
        """Id of a request's token. Raises ValueError for a request this vocabulary does not know."""
        if request not in REQUESTS:
            raise ValueError(f"unknown request {request!r}; known: {', '.join(REQUESTS)}")
        return self.ranges["request"].start + REQUESTS.index(request)

    def metres_to_ids(self, metres: ArrayLike) -> NDArray[np.int64]:
        """Metres, any shape -> nearest metre tokens. Raises ValueError where a value is not finite or off the grid."""
        values = np.asarray(metres, dtype=np.float64)
        index = np.round((values - self.metre_low) / self.metre_step)
        bad = ~np.isfinite(values) | (index < 0) | (index >= self.metre_count)
        if bad.any():
            raise ValueError(
                f"{values[bad].flat[0]:g} m has no token: the grid spans {self.metre_low:g} to {self.metre_high:g} m; "
                "widen vocabulary.metre_low / metre_high in the configuration"
            )
        return index.astype(np.int64) + self.ranges["metre"].start

    def ids_to_metres(self, ids: ArrayLike) -> Array:
        """Metre tokens, any shape -> metres. Raises ValueError for an id of another range."""
        index = np.asarray(ids, dtype=np.int64) - self.ranges["metre"].start
        if ((index < 0) | (index >= self.metre_count)).any():
            raise ValueError(f"ids {np.asarray(ids).tolist()} are not all metre tokens")
        return self.metre_low + self.metre_step * index

    def text_to_ids(self, text: str) -> NDArray[np.int64]:
        """Text -> one byte token per UTF-8 byte."""
        return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64) + self.ranges["byte"].start

    def ids_to_text(self, ids: ArrayLike) -> str:
        """Byte tokens -> text. Raises ValueError for an id of another range or bytes that are not UTF-8."""
        values = np.asarray(ids, dtype=np.int64) - self.ranges["byte"].start
        if ((values < 0) | (values >= _BYTES)).any():
            raise ValueError(f"ids {np.asarray(ids).tolist()} are not all byte tokens")
        return values.astype(np.uint8).tobytes().decode()
