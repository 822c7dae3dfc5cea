"""How answers of a task are scored, whoever gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from drive.eval.result import Result
from drive.eval.rules import Rules
from drive.schema import Mask, Observation

# N answers to N questions, None where there is none; N right answers, None where the data do not know them.
Answered = Sequence[Any | None]
Truths = Sequence[Any | None]


@dataclass(frozen=True, eq=False)
class TaskMetric:
    """score(answers, truths) -> results over the N questions. main: the metrics shown first. source, settings: as of `Rules`.
    baselines(truths) -> name -> N answers that look at nothing, such as the commonest of the truths; scored beside.
    legend: what the numbers are, in words.

    A question without a truth counts in no result (`known`); one without an answer is failed (`failed`): it counts as an answer of nothing
    where that can be scored, and is left out of errors in metres.
    """

    score: Callable[[Answered, Truths], list[Result]]
    main: tuple[str, ...]
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    baselines: Callable[[Truths], Mapping[str, Answered]] = field(default=lambda truths: {})
    legend: str = "shares are 0 .. 1"


@dataclass(frozen=True, eq=False)
class AcrossMetric:
    """Whether the answers of one sample agree with one another. needs: tasks that must be asked for together, by name.
    score(answers, observations): answers: for each of N samples its answers by the task's name, those that failed missing; observations:
    what the planner saw, without pictures."""

    needs: tuple[str, ...]
    score: Callable[[Sequence[Mapping[str, Any]], Sequence[Observation]], list[Result]]
    main: tuple[str, ...]
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    legend: str = "shares are 0 .. 1"


@dataclass(frozen=True, eq=False)
class TaskRules(Rules):
    """The rules that a request's answers are scored by. legend: what the numbers are."""

    tall: ClassVar[bool] = True
    legend: str = field(default="", kw_only=True)

    @property
    def asks(self) -> str:
        """What a planner is asked for."""
        return f"answers to {self.name}"


def known(truths: Truths) -> Mask:
    """Which questions [N] have a right answer."""
    return np.array([truth is not None for truth in truths], dtype=bool)


def failed(answers: Answered, truths: Truths) -> Mask:
    """Which questions [N] have a right answer and got none."""
    return known(truths) & np.array([answer is None for answer in answers], dtype=bool)
