"""A sequence taken apart: every token of a prefix and its request spans, with what it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drive.schema import SceneSample, Window
from drive.tasks import TASKS, Chain, Request, Task, declared, make_task
from drive.tasks.chain import ChainTask
from drive.tokens.codecs.base import Ids
from drive.tokens.ranges import UNITS
from drive.tokens.sequence import SPAN_POSITION, TokenSequence
from drive.tokens.vocab import Vocabulary

Written = tuple[ChainTask, Ids]  # a span: its chain, and everything behind the first request's token
NOT_KNOWN = "the right answer is not known here"


@dataclass(frozen=True)
class SequenceRow:
    """One token. at: its place in the sequence. position: its position id. span: 0 of the prefix, else the number of the request span. of:
    what it belongs to, a sensor's label (`frame 0 CAM_FRONT`) or a link (`see`). id: None in the prefix, whose tokens are made of pictures
    and numbers and stand in no vocabulary. name: of the id. meaning: what it tells where it stands, `boxes[2].x = 15.60 m`."""

    at: int
    position: int
    span: int
    of: str
    id: int | None
    name: str
    meaning: str


def rows_of(prefix: tuple[TokenSequence, Sequence[str]] | None, spans: Sequence[Written]) -> list[SequenceRow]:
    """The whole sequence in order. prefix: its tokens and what is in each (`NetworkPlanner.prefix`), None where there is none."""
    rows: list[SequenceRow] = []
    if prefix is not None:
        sequence, meanings = prefix
        given = zip(sequence.position.tolist(), sequence.labels, meanings, strict=True)
        rows += [SequenceRow(k, position, 0, label, None, "", meaning) for k, (position, label, meaning) in enumerate(given)]
    for number, (chain, ids) in enumerate(spans, 1):
        start = len(rows)
        rows += [replace(row, at=start + k, position=SPAN_POSITION + k, span=number) for k, row in enumerate(_span(chain, ids))]
    return rows


def _span(chain: ChainTask, ids: Ids) -> Iterator[SequenceRow]:
    """The rows of one span, not placed yet; links that were not reached are missing."""
    links = zip(chain.chain, chain.tasks, chain.openings, chain.parts(ids), strict=False)
    for number, (link, task, opening, part) in enumerate(links):
        asked = [*(f"question[{k}]" for k in range(len(opening) - 2)), "question ends"] if task.prompted else []
        opened = ["next in the chain" if number else "span begins", *asked]
        places = [*opened, *task.places(ids[part]), "answer ends"]
        for place, token_id in zip(places, [*opening.tolist(), *ids[part].tolist()], strict=True):
            yield SequenceRow(0, 0, 0, link.name, token_id, task.name_of(token_id), _meaning(task, place, token_id))


def _meaning(task: Task, place: str, token_id: int) -> str:
    """What a token tells at a place: a number with its unit, a word, or the place alone where it has none."""
    part, index = task.vocabulary.place_of(token_id)
    if part.grid:
        return f"{place} = {part.grid.told(index)} {UNITS.get(part.name, '')}".rstrip()
    own = part.name in ("special", "request")
    return place if own else f"{place} = {task.name_of(token_id).removeprefix(part.name).strip()}"


def true_spans(
    wanted: Sequence[Chain], sample: SceneSample, vocabulary: Vocabulary, window: Window
) -> tuple[list[Written], dict[str, str]]:
    """The right answers to chains as training reads them, and of links without one the reason; these are left out of their chains.

    Raises ValueError for a request that the vocabulary does not have.
    """
    made: dict[str, Task] = {}
    spans, reasons = list[Written](), dict[str, str]()
    for chain in wanted:
        answers: list[tuple[Request, Ids]] = []
        for link in chain:
            if link.name not in made:
                made[link.name] = make_task(link.name, vocabulary, window)
            task = made[link.name]
            try:
                value = task.truth(sample, link.prompt)
                if value is None:
                    reasons[str(link)] = NOT_KNOWN
                else:
                    answers.append((link, task.encode(value, sample.observation)))
            except ValueError as error:
                reasons[str(link)] = f"its answer cannot be written: {error}"
        if answers:
            known = ChainTask.of(tuple(link for link, _ in answers), vocabulary, window, made)
            given = [ids for opening, (_, answer) in zip(known.openings, answers, strict=True) for ids in (opening, answer)]
            spans.append((known, np.concatenate(given)[1:]))
    return spans, reasons


def usual_requests(sample: SceneSample, window: Window) -> tuple[str, ...]:
    """A request for everything that can be asked of a sample: each task's usual one, and where its answer is not known, the parts of it
    that can be asked for alone."""
    found: list[str] = []
    for kind in TASKS.values():
        usual, *others = (f"{kind.name}:{parameter}" if parameter else kind.name for parameter in kind.parameters or ("",))
        whole = not others or ":" in usual or bool(make_task(usual, vocabulary_of([usual]), window).answers(sample))
        found += [usual] if whole else others
    return tuple(found)


def vocabulary_of(requests: Sequence[str]) -> Vocabulary:
    """The vocabulary of a network that would answer these single requests alone. Raises ValueError for what no task answers."""
    return Vocabulary().extended(declared(requests, {}), requests)


def usual_chains(requests: Sequence[str], sample: SceneSample, vocabulary: Vocabulary, window: Window) -> tuple[Chain, ...]:
    """Single requests as a span each. One that is asked in words gets the first question that the sample knows an answer to."""
    found: list[Chain] = []
    for name in requests:
        kind, _, parameter = name.partition(":")
        known = make_task(name, vocabulary, window).answers(sample) if TASKS[kind].prompted else ()
        found.append((Request(kind, parameter, known[0][0] if known else ""),))
    return tuple(found)
