"""Checkpoints: round trip, whole or absent, and damage named."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from drive import checkpoint, tensors
from drive.checkpoint import load_checkpoint, save_checkpoint
from drive.outputs import OutputError
from drive.planners.load import load_planner
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
    with pytest.raises(OutputError, match="disk full"):
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


def _rewrite(folder: Path, **changed: torch.Tensor) -> None:
    """Other weights, as if written so (no digest tells on them)."""
    save_file({**load_file(folder / "model.safetensors"), **changed}, folder / "model.safetensors")
    (folder / "sha256.json").unlink()


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(32, 33), r"head.weight is \[32, 33\], expected \[32, 32\]"),
        (torch.zeros(32, 32, dtype=torch.int64), "head.weight is of type I64, expected F32 or F16 or BF16"),
        (torch.zeros(32, 32, dtype=torch.float64), "head.weight is of type F64"),
        (torch.full((32, 32), float("nan")), "head.weight holds values that are not finite"),
        (torch.full((32, 32), float("inf"), dtype=torch.float16), "head.weight holds values that are not finite"),
    ],
)
def test_tensors_are_compared_with_the_configuration(folder: Path, tensor: torch.Tensor, message: str) -> None:
    _rewrite(folder, **{"head.weight": tensor})
    with pytest.raises(ValueError, match=message):
        load_checkpoint(folder)


def test_nothing_is_allocated_for_weights_that_do_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration of 29 GB beside weights of 1 MB: shapes alone are made."""
    text = (folder / "config.json").read_text().replace('"width": 32', '"width": 16384').replace('"mlp_width": 48', '"mlp_width": 65536')
    (folder / "config.json").write_text(text)
    monkeypatch.setattr(tensors, "load_file", lambda path: pytest.fail("read before it was compared"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="does not fit its config.json"):
        load_checkpoint(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_half_precision_and_whole_numbers_of_the_network_load(folder: Path) -> None:
    whole = load_file(folder / "model.safetensors")
    _rewrite(folder, **{name: tensor.half() for name, tensor in whole.items() if tensor.dtype == torch.float32})
    network, _ = load_checkpoint(folder)
    assert network.head.weight.dtype == torch.float32


def test_a_flipped_bit_is_found(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model.safetensors is damaged: it is not what was written"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"depth": 2', '"depth": 1000000', "depth must be 1 to 512"),
        ('"kv_heads": 2', '"kv_heads": 0', "kv_heads must be 1 to"),
        ('"step": 0.05', '"step": 1e-9', "at most 2,000,000 are possible"),
        ('"step": 0.05', '"step": NaN', "config.json is damaged: NaN is no JSON number"),
        ('"rate_hz": 2.0', '"rate_hz": 1e999', "rate_hz"),
        ('"width": 32', '"width": ' + "9" * 400, "width must be"),
        ('"width": 32', '"width": ' + "[" * 100_000, "config.json is damaged: nested too deep"),
        ('"width": 32', '"width": "' + "x" * 20_000_000 + '"', "config.json is damaged: larger than"),
    ],
)
def test_absurd_configurations_are_one_line_within_a_second(folder: Path, old: str, new: str, message: str) -> None:
    text = (folder / "config.json").read_text()
    assert old in text
    (folder / "config.json").write_text(text.replace(old, new, 1))
    start = time.process_time()
    with pytest.raises(ValueError, match=message) as caught:
        load_planner(folder)
    assert time.process_time() - start < 1 and str(caught.value).isprintable() and len(str(caught.value)) < 600


def test_a_full_disk_leaves_the_old_checkpoint_and_no_draft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*checkpoint: the file may not grow that large"):
            save_checkpoint(folder, make_network(1), {"steps": 4})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(folder)[1]["steps"] == 3 and [p.name for p in folder.parent.iterdir()] == ["checkpoint"]


def test_the_one_before_is_kept_where_asked(folder: Path) -> None:
    for steps in (4, 5):
        save_checkpoint(folder, make_network(steps), {"steps": steps}, keep=True)
    assert [load_checkpoint(folder.with_name(name))[1]["steps"] for name in ("checkpoint", "checkpoint.old")] == [5, 4]
