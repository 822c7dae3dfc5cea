"""The blind floor: a small network that is told how the ego moves and where the route goes, and sees nothing.

Ego status alone scores well on recorded drives (AD-MLP, arXiv 2305.10430), so whatever claims to see must beat this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from drive.model.config import EGO_MLP, EgoMlpConfig
from drive.model.sensors.base import METRES_SCALE
from drive.model.sensors.command import UNKNOWN_COMMAND, command_index
from drive.model.sensors.dynamics import DYNAMICS_SIZE, dynamics_features
from drive.schema import Observation

__all__ = ["EGO_MLP", "FEATURES", "EgoMlp", "EgoMlpConfig", "ego_features"]

FEATURES = DYNAMICS_SIZE + UNKNOWN_COMMAND + 1


class EgoMlp(nn.Module):
    """Features [B, FEATURES] -> positions [B, T, 2] in metres, ego frame of t0."""

    def __init__(self, config: EgoMlpConfig) -> None:
        super().__init__()
        self.config, self.steps = config, len(config.window.future_times_s)
        sizes = [FEATURES, *[config.width] * config.depth]
        layers = [layer for i, o in zip(sizes, sizes[1:], strict=False) for layer in (nn.Linear(i, o), nn.GELU())]
        self.layers = nn.Sequential(*layers, nn.Linear(config.width, 2 * self.steps))

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features).unflatten(-1, (self.steps, 2)) * METRES_SCALE


def ego_features(observation: Observation) -> NDArray[np.float32]:
    """[FEATURES]: speed, acceleration, yaw rate, whether each is known, and the command one-hot."""
    command = np.zeros(UNKNOWN_COMMAND + 1, np.float32)
    command[command_index(observation)] = 1.0
    return np.concatenate([dynamics_features(observation), command])
