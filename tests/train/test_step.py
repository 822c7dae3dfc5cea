"""One step, done in other ways: in parts, by several processes, in half the bits, with an average kept."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drive.config import Jitter, NextTokenConfig, RunConfig
from drive.model.network import DrivingNetwork
from drive.train.ema import Ema
from drive.train.loop import train
from drive.train.optim import expected_tensors, make_optimizer, optimizer_tensors, restore_optimizer
from drive.values import to_yaml
from tests.analytic import analytic_set
from tests.train.tiny import MODEL, assert_equal, config, interrupted, weights

ROOT = Path(__file__).resolve().parents[2]
FORKED = [sys.executable, "-m", "tests.train.two_ranks"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def losses(out: Path) -> np.ndarray:
    """The loss of every step."""
    events = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    return np.array([event.value for event in events.Scalars("fit/loss")])


@pytest.mark.parametrize(
    ("start", "backbone", "rate", "steps"),
    [
        ([*FORKED, "norms"], "mobilenetv4_conv_small_035", 5e-5, 4),
        pytest.param(FORKED, "convnext_atto", 3e-3, 3, marks=pytest.mark.slow),
        pytest.param([*TORCHRUN, "-m", "drive"], "mobilenetv4_conv_small_035", 5e-5, 4, marks=pytest.mark.slow),
        pytest.param([*TORCHRUN, "-m", "drive"], "convnext_atto", 3e-3, 6, marks=pytest.mark.slow),
    ],
)
def test_two_processes_give_the_curve_of_one(tmp_path: Path, start: list[str], backbone: str, rate: float, steps: int) -> None:
    """Jitter and noise included; batches of 5 split 3 to 2; one writes. With batch normalisation the rate is small, and all cameras are
    shown: on pictures as small as these it makes much of rounding (3.5e-4 of the loss after 8 steps). Its values, gradients and running
    statistics alone are compared in double precision (`two_ranks.norms`)."""
    base = config(tmp_path / "one", analytic_set(), steps=steps)
    base = replace(base, model=replace(MODEL, camera=replace(MODEL.camera, backbone=backbone)))
    stage = replace(base.stages[0], batch_size=5, jitter=Jitter(shift=0.1, brightness=0.2), learning_rate=rate)
    one = replace(base, threads=1, stages=(replace(stage, objective=NextTokenConfig(sigma={"metre": 0.2}, noise={"metre": 0.5})),))
    train(one)
    (tmp_path / "run.yaml").write_text(to_yaml(replace(one, out=str(tmp_path / "two"))))
    done = subprocess.run([*start, "train", str(tmp_path / "run.yaml")], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("written:") == 1
    alone, together = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(together) == steps
    np.testing.assert_allclose(together, alone, atol=1e-4, rtol=0)
    assert len(list((tmp_path / "two" / "tensorboard").iterdir())) == 1


def test_parts_give_the_gradient_of_the_whole(tmp_path: Path, mini: Path) -> None:
    """With a backbone that has no batch normalisation, which would see the parts one by one."""
    camera = replace(MODEL.camera, backbone="test_convnext")
    whole = replace(config(tmp_path / "whole", mini, steps=4), model=replace(MODEL, camera=camera))
    parts = replace(whole, out=str(tmp_path / "parts"), stages=(replace(whole.stages[0], accumulate=3),))
    train(whole)
    train(parts)
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), atol=1e-5, rtol=0)


def test_half_the_bits_learn_alike(tmp_path: Path, mini: Path) -> None:
    full = config(tmp_path / "full", mini, steps=6)
    train(full)
    train(replace(full, out=str(tmp_path / "half"), precision="bfloat16"))
    assert {tensor.dtype for tensor in weights(tmp_path / "half").values() if tensor.is_floating_point()} == {torch.float32}
    full_losses, half_losses = losses(tmp_path / "full"), losses(tmp_path / "half")
    assert not np.array_equal(full_losses, half_losses)
    np.testing.assert_allclose(half_losses, full_losses, rtol=0.05)


def averaged(out: Path, mini: Path) -> RunConfig:
    """A run that keeps an average."""
    return replace(config(out, mini), ema=0.7)


def test_the_checkpoint_holds_the_average_and_a_resumed_run_both(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, broken = tmp_path / "kept", tmp_path / "broken"
    train(averaged(kept, mini))
    interrupted(monkeypatch, averaged(broken, mini), 2)
    train(averaged(broken, mini))
    assert_equal(weights(kept), weights(broken))
    average, last = load_file(kept / "resume" / "ema.safetensors"), load_file(kept / "resume" / "model.safetensors")
    assert all(torch.equal(weights(kept)[name], tensor) for name, tensor in average.items())
    assert not all(torch.equal(last[name], tensor) for name, tensor in average.items())
    plain = load_file(straight / "resume" / "model.safetensors")
    assert_equal(plain, last)  # the average changes nothing of the training itself


def test_the_average_is_what_it_says() -> None:
    network, ema = torch.nn.Linear(1, 1, bias=False), Ema(0.75)
    torch.nn.init.constant_(network.weight, 1.0)
    ema.begin(network, {})
    for value in (2.0, 4.0):
        torch.nn.init.constant_(network.weight, value)
        ema.update(network)
    assert ema.average["weight"].item() == pytest.approx(0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 4)
    with ema.shown(network):
        assert network.weight.item() == ema.average["weight"].item()
    assert network.weight.item() == 4.0


def test_optimiser_state_goes_by_name() -> None:
    run = config(Path("none"), Path("none"))
    network = DrivingNetwork(MODEL)
    optimizer = make_optimizer(network, run.stages[0])
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, float(parameter.numel() % 7))
    optimizer.step()
    tensors = optimizer_tensors(optimizer, network)
    assert tensors.keys() == expected_tensors(optimizer, network).keys()
    head = network.get_parameter("head.weight")
    assert torch.equal(tensors["head.weight.exp_avg"], optimizer.state[head]["exp_avg"])
    again = make_optimizer(network, run.stages[0])
    restore_optimizer(again, network, dict(reversed(tensors.items())))
    for name, parameter in network.named_parameters():
        assert torch.equal(again.state[parameter]["exp_avg_sq"], optimizer.state[parameter]["exp_avg_sq"]), name
