"""Answers of a small network on a CPU, each in one compiled call: a step is so little work that calling its operations one by one is
what costs. The same tokens as `drive.decode.reference`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from drive.decode.alone_kernel import Floats, Ints, StackedWeights, write
from drive.decode.answer import Answer, not_finite
from drive.decode.packed import Packed
from drive.decode.tables import GrammarTables
from drive.model.config import TransformerConfig
from drive.model.network import Cache

# Beyond so many weights reading them is what costs, which BLAS does better.
MOST_WEIGHTS = 4_000_000
MOST_REQUESTS = 8  # beyond, steps of all answers at once are sooner done


@dataclass(frozen=True, eq=False)
class Alone:
    """Decodes one answer to each request of one observation. weights: of `packed`; extra, eps: the additional column's value, and what is
    added to the squared length of queries and keys."""

    weights: StackedWeights
    extra: float
    eps: float

    def decode(self, cache: Cache, request_ids: Sequence[int], tables: GrammarTables) -> list[list[list[Answer]]]:
        """As `drive.decode.reference.decode` of one observation, one sample of each request, one after another."""
        there = cache.valid[0].numpy()
        keys, values = (np.stack([layer[i][0].numpy()[:, there] for layer in cache.layers]) for i in range(2))  # [L, K, P, E]
        low, high, target, used = (t.numpy() for t in (tables.low, tables.high, tables.target, tables.used))
        edges = low, high, target, np.searchsorted(used, low), np.searchsorted(used, high), used
        prefix = np.ascontiguousarray(keys.swapaxes(2, 3)), np.ascontiguousarray(values)
        places = zip(request_ids, tables.start, tables.final, strict=True)
        return [[[self._answer(prefix, edges, (*place, tables.choices), tables.max_length)] for place in places]]

    def _answer(self, prefix: tuple[Floats, Floats], edges: tuple[Ints, ...], place: tuple[int, ...], length: int) -> Answer:
        tokens, told = np.zeros(length, np.int64), np.zeros(length, np.float32)
        count = write(self.weights, self.extra, self.eps, prefix, edges, place, tokens, told)
        if not np.isfinite(told).all():
            raise not_finite()
        return Answer(tokens[:count], told[:count].astype(np.float64))


def alone_for(packed: Packed, config: TransformerConfig) -> Alone | None:
    """None where the network is too large, or not of the form that the kernel knows."""
    first = packed.layers[0]
    if first.qkv.is_cuda or first.qkv.dtype.itemsize != 4 or not config.qk_norm or config.qkv_bias or config.weights > MOST_WEIGHTS:
        return None
    names = ("qkv", "out", "gate_up", "down", "cos", "sin")
    stacked = [_stacked([getattr(layer, name) for layer in packed.layers]) for name in names]
    weights = StackedWeights._make([packed.table.numpy(), *stacked, packed.head.numpy()])
    return Alone(weights, packed.extra, config.head_dim * config.norm_eps)


def _stacked(parts: Sequence[Tensor]) -> Floats:
    return np.stack([part.numpy() for part in parts])
