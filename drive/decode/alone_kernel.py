"""One answer, from the request's token on: a transformer's steps, each under the grammar's mask, compiled (`drive.decode.alone`).

Sums go along rows of matrices, so that the compiler takes several columns at once though it may not reorder them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.jit import kernel, part

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class StackedWeights(NamedTuple):
    """`drive.decode.packed.Packed` with the layers stacked, [L, ...] each."""

    table: Floats
    qkv: Floats
    out: Floats
    gate_up: Floats
    down: Floats
    cos: Floats
    sin: Floats
    head: Floats


@kernel
def write(
    w: StackedWeights,
    extra: float,
    eps: float,
    prefix: tuple[Floats, Floats],
    edges: tuple[Ints, Ints, Ints, Ints, Ints, Ints],
    place: tuple[int, int, int, int],
    tokens: Ints,
    told: Floats,
) -> int:
    """Fills tokens and told, zeros before -> how many tokens there are.

    prefix: keys [L, K, E, P], values [L, K, P, E]; edges: low, high, target of `GrammarTables`, the rows of `used` that low and high are,
    used; place: the request's id, the grammar's first and final state, tokens after which one way is left.
    """
    last, state, final, choices = place
    low, high, target, first, end, used = edges
    depth, kv_heads, size, _ = prefix[0].shape
    keys = np.zeros((depth, kv_heads, size, choices), np.float32)
    values = np.zeros((depth, kv_heads, choices, size), np.float32)
    x, scores = np.zeros(w.table.shape[1] + 1, np.float32), np.zeros(len(used), np.float32)
    qkv, mixed = np.zeros(w.qkv.shape[2], np.float32), np.zeros(w.out.shape[1], np.float32)
    wide = np.zeros(w.gate_up.shape[2], np.float32)
    spare, attention = np.zeros_like(x), np.zeros(prefix[0].shape[3] + choices, np.float32)
    count = 0
    while state != final and count < len(tokens):
        if count < choices:
            x[:-1], x[-1] = w.table[last], extra
            for n in range(depth):
                _unit(x, spare)
                _times(spare, w.qkv[n], qkv)
                _turn(qkv, w.cos[n, count], w.sin[n, count], eps)
                _keep(qkv, keys[n], values[n], count)
                _attend(qkv, prefix[0][n], prefix[1][n], keys[n], values[n], count, attention, mixed)
                _add_times(mixed, w.out[n], x)
                _unit(x, spare)
                _times(spare, w.gate_up[n], wide)
                half = len(wide) // 2
                for i in range(half):
                    wide[i] = wide[i] / (np.float32(1.0) + np.float32(math.exp(-wide[i]))) * wide[half + i]
                _add_times(wide[:half], w.down[n], x)
            _unit(x, spare)
            last, told[count] = _choose(spare, w.head, first[state], end[state], used, scores)
        else:
            last = low[state, 0]
        tokens[count] = last
        count += 1
        for e in range(low.shape[1]):
            if low[state, e] <= last < high[state, e]:
                state = target[state, e]
                break
    return count


@part
def _unit(x: Floats, out: Floats) -> None:
    """x over its length."""
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    scale = np.float32(1.0) / np.float32(math.sqrt(total))
    for i in range(len(x)):
        out[i] = x[i] * scale


@part
def _times(x: Floats, matrix: Floats, out: Floats) -> None:
    out[:] = np.float32(0.0)
    _add_times(x, matrix, out)


@part
def _add_times(x: Floats, matrix: Floats, out: Floats) -> None:
    for i in range(len(x)):
        factor = x[i]
        for j in range(len(out)):
            out[j] += factor * matrix[i, j]


@part
def _turn(qkv: Floats, cos: Floats, sin: Floats, eps: float) -> None:
    """Queries and keys to unit length and rotated, in place."""
    heads, size = cos.shape
    half = size // 2
    for h in range(heads):
        total = np.float32(eps)
        for i in range(h * size, (h + 1) * size):
            total += qkv[i] * qkv[i]
        scale = np.float32(1.0) / np.float32(math.sqrt(total))
        for i in range(half):
            a, b = qkv[h * size + i] * scale, qkv[h * size + half + i] * scale
            qkv[h * size + i] = a * cos[h, i] + b * sin[h, i]
            qkv[h * size + half + i] = b * cos[h, half + i] + a * sin[h, half + i]


@part
def _keep(qkv: Floats, keys: Floats, values: Floats, t: int) -> None:
    """Writes the token's keys [K, E, T] and values [K, T, E]."""
    kv_heads, size, _ = keys.shape
    first = len(qkv) - 2 * kv_heads * size
    for k in range(kv_heads):
        for i in range(size):
            keys[k, i, t] = qkv[first + k * size + i]
            values[k, t, i] = qkv[first + (kv_heads + k) * size + i]


@part
def _attend(
    qkv: Floats, prefix_k: Floats, prefix_v: Floats, keys: Floats, values: Floats, t: int, attention: Floats, mixed: Floats
) -> None:
    """Every head over the prefix and the answer's own tokens, up to the t-th -> mixed [HE]."""
    kv_heads, size, before = prefix_k.shape
    heads = len(mixed) // size
    for h in range(heads):
        k = h // (heads // kv_heads)
        attention[:] = np.float32(0.0)
        for i in range(size):
            q = qkv[h * size + i]
            for p in range(before):
                attention[p] += q * prefix_k[k, i, p]
            for p in range(t + 1):
                attention[before + p] += q * keys[k, i, p]
        _softmax(attention, before + t + 1)
        for i in range(size):
            mixed[h * size + i] = np.float32(0.0)
        for p in range(before):
            for i in range(size):
                mixed[h * size + i] += attention[p] * prefix_v[k, p, i]
        for p in range(t + 1):
            for i in range(size):
                mixed[h * size + i] += attention[before + p] * values[k, p, i]


@part
def _softmax(scores: Floats, count: int) -> None:
    most, total = scores[0], np.float32(0.0)
    for p in range(1, count):
        most = max(most, scores[p])
    for p in range(count):
        scores[p] = np.float32(math.exp(scores[p] - most))
        total += scores[p]
    scale = np.float32(1.0) / total
    for p in range(count):
        scores[p] *= scale


@part
def _choose(x: Floats, head: Floats, first: Ints, end: Ints, used: Ints, scores: Floats) -> tuple[int, float]:
    """The likeliest of the ids that a state's edges allow, of equals the least, and its log-probability among them."""
    best, most, total = -1, np.float32(0.0), 0.0
    for e in range(len(first)):
        for u in range(first[e], end[e]):
            scores[u] = np.float32(0.0)
        for i in range(len(x)):
            factor = x[i]
            for u in range(first[e], end[e]):
                scores[u] += factor * head[i, u]
        for u in range(first[e], end[e]):
            if best < 0 or scores[u] > most or (scores[u] == most and used[u] < best):
                best, most = used[u], scores[u]
    for e in range(len(first)):
        for u in range(first[e], end[e]):
            total += math.exp(scores[u] - most)
    return best, -math.log(total)
