"""What a question is: a meaning with the ways to say it, and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from drive.answers.ask import Reply
from drive.tasks.questions.facts import Facts

Answering = Callable[..., Reply | None]

# The word, its plural, and other ways to say it.
PLURAL = {
    "vehicle": "vehicles",
    "car": "cars",
    "truck": "trucks",
    "bus": "buses",
    "trailer": "trailers",
    "construction vehicle": "construction vehicles",
    "motorcycle": "motorcycles",
    "bicycle": "bicycles",
    "pedestrian": "pedestrians",
    "cone": "cones",
    "barrier": "barriers",
}
WHERE = {"ahead": "ahead of me", "left": "on my left", "right": "on my right", "behind": "behind me"}


@dataclass(frozen=True)
class Intent:
    """A meaning. wordings: ways to say it, with parameters in braces: `{noun}`, `{nouns}` its plural, `{radius}`, `{where}` of a
    `side`, ... takes: the values of each parameter. answer(facts, **parameters): the right reply, None where the data does not know it or
    the question makes no sense there."""

    name: str
    wordings: tuple[str, ...]
    answer: Answering
    takes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def questions(self) -> Iterator[Question]:
        """One for each combination of parameters."""
        for values in product(*self.takes.values()):
            if len(set(map(str, values))) == len(values):  # no "more cars than cars"
                yield Question(self, dict(zip(self.takes, values, strict=True)))


@dataclass(frozen=True, eq=False)
class Question:
    """A meaning with its parameters."""

    intent: Intent
    parameters: Mapping[str, Any]

    @cached_property
    def name(self) -> str:
        """Such as `count_within car 30`."""
        return " ".join([self.intent.name, *(str(value) for value in self.parameters.values())])

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The ways to ask it."""
        told = _told(self.parameters)
        return tuple(wording.format(**told) for wording in self.intent.wordings)

    def answer(self, facts: Facts) -> Reply | None:
        """The right reply to it; None where it is not asked."""
        return self.intent.answer(facts, **self.parameters)


def _told(parameters: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(parameters)
    for name, value in parameters.items():
        if name.startswith("noun") or name in ("one", "other"):
            told[name + "s"] = PLURAL[value]
        if name == "side":
            told["where"] = WHERE[value]
    return told
