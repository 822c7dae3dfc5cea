"""Training: learns, resumes to the bit, stops by name, and repeats itself from its seed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drive.model.network import DrivingNetwork
from drive.train.guard import NonFinite
from drive.train.loop import train
from drive.values import to_yaml
from tests.train.tiny import MODEL, assert_equal, config, interrupted, weights

ROOT = Path(__file__).resolve().parents[2]


def test_an_interrupted_run_goes_on_to_bit_equal_weights(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = config(tmp_path / "broken", mini)
    interrupted(monkeypatch, broken, 2)
    assert not (tmp_path / "broken" / "checkpoint").exists()
    with pytest.raises(ValueError, match="another configuration"):
        train(replace(broken, seed=5))
    train(broken)
    assert_equal(weights(straight), weights(tmp_path / "broken"))
    with pytest.raises(ValueError, match="finished run"):
        train(broken)


def test_several_stages_train_their_own_parts(tmp_path: Path, mini: Path) -> None:
    base = config(tmp_path / "run", mini, steps=2)
    frozen = replace(base.stages[0], name="frozen", trainable=("transformer.*",))
    run = train(replace(base, stages=(base.stages[0], frozen)))
    assert run.after is not None and run.after.planned.shape == run.after.recorded.shape
    assert (tmp_path / "run" / "report.json").is_file()
    logged = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    for stage in ("fit", "frozen"):
        losses = logged.Scalars(f"{stage}/loss")
        assert [event.step for event in losses] == [0, 1] and all(np.isfinite(event.value) for event in losses)
    with pytest.raises(ValueError, match="no parameter matches"):
        train(replace(base, stages=(replace(frozen, trainable=("nothing.*",)),)), fresh=True)


def test_a_frozen_part_keeps_its_weights(tmp_path: Path, mini: Path) -> None:
    base = config(tmp_path / "run", mini, steps=2)
    torch.manual_seed(base.seed)
    before = {k: v.clone() for k, v in DrivingNetwork(MODEL).state_dict().items()}
    train(replace(base, stages=(replace(base.stages[0], trainable=("transformer.*",)),)))
    after = weights(tmp_path / "run")
    for name, tensor in before.items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, after[name]) != name.startswith("transformer."), name


def test_a_loss_that_is_not_finite_stops_by_name(tmp_path: Path, mini: Path) -> None:
    base = config(tmp_path / "run", mini)
    wild = replace(base.stages[0], learning_rate=1e30, clip_norm=1e30, warmup_steps=0)
    with pytest.raises(NonFinite, match="loss is .* of stage 'fit'"):
        train(replace(base, stages=(wild,)))


def test_loss_falls_and_batch_statistics_fit_the_final_weights(tmp_path: Path, mini: Path) -> None:
    run = train(config(tmp_path / "run", mini, steps=30))
    assert run.before is not None and run.after is not None and run.after.l2_average < 0.3 * run.before.l2_average


def test_ctrl_c_on_the_command_line_saves_and_says_how_to_go_on(tmp_path: Path, mini: Path) -> None:
    source = tmp_path / "run.yaml"
    source.write_text(to_yaml(config(tmp_path / "run", mini, steps=5000)))
    command = [sys.executable, "-m", "drive", "train", str(source), "--stages.0.batch_size", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "tensorboard").is_dir() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in err and "Traceback" not in err
    assert (tmp_path / "run" / "resume" / "optimizer.safetensors").is_file()
