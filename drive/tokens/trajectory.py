"""Trajectory codecs: positions [T, 2] <-> tokens, each with the grammar of its answers.

    bins: x and y of each point as metre tokens                     (2 tokens a point)
    text: EMMA's "x, y and x, y", two decimals, as byte tokens      (arXiv 2410.23262, section 3.1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.schema import DecodeError
from drive.tokens.grammar import Grammar, GrammarBuilder
from drive.tokens.vocab import END, Vocabulary

Ids = NDArray[np.int64]


class TrajectoryCodec(Protocol):
    """Positions in metres, ego frame of t0, [T, 2] <-> ids that end with END."""

    @property
    def resolution_m(self) -> float:
        """Spacing of the values that can be written; a round trip is off by at most half of it per axis."""
        ...

    @property
    def grammar(self) -> Grammar:
        """Automaton of exactly the answers with T points."""
        ...

    def encode(self, xy: ArrayLike) -> Ids:
        """[T, 2] -> ids. Raises ValueError where a value cannot be written."""
        ...

    def decode(self, ids: ArrayLike) -> Array:
        """Ids -> [T, 2] float64. Raises DecodeError where they are no answer."""
        ...


def _positions(xy: ArrayLike, steps: int) -> Array:
    positions = np.asarray(xy, dtype=np.float64)
    if positions.shape != (steps, 2):
        raise ValueError(f"expected positions [{steps}, 2], got shape {positions.shape}")
    return positions


@dataclass(frozen=True)
class BinsCodec:
    """x0 y0 x1 y1 ... END, each a metre token."""

    vocabulary: Vocabulary
    steps: int

    @property
    def resolution_m(self) -> float:
        return self.vocabulary.metre_step

    @cached_property
    def grammar(self) -> Grammar:
        builder, state = GrammarBuilder(self.vocabulary.size), 0
        for _ in range(2 * self.steps):
            target = builder.state()
            builder.edge(state, self.vocabulary.ranges["metre"], target)
            state = target
        return builder.compile(builder.chain(state, [END]))

    def encode(self, xy: ArrayLike) -> Ids:
        ids = self.vocabulary.metres_to_ids(_positions(xy, self.steps)).reshape(-1)
        return np.append(ids, END)

    def decode(self, ids: ArrayLike) -> Array:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        return self.vocabulary.ids_to_metres(answer[:-1]).reshape(self.steps, 2)


@dataclass(frozen=True)
class TextCodec:
    """The answer as text; numbers up to three digits before the point, no leading zeros."""

    vocabulary: Vocabulary
    steps: int
    resolution_m = 0.01
    largest_m = 999.99

    @cached_property
    def grammar(self) -> Grammar:
        builder, state = GrammarBuilder(self.vocabulary.size), 0
        for point in range(self.steps):
            if point:
                state = builder.chain(state, self.vocabulary.text_to_ids(" and "))
            state = self._number(builder, state)
            state = self._number(builder, builder.chain(state, self.vocabulary.text_to_ids(", ")))
        return builder.compile(builder.chain(state, [END]))

    def _number(self, builder: GrammarBuilder, start: int) -> int:
        def ids(text: str) -> list[int]:
            return [int(i) for i in self.vocabulary.text_to_ids(text)]

        signed, zero, one, two, three, point, tenth, end = (builder.state() for _ in range(8))
        builder.edge(start, ids("-"), signed)
        for state in (start, signed):
            builder.edge(state, ids("0"), zero)
            builder.edge(state, ids("123456789"), one)
        builder.edge(one, ids("0123456789"), two)
        builder.edge(two, ids("0123456789"), three)
        for state in (zero, one, two, three):
            builder.edge(state, ids("."), point)
        builder.edge(point, ids("0123456789"), tenth)
        builder.edge(tenth, ids("0123456789"), end)
        return end

    def encode(self, xy: ArrayLike) -> Ids:
        positions = _positions(xy, self.steps)
        if not (np.abs(positions) <= self.largest_m).all():
            raise ValueError(f"text holds finite values up to {self.largest_m} m, got {positions.tolist()}")
        rounded = np.round(positions, 2) + 0.0  # + 0.0 turns -0.0 into 0.0
        text = " and ".join(f"{x:.2f}, {y:.2f}" for x, y in rounded)
        return np.append(self.vocabulary.text_to_ids(text), END)

    def decode(self, ids: ArrayLike) -> Array:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        text = self.vocabulary.ids_to_text(answer[:-1])
        numbers = [float(number) for number in re.split(r", | and ", text)]
        if len(numbers) != 2 * self.steps:
            raise DecodeError(f"expected {2 * self.steps} numbers, got {len(numbers)} in {text!r}")
        return np.array(numbers).reshape(self.steps, 2)


CODECS: dict[str, type[BinsCodec] | type[TextCodec]] = {"bins": BinsCodec, "text": TextCodec}
