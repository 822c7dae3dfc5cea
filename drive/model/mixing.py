"""Attention among all patches of a frame, which may be told how its cameras stand to one another: PRoPE, arXiv 2507.10496.

Half of a head's numbers, four at a time, are taken as points of space and go through the cameras' projective matrices: a query meets a key
by P of its own camera times the inverse of the key's, whatever frame both are given in. The other half is turned by row and column of the
patch. Values go the same way, and what is attended to comes back by the query's own matrix.

Shape suffixes: S frames, N patches, D width, H heads, E head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from drive.model.config import TransformerConfig
from drive.model.layers import RMSNorm, SwiGLU, attend, rotate
from drive.model.transformer import INITIAL_STD

WAVE_BASE = 100.0  # the slowest wave of rows and columns goes on over some hundred patches
STANDING = 34  # numbers that `standing` tells of a patch


def standing(patches: Sequence[int], projections: Tensor, relative: bool) -> Tensor:
    """Rows and columns (r, c) of patches and matrices [V, 2, 4, 4] -> [V, r * c, STANDING]: the matrix and its inverse, both identity
    where cameras are not told, row and column."""
    rows, columns = patches
    own = projections if relative else torch.eye(4, device=projections.device).expand_as(projections)
    matrices = own.reshape(len(own), 1, -1).expand(-1, rows * columns, -1)
    row, column = (torch.arange(count, device=own.device, dtype=own.dtype) for count in (rows, columns))
    place = torch.stack([row.repeat_interleave(columns), column.repeat(rows)], -1)
    return torch.cat([matrices, place.expand(len(own), -1, -1)], -1)


class PatchPlaces(NamedTuple):
    """matrix and inverse [S, N, 4, 4] of the patches' cameras; cos, sin [S, N, 1, E / 2] of their rows and columns."""

    matrix: Tensor
    inverse: Tensor
    cos: Tensor
    sin: Tensor

    @staticmethod
    def of(told: Tensor, head_dim: int) -> PatchPlaces:
        """Of `standing` [S, N, STANDING]."""
        matrix, inverse = told[..., :32].unflatten(-1, (2, 4, 4)).unbind(-3)
        waves = head_dim // 8
        frequency = WAVE_BASE ** (-torch.arange(waves, device=told.device, dtype=torch.float32) / waves)
        angle = (told[..., 32:, None] * frequency).flatten(-2)  # rows first, columns behind them
        angle = torch.cat([angle, angle], -1)[..., None, :]
        return PatchPlaces(matrix, inverse, angle.cos(), angle.sin())


def placed_attention(q: Tensor, k: Tensor, v: Tensor, places: PatchPlaces, mask: Tensor) -> Tensor:
    """q, k, v [S, N, H, E], mask [S, N, N] bool, True = may attend -> [S, N, H, E]."""
    back = places.cos, -places.sin
    q = _through(q, places.matrix.mT, *back)
    k, v = (_through(x, places.inverse, *back) for x in (k, v))
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    out = attend(q, k, v, mask[:, None])
    return _through(out.transpose(1, 2), places.matrix, places.cos, places.sin)


def _through(x: Tensor, matrix: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The first half of each head [S, N, H, E] by the matrices, four numbers at a time, the second turned."""
    points, turned = x.chunk(2, -1)
    moved = points.reshape(*x.shape[:2], -1, 4) @ matrix.mT.to(x.dtype)
    return torch.cat([moved.reshape(points.shape), rotate(turned, cos, sin)], -1)


class _Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), as in the transformer."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, inner = config.heads, config.heads * config.head_dim
        self.input_layernorm = RMSNorm(config.width, config.norm_eps)
        self.qkv_proj = nn.Linear(config.width, 3 * inner, bias=False)
        self.q_norm, self.k_norm = (RMSNorm(config.head_dim, config.norm_eps) for _ in range(2))
        self.o_proj = nn.Linear(inner, config.width, bias=False)
        self.post_attention_layernorm = RMSNorm(config.width, config.norm_eps)
        self.mlp = SwiGLU(config.width, config.mlp_width)

    def forward(self, x_SND: Tensor, places: PatchPlaces, mask_SNN: Tensor) -> Tensor:
        q, k, v = self.qkv_proj(self.input_layernorm(x_SND)).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        attended = placed_attention(self.q_norm(q), self.k_norm(k), v, places, mask_SNN)
        x_SND = x_SND + self.o_proj(attended.flatten(-2))
        return x_SND + self.mlp(self.post_attention_layernorm(x_SND))


class Mixing(nn.Module):
    """A stack of such layers, with heads, their size and the width of the transformer that follows."""

    def __init__(self, depth: int, config: TransformerConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.layers = nn.ModuleList(_Block(config) for _ in range(depth))
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=INITIAL_STD)

    def forward(self, tokens: Tensor, told: Tensor, valid: Tensor) -> Tensor:
        """tokens [B, F, N, D], `standing` of each [B, F, N, STANDING], valid [B, F, N] bool: patches attend to those of their frame."""
        x, there, places = tokens.flatten(0, 1), valid.flatten(0, 1), PatchPlaces.of(told.flatten(0, 1), self.head_dim)
        # What is not there attends to itself, or its softmax would be NaN.
        mask = there[:, None] | torch.eye(there.shape[1], dtype=torch.bool, device=there.device)
        for layer in self.layers:
            x = layer(x, places, mask)
        return x.view_as(tokens)
