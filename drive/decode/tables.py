"""Several grammars as one automaton on a device: what may follow, and where it leads, for many spans at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drive.tokens.grammar import Grammar
from drive.tokens.vocab import PAD

# Masks are kept, one for each different set of ids, while they take no more than this; beyond it they are made where they are needed.
KEPT_MASKS_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class GrammarTables:
    """low, high, target [states, edges] int64: ids low <= id < high lead from a state to target (unused edges: low = high = 0).

    start, final: those of each grammar. A final state allows padding alone, which leads back to itself. size: ids in all.
    masks [sets, size] bool with set_of [states], or None where they would be too large. choices: the number of tokens after which
    nothing is left to choose in any grammar; max_length: tokens of the longest answer.
    """

    low: Tensor
    high: Tensor
    target: Tensor
    start: tuple[int, ...]
    final: tuple[int, ...]
    size: int
    masks: Tensor | None
    set_of: Tensor
    choices: int
    max_length: int

    def allowed(self, states: Tensor) -> Tensor:
        """States, any shape -> which ids may follow, [..., size] bool."""
        if self.masks is not None:
            return self.masks[self.set_of[states]]
        return self._made(states)

    def _made(self, states: Tensor) -> Tensor:
        """As `allowed`, from the edges: +1 where a range begins, -1 where it ends, and their running sum."""
        marks = torch.zeros(*states.shape, self.size + 1, dtype=torch.int32, device=states.device)
        ones = torch.ones_like(self.low[states], dtype=torch.int32)
        marks.scatter_add_(-1, self.low[states], ones)
        marks.scatter_add_(-1, self.high[states], -ones)
        return marks.cumsum(-1)[..., :-1] > 0

    def after(self, states: Tensor, ids: Tensor) -> Tensor:
        """The states that allowed ids lead to, same shape."""
        hit = (ids[..., None] >= self.low[states]) & (ids[..., None] < self.high[states])
        return (self.target[states] * hit).sum(-1)


def grammar_tables(grammars: Sequence[Grammar], size: int, device: torch.device | str = "cpu") -> GrammarTables:
    """Stacks grammars over `size` ids, their states numbered on."""
    starts = np.cumsum([0, *(len(g) for g in grammars)])[:-1].tolist()
    finals = [g.final + start for g, start in zip(grammars, starts, strict=True)]
    edges = [g.edges(state) for g in grammars for state in range(len(g))]
    offsets = [start for g, start in zip(grammars, starts, strict=True) for _ in range(len(g))]
    rows = [[(low, high, target + offset) for low, high, target in row] for row, offset in zip(edges, offsets, strict=True)]
    for final in finals:
        rows[final] = [(PAD, PAD + 1, final)]
    table = np.zeros((3, len(rows), max(len(row) for row in rows)), dtype=np.int64)
    for state, row in enumerate(rows):
        table[:, state, : len(row)] = np.array(row).T
    low, high, target = torch.from_numpy(table).to(device)
    masks, set_of = _masks(rows, size)
    kept = None if masks is None else torch.from_numpy(masks).to(device)
    choices = max(_choices(g) for g in grammars)
    longest = max(g.max_length for g in grammars)
    return GrammarTables(
        low, high, target, tuple(starts), tuple(finals), size, kept, torch.from_numpy(set_of).to(device), choices, longest
    )  # fmt: skip


def _masks(rows: list[list[tuple[int, int, int]]], size: int) -> tuple[np.ndarray | None, np.ndarray]:
    sets: dict[tuple[tuple[int, int], ...], int] = {}
    set_of = np.array([sets.setdefault(_joined(row), len(sets)) for row in rows], dtype=np.int64)
    if len(sets) * size > KEPT_MASKS_BYTES:
        return None, set_of
    masks = np.zeros((len(sets), size), dtype=bool)
    for number, ranges in enumerate(sets):
        for low, high in ranges:
            masks[number, low:high] = True
    return masks, set_of


def _joined(row: list[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """The ids of a state's edges, ranges that touch as one."""
    joined: list[tuple[int, int]] = []
    for low, high, _ in row:
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _choices(grammar: Grammar) -> int:
    """Tokens after which every answer goes on in one way only."""
    last, states, depth = 0, {0}, 0
    while states != {grammar.final} and states:
        edges = [grammar.edges(state) for state in states]
        depth += 1
        if any(len(row) > 1 or any(high - low > 1 for low, high, _ in row) for row in edges):
            last = depth
        states = {target for row in edges for _, _, target in row}
    return last
