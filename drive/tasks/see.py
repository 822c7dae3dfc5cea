"""Task `see`: what a driver has to know before it decides. Its parameter is one of the answer's parts; without one all are told.

    see          lane, bends, cap, lead, light, line, in this order
    see:lead     one part, for data sets that do not know the others
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.answers.see import PARTS, Seen, SeenPart
from drive.frames import wrap_angle
from drive.schema import DecodeError, Observation, SceneSample, Target
from drive.tasks.base import Task
from drive.tasks.seen import NUMBERS, SCHEMAS, STATES, flat, from_flat, numbered, plain, read, seen_of
from drive.tasks.truths.lead import lead_of
from drive.tasks.truths.line import light_of, line_of
from drive.tasks.truths.way import curvatures, limit_of, own_lane, way_of
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, sequence, token
from drive.tokens.ranges import shared
from drive.tokens.vocab import END, Grid, IdRange


@dataclass(frozen=True)
class SeeTask(Task):
    """A `Seen` (`drive.answers.see`). What is off a number's bounds is told as the bound."""

    name: ClassVar[str] = "see"
    parameters: ClassVar[tuple[str, ...]] = ("", *PARTS)
    metric: ClassVar[str | None] = "see"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        parts = parts_of(parameter)
        kinds = dict.fromkeys(kind for part in parts for kind, *_ in NUMBERS[part])
        return (*(IdRange(words(part), len(STATES[part])) for part in parts if part in STATES), *(shared(kind, grids) for kind in kinds))

    @property
    def parts(self) -> tuple[SeenPart, ...]:
        """What it tells, in order."""
        return parts_of(self.parameter)

    @property
    def expression(self) -> Expression:
        return sequence(*(self._expression(part) for part in self.parts))

    def _expression(self, part: SeenPart) -> Expression:
        told = sequence(*(self._range(*number) for number in NUMBERS[part]))
        if part not in STATES:
            return told
        named = self.vocabulary.ranges[words(part)]
        return choice(token(named.start), sequence(ids(named.start + 1, named.stop), told))

    def _range(self, kind: str, low: float, high: float) -> Expression:
        first, last = self.vocabulary.numbers_to_ids(kind, self._bounds(kind, low, high))
        return ids(int(first), int(last) + 1)

    def _bounds(self, kind: str, low: float, high: float) -> tuple[float, float]:
        grid = self.vocabulary.grid(kind)
        return max(low, grid.low), min(high, grid.high)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {words(part): STATES[part] for part in self.parts if part in STATES}

    def places(self, ids: Ids) -> list[str]:
        told = flat(self.decode(ids)).items()
        return [place for part, (_, numbers) in told for place in (*([part] if part in STATES else []), *numbered(part, len(numbers)))]

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {part: SCHEMAS[part] for part in self.parts},
            "required": list(self.parts),
            "additionalProperties": False,
        }

    def answer(self, sample: SceneSample) -> Seen | None:
        """None where one of the parts is not known."""
        told: dict[SeenPart, Any] = {}
        for part, value, known in truths(sample, self.parts):
            if not known:
                return None
            told[part] = value
        return self._clipped(seen_of(told))

    def _clipped(self, seen: Seen) -> Seen:
        told = {}
        for part, (state, numbers) in flat(seen).items():
            bounds = [self._bounds(*number) for number in NUMBERS[part]]
            told[part] = (state, tuple(float(np.clip(n, *b)) for n, b in zip(numbers, bounds, strict=False)))
        return from_flat(told)

    def encode(self, value: Seen, observation: Observation | None = None) -> Ids:
        if value.parts != self.parts:
            raise ValueError(f"request {self.name}:{self.parameter} tells {self.parts}, got an answer of {value.parts}")
        told: list[int] = []
        for part, (state, numbers) in flat(value).items():
            if part in STATES:
                told.append(self.vocabulary.ranges[words(part)].start + STATES[part].index(state))
            told += [int(self.vocabulary.numbers_to_ids(kind, n)) for (kind, *_), n in zip(NUMBERS[part], numbers, strict=False)]
        answer = np.array([*told, END], dtype=np.int64)
        try:
            self.grammar.states(answer)
        except DecodeError as error:
            raise ValueError(f"{value} is off the bounds of its numbers: {error}") from error
        return answer

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Seen:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        rest, told = iter(answer.tolist()), {}
        for part in self.parts:
            state = STATES[part][next(rest) - self.vocabulary.ranges[words(part)].start] if part in STATES else ""
            kinds = () if state == "none" else NUMBERS[part]
            told[part] = (state, tuple(float(self.vocabulary.ids_to_numbers(kind, next(rest))) for kind, *_ in kinds))
        return from_flat(told)

    def turned(self, value: Seen, angle: float) -> Seen:
        """Only the ego's heading in its lane is told against the ego frame's x axis."""
        lane = value.lane
        return value if lane is None else replace(value, lane=replace(lane, heading_rad=float(wrap_angle(lane.heading_rad - angle))))

    def to_json(self, value: Seen) -> dict[str, Any]:
        return {part: plain(value, part) for part in value.parts}

    def from_json(self, value: Any) -> Seen:
        if not isinstance(value, dict) or set(value) != set(self.parts):
            raise ValueError(f"an answer to see has the parts {', '.join(self.parts)}, got {value!r}")
        try:
            return seen_of({part: read(part, value[part]) for part in self.parts})
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"no answer to see: {value!r} ({error})") from error


def parts_of(parameter: str) -> tuple[SeenPart, ...]:
    """What a request tells: the one part that it names, else all."""
    return tuple(part for part in PARTS if parameter in ("", part))


def words(part: SeenPart) -> str:
    """Name of the range that says what there is of a part."""
    return f"see_{part}"


def truths(sample: SceneSample, parts: Sequence[SeenPart]) -> Iterator[tuple[SeenPart, Any, bool]]:
    """Parts of a sample in order: what there is, None where there is nothing, and whether that is known."""
    for part in parts:
        yield part, *_truth(sample.target, sample.observation.speed_mps, part)


@lru_cache(maxsize=8 * len(PARTS))  # several tasks ask them of one sample, whose pictures are not kept for it
def _truth(target: Target, speed: float | None, part: SeenPart) -> tuple[Any, bool]:
    if part == "lane":
        own = None if target.lanes is None else own_lane(target)
        return own and own[1], target.lanes is not None
    if part == "cap":
        limit = limit_of(target)
        return limit, limit is not None
    way = way_of(target)
    if way is None:
        return None, False
    if part == "bends":
        return curvatures(way), True
    if part == "light":
        return light_of(way, target)
    if part == "lead":
        return (None, False) if target.agents is None or speed is None else lead_of(way, target.agents, speed)
    lead, lead_known = _truth(target, speed, "lead")
    return (None, False) if speed is None or not lead_known else line_of(way, target, lead, speed)
