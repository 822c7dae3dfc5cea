"""Batch normalisation's statistics, measured anew at the end of a stage."""

from __future__ import annotations

import torch
from torch import nn

from drive.train.loader import Steps

# Batches by which they are measured.
_STATISTICS_BATCHES = 64


@torch.no_grad()
def measure_statistics(network: nn.Module, steps: Steps, device: torch.device) -> None:
    """Measure batch normalisation's statistics anew, as plain averages over the stage's batches with the final weights: the
    running ones lag behind weights that moved fast, which spoils short runs in evaluation mode. steps: whole and not varied."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for step in range(min(_STATISTICS_BATCHES, -(-len(steps.mix) // steps.stage.batch_size))):
        for batch in steps[step]:
            network.frame_parts(batch.to(device).inputs)  # type: ignore[operator]  # norms over batches are where pictures are read
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
