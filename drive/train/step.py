"""One update of the weights, from the batches of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from drive.config import RunConfig, Stage
from drive.train.ema import Ema
from drive.train.guard import check_loss, check_state, clip_gradients
from drive.train.objectives import STUDENT, Objective
from drive.train.optim import learning_rate
from drive.train.ranks import Ranks


@dataclass(frozen=True, eq=False)
class Update:
    """A stage's updates. networks: what the objective's loss is given; the one that is trained is its "student"."""

    config: RunConfig
    stage: Stage
    networks: Mapping[str, nn.Module]
    objective: Objective
    optimizer: torch.optim.Optimizer
    ema: Ema
    ranks: Ranks
    device: torch.device

    def __call__(self, step: int, batches: Sequence[Any]) -> dict[str, float]:
        """Take step `step` -> its loss and the objective's further figures, means over all parts and ranks.

        Whatever is random follows from (seed, step), so that a resumed run repeats it. Raises NonFinite; no weight has changed then,
        or the state was not saved.
        """
        network = self.networks[STUDENT]
        seed = self.config.seed * 1_000_003 + step
        torch.manual_seed(seed)
        generator = torch.Generator(self.device).manual_seed(seed * self.ranks.world + self.ranks.rank)
        network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.stage, step)
        self.optimizer.zero_grad()
        figures = self._gradients(batches, generator)
        self.ranks.sum_gradients(network)
        clip_gradients(network, self.stage.clip_norm)
        self.optimizer.step()
        check_state(network, self.optimizer)
        self.ema.update(network)
        return figures

    def _gradients(self, batches: Sequence[Any], generator: torch.Generator) -> dict[str, float]:
        """Every part weighs by what it counts, over all parts and ranks: their sum is the gradient of the step's mean."""
        counts = [self.objective.count(batch) for batch in batches]
        total = self.ranks.sums([sum(counts)], self.device)[0]
        figures: dict[str, float] = {}
        for batch, count in zip(batches, counts, strict=True):
            share = count / max(total, 1.0)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
                loss, told = self.objective.loss(self.networks, batch.to(self.device), generator)
            if self.ranks.world == 1:  # several see to it together, below: none must wait for one that stopped
                check_loss(loss)
            (loss * share).backward()
            for name, value in {"loss": loss.item(), **told}.items():
                figures[name] = figures.get(name, 0.0) + value * share
        summed = dict(zip(figures, self.ranks.sums(list(figures.values()), self.device), strict=True))
        check_loss(torch.tensor(summed["loss"]))
        return summed
