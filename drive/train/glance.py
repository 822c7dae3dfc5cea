"""What pictures alone should tell: the first word of answers that begin with one of a few words (a light's colour, may I enter).

A transformer hears of a lamp through an attention that begins even over all tokens, and a small network stays there for very long. Told
directly what a picture shows, its tokens hold it after some hundred steps, and the answers read it from there (deep supervision, Lee et al.
2015, arXiv 1409.5185).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from drive.tasks import Task
from drive.train.example import Example

MOST_WORDS = 16  # more begin with a number or text


def glanced(tasks: Sequence[Task], trained: Collection[int]) -> tuple[int, ...]:
    """The numbers of the tasks whose answers begin with one of a few words, and need no question in words."""
    return tuple(number for number in sorted(trained) if not tasks[number].prompted and 1 < _choices(tasks[number]) <= MOST_WORDS)


def _choices(task: Task) -> int:
    return sum(high - low for low, high, _ in task.grammar.edges(0))


def first_words(examples: Sequence[Example], tasks: Sequence[Task], wanted: Sequence[int]) -> Tensor:
    """The first id of each answer [B, tasks], -1 where it is not wanted or not known."""
    words = torch.full((len(examples), len(tasks)), -1, dtype=torch.int64)
    for b, example in enumerate(examples):
        for number in wanted:
            drawn = example.draw(tasks[number], number, None)
            if drawn is not None:
                words[b, number] = int(drawn.ids[0])
    return words
