"""What a planner says to requests, beside what is true, for the pictures of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drive.asking import PLAN
from drive.schema import Planner, SceneSample, Window
from drive.tasks import chains, declared, make_task
from drive.tasks.answered import Answered, answered
from drive.tokens.vocab import Vocabulary
from drive.viz.answers import DRAWN, marks_of
from drive.viz.answers.marks import Marks, together


@dataclass(frozen=True, eq=False)
class Said:
    """One request of one sample: the answer and the truth, None where there is none; reason: why there is no answer."""

    request: str
    answer: Any | None
    truth: Any | None
    reason: str = ""

    def row(self) -> tuple[str, str, str]:
        """The request, the answer and the truth in words."""
        answer = "; ".join(marks_of(self.answer).words) if self.answer is not None else f"no answer: {self.reason}"
        return self.request, answer, "; ".join(marks_of(self.truth).words) if self.truth is not None else "not known"


SaidOf = Callable[[SceneSample], tuple[Said, ...]]


def said_of(planner: Planner | None, requests: str, window: Window) -> SaidOf:
    """Who tells what is said to requests (`see>decide>plan,boxes`) of a sample; planner None: the truth alone, as if it were said.

    Raises ValueError for requests that no task answers, and for one that needs words and has none.
    """
    wanted = chains(requests)
    links = [link for chain in wanted for link in chain]
    names = list(dict.fromkeys(link.name for link in links))
    vocabulary = Vocabulary().extended(declared(names, {}), names)
    tasks = {name: make_task(name, vocabulary, window) for name in names}
    bare = next((link for link in links if tasks[link.name].prompted and not link.prompt), None)
    if bare:
        raise ValueError(f"request {bare}: write the question, as in {bare}(may I go?)")
    drawn = [link for link in links if link.task != PLAN]  # a plan has a drawing of its own

    def said(sample: SceneSample) -> tuple[Said, ...]:
        truths = {str(link): tasks[link.name].truth(sample, link.prompt) for link in drawn}
        if planner is None:
            return tuple(Said(name, truth, truth, "" if truth is not None else "not known") for name, truth in truths.items())
        told = answered(planner, sample.observation, wanted)
        return tuple(_said(name, told, truth) for name, truth in truths.items())

    return said


def _said(name: str, told: Answered, truth: Any | None) -> Said:
    value = told.values.get(name)
    if value is not None and type(value) not in DRAWN:
        return Said(name, None, truth, f"answered with {type(value).__name__}, which is no answer of {name}")
    return Said(name, value, truth, told.reasons.get(name, ""))


def answers_marks(said: tuple[Said, ...]) -> Marks:
    """What is drawn of all answers."""
    return together([marks_of(one.answer) for one in said if one.answer is not None])


def truths_marks(said: tuple[Said, ...]) -> Marks:
    """What is drawn of what is true."""
    return together([marks_of(one.truth) for one in said if one.truth is not None])
