"""Codec `bins`: x and y of each point as metre tokens, 2 tokens a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.tokens.codecs.base import Ids, TrajectoryCodec, positions
from drive.tokens.expression import Expression, ids, repeat
from drive.tokens.ranges import METRE, shared
from drive.tokens.vocab import END, Grid, IdRange


@dataclass(frozen=True)
class BinsCodec(TrajectoryCodec):
    """x0 y0 x1 y1 ... END, each a metre token."""

    name: ClassVar[str] = "bins"

    @classmethod
    def declares(cls, numbers_given: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (shared(METRE, numbers_given),)

    @property
    def resolution_m(self) -> float:
        return self.vocabulary.grid(METRE).step

    def places(self, count: int) -> list[str]:
        return [f"points[{k // 2}].{'xy'[k % 2]}" for k in range(count)]

    @property
    def expression(self) -> Expression:
        return repeat(ids(self.vocabulary.ranges[METRE]), 2 * self.steps, 2 * self.steps)

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        return np.append(self.vocabulary.numbers_to_ids(METRE, positions(xy, self.steps)).reshape(-1), END)

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        return self.vocabulary.ids_to_numbers(METRE, answer[:-1]).reshape(self.steps, 2)
