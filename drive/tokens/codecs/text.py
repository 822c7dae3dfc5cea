"""Codec `text`: EMMA's "x, y and x, y", two decimals, as byte tokens (arXiv 2410.23262, section 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.schema import DecodeError
from drive.tokens.codecs.base import Ids, TrajectoryCodec, positions
from drive.tokens.expression import Expression, choice, literal, one_of, repeat, sequence
from drive.tokens.vocab import END, Grid, IdRange


@dataclass(frozen=True)
class TextCodec(TrajectoryCodec):
    """The answer as text; numbers up to three digits before the point, no leading zeros."""

    name: ClassVar[str] = "text"
    resolution_m = 0.01
    largest_m = 999.99

    @classmethod
    def declares(cls, numbers_given: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return ()

    @property
    def expression(self) -> Expression:
        number = self._number()
        point = sequence(number, self._text(", "), number)
        return sequence(point, repeat(sequence(self._text(" and "), point), self.steps - 1, self.steps - 1))

    def _text(self, text: str) -> Expression:
        return literal(self.vocabulary.text_to_ids(text))

    def _digit(self, digits: str) -> Expression:
        return one_of(self.vocabulary.text_to_ids(digits))

    def _number(self) -> Expression:
        digit = self._digit("0123456789")
        whole = choice(self._text("0"), sequence(self._digit("123456789"), repeat(digit, 0, 2)))
        return sequence(repeat(self._text("-"), 0, 1), whole, self._text("."), digit, digit)

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        points = positions(xy, self.steps)
        if not (np.abs(points) <= self.largest_m).all():
            raise ValueError(f"text holds finite values up to {self.largest_m} m, got {points.tolist()}")
        rounded = np.round(points, 2) + 0.0  # + 0.0 turns -0.0 into 0.0
        return np.append(self.vocabulary.text_to_ids(" and ".join(f"{x:.2f}, {y:.2f}" for x, y in rounded)), END)

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        text = self.vocabulary.ids_to_text(answer[:-1])
        found = [float(number) for number in re.split(r", | and ", text)]
        if len(found) != 2 * self.steps:
            raise DecodeError(f"expected {2 * self.steps} numbers, got {len(found)} in {text!r}")
        return np.array(found).reshape(self.steps, 2)
