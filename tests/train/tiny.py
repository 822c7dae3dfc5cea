"""A run that takes a second: the smallest network on two scenes of the data set with known answers."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from drive.config import DatasetConfig, NextTokenConfig, RunConfig, Stage
from drive.model.config import CameraConfig, ModelConfig, TransformerConfig
from drive.train.loop import train
from drive.train.step import Update
from drive.train.stop import Interrupted

MODEL = ModelConfig(
    requests=("plan:bins", "plan:text"),
    camera=CameraConfig(backbone="test_efficientnet", width=64, height=32),
    transformer=TransformerConfig(width=32, depth=1, heads=2, kv_heads=1, head_dim=16, mlp_width=48),
)


def config(out: Path, mini: Path, steps: int = 6) -> RunConfig:
    """A run of one stage that saves its state every second step."""
    data = DatasetConfig(root=str(mini), split="stopped,accelerate")
    objective = NextTokenConfig(sigma={"metre": 0.2})
    stage = Stage(data=data, objective=objective, steps=steps, batch_size=4, warmup_steps=1, learning_rate=3e-3, flush_every=2)
    return RunConfig(out=str(out), model=MODEL, stages=(stage,), device="cpu")


def weights(out: Path) -> dict[str, torch.Tensor]:
    """What the finished run of a folder learned."""
    return load_file(out / "checkpoint" / "model.safetensors")


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    """To the last bit."""
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def interrupted(monkeypatch: pytest.MonkeyPatch, run: RunConfig, at: int, number: int = signal.SIGINT) -> Interrupted:
    """Trains until a signal comes during step `at`."""
    call = Update.__call__

    def signalled(update: Update, now: int, batches: Any) -> dict[str, float]:
        if now == at:
            os.kill(os.getpid(), number)
        return call(update, now, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Update, "__call__", signalled)
        with pytest.raises(Interrupted, match=f"stopped at step {at + 1} of") as caught:
            train(run)
    return caught.value


def state_step(out: Path, name: str = "resume") -> int:
    """How many steps a saved state has done."""
    return int(json.loads((out / name / "provenance.json").read_text())["step"])
