"""Codec `action`: one token for every half second, an acceleration and a curvature of a bicycle within an envelope.

Whatever the tokens, the path can be driven: speeds change within the envelope, a car that has braked to a standstill stands, and the
curvature is a share of what its speed allows. Levels lie closer together around nothing, where most driving is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array, wrap_angle
from drive.tokens.codecs.base import Ids, TrajectoryCodec, near_enough, positions, told_speed, within_reach
from drive.tokens.codecs.envelope import CAR, REVERSING_CAR, Envelope
from drive.tokens.expression import Expression, ids, repeat
from drive.tokens.vocab import END, Grid, IdRange

ACTION = "action"
ACTION_S = 0.5
LEVELS = 8  # on each side of nothing
WARP = 1.5
BEAM = 32


@dataclass(frozen=True)
class ActionCodec(TrajectoryCodec):
    """Acceleration and curvature tokens; poses come from driving them from the speed at t0. A car that moves backwards at t0, faster than
    the envelope has it, is taken to move as fast as that: for `action` it stands."""

    name: ClassVar[str] = "action"
    envelope: ClassVar[Envelope] = CAR

    @classmethod
    def declares(cls, numbers_given: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (IdRange(ACTION, (2 * LEVELS + 1) ** 2),)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        told = zip(*(part.tolist() for part in self.actions), strict=True)
        return {ACTION: [f"{gain + 0.0:+.2f} m/s2 {share + 0.0:+.2f} bend" for gain, share in told]}

    @property
    def held(self) -> int:
        """Points of the plan that one token drives to, one at least."""
        return max(1, round(ACTION_S * self.window.rate_hz))

    @property
    def count(self) -> int:
        return -(-self.steps // self.held)

    @property
    def expression(self) -> Expression:
        return repeat(ids(self.vocabulary.ranges[ACTION]), self.count, self.count)

    @cached_property
    def actions(self) -> tuple[Array, Array]:
        """Acceleration, m/s^2, and share of the greatest curvature, of each token, [289] each."""
        level = np.arange(-LEVELS, LEVELS + 1) / LEVELS
        warped = np.sign(level) * np.abs(level) ** WARP
        gain = np.where(warped < 0, warped * self.envelope.brake, warped * self.envelope.gas)
        acceleration, share = (part.ravel() for part in np.meshgrid(gain, warped, indexing="ij"))
        return acceleration, share

    def drive(self, state: Array, acceleration: Array, share: Array) -> Array:
        """States [..., 4] (x, y, heading, speed) -> those at the `held` points of one action, [..., held, 4]. Arcs are exact."""
        times = np.arange(1, self.held + 1) / self.window.rate_hz
        x, y, heading, speed = (state[..., k, None] for k in range(4))
        gain = acceleration[..., None]
        low, last = -self.envelope.back, times[-1]
        bend = share[..., None] * self.envelope.bend(np.maximum(np.abs(speed), np.abs(np.maximum(speed + gain * last, low))))
        after = np.maximum(speed + gain * times, low)
        # Until the least speed is reached, and then at it.
        until = np.where(speed + gain * times < low, np.minimum((speed - low) / np.maximum(-gain, 1e-9), times), times)
        way = speed * until + 0.5 * gain * until**2 + low * (times - until)
        turn = bend * way
        chord = way * np.sinc(turn / (2 * np.pi))
        middle = heading + 0.5 * turn
        return np.stack([x + chord * np.cos(middle), y + chord * np.sin(middle), heading + turn, after], -1)

    def encode(self, xy: ArrayLike, speed_mps: float | None = None) -> Ids:
        """The tokens whose drive stays nearest to positions [T, 2], by a beam over sums of squared distances.

        Raises ValueError where the speed at t0 is not known, a value is not finite, or no drive comes near the path.
        """
        wanted = within_reach(positions(xy, self.steps), self.name)
        beam = _Beam.at(max(told_speed(speed_mps, self.name), -self.envelope.back))
        for first in range(0, self.steps, self.held):
            beam = beam.grown(self, wanted[first : first + self.held])
        answer = np.append(beam.path[int(beam.cost.argmin())] + self.vocabulary.ranges[ACTION].start, END)
        near_enough(self.decode(answer, speed_mps), wanted, self.name)
        return answer

    def decode(self, ids: ArrayLike, speed_mps: float | None = None) -> Array:
        """Ids -> poses [T, 3]. Raises DecodeError where they are no answer, ValueError where the speed at t0 is not known."""
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        state = np.array([0.0, 0.0, 0.0, max(told_speed(speed_mps, self.name), -self.envelope.back)])
        rows = []
        for action in answer[:-1] - self.vocabulary.ranges[ACTION].start:
            rows.append(self.drive(state, *(part[action] for part in self.actions)))
            state = rows[-1][-1]
        poses = np.concatenate(rows)[: self.steps, :3]
        return np.concatenate([poses[:, :2], wrap_angle(poses[:, 2:])], -1)


@dataclass(frozen=True)
class ReversingActionCodec(ActionCodec):
    """The same for cars that may drive backwards: braking goes on below standstill."""

    name: ClassVar[str] = "action-reverse"
    envelope: ClassVar[Envelope] = REVERSING_CAR


@dataclass(frozen=True, eq=False)
class _Beam:
    """The best beginnings: states [B, 4], costs [B], actions [B, n]."""

    state: Array
    cost: Array
    path: np.ndarray = field(default_factory=lambda: np.zeros((1, 0), np.int64))

    @staticmethod
    def at(speed: float) -> _Beam:
        return _Beam(np.array([[0.0, 0.0, 0.0, speed]]), np.zeros(1))

    def grown(self, codec: ActionCodec, wanted: Array) -> _Beam:
        """With one action more each, towards positions [n <= held, 2]."""
        acceleration, share = codec.actions
        reached = codec.drive(self.state[:, None], acceleration, share)
        off = reached[:, :, : len(wanted), :2] - wanted
        cost = (self.cost[:, None] + (off**2).sum((-2, -1))).ravel()
        kept = np.argsort(cost, kind="stable")[:BEAM]
        row, action = np.divmod(kept, len(acceleration))
        return _Beam(reached[row, action, -1], cost[kept], np.concatenate([self.path[row], action[:, None]], 1))
