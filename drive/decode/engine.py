"""Grammar-masked decoding, the fast way: the same tokens as `drive.decode.reference`.

Keys and values of the spans lie in memory that is set aside once; those of the prefix are never copied or repeated, however many
spans read them. Nothing in a step waits for the device, and tokens that the grammars leave no choice about cost no step.

Shape suffixes: B batch, S spans, D width, H heads, K key/value heads, G heads a key/value head, E head size, P prefix, T own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drive.decode.answer import Answer, answers, as_ids, draw, not_finite
from drive.decode.tables import GrammarTables
from drive.model.layers import Attention, KeyValue, rotary_tables, rotate
from drive.model.network import Cache, DrivingNetwork
from drive.tokens.sequence import SPAN_POSITION

# Steps between two looks at whether all answers have ended: looking makes the processor wait for the device.
LOOK_EVERY = 16


@torch.inference_mode()
def decode(
    network: DrivingNetwork,
    cache: Cache,
    request_ids: Sequence[int],
    tables: GrammarTables,
    samples: int = 1,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> list[list[list[Answer]]]:
    """As `drive.decode.reference.decode`."""
    batch, device = cache.valid.shape[0], cache.valid.device
    ids = as_ids(list(request_ids), samples, batch, device)
    state, finals = (as_ids(list(values), samples, batch, device) for values in (tables.start, tables.final))
    spans = _Spans(network, cache, ids.shape[1], tables.choices)
    log_prob = torch.zeros(ids.shape, dtype=torch.float64, device=device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    history = []
    for step in range(tables.choices):
        if step and step % LOOK_EVERY == 0 and bool((state == finals).all()):
            break
        logits = spans.step(ids)
        finite &= torch.isfinite(logits).all()
        scores = logits.masked_fill(~tables.allowed(state), -torch.inf).log_softmax(-1)
        ids = scores.argmax(-1) if samples == 1 else draw(scores / temperature, generator)
        log_prob += scores.gather(-1, ids[..., None])[..., 0]
        state = tables.after(state, ids)
        history.append(ids)
    for _ in range(tables.max_length - len(history)):  # one way is left: the first id of the only edge
        ids = tables.low[state, 0]
        state = tables.after(state, ids)
        history.append(ids)
    if not bool(finite):
        raise not_finite()
    return answers(torch.stack(history, -1), log_prob, len(request_ids), samples)


class _Spans:
    """S spans of up to `length` tokens behind a prefix that they share."""

    def __init__(self, network: DrivingNetwork, cache: Cache, spans: int, length: int) -> None:
        config, batch = network.config.transformer, cache.valid.shape[0]
        self.network, self.prefix, self.done = network, cache.layers, 0
        keys = cache.layers[0][0]
        shape = (2, config.depth, batch, config.kv_heads, spans, length, config.head_dim)
        self.keys, self.values = torch.empty(shape, dtype=keys.dtype, device=keys.device)
        positions = torch.arange(SPAN_POSITION, SPAN_POSITION + length, device=keys.device)
        self.cos, self.sin = rotary_tables(positions[None], config.head_dim, config.rope_theta)  # [1, 1, length, E]
        self.hidden_prefix = None
        if not bool(cache.valid.all()):
            self.hidden_prefix = torch.zeros(cache.valid.shape, dtype=keys.dtype, device=keys.device)
            self.hidden_prefix = self.hidden_prefix.masked_fill(~cache.valid, -torch.inf)[:, None, None]

    def step(self, ids: Tensor) -> Tensor:
        """One more token for each span, ids [B, S] -> logits [B, S, V]."""
        transformer = self.network.transformer
        x = self.network.tokens(ids)
        for index, block in enumerate(transformer.layers):
            x = x + self._attend(block.self_attn, block.input_layernorm(x), index)
            x = x + block.mlp(block.post_attention_layernorm(x))
        self.done += 1
        return self.network.head(transformer.norm(x)) @ self.network.tokens.table().T

    def _attend(self, attention: Attention, x_BSD: Tensor, index: int) -> Tensor:
        c, (batch, spans, _) = attention.config, x_BSD.shape
        rotary = self.cos[:, :, self.done, None], self.sin[:, :, self.done, None]  # [1, 1, 1, E]
        q_BSHE = rotate(attention.q_norm(attention.q_proj(x_BSD).view(batch, spans, c.heads, c.head_dim)), *rotary)
        k_BSKE = rotate(attention.k_norm(attention.k_proj(x_BSD).view(batch, spans, c.kv_heads, c.head_dim)), *rotary)
        self.keys[index, :, :, :, self.done] = k_BSKE.transpose(1, 2)
        self.values[index, :, :, :, self.done] = attention.v_proj(x_BSD).view(batch, spans, c.kv_heads, c.head_dim).transpose(1, 2)
        own = self.keys[index, :, :, :, : self.done + 1], self.values[index, :, :, :, : self.done + 1]
        q_BKSGE = q_BSHE.view(batch, spans, c.kv_heads, -1, c.head_dim).transpose(1, 2) * c.head_dim**-0.5
        out = self._read(q_BKSGE, self.prefix[index], own)
        return attention.o_proj(out.transpose(1, 2).reshape(batch, spans, -1))

    def _read(self, q_BKSGE: Tensor, prefix: KeyValue, own: KeyValue) -> Tensor:
        """Attention over the shared prefix [B, K, P, E] and each span's own tokens [B, K, S, T, E]."""
        flat = q_BKSGE.flatten(2, 3)
        on_prefix = flat @ prefix[0].transpose(-1, -2)
        if self.hidden_prefix is not None:
            on_prefix = on_prefix + self.hidden_prefix
        on_own = q_BKSGE @ own[0].transpose(-1, -2)
        count = on_prefix.shape[-1]
        weights = torch.cat([on_prefix.view(*q_BKSGE.shape[:4], count), on_own], -1).softmax(-1)
        return (weights[..., :count].flatten(2, 3) @ prefix[1]).view_as(q_BKSGE) + weights[..., count:] @ own[1]
