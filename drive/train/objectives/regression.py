"""The absolute error of a plan's positions, for networks that answer in metres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from drive.config import Jitter, RegressionConfig
from drive.model.config import EgoMlpConfig
from drive.model.ego_mlp import ego_features
from drive.schema import SceneSample
from drive.train.objectives.base import STUDENT

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class EgoBatch:
    """features [B, F]; answers [B, T, 2] metres, ego frame of t0."""

    features: Tensor
    answers: Tensor

    def to(self, device: torch.device | str) -> EgoBatch:
        return EgoBatch(self.features.to(device), self.answers.to(device))


class Regression:
    """The mean absolute error: its best guess is the median, which keeps to one of two ways instead of going between them."""

    def __init__(self, config: RegressionConfig, model: EgoMlpConfig, device: torch.device) -> None:
        if not isinstance(model, EgoMlpConfig):
            raise ValueError("objective regression trains networks that answer in metres: model.kind ego-mlp; take kind: next-token")

    def check(self, sample: SceneSample, jitter: Jitter) -> None:
        if jitter != Jitter():
            raise ValueError("jitter moves pictures, which objective regression has none of; leave it out")

    def left_out(self) -> list[str]:
        return []

    def example(self, sample: SceneSample, known: None = None) -> Pair:
        return ego_features(sample.observation), sample.target.future.poses[:, :2].astype(np.float32)

    def vary(self, example: Pair, jitter: Jitter, rng: np.random.Generator) -> Pair:
        return example

    def collate(self, examples: Sequence[Pair], rngs: Sequence[np.random.Generator] | None) -> EgoBatch:
        return EgoBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*examples, strict=True)))

    def count(self, batch: EgoBatch) -> float:
        return float(len(batch.features))

    def loss(self, networks: Mapping[str, nn.Module], batch: EgoBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        return F.l1_loss(networks[STUDENT](batch.features), batch.answers), {}
