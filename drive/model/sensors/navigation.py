"""What a navigator says -> two tokens of the tail: the next junction, and the one that follows soon; each is there where it is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from drive.frames import Array
from drive.model.config import ModelConfig
from drive.model.sensors.base import METRES_SCALE, Encoded, Sensor, Stacked, embedding
from drive.roads import TURNS, Navigation
from drive.schema import Observation

WAVES_M = 8.0 * 2.0 ** np.arange(6)  # near junctions are told apart to the metre, far ones roughly
MOST_EXITS = 6
UNTOLD = -1.0


class NavigationSensor(Sensor):
    """Prepared: rows [2, 3] of turn (index into `TURNS`), metres, exit (0 where there is none); turn `UNTOLD` where nothing is said."""

    waves: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        width = config.transformer.width
        self.turns, self.exits = nn.Embedding(len(TURNS), width), nn.Embedding(MOST_EXITS + 1, width)
        self.places = nn.Embedding(2, width)
        self.distance = embedding(1 + 2 * len(WAVES_M), width)
        self.register_buffer("waves", torch.tensor(2 * np.pi / WAVES_M, dtype=torch.float32), persistent=False)

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> Array:
        said = observation.navigation
        return np.stack([_row(said), _row(said.then if said else None)])

    @staticmethod
    def collate(parts: Sequence[Array]) -> Stacked:
        return Stacked(torch.from_numpy(np.stack(parts)).float(), torch.ones(len(parts), dtype=torch.bool))

    def labels(self, prepared: Array, name: str) -> list[list[str]]:
        return [[name, f"{name}: then"]]

    def forward(self, part: Stacked, first_frame: int = 0) -> Encoded:
        turn, metres, exit_number = part.values.unbind(-1)
        told = turn >= 0
        phase = metres[..., None] * self.waves
        distance = torch.cat([metres[..., None] / METRES_SCALE, phase.sin(), phase.cos()], -1)
        words = self.turns(turn.clamp_min(0).long()) + self.exits(exit_number.long().clamp(0, MOST_EXITS))
        return Encoded(words + self.distance(distance) + self.places.weight, told & part.valid[:, None])


def _row(said: Navigation | None) -> Array:
    if said is None:
        return np.array([UNTOLD, 0.0, 0.0])
    return np.array([float(TURNS.index(said.turn)), said.distance_m, float(said.exit or 0)])
