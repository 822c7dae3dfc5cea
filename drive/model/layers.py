"""Layers of the Llama and Qwen3 families: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

Shape suffixes: B batch, N new tokens, M all tokens (cached and new), D width, H heads, K key/value heads, E head size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive.model.config import RopeScaling, TransformerConfig

KeyValue = tuple[Tensor, Tensor]


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last dimension (arXiv 1910.07467), in the higher precision of the two, rounded to x's at the end."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, self.weight.dtype)
        return F.rms_norm(x.to(wide), self.weight.shape, self.weight.to(wide), self.eps).to(x.dtype)


def rotary_tables(position_BN: Tensor, config: TransformerConfig) -> tuple[Tensor, Tensor]:
    """Position ids [B, N] -> cos and sin [B, 1, N, E] of rotary embeddings (arXiv 2104.09864, half-split layout)."""
    size, device = config.head_dim, position_BN.device
    frequency = config.rope_theta ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    if config.rope_scaling is not None:
        frequency = _stretched(frequency, config.rope_scaling)
    angle = position_BN[:, None, :, None].float() * frequency
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def _stretched(frequency: Tensor, scaling: RopeScaling) -> Tensor:
    """Llama 3: waves longer than the original positions / low_freq_factor become `factor` times longer, those shorter than the original /
    high_freq_factor stay, between them it changes smoothly."""
    turns = scaling.original * frequency / (2 * torch.pi)  # of a wave over the original positions
    share = ((turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)).clamp(0, 1)
    return frequency * (share + (1 - share) / scaling.factor)


def rotate(x_BHNE: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of queries or keys."""
    first, second = x_BHNE.chunk(2, -1)
    return x_BHNE * cos.to(x_BHNE.dtype) + torch.cat([-second, first], -1) * sin.to(x_BHNE.dtype)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention of q [..., N, E] over k, v [..., M, E] by mask [..., N, M] bool, True = may attend -> [..., N, E].

    Halves are widened for it on CPUs: there they took 1.6 times as long forward, and 3.7 times backward (`docs/log.md`).
    """
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask).to(q.dtype)


class Attention(nn.Module):
    """Grouped-query attention over cached and new tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        inner, inner_kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.width, inner, bias=config.qkv_bias)
        self.k_proj = nn.Linear(config.width, inner_kv, bias=config.qkv_bias)
        self.v_proj = nn.Linear(config.width, inner_kv, bias=config.qkv_bias)
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
        out = attend(q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1), mask_B1NM)
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
