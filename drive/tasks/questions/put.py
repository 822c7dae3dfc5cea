"""One question put to a planner on every sample of a data set, and what the target says beside its answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from drive.answers.ask import Reply
from drive.asking import Refusal, asked, spec_of
from drive.progress import SILENT, Progress
from drive.schema import SceneSample
from drive.tasks.answered import answers_of
from drive.tasks.questions import Facts, question_of
from drive.tasks.requests import Request

TASK = "ask"


@dataclass(frozen=True)
class Put:
    """A sample's answer. reply: None where there is none, and why in `reason`. truth: the right answer; None where the question is none of
    `drive.tasks.questions`, or the data set does not know."""

    token: str
    reply: Reply | None
    truth: Reply | None
    reason: str = ""
    traceback: str = ""


def require_answers(planner: Any) -> None:
    """Raises ValueError, saying what it does answer, where a planner answers no questions."""
    told = spec_of(planner).tasks
    if not hasattr(planner, "answer"):
        raise ValueError(f"planner {planner.name} answers no questions, it plans alone; take one that was trained to answer `{TASK}`")
    if told and TASK not in told:
        raise ValueError(
            f"planner {planner.name} was not trained to answer questions: it answers {', '.join(told)}; take one whose configuration's "
            f"`requests` hold `{TASK}`"
        )


def put(planner: Any, samples: Iterable[SceneSample], text: str, progress: Progress = SILENT) -> list[Put]:
    """The answers to a question in words. planner: None: the target answers, where it can.

    Raises ValueError for an empty question, and for a planner that answers none.
    """
    words = " ".join(text.split())
    if not words:
        raise ValueError('the question is empty; ask one such as "may I go?"')
    if planner is not None:
        require_answers(planner)
    elif question_of(words) is None:
        raise ValueError(f"the record cannot answer {words!r}: it is no wording of `drive.tasks.questions`; ask a planner")
    question, found = question_of(words), []
    for sample in samples:
        truth = None if question is None else question.answer(Facts(sample))
        found.append(_recorded(sample, truth) if planner is None else _answered(planner, sample, words, truth))
        progress.done()
    return found


def _recorded(sample: SceneSample, truth: Reply | None) -> Put:
    return Put(sample.token, truth, truth, "" if truth else "the data set does not know it, or it makes no sense there")


def _answered(planner: Any, sample: SceneSample, words: str, truth: Reply | None) -> Put:
    request = str(Request(TASK, prompt=words))
    reply = asked(lambda: answers_of(planner, sample.observation, [request]).best(request))
    if isinstance(reply, Refusal):
        return Put(sample.token, None, truth, reply.reason, reply.traceback)
    if not isinstance(reply, Reply):
        return Put(sample.token, None, truth, f"answered with {type(reply).__name__}, not with a Reply")
    return Put(sample.token, reply, truth)
