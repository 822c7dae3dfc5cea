"""Answers drawn at random from a grammar: for benches and tests, where any legal answer will do."""

from __future__ import annotations

import numpy as np

from drive.tokens.codecs.base import Ids
from drive.tokens.grammar import Grammar


def random_answer(grammar: Grammar, rng: np.random.Generator, end: float = 0.5) -> Ids:
    """Every next token an even draw from an edge, and the edge from those of the state; END is taken with probability `end` where the
    answer might go on."""
    state, ids = 0, list[int]()
    while state != grammar.final:
        edges = grammar.edges(state)
        ends = [edge for edge in edges if edge[2] == grammar.final]
        others = [edge for edge in edges if edge[2] != grammar.final]
        chosen = ends if not others or (ends and rng.random() < end) else others
        low, high, state = chosen[rng.integers(len(chosen))]
        ids.append(int(rng.integers(low, high)))
    return np.array(ids, dtype=np.int64)
