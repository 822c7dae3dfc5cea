"""How many useful tokens a second training takes: spans packed into rows, beside spans padded to one length."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive.decode.tables import GrammarTables, grammar_tables
from drive.model.config import CameraConfig, ModelConfig, TransformerConfig
from drive.model.network import Cache, DrivingNetwork, PackedSpans
from drive.tasks import TASKS, make_tasks
from drive.tasks.chain import opening
from drive.tokens.sequence import MAX_FRAMES, SPAN_POSITION
from drive.tokens.vocab import PAD
from drive.tokens.walk import random_answer
from drive.train.spans import Link, Row, packed, span_length

PREFIX, WORDS = 64, "how far is the car ahead?"
# How often a list of things ends behind each: ten or so on average, where the grammar allows as many.
ENDS = 0.1


@dataclass(frozen=True)
class PackBench:
    """Useful tokens (those of answers) a second of CPU time, forward and backward. padded: spans padded to the longest, with the same head
    on the tokens that are asked for. padded_head: so padded, with logits of every token over all ids."""

    requests: tuple[str, ...]
    batch: int
    useful: int
    row: int
    padded_row: int
    packed: float
    padded: float
    padded_head: float

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        values = {"packed": self.packed, "padded": self.padded, "padded_whole_head": self.padded_head}
        return [{"metric": name, "value": value, "unit": "1/s"} for name, value in values.items()]

    def __str__(self) -> str:
        asked = f"{self.batch} examples, each asked {', '.join(self.requests)}; {self.useful} tokens of answers drawn from the grammars"
        lines = [f"{asked}; forward and backward behind {PREFIX} tokens of a prefix, CPU time"]
        ways = {
            f"packed, {self.row} tokens a row": self.packed,
            f"padded, {self.padded_row} tokens a row": self.padded,
            "padded, logits of all tokens and ids": self.padded_head,
        }
        lines += [f"  {name:<38}{rate:9,.0f} useful tokens/s   packed is {self.packed / rate:.2f}x" for name, rate in ways.items()]
        return "\n".join(lines)


def bench_pack(batch: int = 8, repeats: int = 5, requests: Sequence[str] = ()) -> PackBench:
    """requests: of the mixed batch; by default one of every task. One thread; the best of several interleaved runs counts."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _bench(batch, repeats, tuple(requests) or tuple(TASKS))
    finally:
        torch.set_num_threads(threads)


def _bench(batch: int, repeats: int, requests: tuple[str, ...]) -> PackBench:
    model = ModelConfig(
        requests=requests,
        camera=CameraConfig(backbone="mobilenetv4_conv_small_035", width=64, height=32),
        transformer=TransformerConfig(width=128, depth=3, heads=4, kv_heads=2, mlp_width=384),
    )
    torch.manual_seed(0)
    network, rows = DrivingNetwork(model), _rows(model, batch)
    tasks = make_tasks(model.requests, model.vocabulary, model.window)
    tables = [grammar_tables([task.grammar], model.vocabulary.size) for task in tasks]
    spans = packed(rows)
    wide = packed(rows).packed, _padded(rows)
    targets, states, task = (x[spans.packed.wanted] for x in (spans.targets, spans.states, spans.task))

    def grouped(hidden: Tensor) -> Tensor:
        own = [task == n for n in range(len(tables))]
        losses = [_loss(network, t, hidden[o], targets[o], states[o]) for t, o in zip(tables, own, strict=True)]
        return torch.stack(losses).sum()

    def whole(hidden: Tensor) -> Tensor:
        logits = network.logits(hidden)
        return logits.log_softmax(-1)[wide[1].wanted].gather(-1, targets[:, None]).sum()

    ways: dict[str, Callable[[], Tensor]] = {
        "packed": lambda: grouped(network.behind(_prefix(model, batch), wide[0])[wide[0].wanted]),
        "padded": lambda: grouped(network.behind(_prefix(model, batch), wide[1])[wide[1].wanted]),
        "padded_head": lambda: whole(network.behind(_prefix(model, batch), wide[1])),
    }
    best = dict.fromkeys(ways, np.inf)
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.process_time()
            way().backward()
            best[name] = min(best[name], time.process_time() - began)
    useful = int(spans.packed.wanted.sum())
    rates = {name: useful / seconds for name, seconds in best.items()}
    return PackBench(model.requests, batch, useful, wide[0].ids.shape[1], wide[1].ids.shape[1], **rates)


def _rows(model: ModelConfig, batch: int) -> list[Row]:
    """Random legal answers of every request, each alone."""
    rng, rows = np.random.default_rng(0), list[Row]()
    tasks = make_tasks(model.requests, model.vocabulary, model.window)
    for _ in range(batch):
        answers = [random_answer(task.grammar, rng, ENDS) for task in tasks]
        opened = [opening(task, WORDS if task.prompted else "") for task in tasks]
        links = [Link(n, o, a, tasks[n].grammar.states(a), a) for n, (o, a) in enumerate(zip(opened, answers, strict=True))]
        rows.append(tuple((link,) for link in links))
    return rows


def _padded(rows: Sequence[Row]) -> PackedSpans:
    """The same spans, each as long as the longest, as a tensor [B, S, L] laid out in rows."""
    longest, count = max(span_length(span) for row in rows for span in row), len(rows[0])
    ids = torch.full((len(rows), count, longest), PAD)
    wanted = torch.zeros((len(rows), count, longest), dtype=torch.bool)
    for b, row in enumerate(rows):
        for s, span in enumerate(row):
            alone = packed([(span,)]).packed
            ids[b, s, : alone.ids.shape[1]], wanted[b, s, : alone.ids.shape[1]] = alone.ids[0], alone.wanted[0]
    block = (MAX_FRAMES + 1 + torch.arange(count))[:, None].expand(count, longest)
    position = (SPAN_POSITION + torch.arange(longest)).expand(count, -1)
    return PackedSpans(*(x.expand(len(rows), -1, -1).flatten(1) for x in (ids, block, position, wanted)))


def _prefix(model: ModelConfig, batch: int) -> Cache:
    """Made-up keys and values: what stands before the answers costs the same in every way."""
    c, like = model.transformer, torch.Generator().manual_seed(0)
    keys = torch.randn((c.depth, 2, batch, c.kv_heads, PREFIX, c.head_dim), generator=like).unbind()
    block = torch.zeros(PREFIX, dtype=torch.int64)
    return Cache([(k, v) for k, v in keys], block, block, torch.ones((batch, PREFIX), dtype=torch.bool))


def _loss(network: DrivingNetwork, tables: GrammarTables, hidden: Tensor, targets: Tensor, states: Tensor) -> Tensor:
    scores = network.logits(hidden, tables.used) + tables.forbidden(states)
    return scores.log_softmax(-1).gather(-1, torch.searchsorted(tables.used, targets)[:, None]).sum()
