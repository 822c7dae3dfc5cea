"""Grammars: which token may come next, compiled to tables that a decoder looks up.

A grammar is a finite automaton over ids. Every answer decoded under its mask parses, also from random weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.schema import DecodeError


@dataclass(frozen=True, eq=False)
class Grammar:
    """allowed [S, V] bool: id may follow in state s; next_state [S, V] int32: the state it leads to (-1 where not allowed).

    State 0 is the start, state `final` the end: nothing follows it. max_length: tokens of the longest answer.
    """

    allowed: NDArray[np.bool_]
    next_state: NDArray[np.int32]
    final: int
    max_length: int

    def states(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """State before each id of an answer, [L]. Raises DecodeError at the first id that the grammar does not allow."""
        state, states = 0, []
        for position, token in enumerate(ids):
            states.append(state)
            if not self.allowed[state, token]:
                raise DecodeError(f"token {int(token)} at position {position} is not allowed there (state {state})")
            state = int(self.next_state[state, token])
        if state != self.final:
            raise DecodeError(f"the answer breaks off after {len(states)} tokens (state {state})")
        return np.array(states, dtype=np.int64)


class GrammarBuilder:
    """Collects edges state -> {ids} -> state; `compile` turns them into tables."""

    def __init__(self, vocabulary_size: int) -> None:
        self._size = vocabulary_size
        self._edges: list[list[tuple[NDArray[np.int64], int]]] = []
        self.state()

    def state(self) -> int:
        """A new state; the first one is the start."""
        self._edges.append([])
        return len(self._edges) - 1

    def edge(self, source: int, ids: Iterable[int], target: int) -> None:
        """Let every one of these ids lead from source to target."""
        self._edges[source].append((np.fromiter(ids, dtype=np.int64), target))

    def chain(self, source: int, ids: Iterable[int]) -> int:
        """Fixed ids one after the other; returns the state behind the last."""
        for token in ids:
            target = self.state()
            self.edge(source, [token], target)
            source = target
        return source

    def compile(self, final: int) -> Grammar:
        """Tables of the automaton; raises ValueError for a cycle (an answer that need not end) or a dead end."""
        next_state = np.full((len(self._edges), self._size), -1, dtype=np.int32)
        for source, edges in enumerate(self._edges):
            for ids, target in edges:
                if (next_state[source, ids] >= 0).any():
                    raise ValueError(f"grammar is ambiguous in state {source}")
                next_state[source, ids] = target
        return Grammar(next_state >= 0, next_state, final, self._longest(final))

    def _longest(self, final: int) -> int:
        longest: dict[int, int] = {}

        def visit(state: int, path: frozenset[int]) -> int:
            if state in path:
                raise ValueError(f"grammar has a cycle through state {state}")
            if state not in longest:
                ahead = [visit(target, path | {state}) + 1 for _, target in self._edges[state]]
                if not ahead and state != final:
                    raise ValueError(f"grammar has a dead end in state {state}")
                longest[state] = max(ahead, default=0)
            return longest[state]

        return visit(0, frozenset())
