"""Task `boxes`: what stands and drives around the ego, as far as its cameras can see it. Its parameter is the most boxes it tells.

    class x y z length width height heading (vx vy | unknown) score   class x y ...   how many more there are

Nearest first (EMMA sorts by depth, arXiv 2410.23262, section 3.2), so a short answer is the part that matters most. The class comes
first: its probability says too whether there is another box at all, and stands for the box's score where the decoder tells it
(`scored`); the score's own token is 1 in the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.answers.boxes import CLASS_OF, CLASS_RANGE_M, CLASSES, Boxes
from drive.cameras import in_picture
from drive.frames import Array, rotation_2d, wrap_angle
from drive.schema import Agents, Observation, SceneSample
from drive.tasks.base import Task
from drive.tasks.json_values import listed, member, numbers_of, whole
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression, choice, ids, repeat, sequence
from drive.tokens.ranges import ANGLE, COUNT, METRE, PROBABILITY, SIZE, SPEED, shared
from drive.tokens.vocab import END, Grid, IdRange

CLASS, UNKNOWN = "box_class", "velocity_unknown"
# A box's numbers in the order of its tokens, behind its class; the velocity may be one token instead.
BEFORE = (METRE, METRE, METRE, SIZE, SIZE, SIZE, ANGLE)
NAMES = ("class", "x", "y", "z", "length", "width", "height", "heading")
HARDLY_SEEN = 1  # nuScenes' visibility level: less than 40 % in sight
# Points of a box of edge 1: its centre, corners, and the middles of edges and faces.
POINTS = np.stack(np.meshgrid(*[[-0.5, 0.0, 0.5]] * 3), -1).reshape(-1, 3)


@dataclass(frozen=True)
class BoxesTask(Task):
    """`Boxes` of nuScenes' ten detection classes, each within the distance at which the benchmark counts it."""

    name: ClassVar[str] = "boxes"
    parameters: ClassVar[tuple[str, ...]] = ("16", "8", "32", "64")
    metric: ClassVar[str | None] = "boxes"

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        numbers = (shared(name, grids) for name in (METRE, SIZE, ANGLE, SPEED, PROBABILITY, COUNT))
        return (*numbers, IdRange(CLASS, len(CLASSES)), IdRange(UNKNOWN, 1))

    @property
    def most(self) -> int:
        """At most so many boxes."""
        return int(self.parameter)

    @property
    def expression(self) -> Expression:
        r = self.vocabulary.ranges
        velocity = choice(sequence(ids(r[SPEED]), ids(r[SPEED])), ids(r[UNKNOWN]))
        box = sequence(ids(r[CLASS]), *(ids(r[name]) for name in BEFORE), velocity, ids(r[PROBABILITY]))
        return sequence(repeat(box, 0, self.most), ids(r[COUNT]))

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        return {CLASS: CLASSES, UNKNOWN: ("unknown",)}

    def places(self, ids: Ids) -> list[str]:
        self.grammar.states(ids)
        first, found = self.first_of_boxes(ids), list[str]()
        for k, length in enumerate(np.diff(np.append(first, len(ids) - 2))):
            velocity = ("velocity",) if length == len(NAMES) + 2 else ("vx", "vy")
            found += [f"boxes[{k}].{name}" for name in (*NAMES, *velocity, "score")]
        return [*found, "left_out"]

    @property
    def schema(self) -> dict[str, Any]:
        number = {"type": "number"}

        def row(count: int) -> dict[str, Any]:
            return {"type": "array", "items": number, "minItems": count, "maxItems": count}

        properties = {
            "class": {"enum": list(CLASSES)},
            "position": row(3) | {"description": "centre in the ego frame of t0, m: ahead, to the left, up"},
            "size": row(3) | {"description": "length, width, height, m"},
            "heading": number | {"description": "rad, counter-clockwise from ahead"},
            "velocity": {"anyOf": [row(2), {"type": "null"}], "description": "over ground, m/s: ahead, to the left; null: unknown"},
            "score": number | {"minimum": 0, "maximum": 1},
        }
        box = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        boxes = {"type": "array", "items": box, "maxItems": self.most}
        whole_number = {"type": "integer", "minimum": 0, "description": "how many more there are, farther away"}
        fields = {"boxes": boxes, "left_out": whole_number}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

    def answer(self, sample: SceneSample) -> Boxes | None:
        """None where the data set knows no agents. What is in view but farther than the last box told is counted in `left_out`."""
        agents = sample.target.agents
        if agents is None:
            return None
        seen = visible_boxes(agents, sample.observation)
        told = seen.take(self._on_grid(seen)).take(slice(0, self.most))
        return self._clipped(replace(told, left_out=len(seen) - len(told)))

    def _on_grid(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Where a position can be written, [B]; elsewhere it would be told as somewhere else."""
        grid = self.vocabulary.grid(METRE)
        return ((boxes.centres >= grid.low) & (boxes.centres <= grid.high)).all(-1)

    def _clipped(self, boxes: Boxes) -> Boxes:
        """With sizes, speeds and the count as near as their grids come."""
        sizes, speeds, most = self.vocabulary.grid(SIZE), self.vocabulary.grid(SPEED), int(self.vocabulary.grid(COUNT).high)
        least = max(sizes.low, sizes.step)
        return replace(
            boxes,
            sizes=np.clip(boxes.sizes, least, sizes.high),
            velocities=np.clip(boxes.velocities, speeds.low, speeds.high),
            left_out=min(boxes.left_out, most),
        )

    def encode(self, value: Boxes, observation: Observation | None = None) -> Ids:
        """Raises ValueError where there are more boxes than the parameter says, or a number is off its grid."""
        if len(value) > self.most:
            raise ValueError(f"{self.name}:{self.parameter} tells at most {self.most} boxes, got {len(value)}")
        v = self.vocabulary
        classes = v.ranges[CLASS].start + np.array([CLASSES.index(name) for name in value.classes], dtype=np.int64)
        columns = [classes, *(v.numbers_to_ids(n, c) for n, c in zip(BEFORE, _before(value).T, strict=True))]
        moving, scores = v.numbers_to_ids(SPEED, value.velocities), v.numbers_to_ids(PROBABILITY, value.scores)
        unknown, rows = v.ranges[UNKNOWN].start, np.stack(columns, -1)
        parts = [
            np.concatenate([rows[k], moving[k] if value.velocity_known[k] else [unknown], [scores[k]]]) for k in range(len(value))
        ]
        return np.concatenate([*parts, [int(v.numbers_to_ids(COUNT, [value.left_out])[0]), END]]).astype(np.int64)

    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Boxes:
        answer = np.asarray(ids, dtype=np.int64)
        self.grammar.states(answer)
        v = self.vocabulary
        first = self.first_of_boxes(answer)
        last = np.append(first, len(answer) - 2)[1:] - 1  # each box's score
        known = last - first > len(BEFORE) + 2
        before = [v.ids_to_numbers(name, answer[first + 1 + k]) for k, name in enumerate(BEFORE)]
        velocities = np.zeros((len(first), 2))
        for axis in (0, 1):
            velocities[known, axis] = v.ids_to_numbers(SPEED, answer[(last - 2 + axis)[known]])
        step = v.grid(SIZE).step
        return Boxes(
            classes=tuple(CLASSES[k] for k in answer[first] - v.ranges[CLASS].start),
            centres=np.stack(before[:3], -1),
            sizes=np.maximum(np.stack(before[3:6], -1), step),
            headings=np.asarray(before[6]),
            velocities=velocities,
            velocity_known=known,
            scores=v.ids_to_numbers(PROBABILITY, answer[last]),
            left_out=round(float(v.ids_to_numbers(COUNT, answer[-2]))),
        )

    def first_of_boxes(self, answer: Ids) -> NDArray[np.int64]:
        """Where in an answer's ids each box begins, [B]: the places of the class tokens."""
        classes = self.vocabulary.ranges[CLASS]
        return np.flatnonzero((answer >= classes.start) & (answer < classes.stop))

    def scored(self, value: Boxes, ids: Ids, log_probs: Array) -> Boxes:
        """A box's score is the probability of its class token: that there is a further box at all, and of this class."""
        return value.with_scores(np.exp(log_probs[self.first_of_boxes(ids)]))

    def turned(self, value: Boxes, angle: float) -> Boxes:
        turn = rotation_2d(angle).T
        centres = np.concatenate([value.centres[:, :2] @ turn, value.centres[:, 2:]], -1)
        return replace(value, centres=centres, headings=wrap_angle(value.headings + angle), velocities=value.velocities @ turn)

    def to_json(self, value: Boxes) -> dict[str, Any]:
        boxes = [
            {
                "class": name,
                "position": value.centres[k].tolist(),
                "size": value.sizes[k].tolist(),
                "heading": float(value.headings[k]),
                "velocity": value.velocities[k].tolist() if value.velocity_known[k] else None,
                "score": float(value.scores[k]),
            }
            for k, name in enumerate(value.classes)
        ]
        return {"boxes": boxes, "left_out": value.left_out}

    def from_json(self, value: Any) -> Boxes:
        rows = listed(member(value, "boxes", "boxes"), "boxes")
        velocities = [member(row, "velocity", "a box") for row in rows]

        def column(name: str, *shape: int) -> Array:
            return numbers_of([member(row, name, "a box") for row in rows], (len(rows), *shape), f"{name} of boxes")

        return Boxes(
            classes=tuple(str(member(row, "class", "a box")) for row in rows),
            centres=column("position", 3),
            sizes=column("size", 3),
            headings=column("heading"),
            velocities=numbers_of([[0.0, 0.0] if v is None else v for v in velocities], (len(rows), 2), "velocity of boxes"),
            velocity_known=np.array([v is not None for v in velocities], dtype=bool),
            scores=column("score"),
            left_out=whole(member(value, "left_out", "boxes"), "left_out"),
        )


def _before(boxes: Boxes) -> Array:
    """The numbers behind the class, [B, 7]."""
    return np.concatenate([boxes.centres, boxes.sizes, wrap_angle(boxes.headings)[:, None]], -1)


def visible_rows(agents: Agents, observation: Observation) -> NDArray[np.int64]:
    """Rows of what is annotated at t0 and can be seen, nearest first.

    A thing counts where it is of a class and within its range, has LiDAR or radar points or an unknown number of them (as nuScenes'
    detection counts), is at least 40 % in sight or to an unknown share, and part of it lies in a picture of t0. Where the
    observation shows no cameras, nobody knows what is in view, and everything counts.
    """
    now = agents.now
    reach = [CLASS_RANGE_M.get(CLASS_OF.get(category, ""), 0.0) for category in agents.categories]
    distance = np.hypot(agents.centres[:, now, 0], agents.centres[:, now, 1])
    near = distance < np.array(reach, dtype=np.float64)
    counted = agents.valid[:, now] & near & (agents.points[:, now] != 0) & (agents.visibility[:, now] != HARDLY_SEEN)
    rows = np.flatnonzero(counted & (agents.sizes > 0).all(-1))
    rows = rows[_in_view(agents, rows, observation)]
    return rows[np.argsort(distance[rows], kind="stable")]


def visible_boxes(agents: Agents, observation: Observation) -> Boxes:
    """The boxes of `visible_rows`, scores 1."""
    now, rows = agents.now, visible_rows(agents, observation)
    known = agents.velocity_valid[rows, now]
    return Boxes(
        classes=tuple(CLASS_OF[agents.categories[k]] for k in rows),
        centres=agents.centres[rows, now],
        sizes=agents.sizes[rows],
        headings=agents.headings[rows, now],
        velocities=np.where(known[:, None], agents.velocities[rows, now], 0.0),
        velocity_known=known,
        scores=np.ones(len(rows)),
    )


def _in_view(agents: Agents, rows: NDArray[np.int64], observation: Observation) -> NDArray[np.bool_]:
    cameras = [view.camera for view in observation.frames[-1].cameras] if observation.frames else []
    if not cameras or not len(rows):
        return np.ones(len(rows), dtype=bool)
    points = POINTS * agents.sizes[rows, None]
    points[..., :2] = np.einsum("bij,bkj->bki", rotation_2d(agents.headings[rows, agents.now]), points[..., :2])
    points += agents.centres[rows, agents.now, None]
    return np.any([in_picture(camera, points).any(-1) for camera in cameras], axis=0)
