"""Nothing a run did is lost: not to NaN, a signal, a kill in the middle of a save, or a damaged file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from drive import checkpoint
from drive.model.network import DrivingNetwork
from drive.train import step
from drive.train.guard import NonFinite, check_state, clip_gradients
from drive.train.loop import train
from drive.train.stop import Interrupted
from tests.train.tiny import assert_equal, config, interrupted, state_step, weights

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_every_signal_that_ends_a_process_saves(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    run = config(tmp_path / "run", mini)
    assert interrupted(monkeypatch, run, 2, number).exit_status == status
    assert state_step(tmp_path / "run") == 3 and state_step(tmp_path / "run", "resume.old") == 2
    train(run)
    assert_equal(weights(tmp_path / "run"), weights(straight))


def test_a_signal_in_the_middle_of_a_save_ends_the_step_after_it(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, save = tmp_path / "run", checkpoint.to_json

    def signalled(config: Any) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return save(config)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "to_json", signalled)
        with pytest.raises(Interrupted, match="stopped at step 3 of 6"):
            train(config(out, mini))
    assert state_step(out) == 3 and state_step(out, "resume.old") == 2
    train(config(out, mini))
    assert_equal(weights(out), weights(straight))


@pytest.mark.parametrize("what", ["gradient", "weight", "optimiser state"])
def test_a_number_that_is_none_stops_the_step_and_leaves_the_last_good_state(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """NaN is put into one parameter at step 4, into its gradient, the weights after the step, or the optimiser's moments."""
    name, run, calls = "transformer.layers.0.mlp.up_proj.weight", config(tmp_path / "run", mini), [0, 0]

    def clip(network: DrivingNetwork, norm: float) -> None:
        calls[0] += 1
        gradient = network.get_parameter(name).grad
        assert gradient is not None
        if calls[0] == 5 and what == "gradient":
            gradient[3, 2] = float("nan")
        clip_gradients(network, norm)

    def check(network: DrivingNetwork, optimizer: torch.optim.Optimizer) -> None:
        calls[1] += 1
        parameter = network.get_parameter(name)
        if calls[1] == 5:
            (parameter.data if what == "weight" else optimizer.state[parameter]["exp_avg_sq"])[0, 0] = float("inf")
        check_state(network, optimizer)

    with monkeypatch.context() as patch:
        patch.setattr(step, "clip_gradients", clip)
        patch.setattr(step, "check_state", check)
        with pytest.raises(NonFinite, match=f"the {what} of {name} is not finite .1 of .* at step 4 of stage 'fit'") as caught:
            train(run)
    assert f"--init {tmp_path / 'run' / 'resume'} --stages.0.learning_rate 0.0003" in str(caught.value)
    assert state_step(tmp_path / "run") == 4
    train(run)
    assert_equal(weights(tmp_path / "run"), weights(straight))
    if what == "gradient":  # as the message says: from the state's weights, more slowly, elsewhere
        slower = replace(run, out=str(tmp_path / "slower"), init=str(tmp_path / "run" / "resume"))
        train(replace(slower, stages=(replace(run.stages[0], learning_rate=3e-4, steps=2),)))


def test_gradients_whose_norm_overflows_are_no_step_of_zero() -> None:
    network = torch.nn.Linear(2, 2)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 1e30)
    with pytest.raises(NonFinite, match="norm of the gradients overflows"):
        clip_gradients(network, 1.0)


KILLED = """if True:
    import os, signal, sys
    from pathlib import Path
    import torch._dynamo
    import drive.checkpoint, drive.outputs
    from drive.model.torchvision_shim import import_timm
    from drive.train.loop import train
    from tests.train.tiny import config
    import_timm()
    for place in ("write", "rename"):
        if child := os.fork():
            print(place, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        count = [0]
        def killing(real, here, every):
            def call(*rest, **more):
                count[0] += here == place
                if count[0] == every:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*rest, **more)
            return call
        drive.checkpoint.to_json = killing(drive.checkpoint.to_json, "write", 2)
        Path.rename = killing(Path.rename, "rename", 3)
        train(config(Path(sys.argv[1]) / place, Path(sys.argv[2])))
        os._exit(0)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save_loses_two_steps_and_no_bit(tmp_path: Path, mini: Path, straight: Path) -> None:
    """Two trainings kill themselves in the second save: while it writes, and between its two renames."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(mini)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["write", str(-signal.SIGKILL), "rename", str(-signal.SIGKILL)], done.stderr
    for place in ("write", "rename"):
        out = tmp_path / place
        assert (out / "resume.writing").is_dir() and (out / "resume").is_dir() == (place == "write")
        train(config(out, mini))
        assert not (out / "resume.writing").exists()
        assert_equal(weights(out), weights(straight))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, mini: Path) -> Path:
    """The folder of a run that a signal ended in its fifth step."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        interrupted(patch, config(out, mini), 4)
    return out


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-500])),
        ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-3] + b"abc")),
        ("optimizer.safetensors", lambda path: path.unlink()),
        ("provenance.json", lambda path: path.write_text("[" * 100_000)),
        ("provenance.json", lambda path: path.write_text(path.read_text().replace('"step": 5', '"step": 6'))),
        ("sha256.json", lambda path: path.write_text("")),
    ],
)
def test_a_damaged_state_falls_back_to_the_one_before(
    tmp_path: Path,
    mini: Path,
    straight: Path,
    stopped: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    damage: Callable[[Path], Any],
) -> None:
    out = Path(shutil.copytree(stopped, tmp_path / "run"))
    damage(out / "resume" / name)
    train(config(out, mini))
    told = capsys.readouterr().out
    assert name in told and "trying the state before" in told and "going on at step 4" in told
    assert_equal(weights(out), weights(straight))


def test_where_both_states_are_damaged_nothing_is_begun(tmp_path: Path, mini: Path, stopped: Path) -> None:
    out = Path(shutil.copytree(stopped, tmp_path / "run"))
    for name in ("resume", "resume.old"):
        (out / name / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="no state of .* is whole .*--fresh"):
        train(config(out, mini))
    train(config(out, mini), fresh=True)
