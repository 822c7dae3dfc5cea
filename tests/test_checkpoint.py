"""Checkpoints: round trip, whole or absent, and damage named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from drive import checkpoint
from drive.checkpoint import load_checkpoint, save_checkpoint
from drive.planner import load_planner
from tests.model.conftest import TINY, make_network, make_observation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "run" / "checkpoint", make_network(), {"steps": 3})


def test_round_trip_is_bit_equal_with_config_and_provenance(folder: Path) -> None:
    network, provenance = load_checkpoint(folder)
    assert network.config == TINY and provenance["steps"] == 3 and provenance["versions"]["torch"] == torch.__version__
    for name, tensor in make_network().state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    planner = load_planner(folder.parent)
    assert planner.name == "run"
    assert planner.plan(make_observation()).trajectories.shape[0] == 1


def test_a_write_that_fails_leaves_the_old_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "to_json", full_disk)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(folder, make_network(1), {"steps": 4})
    assert load_checkpoint(folder)[1]["steps"] == 3


def test_a_write_cut_off_between_its_renames_is_recovered(folder: Path) -> None:
    folder.rename(folder.with_name("checkpoint.old"))
    assert load_checkpoint(folder)[1]["steps"] == 3
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "provenance.json"])
def test_missing_and_damaged_files_are_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{ half a file")
    with pytest.raises(ValueError, match=rf"{name}.* damaged"):
        load_checkpoint(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}.* missing"):
        load_checkpoint(folder)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"depth": 2', '"depth": 3'))
    with pytest.raises(ValueError, match="does not fit its config"):
        load_checkpoint(folder)
    (folder / "config.json").write_text(text.replace('"depth"', '"dpeth"'))
    with pytest.raises(ValueError, match="dpeth"):
        load_checkpoint(folder)
