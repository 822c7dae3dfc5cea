"""What a sensor is: its own part of an observation as arrays, a batch of such parts, and tokens made of it.

Shape suffixes: B batch, F frames, N tokens, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drive.frames import Array
from drive.model.config import ModelConfig
from drive.schema import Frame, Observation

# Divides metres before they enter a linear layer, so that usual values are of order one.
METRES_SCALE = 10.0
POSE_SIZE = 5  # x, y, cos heading, sin heading, known


class Told(NamedTuple):
    """What slots say of frames (`drive.model.slots`): things [B, F, P, THING] of their patches, lanes [B, F, K, LANE]."""

    things: Tensor | None
    lanes: Tensor | None


class Encoded(NamedTuple):
    """A sensor's tokens [B, F, N, D] and which of them are there [B, F, N] bool, without F in the tail; what slots say, where there are
    any."""

    tokens: Tensor
    valid: Tensor
    told: Told | None = None

    def newest(self) -> tuple[Tensor, Tensor]:
        """Which item and which of its frames is of t0, two index tensors [B]: frames are counted from the oldest, and items may have fewer
        than others."""
        count = self.valid.any(-1).sum(1)
        return torch.arange(len(count), device=count.device), (count - 1).clamp(min=0)


class Part(ABC):
    """What one sensor gives of a batch of observations. Frames are counted from the oldest given."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Part:
        """The same on a device."""

    @abstractmethod
    def frames(self, start: int, stop: int) -> Part:
        """With some of the frames only; the same where the part is of t0 alone."""


class Sensor(nn.Module):
    """A kind of input: how it is taken from an observation, and its encoder. What `prepare` returns is the sensor's own affair.

    in_frames: its tokens stand in each frame, and stay in a cache while t0 moves on; those of others stand in the tail.
    """

    in_frames = False

    def __init__(self, config: ModelConfig) -> None:
        """Every sensor is made of the whole configuration."""
        super().__init__()

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        """Whether a network of this configuration has the sensor, beside those that `inputs.others` names."""
        return False

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> Any:
        """What is taken from one observation, as arrays. Raises PlanError (MissingImage) where it lacks what is needed."""
        raise NotImplementedError

    @staticmethod
    def collate(parts: Sequence[Any]) -> Part:
        """Prepared parts of several observations -> one; here arrays [...] of what is known at t0 -> `Stacked` [B, ...]."""
        values = torch.from_numpy(np.stack(parts))
        return Stacked(values, torch.ones(len(parts), dtype=torch.bool))

    def labels(self, prepared: Any, name: str) -> list[list[str]]:
        """The names of the tokens of one observation, for pictures: [F][N] in frames, [1][N] in the tail. name: the sensor's."""
        return [[name]]

    def meanings(self, prepared: Any, observation: Observation) -> list[list[str]]:
        """What each token of `labels` holds, for people; "" where there are no words for it."""
        return [[""] * len(row) for row in self.labels(prepared, "")]

    def quicken(self) -> None:
        """Makes the encoder faster in a way that is for inference alone; a sensor that knows none stays as it is."""

    def forward(self, part: Any, first_frame: int = 0) -> Encoded:
        """first_frame: the index of the part's first frame."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Stacked(Part):
    """values [B, ...], valid [B] bool of what is known at t0; or values [B, F, ...], valid [B, F] of frames."""

    values: Tensor
    valid: Tensor

    def to(self, device: torch.device | str) -> Stacked:
        return Stacked(self.values.to(device), self.valid.to(device))

    def frames(self, start: int, stop: int) -> Stacked:
        return self if self.valid.ndim == 1 else Stacked(self.values[:, start:stop], self.valid[:, start:stop])


def stacked_frames(parts: Sequence[NDArray[Any]]) -> Stacked:
    """Arrays [F, ...] with F of their own -> values [B, F, ...], zeros where an observation has fewer frames."""
    most = max(len(part) for part in parts)
    values = np.stack([np.pad(part, [(0, most - len(part)), *[(0, 0)] * (part.ndim - 1)]) for part in parts])
    valid = np.arange(most) < np.array([len(part) for part in parts])[:, None]
    return Stacked(torch.from_numpy(values), torch.from_numpy(valid))


def frames_of(observation: Observation, config: ModelConfig) -> tuple[Frame, ...]:
    """The frames that the network takes: the newest, oldest first."""
    return observation.frames[-config.window.frames :]


def pose_features(poses: Array, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Poses [S, 3] and which are known [S] -> [S, 5]; zeros where unknown."""
    columns = [poses[:, 0] / METRES_SCALE, poses[:, 1] / METRES_SCALE, np.cos(poses[:, 2]), np.sin(poses[:, 2]), np.ones(len(poses))]
    return np.where(known[:, None], np.stack(columns, -1), 0.0).astype(np.float32)


def embedding(size: int, width: int) -> nn.Sequential:
    """A few numbers -> one token."""
    return nn.Sequential(nn.Linear(size, width), nn.GELU(), nn.Linear(width, width))
