"""Past poses of the ego -> one token of the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.model.config import ModelConfig
from drive.model.sensors.base import POSE_SIZE, Encoded, Sensor, Stacked, embedding, pose_features
from drive.schema import Observation, PlanError


class HistorySensor(Sensor):
    """Prepared: [S, 5] float32, the past poses in the frame of t0, without that of t0 itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.layers = embedding(POSE_SIZE * (len(config.window.past_times_s) - 1), config.transformer.width)

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        return config.inputs.history and len(config.window.past_times_s) > 1

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> NDArray[np.float32]:
        past, wanted = observation.past, len(config.window.past_times_s)
        if len(past.valid) != wanted:
            raise PlanError(f"this network takes {wanted} past poses (t0 included), the observation has {len(past.valid)}")
        return pose_features(past.poses[:-1], past.valid[:-1])

    def forward(self, part: Stacked, first_frame: int = 0) -> Encoded:
        return Encoded(self.layers(part.values.flatten(1))[:, None], part.valid[:, None])
