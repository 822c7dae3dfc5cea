"""What a task is: one kind of question, the type of its answer, and how answers become tokens and come back.

A task is one file and one line in `drive.tasks.TASKS`. Training, planning and scoring know tasks by this interface alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from numpy.typing import ArrayLike

from drive.schema import SceneSample, Window
from drive.tokens.codecs.base import Ids
from drive.tokens.grammar import Grammar
from drive.tokens.vocab import Grid, IdRange, Vocabulary


class Task(Protocol):
    """A question with its parameter (`plan:bins` is the task `plan` with the parameter `bins`), ready to read and write answers.

    parameters: what may stand behind the colon, the first being meant where nothing does; () where the task takes none. metric: the
    name of its metric in `drive.eval`, None where it has none.
    """

    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]
    metric: ClassVar[str | None]

    def __init__(self, vocabulary: Vocabulary, window: Window, parameter: str) -> None: ...

    @classmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        """The ranges of ids that answers are written in, with the grids that a configuration gives by name."""
        ...

    @property
    def grammar(self) -> Grammar:
        """Automaton of exactly the possible answers, END included."""
        ...

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of an answer as `to_json` gives it."""
        ...

    def answer(self, sample: SceneSample) -> Any | None:
        """The right answer from a sample's target; None where the data set does not know it."""
        ...

    def encode(self, value: Any) -> Ids:
        """An answer as ids that end with END. Raises ValueError where it cannot be written."""
        ...

    def decode(self, ids: ArrayLike) -> Any:
        """The inverse of `encode`, as near as tokens can say it. Raises DecodeError where they are no answer."""
        ...

    def turned(self, value: Any, angle: float) -> Any:
        """The same answer where the ego frame is turned by -angle (radians): what stood at bearing b stands at b + angle."""
        ...

    def to_json(self, value: Any) -> Any:
        """An answer as plain JSON values, valid under `schema`."""
        ...

    def from_json(self, value: Any) -> Any:
        """The inverse of `to_json`. Raises ValueError for values that are no answer."""
        ...
