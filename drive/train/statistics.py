"""Batch normalisation's statistics, measured anew at the end of a stage."""

from __future__ import annotations

import torch
from torch import nn

from drive.config import Stage
from drive.model.inputs import collate
from drive.model.network import DrivingNetwork
from drive.train.samples import batch_indices
from drive.train.towns import SampleSet

# Batches by which they are measured.
_STATISTICS_BATCHES = 64


@torch.no_grad()
def measure_statistics(network: DrivingNetwork, samples: SampleSet, stage: Stage, seed: int, device: torch.device) -> None:
    """Measure batch normalisation's statistics anew, as plain averages over the stage's batches with the final weights: the
    running ones lag behind weights that moved fast, which spoils short runs in evaluation mode."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for step in range(min(_STATISTICS_BATCHES, -(-len(samples) // stage.batch_size))):
        indices = batch_indices(seed, len(samples), stage.batch_size, step)
        network.encode_frames(collate([samples.example(int(i)).prepared for i in indices]).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
