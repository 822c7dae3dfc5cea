"""Cameras: pictures of any sizes -> patch tokens in each frame. The backbone is in `drive.model.backbone`.

Shape suffixes: B batch, F frames, V pictures of one size, r rows and c columns of patches, P tokens of a picture, N of a frame, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive.model.backbone import Glance, Peaks, Summary, Whole, create_backbone, feature_info
from drive.model.config import ModelConfig
from drive.model.fold import folded
from drive.model.mixing import Mixing, standing
from drive.model.sensors.base import METRES_SCALE, Encoded, Sensor, Told, frames_of
from drive.model.sensors.pictures import INTRINSICS_SIZE, CameraPart, Pictures, View, make_view, stacked_pictures
from drive.model.slots import LANE, LaneSlots, ThingSlots
from drive.model.trace import Traced
from drive.schema import CameraImage, Frame, Observation, PlanError
from drive.tokens.sequence import MAX_FRAMES

# Wave numbers by which the parts of a ray are spread over sines: directions differ by hundredths, their products by less.
RAY_FREQUENCIES = (1.0, 4.0, 16.0)


class CameraSensor(Sensor):
    """What a token is told of its place: its Pluecker ray, its camera's intrinsics, and learned embeddings of row, column and
    frame; never the camera's name or its place in the list. Rows and columns are places in the picture, whatever its size.
    `camera.geometry` hides rays or intrinsics: zeros are told in their stead, so that networks stay of one size."""

    in_frames = True
    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        c, width = config.camera, config.transformer.width
        self.backbone, self.size = create_backbone(c), (c.width, c.height)
        self.told_rays, self.told_intrinsics, self.relative = c.told_rays, c.told_intrinsics, c.geometry == "relative"
        self._look = Traced(self.backbone)
        self.project = nn.Linear(feature_info(self.backbone).channels()[-1], width)
        self.norm = nn.LayerNorm(width)
        ray_size = 6 * (1 + 2 * len(RAY_FREQUENCIES))
        self.ray = nn.Sequential(nn.Linear(ray_size, width), nn.GELU(), nn.Linear(width, width))
        self.intrinsics = nn.Linear(INTRINSICS_SIZE, width)
        self.summary = Summary(c, width) if c.summary else None
        self.peaks = Peaks(c.peaks, width) if c.peaks else None
        self.glance = Glance(c.summary + c.peaks, width) if c.glance else None
        self.things = ThingSlots(c.things, width) if c.things else None
        self.road = Whole(c, width, c.lanes * LANE) if c.lanes else None
        self.lanes = LaneSlots(c.lanes, width) if c.lanes else None
        self.mixing = Mixing(c.mixing, config.transformer) if c.mixing else None
        self.row = nn.Embedding(c.rows, width)
        self.column = nn.Embedding(c.columns, width)
        self.frame = None if config.inputs.frames_apart else nn.Embedding(MAX_FRAMES, width)
        for table in (self.row, self.column, *([self.frame] if self.frame else [])):
            nn.init.normal_(table.weight, std=0.02)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255, persistent=False)

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        return True

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> list[list[View]]:
        """[F][C]. Raises MissingImage, PlanError where a camera is lacking or no picture is given."""
        frames, inputs = frames_of(observation, config), config.inputs
        names = [inputs.earlier or inputs.cameras] * (len(frames) - 1) + [inputs.cameras]
        chosen = [_chosen(frame, own) for frame, own in zip(frames, names, strict=False)]
        if not chosen or not all(chosen):
            raise PlanError("the observation holds no camera image for this planner")
        return [[make_view(image, config) for image in images] for images in chosen]

    @staticmethod
    def collate(parts: Sequence[list[list[View]]]) -> CameraPart:
        return stacked_pictures(parts)

    def labels(self, prepared: list[list[View]], name: str) -> list[list[str]]:
        """Tokens are named after their camera; "empty" where a frame has fewer than another."""
        names = [[v.camera.name for v in views for _ in range(self._count(v.rays.shape[:2]))] for views in prepared]
        most = max(len(row) for row in names)
        return [row + ["empty"] * (most - len(row)) + [name] * len(self._slots()) for row in names]

    def meanings(self, prepared: list[list[View]], observation: Observation) -> list[list[str]]:
        """Where in its picture a patch is, counted from 1 at the upper left; of what sums patches up, which token of it; which slot."""
        told = [[text for view in views for text in self._places(view.rays.shape[:2])] for views in prepared]
        most = max(map(len, told))
        return [row + [""] * (most - len(row)) + self._slots() for row in told]

    def _slots(self) -> list[str]:
        parts = {"thing": self.things, "lane": self.lanes}
        return [f"{name} {k} of {part.count}" for name, part in parts.items() if part for k in range(1, part.count + 1)]

    def _places(self, patches: tuple[int, ...]) -> list[str]:
        parts = {"summary": self.summary, "peaks": self.peaks}
        summed = [f"{name} {k} of {part.count}" for name, part in parts.items() if part for k in range(1, part.count + 1)]
        if self.summary is not None:
            return summed + (["glance"] if self.glance is not None else [])
        rows, columns = patches
        return [f"row {r} of {rows}, column {c} of {columns}" for r in range(1, rows + 1) for c in range(1, columns + 1)] + summed

    def forward(self, part: CameraPart, first_frame: int = 0) -> Encoded:
        """The tokens of a frame's cameras stand one behind the other, what is missing behind them, slots behind all."""
        patches = [self._patches(pictures) for pictures in part.sizes]
        tokens, valid = _side_by_side([self._summed(p) for p in patches], part)
        if self.mixing is not None:
            places = [standing(pictures.rays.shape[1:3], pictures.projections, self.relative) for pictures in part.sizes]
            tokens = self.mixing(tokens, _side_by_side(places, part)[0], valid)
        slots, told = self._slotted(patches, part)
        if slots is not None:
            tokens = torch.cat([tokens, slots], 2)
            valid = torch.cat([valid, valid.any(-1, keepdim=True).expand(*slots.shape[:3])], 2)
        if self.frame is not None:
            frames = torch.arange(first_frame, first_frame + part.shape[1], device=tokens.device)
            tokens = tokens + self.frame(frames)[:, None]
        return Encoded(tokens, valid, told)

    def _slotted(self, patches: Sequence[Tensor], part: CameraPart) -> tuple[Tensor | None, Told]:
        """Patches [V, r, c, D] of each size -> the slots of each frame [B, F, K, D], and what they say."""
        slots, things, lanes = list[Tensor](), None, None
        if self.things is not None:
            rows, there = _side_by_side([p.flatten(1, 2) for p in patches], part)
            said = [self.things.told(p, pictures.rays).flatten(1, 2) for p, pictures in zip(patches, part.sizes, strict=True)]
            things = _side_by_side(said, part)[0]
            slots.append(self.things(rows, things, there))
        if self.road is not None and self.lanes is not None:
            seen = _side_by_side([self.road(p)[:, None] for p in patches], part)[0]  # 0 of a picture that is not there
            lanes = self.lanes.told(seen.sum(2))
            slots.append(self.lanes(lanes))
        return torch.cat(slots, 2) if slots else None, Told(things, lanes)

    def quicken(self) -> None:
        """Folds the backbone's batch norms, and lays its weights out as the pictures are."""
        example = torch.randn(1, 3, self.size[1], self.size[0], generator=torch.Generator().manual_seed(0))
        backbone = folded(self.backbone, example.to(self.mean))
        self.backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        self._look = Traced(self.backbone)

    def _count(self, patches: Sequence[int]) -> int:
        count = self.summary.count if self.summary is not None else int(np.prod(patches))
        return count + (self.peaks.count if self.peaks is not None else 0) + (self.glance is not None)

    def _patches(self, pictures: Pictures) -> Tensor:
        """-> [V, r, c, D]."""
        pixels = ((pictures.images.to(self.mean.dtype) - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features = self._look(pixels)[-1]  # [V, channels, r, c]
        features = features.permute(0, 2, 3, 1) if features.shape[1] == self.project.in_features else features
        tokens = self.norm(self.project(features))
        rays = pictures.rays if self.told_rays else torch.zeros_like(pictures.rays)
        intrinsics = pictures.intrinsics if self.told_intrinsics else torch.zeros_like(pictures.intrinsics)
        tokens = tokens + self.ray(_spread(rays)) + self.intrinsics(intrinsics)[:, None, None]
        return tokens + placed(self.row.weight, tokens.shape[1])[:, None] + placed(self.column.weight, tokens.shape[2])

    def _summed(self, tokens: Tensor) -> Tensor:
        """Patches [V, r, c, D] -> [V, P, D]."""
        summed = tokens.flatten(1, 2) if self.summary is None else self.summary(tokens)
        if self.peaks is not None:
            summed = torch.cat([summed, self.peaks(tokens)], 1)
        return summed if self.glance is None else torch.cat([summed, self.glance(summed)], 1)


def _side_by_side(encoded: Sequence[Tensor], part: CameraPart) -> tuple[Tensor, Tensor]:
    """Tokens [V, P, D] of the pictures of each size -> tokens [B, F, N, D], valid [B, F, N]."""
    shape, where = part.shape, [pictures.where for pictures in part.sizes]
    counts = np.zeros((*shape, 1 + max(int(w[:, 2].max()) for w in where)), np.int64)
    for tokens, w in zip(encoded, where, strict=True):
        counts[tuple(w.T)] = tokens.shape[1]
    starts, total = counts.cumsum(-1) - counts, counts.sum(-1)
    out = encoded[0].new_zeros(*shape, int(total.max()), encoded[0].shape[-1])
    for tokens, w in zip(encoded, where, strict=True):
        places = starts[tuple(w.T)][:, None] + np.arange(tokens.shape[1])
        b, f, n = (torch.from_numpy(a).to(out.device) for a in (w[:, :1], w[:, 1:2], places))
        out[b, f, n] = tokens
    valid = np.arange(out.shape[2]) < total[..., None]
    return out, torch.from_numpy(valid).to(out.device)


def placed(table: Tensor, count: int) -> Tensor:
    """Embeddings of places along a side [K, D], resampled at the middles of `count` equal parts -> [count, D]."""
    if count == len(table):
        return table
    return F.interpolate(table.T[None], size=count, mode="linear", align_corners=False)[0].T


def _chosen(frame: Frame, names: tuple[str, ...]) -> list[CameraImage]:
    if not names:
        return list(frame.cameras)
    by_name = {view.camera.name: view for view in frame.cameras}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise PlanError(f"the observation lacks {', '.join(missing)}; it has {', '.join(by_name)}")
    return [by_name[name] for name in names]


def _spread(rays: Tensor) -> Tensor:
    """Rays [..., 6] (unit direction, moment in metres) -> features [..., 42]: themselves and sines of them."""
    direction, moment = rays.split(3, -1)
    scaled = torch.cat([direction, moment / METRES_SCALE], -1)
    waves = [wave(scaled * k) for k in RAY_FREQUENCIES for wave in (torch.sin, torch.cos)]
    return torch.cat([scaled, *waves], -1)
