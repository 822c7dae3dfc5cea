"""`python -m tools.average_checkpoints`: the mean of two runs of one network is a planner, and only of one network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from drive.checkpoint import save_checkpoint
from drive.model.network import DrivingNetwork
from drive.planners.load import load_planner
from tests.train.tiny import MODEL
from tools.average_checkpoints import average


def _saved(folder: Path, seed: int, config: object = MODEL) -> Path:
    torch.manual_seed(seed)
    return save_checkpoint(folder, DrivingNetwork(config), {"run": {"seed": seed}})  # type: ignore[arg-type]


def test_the_mean_of_two_checkpoints_is_one(tmp_path: Path) -> None:
    first, second = _saved(tmp_path / "first", 0), _saved(tmp_path / "second", 1)
    was = [load_file(folder / "model.safetensors") for folder in (first, second)]
    average(first, second, first)  # the place of the first, which is read before
    found = load_file(first / "model.safetensors")
    assert found.keys() == was[1].keys()
    for name, tensor in found.items():
        if tensor.is_floating_point():
            assert tensor.dtype == torch.float16
            torch.testing.assert_close(tensor.float(), (was[0][name] + was[1][name]) / 2, rtol=1e-3, atol=1e-6)
        else:
            assert torch.equal(tensor, was[1][name])
    told = json.loads((first / "provenance.json").read_text())
    assert told["run"]["seed"] == 1 and told["averaged_with"]["run"]["seed"] == 0
    assert load_planner(first).spec.window == MODEL.window


def test_other_networks_have_no_mean(tmp_path: Path) -> None:
    deeper = replace(MODEL, transformer=replace(MODEL.transformer, depth=2))
    first, second = _saved(tmp_path / "first", 0), _saved(tmp_path / "second", 0, deeper)
    with pytest.raises(ValueError, match="only checkpoints of one network have a mean"):
        average(first, second, tmp_path / "out")
    assert not (tmp_path / "out").exists()
