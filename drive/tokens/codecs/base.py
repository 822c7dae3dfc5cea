"""What a trajectory codec is: positions in metres <-> tokens, and what its answers look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.schema import DecodeError, Window
from drive.tokens.expression import Expression
from drive.tokens.vocab import Grid, IdRange, Vocabulary

Ids = NDArray[np.int64]


class TrajectoryCodec(Protocol):
    """Positions in metres, ego frame of t0, [T, 2] <-> ids that end with END. A codec is one file and one line in CODECS."""

    name: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary, window: Window) -> None: ...

    @classmethod
    def declares(cls, numbers: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        """The ranges of ids that it writes in, with the grids that a configuration gives by name."""
        ...

    @property
    def resolution_m(self) -> float | None:
        """Spacing of the values that can be written; a round trip is off by at most half of it per axis. None: no such bound."""
        ...

    @property
    def expression(self) -> Expression:
        """Exactly the answers with T points, without END."""
        ...

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        """[T, 2] and the car's speed at t0 -> ids. Raises ValueError where a value cannot be written, or the speed is needed."""
        ...

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        """Ids -> [T, 2], or poses [T, 3] where the tokens tell headings, float64. Raises DecodeError where they are no answer,
        ValueError where the speed is needed."""
        ...


def positions(xy: ArrayLike, steps: int) -> Array:
    """[steps, 2] float64. Raises ValueError for another shape."""
    found = np.asarray(xy, dtype=np.float64)
    if found.shape != (steps, 2):
        raise ValueError(f"expected positions [{steps}, 2], got shape {found.shape}")
    return found


def told_speed(speed_mps: float | None, name: str) -> float:
    """A speed at t0 that is needed. Raises DecodeError, a ValueError, where it is not known or not finite."""
    if speed_mps is None or not np.isfinite(speed_mps):
        raise DecodeError(f"plan:{name} is told from the car's speed at t0, which this observation lacks ({speed_mps}); ask plan:bins")
    return float(speed_mps)
