"""Speed, acceleration and yaw rate -> one token of the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drive.model.config import ModelConfig
from drive.model.sensors.base import METRES_SCALE, Encoded, Sensor, Stacked, embedding
from drive.schema import Observation

DYNAMICS_SIZE = 6  # speed, acceleration, yaw rate, and whether each is known


class DynamicsSensor(Sensor):
    """Prepared: [6] float32, see `dynamics_features`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.layers = embedding(DYNAMICS_SIZE, config.transformer.width)

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        return config.inputs.dynamics

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> NDArray[np.float32]:
        return dynamics_features(observation, config.inputs.rates)

    def meanings(self, prepared: NDArray[np.float32], observation: Observation) -> list[list[str]]:
        speed, acceleration, yaw_rate, *known = prepared.tolist()
        told = (f"{speed * METRES_SCALE:.2f} m/s", f"{acceleration:+.2f} m/s2", f"{yaw_rate:+.3f} rad/s")
        return [[", ".join(text for text, there in zip(told, known, strict=True) if there) or "unknown"]]

    def forward(self, part: Stacked, first_frame: int = 0) -> Encoded:
        return Encoded(self.layers(part.values)[:, None], part.valid[:, None])


def dynamics_features(observation: Observation, rates: bool = True) -> NDArray[np.float32]:
    """[6]: speed, acceleration and yaw rate (zeros where unknown), then whether each is known; without rates, the speed alone is."""
    values: tuple[float | None, ...] = (observation.speed_mps, observation.acceleration_mps2, observation.yaw_rate_radps)
    values = values if rates else (values[0], None, None)
    scales = (METRES_SCALE, 1.0, 1.0)
    features = [0.0 if v is None else v / s for v, s in zip(values, scales, strict=True)]
    return np.array([*features, *(float(v is not None) for v in values)], np.float32)
