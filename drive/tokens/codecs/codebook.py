"""Codec `codebook`: one token for every half second, a motion out of a fixed set (k-disks, as in SMART and CAT-K, arXiv 2405.15677).

Each token is a motion in the car's own frame; the path is their composition. Written with error feedback: each token is chosen for where
the ones before have really led, by a small beam. The set ships with the package (`tools/fit_codecs.py` makes it from drives in our towns).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle
from drive.tokens.codecs.base import Ids, TrajectoryCodec, near_enough, positions, within_reach
from drive.tokens.codecs.fitted import fitted
from drive.tokens.expression import Expression, ids, repeat
from drive.tokens.vocab import END, Grid, IdRange

CODE = "code"
CODE_S = 0.5
BEAM = 8


@cache
def codebook() -> Array:
    """Motions [N, 3] of half a second: x, y (m), heading (rad) in the frame of the car before it; the first is standing still."""
    return np.array(fitted("codebook")["motions"], dtype=np.float64)


@dataclass(frozen=True)
class CodebookCodec(TrajectoryCodec):
    """Motion tokens. At rates above 2 Hz the points between lie on the arc of the motion."""

    name: ClassVar[str] = "codebook"

    @classmethod
    def declares(cls, numbers_given: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (IdRange(CODE, len(codebook())),)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {CODE: [f"{x:.2f} {y:+.2f} m {turn:+.3f} rad" for x, y, turn in codebook().tolist()]}

    @property
    def held(self) -> int:
        """Points of the plan that one token moves to. Raises ValueError where that is no whole number."""
        points = CODE_S * self.window.rate_hz
        if points < 1 or abs(points - round(points)) > 1e-6:
            raise ValueError(f"plan:codebook needs a rate that is a multiple of {1 / CODE_S:g} Hz, got {self.window.rate_hz:g}")
        return round(points)

    @property
    def count(self) -> int:
        return -(-self.steps // self.held)

    @property
    def expression(self) -> Expression:
        return repeat(ids(self.vocabulary.ranges[CODE]), self.count, self.count)

    @cached_property
    def _arcs(self) -> Array:
        """Poses at the held points of every motion, [N, held, 3]: the turn even along the way."""
        share = np.arange(1, self.held + 1) / self.held
        motion = codebook()[:, None]
        turn = motion[..., 2] * share
        chord = np.hypot(motion[..., 0], motion[..., 1]) * np.sinc(turn / (2 * np.pi)) / np.sinc(motion[..., 2] / (2 * np.pi)) * share
        middle = np.arctan2(motion[..., 1], motion[..., 0]) - 0.5 * motion[..., 2] + 0.5 * turn
        return np.stack([chord * np.cos(middle), chord * np.sin(middle), turn], -1)

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        """Raises ValueError where positions [T, 2] are not finite, or further from any path of motions than these reach."""
        wanted = within_reach(positions(xy, self.steps), self.name)
        pose, cost, path = np.zeros((1, 3)), np.zeros(1), np.zeros((1, 0), np.int64)
        for first in range(0, self.steps, self.held):
            reached = _compose(pose[:, None, None], self._arcs)
            points = wanted[first : first + self.held]
            total = (cost[:, None] + ((reached[:, :, : len(points), :2] - points) ** 2).sum((-2, -1))).ravel()
            kept = np.argsort(total, kind="stable")[:BEAM]
            row, code = np.divmod(kept, len(self._arcs))
            pose, cost, path = reached[row, code, -1], total[kept], np.concatenate([path[row], code[:, None]], 1)
        answer = np.append(path[int(cost.argmin())] + self.vocabulary.ranges[CODE].start, END)
        near_enough(self.decode(answer), wanted, self.name)
        return answer

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        """Ids -> poses [T, 3]. Raises DecodeError where they are no answer."""
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        pose, rows = np.zeros(3), []
        for code in answer[:-1] - self.vocabulary.ranges[CODE].start:
            rows.append(_compose(pose, self._arcs[code]))
            pose = rows[-1][-1]
        return np.concatenate(rows)[: self.steps]


def _compose(pose: Array, motion: Array) -> Array:
    """Poses [..., 3], moved on by motions [..., 3] in their own frames."""
    cos, sin = np.cos(pose[..., 2]), np.sin(pose[..., 2])
    x = pose[..., 0] + cos * motion[..., 0] - sin * motion[..., 1]
    y = pose[..., 1] + sin * motion[..., 0] + cos * motion[..., 1]
    return np.stack([x, y, wrap_angle(pose[..., 2] + motion[..., 2])], -1)
