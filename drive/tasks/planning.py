"""The planning task: a recorded future <-> the tokens of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.poses import axle_poses
from drive.tokens.grammar import Grammar
from drive.tokens.trajectory import CODECS, Ids, TrajectoryCodec
from drive.tokens.vocab import Vocabulary


@dataclass(frozen=True)
class PlanningTask:
    """Plan `steps` poses with one codec. Headings are not written: they are fitted to the positions (`drive.poses`)."""

    vocabulary: Vocabulary
    codec: str
    steps: int

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise ValueError(f"unknown trajectory codec {self.codec!r}; known: {', '.join(CODECS)}")

    @cached_property
    def _codec(self) -> TrajectoryCodec:
        return CODECS[self.codec](self.vocabulary, self.steps)

    @property
    def request(self) -> str:
        return f"plan:{self.codec}"

    @property
    def grammar(self) -> Grammar:
        return self._codec.grammar

    def encode(self, future: ArrayLike) -> Ids:
        """A whole recorded future, poses [T, 3], as ids. Raises ValueError where it has another length or cannot be written."""
        return self._codec.encode(np.asarray(future, dtype=np.float64)[:, :2])

    def decode(self, ids: ArrayLike) -> Array:
        """Ids -> poses [T, 3] (x, y, heading). Raises DecodeError where they are no answer."""
        return axle_poses(self._codec.decode(ids))


def planning_task(request: str, vocabulary: Vocabulary, steps: int) -> PlanningTask:
    """The task of a request such as "plan:bins". Raises ValueError for a request of another kind."""
    kind, _, codec = request.partition(":")
    if kind != "plan":
        raise ValueError(f"request {request!r} is no plan; plans are {', '.join(f'plan:{name}' for name in CODECS)}")
    return PlanningTask(vocabulary, codec, steps)


def planning_tasks(requests: Sequence[str], vocabulary: Vocabulary, steps: int) -> tuple[PlanningTask, ...]:
    """The tasks of several requests, in order."""
    return tuple(planning_task(request, vocabulary, steps) for request in requests)
