"""Grammars: which token may come next. Written as expressions over id ranges, compiled to the edges of a finite automaton.

    sequence(ids(10, 20), repeat(sequence(token(5), ids(10, 20)), 0, 7))   # one to eight numbers, 5 between them

Every answer ends with END, and repetition is bounded, so every answer decoded under a grammar's mask parses and ends, also from
random weights. Nothing here grows with the vocabulary: an edge is a range of ids, however wide.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drive.schema import DecodeError
from drive.tokens.expression import Choice, Counted, Expression, Ids, Repeat, Sequenced, choice, ids, one_of, repeat, sequence, token
from drive.tokens.vocab import END

__all__ = ["Grammar", "Expression", "choice", "compile_grammar", "ids", "one_of", "repeat", "sequence", "token"]

Edge = tuple[int, int, int]  # ids low <= id < high lead to a target


@dataclass(frozen=True, eq=False)
class Grammar:
    """A deterministic automaton. The edges of state s are rows first[s] to first[s + 1] of low, high, target, [E] int64 each and
    ascending: an id with low <= id < high leads to target.

    State 0 is the start; nothing follows state `final`. max_length: tokens of the longest answer, END included.
    """

    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    target: NDArray[np.int64]
    final: int
    max_length: int

    def __len__(self) -> int:
        """Number of states."""
        return len(self.first) - 1

    def edges(self, state: int) -> list[Edge]:
        """The edges of a state, ascending."""
        rows = slice(self.first[state], self.first[state + 1])
        return list(zip(self.low[rows].tolist(), self.high[rows].tolist(), self.target[rows].tolist(), strict=True))

    def after(self, state: int, token: int) -> int | None:
        """The state that a token leads to; None where it is not allowed."""
        begin, end = self.first[state], self.first[state + 1]
        row = begin + int(np.searchsorted(self.low[begin:end], token, side="right")) - 1
        return int(self.target[row]) if row >= begin and token < self.high[row] else None

    def states(self, answer: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """State before each id of an answer, [L]. Raises DecodeError at the first id that the grammar does not allow."""
        state, states = 0, []
        for position, token_id in enumerate(answer):
            states.append(state)
            reached = self.after(state, int(token_id))
            if reached is None:
                raise DecodeError(f"token {int(token_id)} at position {position} is not allowed there (state {state})")
            state = reached
        if state != self.final:
            raise DecodeError(f"the answer breaks off after {len(states)} tokens (state {state})")
        return np.array(states, dtype=np.int64)

    def allowed(self, state: int, size: int) -> NDArray[np.bool_]:
        """Which of `size` ids may follow in a state, [size]."""
        mask = np.zeros(size, dtype=bool)
        for low, high, _ in self.edges(state):
            mask[low:high] = True
        return mask


def compile_grammar(expression: Expression) -> Grammar:
    """The grammar of an expression's answers, each with END behind it. Raises ValueError for a choice of nothing."""
    nodes = _Nodes()
    nodes.add(sequence(expression, token(END)))
    numbers: dict[tuple[int, ...], int] = {}
    waiting = [nodes.closure([nodes.start])]
    numbers[waiting[0]] = 0
    rows: list[list[Edge]] = []
    while len(rows) < len(waiting):
        edges = []
        for low, high, reached in _split(nodes.ranges(waiting[len(rows)])):
            members = nodes.closure(reached)
            if members not in numbers:
                numbers[members] = len(waiting)
                waiting.append(members)
            edges.append((low, high, numbers[members]))
        rows.append(_merged(edges))
    final = numbers[nodes.closure([nodes.end])]
    flat = np.array([edge for row in rows for edge in row], dtype=np.int64).reshape(-1, 3)
    first = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return Grammar(first, flat[:, 0].copy(), flat[:, 1].copy(), flat[:, 2].copy(), final, _longest(rows))


class _Nodes:
    """A nondeterministic automaton of an expression (Thompson's construction), without recursion: nesting may be deep."""

    def __init__(self) -> None:
        self._free: list[list[int]] = []  # targets that are reached without a token
        self._edges: list[list[Edge]] = []
        self.start, self.end = self._node(), self._node()

    def _node(self) -> int:
        self._free.append([])
        self._edges.append([])
        return len(self._free) - 1

    def add(self, expression: Expression) -> None:
        """Put an expression between start and end."""
        work: list[tuple[Expression, int, int]] = [(expression, self.start, self.end)]
        while work:
            part, source, target = work.pop()
            match part:
                case Ids(low, high):
                    self._edges[source].append((low, high, target))
                case Sequenced(parts):
                    places = [source, *(self._node() for _ in parts[1:]), target] if parts else [source]
                    work += [(inner, *place) for inner, place in zip(parts, pairwise(places), strict=bool(parts))]
                    if not parts:
                        self._free[source].append(target)
                case Choice(options):
                    work += [(option, source, target) for option in options]
                case Repeat(inner, least, most):
                    places = [source, *(self._node() for _ in range(most))]
                    work += [(inner, *place) for place in pairwise(places)]
                    for place in places[least:]:
                        self._free[place].append(target)
                case Counted(weighed, total):
                    places = [source, *(self._node() for _ in range(total))]
                    self._free[places[-1]].append(target)
                    for done in range(total):
                        self._edges[places[done]] += [(t.low, t.high, places[done + w]) for t, w in weighed if done + w <= total]

    def closure(self, nodes: Iterable[int]) -> tuple[int, ...]:
        """All nodes that are reached without a token and matter: those with edges, and the end."""
        seen, waiting = set(nodes), list(nodes)
        while waiting:
            for target in self._free[waiting.pop()]:
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return tuple(sorted(node for node in seen if self._edges[node] or node == self.end))

    def ranges(self, nodes: Iterable[int]) -> list[Edge]:
        """The edges of several nodes."""
        return [edge for node in nodes for edge in self._edges[node]]


def _split(edges: list[Edge]) -> list[tuple[int, int, list[int]]]:
    """Edges that may overlap -> disjoint ranges in order, each with all the targets it leads to."""
    borders = sorted({border for low, high, _ in edges for border in (low, high)})
    reached: list[list[int]] = [[] for _ in borders]
    for low, high, target in edges:
        for piece in range(bisect_right(borders, low) - 1, bisect_right(borders, high) - 1):
            reached[piece].append(target)
    return [(low, high, targets) for (low, high), targets in zip(pairwise(borders), reached, strict=False) if targets]


def _merged(edges: list[Edge]) -> list[Edge]:
    """Neighbouring ranges with one target as one."""
    merged: list[Edge] = []
    for low, high, target in edges:
        if merged and merged[-1][1] == low and merged[-1][2] == target:
            merged[-1] = (merged[-1][0], high, target)
        else:
            merged.append((low, high, target))
    return merged


def _longest(rows: list[list[Edge]]) -> int:
    """Tokens of the longest way from state 0; the automaton of a bounded expression has no cycle."""
    indegree = [0] * len(rows)
    for row in rows:
        for _, _, target in row:
            indegree[target] += 1
    longest, ready = [0] * len(rows), [state for state, count in enumerate(indegree) if count == 0]
    for state in ready:
        for _, _, target in rows[state]:
            longest[target] = max(longest[target], longest[state] + 1)
            indegree[target] -= 1
            if indegree[target] == 0:
                ready.append(target)
    return max(longest)
