"""The route command -> one token of the tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from drive.model.config import ModelConfig
from drive.model.sensors.base import Encoded, Sensor, Stacked
from drive.schema import COMMANDS, Observation

UNKNOWN_COMMAND = len(COMMANDS)


class CommandSensor(Sensor):
    """Prepared: int64 scalar, see `command_index`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.table = nn.Embedding(UNKNOWN_COMMAND + 1, config.transformer.width)

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        return config.inputs.command

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> NDArray[np.int64]:
        return np.asarray(command_index(observation), np.int64)

    def meanings(self, prepared: NDArray[np.int64], observation: Observation) -> list[list[str]]:
        return [[observation.command or "unknown"]]

    def forward(self, part: Stacked, first_frame: int = 0) -> Encoded:
        return Encoded(self.table(part.values)[:, None], part.valid[:, None])


def command_index(observation: Observation) -> int:
    """Index into COMMANDS, or UNKNOWN_COMMAND."""
    return UNKNOWN_COMMAND if observation.command is None else COMMANDS.index(observation.command)
