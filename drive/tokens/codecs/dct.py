"""Codec `dct`: cosine coefficients of the path, rounded and joined by byte-pair encoding (FAST, arXiv 2501.09747).

What is written is how far each step is from the step at the speed at t0 straight ahead. An orthonormal DCT over time, times `SCALE`,
rounded, the low frequencies first, x before y; frequent runs of these integers are one token. Where FAST's decoder gives zeros for tokens
that hold too few or too many numbers, the grammar here counts: every answer holds exactly as many as the path has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct, idct

from drive.frames import Array
from drive.tokens.codecs.base import Ids, TrajectoryCodec, positions, told_speed
from drive.tokens.codecs.fitted import fitted
from drive.tokens.expression import Counted, Expression, ids
from drive.tokens.vocab import END, Grid, IdRange

PIECE = "dct"
SCALE = 10.0  # as published
LARGEST = 255  # of the integers that can be written


@dataclass(frozen=True, eq=False)
class Pieces:
    """Tokens by number: runs of integers, the shorter ones first. merges: pairs of runs that become one, the more frequent first."""

    runs: tuple[tuple[int, ...], ...]
    merges: dict[tuple[tuple[int, ...], tuple[int, ...]], int]
    number: dict[tuple[int, ...], int]

    @staticmethod
    def of(merges: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> Pieces:
        single = [(value,) for value in range(-LARGEST, LARGEST + 1)]
        runs = tuple(single + sorted({left + right for left, right in merges}, key=lambda run: (len(run), run)))
        return Pieces(runs, {pair: rank for rank, pair in enumerate(merges)}, {run: k for k, run in enumerate(runs)})

    def joined(self, values: list[int]) -> list[int]:
        """Integers -> tokens: the most frequent pair is joined first, as when the merges were learned."""
        runs: list[tuple[int, ...]] = [(value,) for value in values]
        while len(runs) > 1:
            rank, at = min((self.merges.get((runs[k], runs[k + 1]), len(self.merges)), k) for k in range(len(runs) - 1))
            if rank == len(self.merges):
                break
            runs[at : at + 2] = [runs[at] + runs[at + 1]]
        return [self.number[run] for run in runs]


@cache
def pieces() -> Pieces:
    """The shipped ones."""
    return Pieces.of([(tuple(left), tuple(right)) for left, right in fitted("dct")["merges"]])


@dataclass(frozen=True)
class DctCodec(TrajectoryCodec):
    """Byte pairs of cosine coefficients, a number of tokens that depends on the path."""

    name: ClassVar[str] = "dct"

    @classmethod
    def declares(cls, numbers_given: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (IdRange(PIECE, len(pieces().runs)),)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {PIECE: [" ".join(f"{value / SCALE:g}" for value in run) + " m" for run in pieces().runs]}

    @property
    def expression(self) -> Expression:
        lengths = np.array([len(run) for run in pieces().runs])
        start = self.vocabulary.ranges[PIECE].start
        first = {int(n): start + int(np.searchsorted(lengths, n)) for n in np.unique(lengths)}
        options = tuple((ids(at, at + int((lengths == n).sum())), n) for n, at in first.items())
        return Counted(options, 2 * self.steps)

    def coefficients(self, xy: ArrayLike, speed_mps: float | None) -> list[int]:
        """Positions [T, 2] -> 2 T integers. Raises ValueError where one is too large, or the speed at t0 is not known."""
        wanted = positions(xy, self.steps)
        ways = np.diff(wanted, axis=0, prepend=np.zeros((1, 2)))
        ways[:, 0] -= told_speed(speed_mps, self.name) / self.window.rate_hz
        found = np.round(dct(ways, axis=0, norm="ortho") * SCALE)
        if not (np.abs(found) <= LARGEST).all():
            raise ValueError(f"dct holds coefficients up to {LARGEST / SCALE:g} m, got {found.tolist()} for {wanted.tolist()}")
        return [int(value) for value in found.ravel()]

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        """Raises ValueError where the speed at t0 is not known or a step is far from it."""
        tokens = pieces().joined(self.coefficients(xy, speed_mps))
        return np.append(np.array(tokens, dtype=np.int64) + self.vocabulary.ranges[PIECE].start, END)

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        """Ids -> [T, 2]. Raises DecodeError where they are no answer, ValueError where the speed at t0 is not known."""
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        found = [value for token in answer[:-1] - self.vocabulary.ranges[PIECE].start for value in pieces().runs[token]]
        ways = idct(np.array(found, dtype=np.float64).reshape(-1, 2) / SCALE, axis=0, norm="ortho")
        ways[:, 0] += told_speed(speed_mps, self.name) / self.window.rate_hz
        return np.cumsum(ways, axis=0)
