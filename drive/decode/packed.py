"""A transformer's weights laid out for one token at a time, where the number of operations is what costs.

- The norms' weights, and the square roots of widths, are multiplied into the matrices behind them.
- Hidden states carry one column more, c = sqrt(width * eps), and matrices a row or column of zeros for it. The length of a row is then
  sqrt(sum(x^2) + width * eps), so that an RMS norm is a division by the length, epsilon included.
- Queries, keys and values come from one matrix; the norms' weights of queries and keys are in the tables of the rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from drive.model.layers import rotary_tables
from drive.model.network import DrivingNetwork
from drive.model.transformer import Block
from drive.tokens.sequence import SPAN_POSITION


@dataclass(frozen=True, eq=False)
class PackedLayer:
    """qkv [D+1, (H+2K)E] and its bias, where there is one; out [HE, D+1]; gate_up [D+1, 2M]; down [M, D+1]; cos, sin [T, H+K, E]:
    of the t-th token of a span, with the norms' weights and the signs of the rotation."""

    qkv: Tensor
    bias: Tensor | None
    out: Tensor
    gate_up: Tensor
    down: Tensor
    cos: Tensor
    sin: Tensor


@dataclass(frozen=True, eq=False)
class Packed:
    """layers; table [V, D] of what goes in; head [D+1, U]: from hidden states to the logits of some ids; extra: the value of the
    additional column."""

    layers: tuple[PackedLayer, ...]
    table: Tensor
    head: Tensor
    extra: float

    def embed(self, ids: Tensor) -> Tensor:
        """Ids [N] -> hidden states [N, D+1]."""
        return F.pad(F.embedding(ids, self.table), (0, 1), value=self.extra)

    def logits(self, x: Tensor) -> Tensor:
        """Hidden states [N, D+1] -> [N, U]."""
        return torch.mm(normed(x), self.head)


def normed(x: Tensor) -> Tensor:
    """Rows over their length."""
    return x / torch.linalg.vector_norm(x, 2.0, -1, True)


@torch.inference_mode()
def pack(network: DrivingNetwork, length: int, used: Tensor) -> Packed:
    """The weights for spans of up to `length` tokens, with the head of the `used` ids [U]. They are copies: pack anew when weights
    have changed."""
    c = network.config.transformer
    root = c.width**0.5
    positions = torch.arange(SPAN_POSITION, SPAN_POSITION + length, device=network.head.weight.device)
    cos, sin = (t[0, 0, :, None] for t in rotary_tables(positions[None], c))
    layers = tuple(_layer(cast(Block, block), cos, sin, root) for block in network.transformer.layers)
    table = network.tokens.table()
    head = (network.tokens.output_table()[used] @ network.head.weight * network.transformer.norm.weight).T * root
    return Packed(layers, table, F.pad(head, (0, 0, 0, 1)).contiguous(), (c.width * c.norm_eps) ** 0.5)


def _layer(block: Block, cos: Tensor, sin: Tensor, root: float) -> PackedLayer:
    a, mlp, c = block.self_attn, block.mlp, block.self_attn.config
    qkv = torch.cat([a.q_proj.weight, a.k_proj.weight, a.v_proj.weight]) * block.input_layernorm.weight
    gate_up = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]) * block.post_attention_layernorm.weight
    scale = torch.ones(c.heads + c.kv_heads, c.head_dim, device=cos.device, dtype=qkv.dtype)
    if c.qk_norm:
        scale[: c.heads], scale[c.heads :] = cast(Tensor, a.q_norm.weight), cast(Tensor, a.k_norm.weight)
        scale *= c.head_dim**0.5
    scale[: c.heads] *= c.head_dim**-0.5  # of attention
    half = c.head_dim // 2
    signed = torch.cat([-sin[..., :half], sin[..., half:]], -1)
    biases = [cast(Tensor, p.bias) for p in (a.q_proj, a.k_proj, a.v_proj)] if c.qkv_bias else []
    return PackedLayer(
        F.pad(qkv.T * root, (0, 0, 0, 1)).contiguous(),
        torch.cat(biases) if biases else None,
        F.pad(a.o_proj.weight.T, (0, 1)).contiguous(),
        F.pad(gate_up.T * root, (0, 0, 0, 1)).contiguous(),
        F.pad(mlp.down_proj.weight.T, (0, 1)).contiguous(),
        cos.to(qkv.dtype) * scale,
        signed.to(qkv.dtype) * scale.roll(half, -1),
    )
