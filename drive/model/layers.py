"""Layers of the Llama and Qwen3 families: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

Shape suffixes: B batch, N new tokens, M all tokens (cached and new), D width, H heads, K key/value heads, E head size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive.model.config import TransformerConfig

KeyValue = tuple[Tensor, Tensor]


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last dimension (arXiv 1910.07467)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def rotary_tables(position_BN: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Position ids [B, N] -> cos and sin [B, 1, N, E] of rotary embeddings (arXiv 2104.09864, half-split layout)."""
    frequency = theta ** (-torch.arange(0, head_dim, 2, device=position_BN.device, dtype=torch.float32) / head_dim)
    angle = position_BN[:, None, :, None].float() * frequency
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x_BHNE: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of queries or keys."""
    first, second = x_BHNE.chunk(2, -1)
    return x_BHNE * cos.to(x_BHNE.dtype) + torch.cat([-second, first], -1) * sin.to(x_BHNE.dtype)


class Attention(nn.Module):
    """Grouped-query attention over cached and new tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        inner, inner_kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.width, inner, bias=False)
        self.k_proj = nn.Linear(config.width, inner_kv, bias=False)
        self.v_proj = nn.Linear(config.width, inner_kv, bias=False)
        self.o_proj = nn.Linear(inner, config.width, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()

    def forward(self, x_BND: Tensor, rotary: tuple[Tensor, Tensor], mask_B1NM: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """Returns the output [B, N, D] and keys and values [B, K, M, E] of all tokens."""
        batch, new, _ = x_BND.shape
        c = self.config
        q = self.q_norm(self.q_proj(x_BND).view(batch, new, c.heads, c.head_dim)).transpose(1, 2)
        k = self.k_norm(self.k_proj(x_BND).view(batch, new, c.kv_heads, c.head_dim)).transpose(1, 2)
        v = self.v_proj(x_BND).view(batch, new, c.kv_heads, c.head_dim).transpose(1, 2)
        q, k = rotate(q, *rotary), rotate(k, *rotary)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        groups = c.heads // c.kv_heads
        out = F.scaled_dot_product_attention(
            q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1), attn_mask=mask_B1NM
        )
        return self.o_proj(out.transpose(1, 2).reshape(batch, new, -1)), (k, v)


class SwiGLU(nn.Module):
    """Gated feed-forward (arXiv 2002.05202)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
