"""Which questions a whole set of samples is asked, so that a question alone does not tell its answer.

No answer to a question is kept more often than the one that comes second: yes and no equally often, and whoever guesses without looking is
right at most every second time. Of one meaning a sample keeps `PER_INTENT` questions at most, drawn from those that this leaves. What is
kept follows from the seed and the samples' tokens, whatever their order. Numbers count as the same answer within `NUMBER_STEP`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.schema import SceneSample
from drive.tasks.questions import QUESTIONS, asked, chance
from drive.tasks.questions.balance import NUMBER_STEP, PER_INTENT, answer_key

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """names: sample's token -> the questions that it keeps. counts: question -> answer -> how often it is known and how often kept."""

    names: Mapping[str, frozenset[str]]
    counts: Mapping[str, Mapping[str, tuple[int, int]]]


def known_answers(sample: SceneSample) -> tuple[tuple[str, str], ...]:
    """Every question that a sample can be asked, with the key of its answer."""
    return tuple((question.name, answer_key(reply)) for question, reply in asked(sample))


def chosen(known: Iterable[tuple[str, Sequence[tuple[str, str]]]], seed: int = 0) -> Chosen:
    """known: of each sample its token and `known_answers`. Every token is that of one sample."""
    tokens: list[str] = []
    questions: dict[str, int] = {}
    answers: dict[tuple[str, str], int] = {}
    cells = array("q")
    for token, pairs in known:
        for name, key in pairs:
            cells.extend((len(tokens), questions.setdefault(name, len(questions)), answers.setdefault((name, key), len(answers))))
        tokens.append(token)
    rows, names = np.array(cells, dtype=np.int64).reshape(-1, 3), list(questions)
    draw = np.array([chance("keep", str(seed), tokens[s], names[q]) for s, q in rows[:, :2].tolist()])
    owner = np.array([questions[name] for name, _ in answers], dtype=np.int64)
    kept = _trimmed(rows, np.arange(len(rows)), draw, owner)
    kept = _few(rows, kept, draw, names)
    kept = _trimmed(rows, kept, draw, owner)
    return _told(rows, kept, tokens, list(answers))


def _trimmed(rows: Rows, kept: Rows, draw: Array, owner: Rows) -> Rows:
    """Of the kept rows those whose answer is not above its question's second. owner: of each answer, its question."""
    answer = rows[kept, 2]
    counts = np.bincount(answer, minlength=len(owner))
    second = np.zeros(owner.max(initial=-1) + 1, dtype=np.int64)
    place = _ranks(owner, -counts)
    second[owner[place == 1]] = counts[place == 1]
    return kept[_ranks(answer, draw[kept]) < second[owner[answer]]]


def _few(rows: Rows, kept: Rows, draw: Array, names: Sequence[str]) -> Rows:
    """At most `PER_INTENT` of one meaning and sample."""
    intents: dict[str, int] = {}
    intent = np.array([intents.setdefault(QUESTIONS[name].intent.name, len(intents)) for name in names], dtype=np.int64)
    group = rows[kept, 0] * max(len(intents), 1) + intent[rows[kept, 1]]
    return kept[_ranks(group, draw[kept]) < PER_INTENT]


def _ranks(groups: Rows, order: Array | Rows) -> Rows:
    """Of each row how many of its group come before it."""
    by = np.lexsort((order, groups))
    first = np.flatnonzero(np.diff(groups[by], prepend=-1))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[by] = np.arange(len(groups)) - np.repeat(first, np.diff(np.append(first, len(groups))))
    return ranks


def _told(rows: Rows, kept: Rows, tokens: Sequence[str], answers: Sequence[tuple[str, str]]) -> Chosen:
    found: dict[str, set[str]] = {token: set() for token in tokens}
    for sample, _, answer in rows[kept].tolist():
        found[tokens[sample]].add(answers[answer][0])
    before, after = (np.bincount(part, minlength=len(answers)).tolist() for part in (rows[:, 2], rows[kept, 2]))
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for (name, key), *both in zip(answers, before, after, strict=True):
        counts.setdefault(name, {})[key] = (both[0], both[1])
    return Chosen({token: frozenset(own) for token, own in found.items()}, {name: counts[name] for name in sorted(counts)})


def balance_rows(counts: Mapping[str, Mapping[str, Sequence[int]]]) -> list[dict[str, Any]]:
    """By kind of a question's commonest answer: how many questions are known and kept, and the share of each that a guess gets right which
    always says its question's commonest answer."""
    found = []
    for kind in ("yes_no", "count", "number", "word", "words"):
        own = [list(answers.values()) for answers in counts.values() if _kind(max(answers, key=lambda key: answers[key][0])) == kind]
        totals = [sum(pair[k] for answers in own for pair in answers) for k in (0, 1)]
        top = [sum(max(pair[k] for pair in answers) for answers in own) for k in (0, 1)]
        shares = [round(right / total, 3) if total else None for right, total in zip(top, totals, strict=True)]
        if totals[0]:
            found.append({"kind": kind, "known": totals[0], "kept": totals[1], "guess_known": shares[0], "guess_kept": shares[1]})
    return found


def _kind(key: str) -> str:
    """The kind of a key of `answer_key`."""
    first = key.partition(" ")[0]
    return "number" if first in NUMBER_STEP else first
