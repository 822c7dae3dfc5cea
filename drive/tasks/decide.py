"""Task `decide`: one of twelve meta-decisions, told by speeds and places now and in 1 and 3 s.

EMMA (arXiv 2410.23262) computes twelve from the recorded future and publishes neither list nor thresholds. Ours are four lengthways times
three sideways, with AutoVLA's thresholds (arXiv 2506.13757): who is no faster than STANDING_MPS stands, a change of speed below
CHANGE_MPS is none, who ends up less than ASIDE_M beside where it would come to straight on goes straight on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.answers.decide import DECISIONS, LATERAL, LONGITUDINAL, Decision, Lateral, Longitudinal
from drive.frames import Array
from drive.schema import Observation, SceneSample
from drive.tasks.base import Task
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, ids
from drive.tokens.vocab import END, Grid, IdRange

SOON_S, LATER_S = 1.0, 3.0
STANDING_MPS, CHANGE_MPS, ASIDE_M = 0.3, 0.8, 2.0
OVER_S = 0.5  # a speed is that of the last half second
SLACK_S = 0.1  # times of records are off by some hundredths
DECISION = "decision"


@dataclass(frozen=True)
class DecideTask(Task):
    """A `Decision` (`drive.answers.decide`), one token."""

    name: ClassVar[str] = "decide"
    metric: ClassVar[str | None] = "decide"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return (IdRange(DECISION, len(DECISIONS)),)

    @property
    def expression(self) -> Expression:
        return ids(self.vocabulary.ranges[DECISION])

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {DECISION: list(map(str, DECISIONS))}

    def places(self, ids: Ids) -> list[str]:
        self.grammar.states(ids)
        return [DECISION]

    @property
    def schema(self) -> dict[str, Any]:
        own = {"longitudinal": {"enum": list(LONGITUDINAL)}, "lateral": {"enum": list(LATERAL)}}
        return {"type": "object", "properties": own, "required": list(own), "additionalProperties": False}

    def answer(self, sample: SceneSample) -> Decision | None:
        """None where the future is not recorded to LATER_S, or the speed now is not known."""
        future, speed = sample.target.future, sample.observation.speed_mps
        if speed is None or not future.valid.all():
            return None
        return decision_of(future.poses, future.times_s, speed)

    def encode(self, value: Decision, observation: Observation | None = None) -> Ids:
        return np.array([self.vocabulary.ranges[DECISION].start + DECISIONS.index(value), END], dtype=np.int64)

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Decision:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        return DECISIONS[int(answer[0]) - self.vocabulary.ranges[DECISION].start]

    def turned(self, value: Decision, angle: float) -> Decision:
        """What the car does is the same, wherever the frame under it points."""
        return value

    def to_json(self, value: Decision) -> dict[str, str]:
        return asdict(value)

    def from_json(self, value: Any) -> Decision:
        if not isinstance(value, dict) or set(value) != {"longitudinal", "lateral"}:
            raise ValueError(f"a decision has longitudinal and lateral, got {value!r}")
        return Decision(**value)


def decision_of(poses: Array, times_s: Array, speed_mps: float) -> Decision | None:
    """The decision that a trajectory shows; None where it does not reach LATER_S.

    poses [T, 3] in the ego frame of t0 at times_s [T]; speed_mps: now. Speeds are forwards, below 0 in reverse.

    stop        in 3 s no faster than STANDING_MPS: it stops, stays standing or is in reverse
    slower      else, the first of the speeds in 1 and in 3 s that differs from that now by CHANGE_MPS or more is lower
    faster      the same, higher
    steady      neither differs so much
    left, right the first of the places in 1 and in 3 s that is ASIDE_M or more beside the line straight ahead is on that side
    """
    times, way = np.concatenate([[0.0], times_s]), np.concatenate([np.zeros((1, 3)), poses])
    if times[-1] < LATER_S - SLACK_S:
        return None
    speeds = [_speed(times, way, at) for at in (SOON_S, LATER_S)]
    asides = [float(np.interp(at, times, way[:, 1])) for at in (SOON_S, LATER_S)]
    return Decision(_longitudinal(speed_mps, *speeds), _lateral(*asides))


def _longitudinal(now: float, soon: float, later: float) -> Longitudinal:
    if later <= STANDING_MPS:
        return "stop"
    change = soon - now if abs(soon - now) >= CHANGE_MPS else later - now
    return "steady" if abs(change) < CHANGE_MPS else "faster" if change > 0 else "slower"


def _lateral(soon: float, later: float) -> Lateral:
    aside = soon if abs(soon) >= ASIDE_M else later
    return "straight" if abs(aside) < ASIDE_M else "left" if aside > 0 else "right"


def _speed(times: Array, way: Array, at: float) -> float:
    """Mean speed [m/s] forwards over the OVER_S before a time, of a way [T, 3] that is straight between its times [T]."""
    end = min(at, float(times[-1]))
    begin = end - OVER_S
    before, after = (np.array([np.interp(t, times, column) for column in way.T[:2]]) for t in (begin, end))
    heading = np.interp(end, times, np.unwrap(way[:, 2]))
    forwards = (after - before) @ [np.cos(heading), np.sin(heading)]
    return float(np.copysign(np.hypot(*(after - before)), forwards) / OVER_S)
