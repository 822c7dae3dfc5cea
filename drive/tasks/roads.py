"""Task `roads`: the lanes around the ego as lines, as EMMA tells a road graph (arXiv 2410.23262, section 3.3).

    valid x y x y x y   valid x y x y   invalid   invalid   ...   how many more there are

Lanes stand in bins by the distance at which they end, nearest first, each bin with the same number of places. A place begins with its mark,
`valid` before a lane's points, `invalid` alone where there is none (EMMA puts it behind; before them its probability is the lane's score,
`scored`). The order within a bin means nothing and is drawn anew in training (`shuffled`).

Lines have a point every few metres, counted along the lane from where it passes the ego, so that the same road gives the same points
wherever its lanes begin; EMMA measured that a fixed number of points, and points counted from elsewhere, cost much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.answers.roads import LaneLines
from drive.cameras import Camera, in_picture
from drive.frames import Array, rotation_2d
from drive.roads import Lanes
from drive.schema import Observation, SceneSample
from drive.tasks.base import Task
from drive.tasks.json_values import listed, member, numbers_of, whole
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, repeat, sequence, token
from drive.tokens.ranges import COUNT, METRE, shared
from drive.tokens.vocab import END, Grid, IdRange

MARK = "lane_mark"  # its ids: invalid, valid
REACH_M = 40.0
SPACING_M = 5.0
BINS_M = (10.0, 20.0, 30.0, np.inf)  # where each bin of end distances ends
PLACES = 6  # in each bin
MOST_POINTS = round(2 * REACH_M / SPACING_M) + 4
LEAST_M = 2.0  # shorter pieces are none
FINE_M = 0.25  # steps in which lanes are looked at
HOOD_M = 6.0  # so near ahead the car's own front hides the road, and a driver goes on with what he saw


@dataclass(frozen=True)
class RoadsTask(Task):
    """`LaneLines` within 40 m, as far as they run where a camera looks."""

    name: ClassVar[str] = "roads"
    metric: ClassVar[str | None] = "roads"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        return shared(METRE, grids), shared(COUNT, grids), IdRange(MARK, 2)

    @property
    def _marks(self) -> tuple[int, int]:
        first = self.vocabulary.ranges[MARK].start
        return first, first + 1

    @property
    def expression(self) -> Expression:
        invalid, valid = self._marks
        metre = ids(self.vocabulary.ranges[METRE])
        point = sequence(metre, metre)
        place = choice(token(invalid), sequence(token(valid), repeat(point, 2, MOST_POINTS)))
        places = len(BINS_M) * PLACES
        return sequence(repeat(place, places, places), ids(self.vocabulary.ranges[COUNT]))

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {MARK: ("invalid", "valid")}

    def places(self, ids: Ids) -> list[str]:
        self.grammar.states(ids)
        invalid, valid = self._marks
        found, place, lane, number = list[str](), -1, -1, 0
        for token_id in ids[:-2].tolist():
            if token_id in (invalid, valid):
                place, lane, number = place + 1, lane + (token_id == valid), 0
                found.append(f"lanes[{lane}]" if token_id == valid else f"places[{place}]")
            else:
                found.append(f"lanes[{lane}].points[{number // 2}].{'xy'[number % 2]}")
                number += 1
        return [*found, "left_out"]

    @property
    def schema(self) -> dict[str, Any]:
        point = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "description": "m: ahead, to the left"}
        lane = {
            "type": "object",
            "properties": {
                "points": {"type": "array", "items": point, "minItems": 2, "maxItems": MOST_POINTS},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
            },
            "required": ["points", "score"],
            "additionalProperties": False,
        }
        lanes = {"type": "array", "items": lane, "maxItems": len(BINS_M) * PLACES, "description": "in driving direction"}
        fields = {"lanes": lanes, "left_out": {"type": "integer", "minimum": 0, "description": "lanes that found no place"}}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

    def answer(self, sample: SceneSample) -> LaneLines | None:
        """None where the data set knows no lanes. Of a full bin the lanes that come nearest to the ego are told."""
        lanes = sample.target.lanes
        if lanes is None:
            return None
        lines = [self._rounded(line) for line in line_pieces(lanes, sample.observation) if self._on_grid(line)]
        lines.sort(key=lambda line: float(np.hypot(*line.T).min()))
        of = bins_of(lines)
        kept = [lines[k] for b in range(len(BINS_M)) for k in np.flatnonzero(of == b)[:PLACES]]
        left_out = min(len(lines) - len(kept), int(self.vocabulary.grid(COUNT).high))
        return LaneLines(tuple(kept), np.ones(len(kept)), left_out)

    def _on_grid(self, line: Array) -> bool:
        grid = self.vocabulary.grid(METRE)
        return bool(((line >= grid.low) & (line <= grid.high)).all())

    def _rounded(self, line: Array) -> Array:
        """As it will be written, so that it stands in the same bin when it is read again."""
        return self.vocabulary.ids_to_numbers(METRE, self.vocabulary.numbers_to_ids(METRE, line))

    def encode(self, value: LaneLines, observation: Observation | None = None) -> Ids:
        """Lanes of a full bin stand in the nearest one with a place left; right answers (`answer`) fill none. Raises ValueError where
        there are more lanes than places, a lane has too many points, or a number is off its grid."""
        if len(value) > len(BINS_M) * PLACES or any(len(line) > MOST_POINTS for line in value.lines):
            told = f"{len(value)} of up to {max(map(len, value.lines))} points"
            raise ValueError(f"roads tells at most {len(BINS_M) * PLACES} lanes of up to {MOST_POINTS} points, got {told}")
        invalid, valid = self._marks
        v, parts = self.vocabulary, []
        for rows in placed(value.lines):
            parts += [np.append(valid, v.numbers_to_ids(METRE, value.lines[k])) for k in rows]
            parts.append(np.full(PLACES - len(rows), invalid))
        return np.concatenate([*parts, v.numbers_to_ids(COUNT, [value.left_out]), [END]]).astype(np.int64)

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> LaneLines:
        """The lanes in the order of their places."""
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        begins = self.first_of_lanes(answer)
        marks = np.flatnonzero(np.isin(answer, self._marks))
        ends = np.append(marks, len(answer) - 2)[np.searchsorted(marks, begins) + 1]
        pieces = [answer[a + 1 : b] for a, b in zip(begins, ends, strict=True)]
        lines = tuple(self.vocabulary.ids_to_numbers(METRE, piece).reshape(-1, 2) for piece in pieces)
        left_out = round(float(self.vocabulary.ids_to_numbers(COUNT, answer[-2])))
        return LaneLines(lines, np.ones(len(lines)), left_out)

    def first_of_lanes(self, answer: Ids) -> NDArray[np.int64]:
        """Where in an answer's ids each lane begins, [L]: the places of the marks `valid`."""
        return np.flatnonzero(answer == self._marks[1])

    def scored(self, value: LaneLines, ids: Ids, log_probs: Array) -> LaneLines:
        """A lane's score is the probability of its mark."""
        return replace(value, scores=np.exp(log_probs[self.first_of_lanes(ids)]))

    def shuffled(self, value: LaneLines, rng: np.random.Generator) -> LaneLines:
        """The lanes of each bin in another order."""
        of = bins_of(value.lines)
        order = np.concatenate([rng.permutation(np.flatnonzero(of == b)) for b in range(len(BINS_M))])
        return replace(value, lines=tuple(value.lines[k] for k in order), scores=value.scores[order])

    def turned(self, value: LaneLines, angle: float) -> LaneLines:
        return replace(value, lines=tuple(line @ rotation_2d(angle).T for line in value.lines))

    def to_json(self, value: LaneLines) -> dict[str, Any]:
        lanes = [{"points": line.tolist(), "score": float(score)} for line, score in zip(value.lines, value.scores, strict=True)]
        return {"lanes": lanes, "left_out": value.left_out}

    def from_json(self, value: Any) -> LaneLines:
        rows = listed(member(value, "lanes", "roads"), "lanes")
        lines = tuple(numbers_of(member(row, "points", "a lane"), (-1, 2), "points of a lane") for row in rows)
        scores = numbers_of([member(row, "score", "a lane") for row in rows], (len(rows),), "scores of lanes")
        return LaneLines(lines, scores, whole(member(value, "left_out", "roads"), "left_out"))


def bins_of(lines: Sequence[Array]) -> NDArray[np.int64]:
    """The bin of each line by the distance of its end, [L]; micrometres decide nothing."""
    ends = np.array([float(np.hypot(*line[-1])) for line in lines])
    return np.searchsorted(BINS_M, np.round(ends, 6), side="right")


def placed(lines: Sequence[Array]) -> list[list[int]]:
    """Rows of lines by the bin that they stand in: their own, or where that is full the nearest one with a place left."""
    bins: list[list[int]] = [[] for _ in BINS_M]
    for row, own in enumerate(bins_of(lines)):
        near = sorted(range(len(bins)), key=lambda b: abs(b - int(own)))  # noqa: B023 - used at once
        next(bins[b] for b in near if len(bins[b]) < PLACES).append(row)
    return bins


def line_pieces(lanes: Lanes, observation: Observation) -> Iterator[Array]:
    """What a driver sees of each lane: its parts within reach and in view, as lines [N, 2] in driving direction."""
    cameras = [view.camera for view in observation.frames[-1].cameras] if observation.frames else []
    fine = [_Fine.of(line) for line in lanes.lines]
    points = np.concatenate([np.zeros((0, 2)), *(one.points for one in fine)])
    seen = np.hypot(*points.T) <= REACH_M
    seen[seen] = _in_view(points[seen], cameras)
    for one, own in zip(fine, np.split(seen, np.cumsum([len(one.points) for one in fine]))[:-1], strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], own.astype(np.int8), [0]])))
        for first, behind in edges.reshape(-1, 2):
            if one.at[behind - 1] - one.at[first] >= LEAST_M:
                yield one.between(float(one.at[first]), float(one.at[behind - 1]))


@dataclass(frozen=True, eq=False)
class _Fine:
    """A lane looked at in small steps: line [N, 2] with its stations [N], points [M, 2] at stations `at` [M]."""

    line: Array
    stations: Array
    at: Array
    points: Array

    @staticmethod
    def of(line: Array) -> _Fine:
        stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        at = np.linspace(0.0, stations[-1], max(int(np.ceil(stations[-1] / FINE_M)), 1) + 1)
        return _Fine(line, stations, at, np.stack([np.interp(at, stations, line[:, k]) for k in (0, 1)], -1))

    def between(self, first: float, last: float) -> Array:
        """The line between two stations as it is told."""
        origin = float(self.at[int(np.argmin(np.hypot(*self.points.T)))])
        return np.stack([np.interp(sampled(first, last, origin), self.stations, self.line[:, k]) for k in (0, 1)], -1)


def sampled(first: float, last: float, origin: float) -> Array:
    """Stations from first to last: both ends, and between them every SPACING_M counted from the origin, none within half of that of an
    end."""
    low, high = first + SPACING_M / 2, last - SPACING_M / 2
    steps = np.arange(np.ceil((low - origin) / SPACING_M), np.floor((high - origin) / SPACING_M) + 1)
    return np.concatenate([[first], origin + SPACING_M * steps, [last]])


def _in_view(points: Array, cameras: list[Camera]) -> NDArray[np.bool_]:
    """Which points [N, 2] of the road lie where a camera looks: in the picture at the camera's own height, or close before the car,
    where its front hides them. Where no cameras are known, all do."""
    if not cameras:
        return np.ones(len(points), dtype=bool)
    close = (points[:, 0] >= 0) & (np.hypot(*points.T) <= HOOD_M)
    ahead = any(camera.ego_from_camera[0, 2] > 0.5 for camera in cameras)
    seen = [in_picture(c, np.concatenate([points, np.full((len(points), 1), c.ego_from_camera[2, 3])], -1)) for c in cameras]
    return np.any([*seen, close & ahead], axis=0)
