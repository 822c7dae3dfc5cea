"""A chain of requests as one span of tokens: what stands in it, and how it comes apart into the links' answers.

    [see] answer END [decide] answer END [ask] words of the question END answer END [plan:bins] answer END

The first request's token opens the span; everything behind it is one answer to the decoder, in which only the links' own answers are a
choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drive.schema import Window
from drive.tasks.base import Task
from drive.tasks.requests import Chain
from drive.tokens.codecs.base import Ids
from drive.tokens.grammar import Grammar
from drive.tokens.joined import joined
from drive.tokens.vocab import END, Vocabulary


@dataclass(frozen=True, eq=False)
class ChainTask:
    """tasks: of the links, in order. openings: what each link's answer stands behind: its request's token and, where it is asked in
    words, these with an END."""

    chain: Chain
    tasks: tuple[Task, ...]
    openings: tuple[Ids, ...]

    @staticmethod
    def of(chain: Chain, vocabulary: Vocabulary, window: Window, made: dict[str, Task] | None = None) -> ChainTask:
        """made: tasks by request, used again and added to: their grammars are compiled once. Raises ValueError for a request that the
        vocabulary does not have, or words that are missing or given in vain."""
        from drive.tasks import make_task

        made = {} if made is None else made
        made.update({link.name: make_task(link.name, vocabulary, window) for link in chain if link.name not in made})
        tasks = tuple(made[link.name] for link in chain)
        return ChainTask(chain, tasks, tuple(opening(task, link.prompt) for task, link in zip(tasks, chain, strict=True)))

    @cached_property
    def grammar(self) -> Grammar:
        """Of everything behind the first request's token."""
        return span_grammar([task.grammar for task in self.tasks], self.openings)

    @property
    def first(self) -> int:
        """Tokens after which the first link is answered, however long it is."""
        return len(self.openings[0]) - 1 + self.tasks[0].grammar.max_length

    def parts(self, ids: Ids) -> list[slice]:
        """Where in a decoded span each link's answer stands, END included. Those that were not reached are missing."""
        found: list[slice] = []
        end = -1  # the first request's token is not among the ids
        for given in self.openings:
            start = end + len(given)
            ends = np.flatnonzero(ids[start:] == END)
            if not len(ends):
                break
            end = start + int(ends[0]) + 1
            found.append(slice(start, end))
        return found

    def labels(self, ids: Ids) -> list[str]:
        """The link that each token of a decoded span belongs to as it goes in: the first request's token, and all ids but the last."""
        lengths = [len(given) + part.stop - part.start for given, part in zip(self.openings, self.parts(ids), strict=True)]
        return [str(link) for link, length in zip(self.chain, lengths, strict=True) for _ in range(length)][: len(ids)]


def opening(task: Task, prompt: str = "") -> Ids:
    """What stands before a task's answer. Raises ValueError as `Task.prompt_ids`."""
    name = f"{task.name}:{task.parameter}" if task.parameter else task.name
    words = task.prompt_ids(prompt)
    return np.array([task.vocabulary.request_id(name), *words, *([END] if task.prompted else [])], dtype=np.int64)


def span_grammar(grammars: Sequence[Grammar], openings: Sequence[Ids]) -> Grammar:
    """Of everything behind the first token of a span: openings (the first one's own first token left out) and answers in turn."""
    given = [openings[0][1:], *openings[1:]]
    return joined([part for pair in zip(given, grammars, strict=True) for part in pair])
