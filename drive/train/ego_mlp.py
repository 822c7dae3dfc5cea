"""Trains the blind floor on the demonstrations of a run's stages: the same answers, without the pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from drive.checkpoint import save_checkpoint
from drive.config import RunConfig
from drive.model.ego_mlp import EgoMlp, EgoMlpConfig, ego_features
from drive.planners.ego_mlp import EgoMlpPlanner
from drive.train.guard import check_loss
from drive.train.score import Fit, score
from drive.train.towns import SampleSet, open_samples

STEPS, BATCH, LEARNING_RATE = 6000, 256, 2e-3


def train_ego_mlp(config: RunConfig, folder: Path) -> Fit:
    """Fits `EgoMlp` to the data of the configuration's last stage, writes its checkpoint, returns its fit on the test data."""
    torch.manual_seed(config.seed)
    samples = open_samples(config.stages[-1].data, config.model)
    network = EgoMlp(EgoMlpConfig(window=config.model.window))
    features, answers = _tensors(samples)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    generator = torch.Generator().manual_seed(config.seed)
    for _ in range(STEPS):
        chosen = torch.randint(len(features), (BATCH,), generator=generator)
        # The absolute error: its best guess is the median, which keeps to one of two ways instead of going between them.
        loss = F.l1_loss(network(features[chosen]), answers[chosen])
        check_loss(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    tests = samples if config.test is None else open_samples(config.test, config.model)
    fit = score(EgoMlpPlanner(network.eval()), tests)
    run = {"data": dataclasses.asdict(config.stages[-1].data), "steps": STEPS, "batch_size": BATCH, "learning_rate": LEARNING_RATE}
    save_checkpoint(folder, network, {"run": run, "l2_average_m": fit.l2_average, "test_samples": len(tests)})
    return fit


def _tensors(samples: SampleSet) -> tuple[torch.Tensor, torch.Tensor]:
    features = np.stack([ego_features(samples.observation(i)) for i in range(len(samples))])
    answers = np.stack([samples.future(i)[:, :2] for i in range(len(samples))])
    return torch.from_numpy(features), torch.from_numpy(answers).float()
