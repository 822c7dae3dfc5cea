"""Answers as teacher-forced spans, packed: all spans of an example one behind another in one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drive.model.network import PackedSpans
from drive.tokens.codecs import Ids
from drive.tokens.sequence import MAX_FRAMES, SPAN_POSITION
from drive.tokens.vocab import PAD


@dataclass(frozen=True, eq=False)
class Link:
    """One answer of a span. task: its number. opening: the tokens before it (`drive.tasks.chain`). answer: the right one, END included,
    with the grammar's states before each. fed: what goes in in its place, where learned is False without being asked for."""

    task: int
    opening: Ids
    answer: Ids
    states: NDArray[np.int64]
    fed: Ids
    learned: bool = True


Span = tuple[Link, ...]
Row = tuple[Span, ...]


@dataclass(frozen=True, eq=False)
class Spans:
    """packed: what goes in. Of the tokens that should come out, [B, T] each: targets, states (of the own task's grammar) and task int64;
    weight float32, which sums to 1 over an answer's tokens and is 0 where nothing is asked for."""

    packed: PackedSpans
    targets: Tensor
    states: Tensor
    task: Tensor
    weight: Tensor

    def to(self, device: torch.device | str) -> Spans:
        return Spans(*(getattr(self, f.name).to(device) for f in fields(self)))


def packed(rows: Sequence[Row]) -> Spans:
    """Rows of spans -> tensors as long as the longest."""
    length = max(1, *(sum(map(span_length, row)) for row in rows))
    # ids, block, position, targets, states, task
    table = np.zeros((6, len(rows), length), dtype=np.int64)
    table[0], table[2], table[3] = PAD, SPAN_POSITION, PAD
    weight = np.zeros((len(rows), length), dtype=np.float32)
    for b, row in enumerate(rows):
        at = 0
        for number, span in enumerate(row):
            stop = at + span_length(span)
            table[1, b, at:stop] = MAX_FRAMES + 1 + number
            table[2, b, at:stop] = SPAN_POSITION + np.arange(stop - at)
            table[0, b, at:stop] = np.concatenate([part for link in span for part in (link.opening, link.fed)])[:-1]
            for link, place in zip(span, answer_places(span), strict=True):
                if link.learned:
                    there = slice(at + place, at + place + len(link.answer))
                    table[3, b, there], table[4, b, there], table[5, b, there] = link.answer, link.states, link.task
                    weight[b, there] = 1 / len(link.answer)
            at = stop
        table[1, b, at:] = MAX_FRAMES + 1 + len(row)
    ids, block, position, targets, states, task = torch.from_numpy(table).unbind()
    weights = torch.from_numpy(weight)
    return Spans(PackedSpans(ids, block, position, weights > 0), targets, states, task, weights)


def span_length(span: Span) -> int:
    """Tokens that go in: the last END is told by nobody."""
    return sum(len(link.opening) + len(link.fed) for link in span) - 1


def answer_places(span: Span) -> list[int]:
    """Where in a span the tokens stand behind which each link's answer begins."""
    starts = np.cumsum([0, *(len(link.opening) + len(link.fed) for link in span)])
    return [int(start) + len(link.opening) - 1 for start, link in zip(starts, span, strict=False)]
