"""Sensor encoders: pictures and ego state -> tokens of the transformer's width.

Shape suffixes: B batch, F frames, C cameras, P patches of one picture, D width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from drive.model.config import CameraConfig, ModelConfig
from drive.model.inputs import DYNAMICS_SIZE, INTRINSICS_SIZE, METRES_SCALE, POSE_SIZE, UNKNOWN_COMMAND, Batch
from drive.model.torchvision_shim import ensure_torchvision
from drive.tokens.sequence import MAX_FRAMES

# Wave numbers by which the parts of a ray are spread over sines: directions differ by hundredths, their products by less.
RAY_FREQUENCIES = (1.0, 4.0, 16.0)
# Of a summary: numbers kept of each patch, width of the layer over all of them.
SQUEEZED, SUMMARY_WIDTH = 16, 512


def create_backbone(config: CameraConfig) -> nn.Module:
    """The timm backbone that ends at the feature map of the configured stride.

    Raises ValueError where timm does not know the name, or the backbone has no such map.
    """
    ensure_torchvision()
    import timm

    if not timm.is_model(config.backbone):
        raise ValueError(f"timm has no model {config.backbone!r}; `timm.list_models()` names all")
    if config.width % config.stride or config.height % config.stride:
        raise ValueError(f"camera.width and camera.height must be multiples of stride {config.stride}, got {config.width}x{config.height}")
    probe = timm.create_model(config.backbone, pretrained=False, features_only=True)
    strides = feature_info(probe).reduction()
    if config.stride not in strides:
        raise ValueError(f"{config.backbone} has feature maps of stride {strides}, not {config.stride}")
    index = len(strides) - 1 - strides[::-1].index(config.stride)
    return timm.create_model(config.backbone, pretrained=config.pretrained, features_only=True, out_indices=(index,))


def feature_info(backbone: nn.Module) -> Any:
    """timm's record of a backbone's feature maps: strides and channels."""
    return backbone.feature_info


class CameraEncoder(nn.Module):
    """Pictures -> patch tokens. What a token is told of its place: its Pluecker ray, its camera's intrinsics, and learned
    embeddings of row, column and frame; never the camera's name or its place in the list."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, width = config.camera, config.transformer.width
        self.backbone = create_backbone(c)
        self.project = nn.Linear(feature_info(self.backbone).channels()[-1], width)
        self.norm = nn.LayerNorm(width)
        ray_size = 6 * (1 + 2 * len(RAY_FREQUENCIES))
        self.ray = nn.Sequential(nn.Linear(ray_size, width), nn.GELU(), nn.Linear(width, width))
        self.intrinsics = nn.Linear(INTRINSICS_SIZE, width)
        self.summary = _Summary(c, width) if c.summary else None
        self.row = nn.Embedding(c.height // c.stride, width)
        self.column = nn.Embedding(c.width // c.stride, width)
        self.frame = nn.Embedding(MAX_FRAMES, width)
        for table in (self.row, self.column, self.frame):
            nn.init.normal_(table.weight, std=0.02)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255, persistent=False)

    def forward(self, batch: Batch, first_frame: int = 0) -> Tensor:
        """-> tokens [B, F, C, P, D], P = `CameraConfig.tokens`. Only cameras that are there are computed; tokens of others mean nothing."""
        shape, valid = batch.camera_valid.shape, batch.camera_valid
        pixels = ((batch.images[valid].to(self.mean.dtype) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features = self.backbone(pixels)[-1]  # [V, channels, rows, columns]
        features = features.permute(0, 2, 3, 1) if features.shape[1] == self.project.in_features else features
        tokens = self.norm(self.project(features))
        tokens = tokens + self.ray(_spread(batch.rays[valid])) + self.intrinsics(batch.intrinsics[valid])[:, None, None]
        tokens = (tokens + self.row.weight[:, None] + self.column.weight).flatten(1, 2)
        if self.summary is not None:
            tokens = self.summary(tokens)
        out = tokens.new_zeros(*shape, *tokens.shape[1:])
        out[valid] = tokens
        frames = torch.arange(first_frame, first_frame + shape[1], device=out.device)
        return out + self.frame(frames)[:, None, None]


class _Summary(nn.Module):
    """All patch tokens of a picture [V, P, D] -> a few tokens [V, K, D]: every patch squeezed, then two layers over all of them."""

    def __init__(self, config: CameraConfig, width: int) -> None:
        super().__init__()
        patches = (config.height // config.stride) * (config.width // config.stride)
        self.squeeze = nn.Sequential(nn.Linear(width, SQUEEZED), nn.GELU())
        whole, out = patches * SQUEEZED, config.summary * width
        self.layers = nn.Sequential(nn.Linear(whole, SUMMARY_WIDTH), nn.GELU(), nn.Linear(SUMMARY_WIDTH, out))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        whole = self.layers(self.squeeze(tokens).flatten(1))
        return self.norm(whole.unflatten(-1, (-1, tokens.shape[-1])))


class EgoEncoder(nn.Module):
    """Motion between frames, past poses, dynamics and command -> one token each, for those the configuration gives."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.inputs, width = config.inputs, config.transformer.width
        past_steps = len(config.window.past_times_s) - 1
        self.motion = _embedding(POSE_SIZE, width) if config.inputs.motion else None
        self.history = _embedding(POSE_SIZE * past_steps, width) if config.inputs.history and past_steps else None
        self.dynamics = _embedding(DYNAMICS_SIZE, width) if config.inputs.dynamics else None
        self.command = nn.Embedding(UNKNOWN_COMMAND + 1, width) if config.inputs.command else None

    def motion_tokens(self, batch: Batch) -> Tensor | None:
        """[B, F, D]: how the car moved since the frame before; None where that is not given."""
        return None if self.motion is None else self.motion(batch.motion)

    def tail(self, batch: Batch) -> dict[str, Tensor]:
        """What is known at t0: name -> token [B, D]."""
        tokens = {}
        if self.history is not None:
            tokens["history"] = self.history(batch.history.flatten(1))
        if self.dynamics is not None:
            tokens["dynamics"] = self.dynamics(batch.dynamics)
        if self.command is not None:
            tokens["command"] = self.command(batch.command)
        return tokens


def _embedding(size: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, width), nn.GELU(), nn.Linear(width, width))


def _spread(rays: Tensor) -> Tensor:
    """Rays [..., 6] (unit direction, moment in metres) -> features [..., 42]: themselves and sines of them."""
    direction, moment = rays.split(3, -1)
    scaled = torch.cat([direction, moment / METRES_SCALE], -1)
    waves = [wave(scaled * k) for k in RAY_FREQUENCIES for wave in (torch.sin, torch.cos)]
    return torch.cat([scaled, *waves], -1)
