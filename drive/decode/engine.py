"""Grammar-masked decoding, the fast way: the same tokens as `drive.decode.reference`.

Keys and values of the spans lie in memory that is set aside once; those of the prefix are never copied or repeated, however many
spans read them. Nothing in a step waits for the device, and tokens that the grammars leave no choice about cost no step.

Shape suffixes: B batch, S spans, N = B * S, D width, H heads, K key/value heads, G heads a key/value head, E head size, P prefix,
T own tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from drive.decode.alone import MOST_REQUESTS, Alone, alone_for
from drive.decode.answer import Answer, answers, as_ids, drawn, not_finite
from drive.decode.packed import Packed, PackedLayer, normed, pack
from drive.decode.tables import GrammarTables
from drive.model.network import Cache, DrivingNetwork
from drive.tokens.vocab import PAD

# Steps between two looks at which answers have ended: looking makes the processor wait for the device.
LOOK_EVERY = 4
KEPT = 4  # sets of requests whose packed weights are kept


class Engine:
    """Decodes for one network; keeps its weights in the layout of `drive.decode.packed` while they do not change, for the grammars that
    were asked for last."""

    def __init__(self, network: DrivingNetwork) -> None:
        self.network = network
        self._packed: dict[int, tuple[GrammarTables, Packed]] = {}  # by the tables' id, which is nobody else's while they are kept
        self._alone_of: dict[int, Alone | None] = {}
        self._state: Any = None

    @torch.inference_mode()
    def decode(
        self,
        cache: Cache,
        request_ids: Sequence[int],
        tables: GrammarTables,
        samples: int = 1,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        stop: Callable[[int], bool] | None = None,
    ) -> list[list[list[Answer]]]:
        """As `drive.decode.reference.decode` of the network."""
        batch, device = cache.valid.shape[0], cache.valid.device
        if batch == samples == 1 and len(request_ids) <= MOST_REQUESTS and stop is None and (alone := self._alone(tables)) is not None:
            return alone.decode(cache, request_ids, tables)
        ids = as_ids(list(request_ids), samples, batch, device)
        state, finals = (as_ids(list(values), samples, batch, device) for values in (tables.start, tables.final))
        spans = LiveSpans(self.weights(tables), self.network.config.transformer, cache, ids.shape[1], tables.choices)
        written = _Written(ids, tables.max_length)
        stopped = False
        for step in range(tables.choices):
            if step and (stop or step % LOOK_EVERY == 0):
                going = (state != finals).any(0)
                left = int(going.sum())
                if not left:
                    break
                if samples == 1 and left < len(going):  # draws are made for all spans at once, so that they stay the same
                    ids, state, finals = ids[:, going], state[:, going], finals[:, going]
                    spans.keep(going)
                    written.keep(going)
            if step and stop and stop(step):  # the look before has waited for the device
                stopped = True
                break
            ids, state, told = choose(spans, ids, state, tables, samples, temperature, generator)
            written.add(ids, told)
        for _ in range(0 if stopped else tables.max_length - written.count):  # one way is left: the first id of the only edge
            ids = tables.low[state, 0]
            state = tables.after(state, ids)
            written.add(ids)
        tokens, log_probs = written.all()
        if not bool(torch.isfinite(log_probs).all()):
            raise not_finite()
        return answers(tokens, log_probs, len(request_ids), samples)

    def _alone(self, tables: GrammarTables) -> Alone | None:
        """What decodes each answer in one call; None where that is not for this network."""
        packed = self.weights(tables)  # forgets what is no longer so
        if id(tables) not in self._alone_of:
            self._alone_of[id(tables)] = alone_for(packed, self.network.config.transformer)
        return self._alone_of[id(tables)]

    def weights(self, tables: GrammarTables) -> Packed:
        """Packed anew where a weight was changed, the network moved, or grammars are asked for that are none of the last `KEPT`."""
        parameters = [*self.network.transformer.parameters(), *self.network.tokens.parameters(), self.network.head.weight]
        state = [(p.data_ptr(), p._version) for p in parameters]
        if self._state != state:
            self._packed, self._alone_of, self._state = {}, {}, state
        made = self._packed.pop(id(tables), None) or (tables, pack(self.network, tables.choices, tables.used))
        if len(self._packed) >= KEPT:
            oldest = next(iter(self._packed))
            del self._packed[oldest]
            self._alone_of.pop(oldest, None)
        self._packed[id(tables)] = made  # the one asked for last is last
        return made[1]


def choose(
    spans: LiveSpans, ids: Tensor, state: Tensor, tables: GrammarTables, samples: int, temperature: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """One step: the last ids of all spans and their states [B, S] -> the next ids, states, and the ids' log-probabilities."""
    scores = spans.step(ids) + tables.forbidden(state)
    chosen, found = scores.max(-1) if samples == 1 else drawn(scores, temperature, generator)
    ids = tables.used[found]
    return ids, tables.after(state, ids), chosen - scores.logsumexp(-1)


class _Written:
    """The tokens of all spans [B, S, L] and their log-probabilities, while some have ended and others go on."""

    def __init__(self, like: Tensor, length: int) -> None:
        self.tokens = torch.full((*like.shape, length), PAD, dtype=like.dtype, device=like.device)
        self.log_probs = torch.zeros(self.tokens.shape, device=like.device)
        self.going = torch.arange(like.shape[1], device=like.device)
        self.count = 0
        self._ids: list[Tensor] = []
        self._told: list[Tensor] = []

    def add(self, ids: Tensor, log_probs: Tensor | None = None) -> None:
        """One more token of each span that goes on, [B, going]; without a log-probability it is certain."""
        self._ids.append(ids)
        if log_probs is not None:
            self._told.append(log_probs)
        self.count += 1

    def keep(self, going: Tensor) -> None:
        """Those of the spans that go on, [going] bool."""
        self._lay_down()
        self.going = self.going[going]

    def all(self) -> tuple[Tensor, Tensor]:
        """Tokens and log-probabilities [B, S, count]; behind an answer's end lies padding, which is certain."""
        self._lay_down()
        return self.tokens[..., : self.count], self.log_probs[..., : self.count]

    def _lay_down(self) -> None:
        first = self.count - len(self._ids)
        for laid, steps in ((self.tokens, self._ids), (self.log_probs, self._told)):
            if steps:
                laid[:, self.going, first : first + len(steps)] = torch.stack(steps, -1)
                steps.clear()


class LiveSpans:
    """S spans of up to `length` tokens behind a prefix that they share."""

    def __init__(self, packed: Packed, config: Any, cache: Cache, spans: int, length: int) -> None:
        self.packed, self.config, self.done = packed, config, 0
        batch, like = cache.valid.shape[0], cache.layers[0][0]
        shape = (config.depth, 2, batch, config.kv_heads, spans, length, config.head_dim)
        self.own = [list(layer.unbind()) for layer in torch.empty(shape, dtype=like.dtype, device=like.device).unbind()]
        self.prefix = [(k.flatten(0, 1).transpose(1, 2), v.flatten(0, 1)) for k, v in cache.layers]  # [BK, E, P], [BK, P, E]
        self.hidden: Tensor | None = None
        if like.is_cuda or not bool(cache.valid.all()):  # (asking a GPU would be waiting for it)
            # Minus infinity on tokens that are not there, [BK, 1, P].
            hidden = torch.zeros(cache.valid.shape, dtype=like.dtype, device=like.device).masked_fill(~cache.valid, -torch.inf)
            self.hidden = hidden.repeat_interleave(config.kv_heads, 0)[:, None]

    def keep(self, going: Tensor) -> None:
        """Those of the spans alone that go on, [S] bool."""
        for layer in self.own:
            for i, memory in enumerate(layer):
                written = memory[:, :, going, : self.done]
                layer[i] = memory.new_empty((*written.shape[:3], *memory.shape[3:]))
                layer[i][:, :, :, : self.done] = written

    def step(self, ids_BS: Tensor) -> Tensor:
        """One more token for each span -> logits of the used ids [B, S, U]."""
        x_ND = self.packed.embed(ids_BS.flatten())
        for index, layer in enumerate(self.packed.layers):
            x_ND = torch.addmm(x_ND, self._attend(x_ND, layer, index, *ids_BS.shape), layer.out)
            gate, up = torch.mm(normed(x_ND), layer.gate_up).chunk(2, -1)
            x_ND = torch.addmm(x_ND, F.silu(gate).mul_(up), layer.down)
        self.done += 1
        return self.packed.logits(x_ND).float().view(*ids_BS.shape, -1)

    def _attend(self, x_ND: Tensor, layer: PackedLayer, index: int, batch: int, spans: int) -> Tensor:
        c, t = self.config, self.done
        unit = normed(x_ND)
        qkv = torch.mm(unit, layer.qkv) if layer.bias is None else torch.addmm(layer.bias, unit, layer.qkv)
        qkv = qkv.view(batch * spans, -1, c.head_dim)
        qk = qkv[:, : c.heads + c.kv_heads]
        if c.qk_norm:
            qk = qk * torch.rsqrt(torch.linalg.vector_norm(qk, 2.0, -1, True).square_().add_(c.head_dim * c.norm_eps))
        qk = torch.addcmul(qk * layer.cos[t], qk.roll(c.head_dim // 2, -1), layer.sin[t])
        keys, values = self.own[index]
        keys[:, :, :, t] = qk[:, c.heads :].view(batch, spans, c.kv_heads, c.head_dim).transpose(1, 2)
        values[:, :, :, t] = qkv[:, c.heads + c.kv_heads :].view(batch, spans, c.kv_heads, c.head_dim).transpose(1, 2)
        q = qk[:, : c.heads].view(batch, spans, c.kv_heads, -1, c.head_dim).transpose(1, 2)  # [B, K, S, G, E]
        out = self._read(q.reshape(batch * c.kv_heads, -1, c.head_dim), spans, index)
        return out.view(batch, c.kv_heads, spans, -1).transpose(1, 2).reshape(batch * spans, -1)

    def _read(self, q: Tensor, spans: int, index: int) -> Tensor:
        """Queries [BK, SG, E] over the shared prefix and each span's own tokens -> the same shape."""
        keys, values = (own[:, :, :, : self.done + 1].flatten(0, 2) for own in self.own[index])  # [BKS, T, E]
        by_span = (q.shape[0] * spans, -1, q.shape[2])
        on_prefix = torch.bmm(q, self.prefix[index][0])
        if self.hidden is not None:
            on_prefix += self.hidden
        on_own = torch.bmm(q.view(by_span), keys.transpose(1, 2)).view(*q.shape[:2], -1)
        weights = torch.cat([on_prefix, on_own], -1).softmax(-1)
        count = on_prefix.shape[-1]
        out = torch.bmm(weights[..., :count], self.prefix[index][1]).view(by_span)
        return torch.baddbmm(out, weights[..., count:].reshape(by_span[0], -1, self.done + 1), values).view_as(q)
