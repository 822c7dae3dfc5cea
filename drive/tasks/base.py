"""What a task is: one kind of question, the type of its answer, and how answers become tokens and come back.

A task is one file and one line in `drive.tasks.TASKS`. Training, planning and scoring know tasks by this interface alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.schema import Observation, SceneSample, Window
from drive.tokens.codecs.base import Ids
from drive.tokens.expression import Expression
from drive.tokens.grammar import Grammar, compile_grammar
from drive.tokens.vocab import Grid, IdRange, Vocabulary


@dataclass(frozen=True)
class Task(ABC):
    """A question with its parameter (`plan:bins` is the task `plan` with the parameter `bins`), ready to read and write answers.

    parameters: what may stand behind the colon, the first being meant where nothing does; () where the task takes none. metric: the
    name of its metric in `drive.eval`, None where it has none. prompted: whether a question in words comes with the request, as in
    `ask(may I go?)`.
    """

    vocabulary: Vocabulary
    window: Window
    parameter: str
    name: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]] = ()
    metric: ClassVar[str | None] = None
    prompted: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def declares(cls, parameter: str, grids: Mapping[str, Grid]) -> tuple[IdRange, ...]:
        """The ranges of ids that answers are written in, with the grids that a configuration gives by name."""

    @property
    @abstractmethod
    def expression(self) -> Expression:
        """Exactly the possible answers, without END: chains put several behind one another."""

    @cached_property
    def grammar(self) -> Grammar:
        """Automaton of exactly the possible answers, END included."""
        return compile_grammar(self.expression)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """What the ids of its ranges without numbers stand for, in their order, by the range's name."""
        return {}

    def places(self, ids: Ids) -> list[str]:
        """Which part of an answer each of its ids tells, END left out: `boxes[2].x`. Raises DecodeError where they are no answer."""
        self.grammar.states(ids)
        return [f"{self.name}[{k}]" for k in range(len(ids) - 1)]

    def name_of(self, token_id: int) -> str:
        """What an id stands for, for people: as `Vocabulary.name_of`, with the task's own words, "see_light red"."""
        part, index = self.vocabulary.place_of(token_id)
        words = self.words.get(part.name, ())
        return f"{part.name} {words[index]}" if index < len(words) else self.vocabulary.name_of(token_id)

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON Schema of an answer as `to_json` gives it."""

    @abstractmethod
    def answer(self, sample: SceneSample) -> Any | None:
        """The right answer from a sample's target; None where the data set does not know it."""

    def answers(self, sample: SceneSample) -> tuple[tuple[str, Any], ...]:
        """Every question that a sample can be asked, with its right answer: (prompt, answer) pairs, prompt "" where the task takes
        none. Empty where the data set knows no answer."""
        value = self.answer(sample)
        return () if value is None else (("", value),)

    def prompt_ids(self, prompt: str) -> Ids:
        """A question in words as ids, which go in between the request's token and an END, before the answer; none where the task takes
        no words. Raises ValueError where words are missing, or given in vain."""
        if not self.prompted and not prompt:
            return np.zeros(0, dtype=np.int64)
        if not self.prompted or not prompt:
            told = f"needs a question in words, as in {self.name}(may I go?)" if self.prompted else f"takes no words, got {prompt!r}"
            raise ValueError(f"request {self.name} {told}")
        return self.vocabulary.text_to_ids(prompt)

    def truth(self, sample: SceneSample, prompt: str = "") -> Any | None:
        """The right answer to one request, of a prompted task to a question of its own; None where it is not known."""
        return self.answer(sample) if not prompt else next((value for words, value in self.answers(sample) if words == prompt), None)

    @abstractmethod
    def encode(self, value: Any, observation: Observation | None = None) -> Ids:
        """An answer as ids that end with END. observation: what was seen, for answers that are told from the car's own motion.

        Raises ValueError where it cannot be written.
        """

    @abstractmethod
    def decode(self, ids: ArrayLike, observation: Observation | None = None) -> Any:
        """The inverse of `encode`, as near as tokens can say it. Raises DecodeError where they are no answer."""

    def scored(self, value: Any, ids: Ids, log_probs: Array) -> Any:
        """A decoded answer with what the decoder's certainty says of its parts: log_probs [L] of its ids [L]. As it is where no part
        has a score."""
        return value

    def shuffled(self, value: Any, rng: np.random.Generator) -> Any:
        """The same answer in another of the orders that mean the same, for training; as it is where there is one order only."""
        return value

    def reworded(self, prompt: str, rng: np.random.Generator) -> str:
        """A question in one of its wordings, for training; as it is where it is known in these words alone."""
        return prompt

    @abstractmethod
    def turned(self, value: Any, angle: float) -> Any:
        """The same answer where the ego frame is turned by -angle (radians): what stood at bearing b stands at b + angle."""

    @abstractmethod
    def to_json(self, value: Any) -> Any:
        """An answer as plain JSON values, valid under `schema`."""

    @abstractmethod
    def from_json(self, value: Any) -> Any:
        """The inverse of `to_json`. Raises ValueError for values that are no answer."""
