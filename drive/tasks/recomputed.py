"""Recorded answers beside the target that they were told from: each is recomputed, and what differs is named.

Nothing is taken on trust: a wording is asked by what it means, the pictures and the motion that stand before the first question are made
anew too, and what this version cannot recompute is a fault like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from drive.schema import SceneSample, Window
from drive.tasks import TASKS, Task, chains, declared, make_task
from drive.tasks.messages import Record
from drive.tasks.questions import asked, question_of
from drive.tasks.requests import Request, parse_single
from drive.tasks.writer import seen_parts
from drive.tokens.vocab import Vocabulary

CLOSE = 1e-6  # of numbers that are said to be equal: other machines round otherwise
DIFFERS = "answer differs"
NOT_KNOWN = "answer cannot be recomputed"
NO_QUESTION = "question cannot be recomputed"
KNOWN = "said to be unknown"
MISSING = "answer is missing"
OTHER = "record of another sample"
LONGEST = 60  # letters of a value in a message


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a record. kind: one of those above. place: the request, with its question in words."""

    kind: str
    place: str
    message: str


class Recomputer:
    """Holds records against samples. window: of the samples. root: the folder that files of pictures are relative to, None: they are named
    as samples name them. wanted: requests that every record must answer or say to be unknown."""

    def __init__(self, window: Window, root: str | Path | None = None, wanted: str = "") -> None:
        self.window = window
        self.root = None if root is None else Path(root).resolve()
        self.wanted = [link for chain in (chains(wanted) if wanted else ()) for link in chain]

    def faults(self, record: Record, sample: SceneSample) -> Iterator[Fault]:
        """Whatever is wrong with a record, in its order. Raises ValueError where its messages are no conversation."""
        yield from self._sample(record, sample)
        for request, words, value in record.answers():
            yield from self._answer(Request(*request.partition(":")[::2], words), value, sample)
        for name in record.unknown:
            yield from self._unknown(name, sample)
        yield from self._missing(record)

    def _sample(self, record: Record, sample: SceneSample) -> Iterator[Fault]:
        """Whether the record is of this very sample: names, time, pictures, the car's motion."""
        first, *later = [[part.model_dump(mode="json") for part in turn.seen] for turn in record.turns()] or [[]]
        seen = [part.model_dump(mode="json") for part in seen_parts(sample.observation, self.root)] if record.messages else []
        pairs: dict[str, tuple[Any, Any]] = {"id": (record.id, sample.token), "scene": (record.scene, sample.scene)}
        pairs |= {"seen": (first, seen)}
        pairs |= {"timestamp_us": (record.timestamp_us, sample.timestamp_us), "later turns": (later, [[]] * len(later))}
        for name, (got, expected) in pairs.items():
            told = difference(got, expected, name)
            if told:
                yield Fault(OTHER, "", told)

    def _answer(self, request: Request, value: Any, sample: SceneSample) -> Iterator[Fault]:
        task = _task(request.name, self.window)
        if task.prompted and question_of(request.prompt) is None:
            yield Fault(NO_QUESTION, str(request), "the question is none of this version's")
            return
        right = task.truth(sample, request.prompt)
        if right is None:
            yield Fault(NOT_KNOWN, str(request), f"answered is {_shown(value)}, the target knows no answer")
            return
        told = difference(value, task.to_json(right), "answer")
        if told:
            yield Fault(DIFFERS, str(request), told)

    def _unknown(self, name: str, sample: SceneSample) -> Iterator[Fault]:
        request = parse_single(name, TASKS)
        task = _task(request.name, self.window)
        any_question = task.prompted and not request.prompt
        known = any(True for _ in asked(sample)) if any_question else task.truth(sample, request.prompt) is not None
        if known:
            yield Fault(KNOWN, name, "the target knows an answer")

    def _missing(self, record: Record) -> Iterator[Fault]:
        """Requests that were packed and are neither answered nor unknown. Of questions that the packer chose none need be left."""
        told = {*record.unknown, *(str(Request(*name.partition(":")[::2], words)) for name, words, _ in record.answers())}
        for link in self.wanted:
            if str(link) not in told and (link.prompt or not _task(link.name, self.window).prompted):
                yield Fault(MISSING, str(link), "it was asked when the records were packed")


def difference(got: Any, expected: Any, place: str) -> str:
    """Where two JSON values first differ, and how; "" where they are the same, numbers to `CLOSE`."""
    if isinstance(expected, dict) and isinstance(got, dict):
        if set(got) != set(expected):
            return f"{place}: it has {_shown(sorted(got))}, expected are {sorted(expected)}"
        return next(filter(None, (difference(got[key], expected[key], f"{place}.{key}") for key in expected)), "")
    if isinstance(expected, list) and isinstance(got, list) and len(got) == len(expected):
        return next(filter(None, (difference(a, b, f"{place}[{k}]") for k, (a, b) in enumerate(zip(got, expected, strict=True)))), "")
    if isinstance(expected, list) and isinstance(got, list):
        return f"{place}: it has {len(got)} parts, the target says {len(expected)}"
    return "" if _same(got, expected) else f"{place}: {_shown(got)}, the target says {_shown(expected)}"


def _same(got: Any, expected: Any) -> bool:
    """True is no 1 here, and 3.0 no count; a number may be written without its point."""
    if isinstance(expected, float):
        return type(got) in (int, float) and -1e30 < got < 1e30 and abs(got - expected) <= CLOSE
    return type(got) is type(expected) and bool(got == expected)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


@lru_cache(maxsize=64)
def _task(name: str, window: Window) -> Task:
    """The task as `Writer` makes it."""
    return make_task(name, Vocabulary().extended(declared([name], {}), [name]), window)
