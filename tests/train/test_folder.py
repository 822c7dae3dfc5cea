"""A run's folder: one training at a time, nothing of others removed or overwritten, a full disk told in one line."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from drive.outputs import OutputError
from drive.train import checks
from drive.train.folder import MARKER, claimed
from drive.train.loop import train
from drive.train.step import Update
from tests.train.tiny import assert_equal, config, state_step, weights


def _claim(out: Path, told: Connection) -> None:
    with claimed(out, False):
        told.send("claimed")
        time.sleep(60)


def test_a_second_training_in_the_folder_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path, mini: Path) -> None:
    out = tmp_path / "run"
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=_claim, args=(out, there))
    other.start()
    assert here.recv() == "claimed"
    for fresh in (False, True):
        with pytest.raises(ValueError, match=f"in use by another training .process {other.pid} on"):
            train(config(out, mini), fresh=fresh)
    other.kill()
    other.join()
    assert (out / MARKER).is_file()
    train(config(out, mini, steps=1))


def test_fresh_removes_what_a_run_wrote_and_nothing_else(tmp_path: Path, mini: Path, straight: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(straight, out)
    run = config(out, mini, steps=1)
    for name in ("notes.txt", "checkpoint/notes.txt", "tensorboard/mine", "resume/deep/er"):
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        with pytest.raises(ValueError, match=r"--fresh would empty .* (checkpoint/|tensorboard/|resume/)?(notes.txt|mine|deep)"):
            train(run, fresh=True)
        assert path.read_text() == "mine" and (out / "checkpoint" / "model.safetensors").is_file()
        path.unlink()
        if path.parent.name == "deep":
            path.parent.rmdir()
    (out / "report.json").unlink()
    (out / "report.json").symlink_to(straight / "report.json")
    with pytest.raises(ValueError, match="report.json"):
        train(run, fresh=True)
    (out / "report.json").unlink()
    # Only once all else was checked: the data are not there, a pattern matches nothing.
    stage = run.stages[0]
    for wrong in (replace(stage, data=replace(stage.data, root=str(tmp_path / "none"))), replace(stage, trainable=("nothing.*",))):
        with pytest.raises(ValueError, match="none|no parameter matches"):
            train(replace(run, stages=(stage, wrong)), fresh=True)
        assert_equal(weights(out), weights(straight))
    train(run, fresh=True)
    assert (out / "tensorboard").is_dir() and state_step(out) == 1


def test_folders_of_others_are_left_alone(tmp_path: Path, mini: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("mine")
    with pytest.raises(ValueError, match=r"is not marked as one .* holds one.jpg"):
        train(config(tmp_path / "photos", mini), fresh=True)
    (tmp_path / "photos" / "report.json").write_text("mine")
    with pytest.raises(ValueError, match="holds report.json, but is not marked"):
        train(config(tmp_path / "photos", mini))
    with pytest.raises(OutputError, match="a file stands where a folder belongs"):
        train(config(tmp_path / "photos" / "one.jpg", mini))
    assert sorted(p.name for p in (tmp_path / "photos").iterdir()) == ["one.jpg", "report.json"]


def test_a_full_disk_ends_in_one_line_and_the_last_state_stays(tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the size of files stands for the full disk; it comes after the first state is saved."""
    out, call, usual = tmp_path / "run", Update.__call__, resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited(update: Update, at: int, batches: Any) -> dict[str, float]:
        if at == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
        return call(update, at, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Update, "__call__", limited)
        try:
            with pytest.raises(OutputError) as caught:
                train(config(out, mini))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    told = str(caught.value)
    assert told.startswith(f"cannot write {out / 'resume'}: the file may not grow") and "\n" not in told
    assert state_step(out) == 2 and not (out / "resume.writing").exists()
    train(config(out, mini))


def test_a_machine_that_is_too_small_is_named(tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = config(tmp_path / "run", mini)
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="finds no GPU"):
            train(replace(run, device="cuda"))
    monkeypatch.setattr(checks, "_main_memory", lambda: 10_000)
    with pytest.raises(ValueError, match="model.transformer needs .* GB for weights and optimiser, there are"):
        train(run)
    assert not (tmp_path / "run").exists()
