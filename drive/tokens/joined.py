"""Grammars put behind one another: what a span that holds several answers may look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.tokens.codecs.base import Ids
from drive.tokens.grammar import Grammar
from drive.tokens.vocab import END


def joined(parts: Sequence[Grammar | Ids]) -> Grammar:
    """The automaton of one part after the other: grammars with their ENDs, and tokens that always stand there.

    Raises ValueError for a grammar with an END inside its answers: they could not be told apart.
    """
    rows: list[NDArray[np.int64]] = []  # [E, 4] each: state, low, high, target
    entry, count = 0, 1
    for part in parts:
        table, states = (_fixed(part), len(part) + 1) if isinstance(part, np.ndarray) else (_edges(part), len(part))
        final = len(part) if isinstance(part, np.ndarray) else part.final
        # Its start is where the part before ended; the others are numbered on.
        number = np.full(states, entry)
        others = np.arange(states) != 0
        number[others] = count + np.arange(states - 1)
        rows.append(np.stack([number[table[:, 0]], table[:, 1], table[:, 2], number[table[:, 3]]], -1))
        entry, count = int(number[final]), count + states - 1
    edges = np.concatenate(rows)
    edges = edges[np.lexsort([edges[:, 1], edges[:, 0]])]
    first = np.concatenate([[0], np.cumsum(np.bincount(edges[:, 0], minlength=count))]).astype(np.int64)
    longest = sum(len(part) if isinstance(part, np.ndarray) else part.max_length for part in parts)
    low, high, target = (np.ascontiguousarray(edges[:, column]) for column in (1, 2, 3))
    return Grammar(first, low, high, target, entry, longest)


def _fixed(ids: Ids) -> NDArray[np.int64]:
    at = np.arange(len(ids))
    return np.stack([at, ids, ids + 1, at + 1], -1)


def _edges(grammar: Grammar) -> NDArray[np.int64]:
    ends = (grammar.low <= END) & (grammar.high > END)
    if (grammar.target[ends] != grammar.final).any():
        raise ValueError("an END stands inside an answer of this grammar; only the last token of an answer may be one")
    state = np.repeat(np.arange(len(grammar)), np.diff(grammar.first))
    return np.stack([state, grammar.low, grammar.high, grammar.target], -1)
