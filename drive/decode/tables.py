"""Several grammars as one automaton on a device: what may follow, and where it leads, for many spans at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drive.tokens.grammar import Grammar
from drive.tokens.vocab import PAD

# What is forbidden is kept, for each different set of ids, while that takes no more than this; beyond it it is made where it is needed.
KEPT_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class GrammarTables:
    """low, high, target [states, edges] int64: ids low <= id < high lead from a state to target (unused edges: low = high = 0).

    start, final: those of each grammar. A final state allows padding alone, which leads back to itself. size: ids in all; used [U]:
    those that some answer holds, ascending. kept [sets, U] float32 with set_of [states]: what `forbidden` gives of the used ids, or
    None where it would be too large. next: the only state
    that each state leads to, [states], or None where it depends on the token in any. choices: the number of tokens, one or more, after
    which nothing is left to choose in any grammar; max_length: tokens of the longest answer.
    """

    low: Tensor
    high: Tensor
    target: Tensor
    start: tuple[int, ...]
    final: tuple[int, ...]
    size: int
    used: Tensor
    kept: Tensor | None
    set_of: Tensor
    next: Tensor | None
    choices: int
    max_length: int

    def forbidden(self, states: Tensor) -> Tensor:
        """States, any shape -> what to add to the logits of the used ids, [..., U] float32: 0 where one may follow, else minus
        infinity."""
        if self.kept is not None:
            return self.kept[self.set_of[states]]
        return torch.zeros((), device=states.device).masked_fill(~self._allowed(states)[..., self.used], -torch.inf)

    def forbidden_of_all(self, states: Tensor) -> Tensor:
        """As `forbidden`, of all ids: [..., size]."""
        every = torch.full((*states.shape, self.size), -torch.inf, device=states.device)
        return every.index_copy_(-1, self.used, self.forbidden(states))

    def _allowed(self, states: Tensor) -> Tensor:
        """[..., size] bool, from the edges: +1 where a range begins, -1 where it ends, and their running sum."""
        marks = torch.zeros(*states.shape, self.size + 1, dtype=torch.int32, device=states.device)
        ones = torch.ones_like(self.low[states], dtype=torch.int32)
        marks.scatter_add_(-1, self.low[states], ones)
        marks.scatter_add_(-1, self.high[states], -ones)
        return marks.cumsum(-1)[..., :-1] > 0

    def after(self, states: Tensor, ids: Tensor) -> Tensor:
        """The states that allowed ids lead to, same shape."""
        if self.next is not None:
            return self.next[states]
        hit = (ids[..., None] >= self.low[states]) & (ids[..., None] < self.high[states])
        return (self.target[states] * hit).sum(-1)


def grammar_tables(grammars: Sequence[Grammar], size: int, device: torch.device | str = "cpu") -> GrammarTables:
    """Stacks grammars over `size` ids, their states numbered on."""
    starts = np.cumsum([0, *(len(g) for g in grammars)])[:-1].tolist()
    finals = [g.final + start for g, start in zip(grammars, starts, strict=True)]
    edges = np.concatenate([_edges(g, start) for g, start in zip(grammars, starts, strict=True)])
    counts = np.bincount(edges[:, 0])
    table = np.zeros((3, len(counts), int(counts.max())), dtype=np.int64)
    place = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[:, edges[:, 0], place] = edges[:, 1:].T
    low, high, target = torch.from_numpy(table).to(device)
    used, found, set_of = _kept(edges, counts, size)
    kept = None if found is None else torch.from_numpy(found).to(device)
    one_way = bool((edges[:, 3] == table[2, edges[:, 0], 0]).all())
    choices = max(1, *(_choices(g) for g in grammars))
    longest = max(g.max_length for g in grammars)
    return GrammarTables(
        low, high, target, tuple(starts), tuple(finals), size,
        torch.from_numpy(used).to(device), kept, torch.from_numpy(set_of).to(device), target[:, 0].contiguous() if one_way else None,
        choices, longest,
    )  # fmt: skip


def _edges(grammar: Grammar, start: int) -> NDArray[np.int64]:
    """[E, 4] in order: state, low, high, target, numbered from start; the final state leads back to itself by padding."""
    counts = np.diff(grammar.first)
    state = np.repeat(np.arange(len(grammar)), counts)
    edges = np.stack([state + start, grammar.low, grammar.high, grammar.target + start], -1)
    final = grammar.final + start
    return np.insert(edges, int(grammar.first[grammar.final]), [final, PAD, PAD + 1, final], axis=0)


def _kept(
    edges: NDArray[np.int64], counts: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None, NDArray[np.int64]]:
    """The used ids [U], what each set of ids forbids of them [sets, U] or None where that is too large, the set of each state."""
    ends = np.cumsum(counts).tolist()
    low_high, sets = edges[:, 1:3].tolist(), dict[tuple[tuple[int, int], ...], int]()
    rows = [_joined(low_high[start:end]) for start, end in pairwise([0, *ends])]
    set_of = np.array([sets.setdefault(row, len(sets)) for row in rows], dtype=np.int64)
    anywhere = np.zeros(size, dtype=bool)
    for ranges in sets:
        for low, high in ranges:
            anywhere[low:high] = True
    used = np.flatnonzero(anywhere)
    if 4 * len(sets) * len(used) > KEPT_BYTES:
        return used, None, set_of
    kept = np.full((len(sets), len(used)), -np.inf, dtype=np.float32)
    for number, ranges in enumerate(sets):
        for low, high in np.searchsorted(used, np.array(ranges)):
            kept[number, low:high] = 0.0
    return used, kept, set_of


def _joined(row: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """The ids of a state's edges, ranges that touch as one."""
    joined: list[tuple[int, int]] = []
    for low, high in row:
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _choices(grammar: Grammar) -> int:
    """Tokens after which every answer goes on in one way only: one more than the longest way to a state with a choice."""
    counts = np.diff(grammar.first)
    choosing = (counts > 1) | (np.bincount(np.repeat(np.arange(len(counts)), counts), grammar.high - grammar.low, len(counts)) > 1)
    first, targets = grammar.first.tolist(), grammar.target.tolist()
    waiting, depth, ready = np.bincount(grammar.target, minlength=len(counts)).tolist(), [0] * len(counts), [0]
    for state in ready:  # in the order of the automaton, which has no cycle
        for target in targets[first[state] : first[state + 1]]:
            depth[target] = max(depth[target], depth[state] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return max((depth[state] + 1 for state in np.flatnonzero(choosing)), default=0)
