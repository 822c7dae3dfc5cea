"""What looks at pixels: timm backbones, and what sums a picture's patches up.

Shape suffixes: V pictures, r rows and c columns of patches, K tokens of a summary, D width.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive.model.config import CameraConfig
from drive.model.torchvision_shim import import_timm

# Of a summary: numbers kept of each patch, width of the layer over all of them.
SQUEEZED, SUMMARY_WIDTH = 16, 512


def create_backbone(config: CameraConfig) -> nn.Module:
    """The timm backbone that ends at the feature map of the configured stride.

    Raises ValueError where timm does not know the name, or the backbone has no such map.
    """
    timm = import_timm()

    if not timm.is_model(config.backbone):
        raise ValueError(f"timm has no model {config.backbone!r}; `timm.list_models()` names all")
    if config.width % config.stride or config.height % config.stride:
        raise ValueError(f"camera.width and camera.height must be multiples of stride {config.stride}, got {config.width}x{config.height}")
    probe = timm.create_model(config.backbone, pretrained=False, features_only=True)
    strides = feature_info(probe).reduction()
    if config.stride not in strides:
        raise ValueError(f"{config.backbone} has feature maps of stride {strides}, not {config.stride}")
    index = len(strides) - 1 - strides[::-1].index(config.stride)
    backbone = timm.create_model(config.backbone, pretrained=config.pretrained, features_only=True, out_indices=(index,))
    return cast(nn.Module, backbone.to(memory_format=torch.channels_last))  # as its pictures lie: 0.92 of the time in training


def feature_info(backbone: nn.Module) -> Any:
    """timm's record of a backbone's feature maps: strides and channels."""
    return backbone.feature_info


class Whole(nn.Module):
    """All patch tokens of a picture -> a few numbers: every patch squeezed, then two layers over all of them. A picture of another
    size is resampled to the grid of the configured one once its patches are squeezed."""

    def __init__(self, config: CameraConfig, width: int, out: int) -> None:
        super().__init__()
        self.grid = (config.rows, config.columns)
        self.squeeze = nn.Sequential(nn.Linear(width, SQUEEZED), nn.GELU())
        whole = config.rows * config.columns * SQUEEZED
        self.layers = nn.Sequential(nn.Linear(whole, SUMMARY_WIDTH), nn.GELU(), nn.Linear(SUMMARY_WIDTH, out))

    def forward(self, tokens: Tensor) -> Tensor:
        """[V, r, c, D] -> [V, out]."""
        squeezed = self.squeeze(tokens)
        if squeezed.shape[1:3] != torch.Size(self.grid):
            planes = squeezed.permute(0, 3, 1, 2)
            squeezed = F.interpolate(planes, size=self.grid, mode="bilinear", align_corners=False, antialias=True).permute(0, 2, 3, 1)
        return cast(Tensor, self.layers(squeezed.flatten(1)))


class Summary(Whole):
    """All patch tokens of a picture -> a few tokens."""

    def __init__(self, config: CameraConfig, width: int) -> None:
        super().__init__(config, width, config.summary * width)
        self.count = config.summary
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[V, r, c, D] -> [V, K, D]."""
        return cast(Tensor, self.norm(super().forward(tokens).unflatten(-1, (-1, tokens.shape[-1]))))


class Peaks(nn.Module):
    """All patch tokens of a picture -> a few tokens by a matrix at every patch, and the largest value of each of its numbers over the
    patches. Pictures may have any size."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count = count
        self.look = nn.Linear(width, count * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[V, r, c, D] -> [V, K, D]."""
        largest = self.look(tokens.flatten(1, 2)).amax(1)
        return self.norm(largest.unflatten(-1, (self.count, -1)))


class Glance(nn.Module):
    """A picture's few tokens -> one, by one matrix over all of them: the shortest way from pixels to a word."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.look = nn.Linear(count * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[V, K, D] -> [V, 1, D]."""
        return self.norm(self.look(tokens.flatten(1)))[:, None]
