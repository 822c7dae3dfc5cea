"""All steps of a decode as one CUDA graph: a GPU then gets one call in place of some sixty a layer and step.

NOT YET RUN: no machine with a GPU was at hand when this was written. What is tested is that nothing in the steps waits for the device
(`tests/decode/test_graph.py`), and, where there is a GPU, that the tokens are the engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from drive.decode.answer import Answer, answers, as_ids, not_finite
from drive.decode.engine import Engine, LiveSpans, choose
from drive.decode.packed import Packed
from drive.decode.tables import GrammarTables
from drive.model.network import Cache, DrivingNetwork


@dataclass(frozen=True, eq=False)
class _Captured:
    """A graph, the prefix that it reads, what it writes, and what must live as long."""

    graph: Any
    cache: Cache
    history: Tensor
    told: Tensor
    kept: tuple[Packed, GrammarTables]


class GraphEngine:
    """As `Engine` on a CUDA device; each shape of prefix, requests, grammars and samples is captured once. Samples are drawn by the
    device's own generator."""

    def __init__(self, network: DrivingNetwork) -> None:
        self.engine = Engine(network)
        self._captured: dict[Any, _Captured] = {}

    @torch.inference_mode()
    def decode(
        self, cache: Cache, request_ids: Sequence[int], tables: GrammarTables, samples: int = 1, temperature: float = 1.0
    ) -> list[list[list[Answer]]]:
        """As `Engine.decode`, without stopping early. Raises DecodeError as it does."""
        packed = self.engine.weights(tables)
        key = cache.valid.shape, tuple(request_ids), id(tables), id(packed), samples, temperature
        if key not in self._captured:
            self._captured[key] = self._capture(packed, cache, request_ids, tables, samples, temperature)
        made = self._captured[key]
        for kept, new in zip(made.cache.layers, cache.layers, strict=True):
            for memory, values in zip(kept, new, strict=True):
                memory.copy_(values)
        made.cache.valid.copy_(cache.valid)
        made.graph.replay()
        if not bool(torch.isfinite(made.told).all()):
            raise not_finite()
        return answers(made.history, made.told, len(request_ids), samples)

    def _capture(
        self, packed: Packed, cache: Cache, request_ids: Sequence[int], tables: GrammarTables, samples: int, temperature: float
    ) -> _Captured:
        own = Cache([(k.clone(), v.clone()) for k, v in cache.layers], cache.block, cache.position, cache.valid.clone())
        device, stream = own.valid.device, torch.cuda.Stream()
        ids, state = (as_ids(list(values), samples, len(own.valid), device) for values in (request_ids, tables.start))
        config = self.engine.network.config.transformer
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries set themselves up in first calls, which cannot be captured
            for _ in range(2):
                all_steps(LiveSpans(packed, config, own, ids.shape[1], tables.choices), ids, state, tables, samples, temperature)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            spans = LiveSpans(packed, config, own, ids.shape[1], tables.choices)
            history, told = all_steps(spans, ids, state, tables, samples, temperature)
        return _Captured(graph, own, history, told, (packed, tables))


def all_steps(
    spans: LiveSpans, ids: Tensor, state: Tensor, tables: GrammarTables, samples: int, temperature: float
) -> tuple[Tensor, Tensor]:
    """Every step of an answer -> its ids [B, S, L] and the log-probabilities of those that were chosen [B, S, C]."""
    history, told = [], []
    for _ in range(tables.choices):
        ids, state, now = choose(spans, ids, state, tables, samples, temperature, None)
        history.append(ids)
        told.append(now)
    for _ in range(tables.max_length - tables.choices):
        ids = tables.low[state, 0]
        state = tables.after(state, ids)
        history.append(ids)
    return torch.stack(history, -1), torch.stack(told, -1)
