"""Observation -> the sensors' parts -> one batch: the same way in training and planning."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from drive.model.config import ModelConfig
from drive.model.sensors import SENSORS, Part, used_sensors
from drive.schema import Observation, PlanError


@dataclass(frozen=True, eq=False)
class Batch:
    """Each sensor's part of a batch of observations, by the sensor's name."""

    parts: dict[str, Part]

    def to(self, device: torch.device | str) -> Batch:
        return Batch({name: part.to(device) for name, part in self.parts.items()})

    def frames(self, start: int, stop: int) -> Batch:
        """The batch with some of its frames only, counted from the oldest given."""
        return Batch({name: part.frames(start, stop) for name, part in self.parts.items()})


@dataclass(frozen=True, eq=False)
class Prepared:
    """What each sensor took from one observation, by the sensor's name; its class says what that is."""

    parts: dict[str, Any]


def prepare(observation: Observation, config: ModelConfig, names: Collection[str] | None = None) -> Prepared:
    """Reads the pictures at the network's size and lays out everything it is given. names: of these sensors alone.

    Raises MissingImage where a picture is not there, PlanError where the observation lacks a camera or asks for other
    times than the network plans.
    """
    wanted = config.window.future_times_s
    if observation.future_times_s.shape != wanted.shape or not np.allclose(observation.future_times_s, wanted, atol=1e-6):
        raise PlanError(f"this network plans at {wanted.tolist()} s, asked for {observation.future_times_s.tolist()}")
    used = {name: sensor for name, sensor in used_sensors(config).items() if names is None or name in names}
    return Prepared({name: sensor.prepare(observation, config) for name, sensor in used.items()})


def collate(items: Sequence[Prepared]) -> Batch:
    """Prepared observations of one configuration -> a batch; what one has and another lacks is marked as not there."""
    return Batch({name: SENSORS[name].collate([item.parts[name] for item in items]) for name in items[0].parts})
