"""The shared transformer: a stack of pre-norm blocks with a key/value cache."""

from __future__ import annotations

from torch import Tensor, nn

from drive.model.config import TransformerConfig
from drive.model.layers import Attention, KeyValue, RMSNorm, SwiGLU, rotary_tables

# Standard deviation of initial weights, as in the GPT and Llama families.
INITIAL_STD = 0.02


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). Parameter names are those of Llama and Qwen3 checkpoints."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.width, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.width, config.norm_eps)
        self.mlp = SwiGLU(config.width, config.mlp_width)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        attended, cache = self.self_attn(self.input_layernorm(x), rotary, mask, past)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), cache


class Transformer(nn.Module):
    """Embeddings in, normed hidden states out; attention is whatever the mask says."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width, config.norm_eps)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=INITIAL_STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(
        self, x_BND: Tensor, position_BN: Tensor, mask_BNM: Tensor, past: list[KeyValue] | None = None
    ) -> tuple[Tensor, list[KeyValue]]:
        """x [B, N, D]; position [B, N] int; mask [B, N, M] bool, True = may attend, M = cached + N; past: one (keys,
        values) pair a layer, each [B, K, M - N, E]. Returns hidden states [B, N, D] and the cache of all M tokens."""
        rotary = rotary_tables(position_BN, self.config)
        caches = []
        for index, block in enumerate(self.layers):
            x_BND, cache = block(x_BND, rotary, mask_BNM[:, None], past[index] if past else None)
            caches.append(cache)
        return self.norm(x_BND), caches
