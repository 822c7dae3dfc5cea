"""Questions that a sample can be asked and their right answers: what each means, the ways to say it, and who answers it from a target.

A question is asked of a sample where its target knows the answer and the question makes sense there; what a data set does not know is
not asked. Which of its wordings is used follows from the sample's token, never from the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from itertools import chain

from drive.answers.ask import Reply
from drive.schema import SceneSample
from drive.tasks.questions import ahead, compare, counts, distances, rules, why
from drive.tasks.questions.facts import NOUNS, SIDES, VEHICLE, Facts
from drive.tasks.questions.intent import Intent, Question

__all__ = ["INTENTS", "QUESTIONS", "WORDS", "Facts", "Intent", "Question", "asked", "chance", "question_of"]

INTENTS: tuple[Intent, ...] = tuple(chain(*(part.INTENTS for part in (counts, distances, ahead, rules, why, compare))))
# name -> question
QUESTIONS: dict[str, Question] = {question.name: question for intent in INTENTS for question in intent.questions()}
# Every reply of kind "word".
WORDS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (distances.NONE, *NOUNS, VEHICLE, *SIDES, "straight", "same", "green", "yellow", "red")
        + ("cyclist", "person", "thing", "standing", "moving", "oncoming")
    )
)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


_BY_TEXT = {_plain(text): question for question in QUESTIONS.values() for text in question.texts}


def question_of(text: str) -> Question | None:
    """The question that a text is a wording of, whatever its case and punctuation; None for other words."""
    return _BY_TEXT.get(_plain(text))


def chance(*parts: str) -> float:
    """A number from 0 to 1 that follows from some texts alone: the same in every process and on every machine."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big") / 2**64


def asked(sample: SceneSample) -> Iterator[tuple[Question, Reply]]:
    """Every question that this sample can be asked, with its right answer, which says the wording used."""
    facts = Facts(sample)
    for question in QUESTIONS.values():
        reply = question.answer(facts)
        if reply is not None:
            texts = question.texts
            yield question, replace(reply, question=texts[int(chance(sample.token, question.name) * len(texts))])
