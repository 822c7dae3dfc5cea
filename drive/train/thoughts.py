"""What training makes of chains: cut in two or turned round at random, and earlier links that are not always answered rightly.

A planner reads its own thoughts, which may be wrong. A network that was only ever fed the truth believes them blindly; fed its own
answers and disturbed ones, it learns how far to trust them (scheduled sampling, arXiv 1506.03099, by whole answers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from drive.config import NextTokenConfig
from drive.decode.engine import Engine
from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.network import Cache, DrivingNetwork
from drive.schema import DecodeError
from drive.tasks import Task
from drive.tasks.chain import span_grammar
from drive.tokens.codecs import Ids
from drive.tokens.grammar import Grammar
from drive.tokens.vocab import END
from drive.train.spans import Link, Row, Span

# How often a token of a disturbed answer is another one.
DISTURBED = 0.3
TRUTH, OWN, NOISE = "truth", "own", "noise"


def varied(span: Span, config: NextTokenConfig, tasks: Sequence[Task], rng: np.random.Generator) -> list[tuple[Span, str]]:
    """A chain as it is trained this time: with its plan first, cut in two, and what its earlier links are fed."""
    if len(span) < 2:
        return [(span, TRUTH)]
    if config.plan_first and rng.random() < config.plan_first:
        span = tuple(sorted(span, key=lambda link: tasks[link.task].name != "plan"))
    pieces = [span]
    if config.cut and rng.random() < config.cut:
        border = int(rng.integers(1, len(span)))
        pieces = [span[:border], span[border:]]
    shares = [getattr(config.thoughts, kind) for kind in (TRUTH, OWN, NOISE)]
    if shares[0] == 1:
        return [(piece, TRUTH) for piece in pieces]
    return [(piece, (TRUTH, OWN, NOISE)[rng.choice(3, p=shares)] if len(piece) > 1 else TRUTH) for piece in pieces]


def with_noise(span: Span, tasks: Sequence[Task], rng: np.random.Generator) -> Span:
    """The chain with its earlier answers disturbed, which are then not learned."""
    earlier = [replace(link, fed=disturbed(link.answer, tasks[link.task].grammar, rng), learned=False) for link in span[:-1]]
    return (*earlier, span[-1])


def disturbed(answer: Ids, grammar: Grammar, rng: np.random.Generator) -> Ids:
    """Another answer that the grammar allows: some tokens are drawn evenly from all that might stand there; where one leads elsewhere,
    the rest is drawn as well."""
    state, ids, astray = 0, list[int](), False
    truth = iter(answer.tolist())
    while state != grammar.final:
        token = None if astray else next(truth)
        reached = None if token is None else grammar.after(state, token)
        if token is None or rng.random() < DISTURBED:
            edges = grammar.edges(state)
            low, high, target = edges[rng.integers(len(edges))]
            token, astray, reached = int(rng.integers(low, high)), astray or target != reached, target
        ids.append(token)
        assert reached is not None, "the right answer is one that the grammar allows"
        state = reached
    return np.array(ids, dtype=np.int64)


@dataclass(eq=False)
class OwnThoughts:
    """Puts the network's own greedy answers in the place of earlier links."""

    tasks: Sequence[Task]
    size: int

    def __post_init__(self) -> None:
        self._engine: Engine | None = None
        self._tables = lru_cache(64)(self._compiled)

    def __call__(self, network: DrivingNetwork, prefix: Cache, rows: Sequence[Row], own: Mapping[tuple[int, int], Span]) -> list[Row]:
        """rows with the spans of `own`, by (row, place in it), answered by the network but for their last link. An answer that is not
        finite is left as it was: the loss tells of it."""
        if self._engine is None or self._engine.network is not network:
            self._engine = Engine(network)
        changed = [list(row) for row in rows]
        groups: dict[tuple[tuple[int, tuple[int, ...]], ...], list[tuple[int, int]]] = {}
        for place, span in own.items():
            groups.setdefault(tuple((link.task, tuple(link.opening.tolist())) for link in span[:-1]), []).append(place)
        for key, places in groups.items():
            tables = self._tables(key)
            try:
                with torch.autocast(prefix.valid.device.type, enabled=False):
                    found = self._engine.decode(_rows(prefix, [b for b, _ in places]), [key[0][1][0]], tables)
            except DecodeError:
                continue
            for (b, s), ((answer,),) in zip(places, found, strict=True):
                changed[b][s] = _answered(own[b, s], answer.ids)
        return [tuple(row) for row in changed]

    def _compiled(self, key: tuple[tuple[int, tuple[int, ...]], ...]) -> GrammarTables:
        openings = [np.array(ids, dtype=np.int64) for _, ids in key]
        return grammar_tables([span_grammar([self.tasks[task].grammar for task, _ in key], openings)], self.size)


def _rows(cache: Cache, rows: list[int]) -> Cache:
    """Some rows of a cache, out of the gradient's reach."""
    layers = [(k[rows].detach().float(), v[rows].detach().float()) for k, v in cache.layers]
    return Cache(layers, cache.block, cache.position, cache.valid[rows])


def _answered(span: Span, ids: Ids) -> Span:
    """The span with decoded ids (all behind its first token, up to its last link) in place of its earlier answers."""
    links: list[Link] = []
    end = -1
    for link in span[:-1]:
        start = end + len(link.opening)
        end = start + int(np.flatnonzero(ids[start:] == END)[0]) + 1
        links.append(replace(link, fed=ids[start:end], learned=False))
    return (*links, span[-1])
