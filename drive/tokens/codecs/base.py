"""What a trajectory codec is: positions in metres <-> tokens, and what its answers look like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.schema import DecodeError, Window
from drive.tokens.expression import Expression
from drive.tokens.grammar import Grammar, compile_grammar
from drive.tokens.vocab import Grid, IdRange, Vocabulary

Ids = NDArray[np.int64]
# Faster cars are none: speeds beyond this are faults of what told them.
FASTEST_MPS = 150.0
# A path that the nearest answer misses by more is refused: training on another one than was recorded would go unnoticed.
MOST_OFF_M = 2.0


@dataclass(frozen=True)
class TrajectoryCodec(ABC):
    """Positions in metres, ego frame of t0, [T, 2] <-> ids that end with END. A codec is one file and one line in CODECS."""

    vocabulary: Vocabulary
    window: Window
    name: ClassVar[str]

    @property
    def resolution_m(self) -> float | None:
        """Spacing of the values that can be written; a round trip is off by at most half of it per axis. None: no such bound."""
        return None

    @classmethod
    @abstractmethod
    def declares(cls, numbers: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        """The ranges of ids that it writes in, with the grids that a configuration gives by name."""

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """As `Task.words`."""
        return {}

    def places(self, count: int) -> list[str]:
        """What each of an answer's `count` tokens tells, END left out."""
        return [f"{self.name}[{k}]" for k in range(count)]

    @property
    @abstractmethod
    def expression(self) -> Expression:
        """Exactly the answers with T points, without END."""

    @cached_property
    def grammar(self) -> Grammar:
        """Automaton of exactly these answers, END included."""
        return compile_grammar(self.expression)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.window.future_times_s)

    @abstractmethod
    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        """[T, 2] and the car's speed at t0 -> ids. Raises ValueError where a value cannot be written, or the speed is needed."""

    @abstractmethod
    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        """Ids -> [T, 2], or poses [T, 3] where the tokens tell headings, float64. Raises DecodeError where they are no answer, or the
        speed is needed and not known."""


def positions(xy: ArrayLike, steps: int) -> Array:
    """[steps, 2] float64. Raises ValueError for another shape."""
    found = np.asarray(xy, dtype=np.float64)
    if found.shape != (steps, 2):
        raise ValueError(f"expected positions [{steps}, 2], got shape {found.shape}")
    return found


def told_speed(speed_mps: float | None, name: str) -> float:
    """A speed at t0 that is needed. Raises DecodeError, a ValueError, where it is not known or no car's."""
    if speed_mps is None or not np.isfinite(speed_mps) or abs(speed_mps) > FASTEST_MPS:
        raise DecodeError(
            f"plan:{name} is told from the car's speed at t0, up to {FASTEST_MPS:g} m/s, which this observation lacks ({speed_mps}); "
            "ask plan:bins"
        )
    return float(speed_mps)


def within_reach(xy: Array, name: str) -> Array:
    """Positions [T, 2] that a car may come to. Raises ValueError where they are not finite or beyond all reach."""
    reach = FASTEST_MPS * 60.0
    if not np.isfinite(xy).all() or np.abs(xy).max(initial=0.0) > reach:
        raise ValueError(f"plan:{name} writes finite positions within {reach:g} m, got {xy.tolist()}")
    return xy


def near_enough(written: Array, xy: Array, name: str) -> None:
    """Raises ValueError where the nearest path that can be written is not near positions [T, 2] all along."""
    off = float(np.hypot(*(written[:, :2] - xy).T).max(initial=0.0))
    if off > MOST_OFF_M:
        raise ValueError(
            f"plan:{name}: the nearest path that it can write is {off:.1f} m off, at most {MOST_OFF_M:g}: no car drives {xy.tolist()} "
            "from the speed told, or backwards; ask plan:bins, or leave the sample out"
        )
