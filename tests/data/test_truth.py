"""Truth files: a data set's samples to the last bit, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.arrays import read_arrays
from drive.cli import main
from drive.data.dataset import Dataset, open_dataset
from drive.data.truth import is_truth, write_truth
from drive.eval.evaluate import evaluate
from drive.schema import Agents, Window

MINI = Path("data/mini")


@pytest.fixture(scope="module")
def data() -> Any:
    return open_dataset(MINI, maps=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, data: Any) -> Path:
    path = tmp_path_factory.mktemp("truth") / "truth.npz"
    counts = write_truth(data, path)
    assert counts["scenes"] == len(data.scenes) and counts["samples"] == len(data)
    return path


def test_samples_are_those_of_the_data_set_without_pictures(file: Path, data: Any) -> None:
    truth = open_dataset(file)
    assert isinstance(truth, Dataset) and truth.tokens == data.tokens == truth.all_tokens and truth.scenes == data.scenes
    for k in (0, 5, 13, 14, len(data) - 1):
        ours, theirs = truth[k], data[k]
        assert (ours.token, ours.scene, ours.index, ours.timestamp_us) == (theirs.token, theirs.scene, theirs.index, theirs.timestamp_us)
        assert ours.observation.frames[-1].cameras == () and ours.frames_after == theirs.frames_after
        np.testing.assert_array_equal(ours.world_from_ego, theirs.world_from_ego)
        np.testing.assert_array_equal(ours.target.future.poses, theirs.target.future.poses)
        np.testing.assert_array_equal(ours.observation.past.poses, theirs.observation.past.poses)
        assert ours.observation.speed_mps == theirs.observation.speed_mps and ours.observation.command == theirs.observation.command
        assert ours.target.agents is not None and theirs.target.agents is not None
        for field in fields(Agents):
            np.testing.assert_array_equal(getattr(ours.target.agents, field.name), getattr(theirs.target.agents, field.name))
        if theirs.target.ego_from_lidar is not None:
            np.testing.assert_array_equal(ours.target.ego_from_lidar, theirs.target.ego_from_lidar)


def test_every_protocol_scores_as_on_the_data_set(file: Path, data: Any) -> None:
    protocols = ["exact", "uniad", "vad", "stp3", "sparsedrive", "agentdriver-stp3", "lightemma"]
    assert evaluate(file, protocols=protocols).rows == evaluate(data, protocols=protocols).rows


def test_scenes_and_windows_can_be_chosen(file: Path, data: Any) -> None:
    chosen = open_dataset(file, split=f"{data.scenes[1]},{data.scenes[0]}", window=Window(future_s=1.0), limit=20)
    assert chosen.scenes == data.scenes[:2] and len(chosen) == 20 and len(chosen[0].observation.future_times_s) == 2
    assert len(chosen.all_tokens) == len(data)
    with pytest.raises(ValueError, match="no scene val"):
        open_dataset(file, split="val")
    with pytest.raises(ValueError, match="motion=.can. are of nuScenes tables"):
        open_dataset(file, motion="can")


def test_a_file_of_other_kinds_is_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    (tmp_path / "y.npz").write_bytes(b"PK")
    for path in (tmp_path / "x.npz", tmp_path / "y.npz", tmp_path / "none.npz", tmp_path):
        assert not is_truth(path)


DAMAGE: dict[str, tuple[Any, str]] = {
    "truth_version": (np.array(2), "version 2"),
    "scene_frames": (lambda v: v + 1, "do not fit"),
    "token": (lambda v: np.full_like(v, v[0]), "comes twice"),
    "timestamp_us": (lambda v: v[::-1], "do not increase"),
    "world_from_ego": (lambda v: np.where(v == v[3, 0, 3], np.nan, v), "NaN"),
    "mount": (lambda v: v + 9, "mounting that is not there"),
    "box_frame": (lambda v: v + 10_000, "not there"),
    "box_instance": (lambda v: v * 0, "two boxes"),
    "box_size": (lambda v: -v, "no size"),
    "box_points": (lambda v: v[:-1], "shape"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, file: Path, name: str) -> None:
    arrays = read_arrays(file)
    change, why = DAMAGE[name]
    arrays[name] = change(arrays[name]) if callable(change) else change
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=why):
        open_dataset(tmp_path / "bad.npz")


def test_a_scene_of_absurd_size_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive.data.truth.read.MAX_PLACES", 10)
    with pytest.raises(ValueError, match="is absurd"):
        open_dataset(file)


def test_the_command_writes_it_and_eval_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: Any) -> None:
    out = tmp_path / "t.npz"
    assert main(["truth", str(MINI), str(out), "--split", data.scenes[0], "-q"]) == 0
    assert f"1 scenes, {14} samples" in capsys.readouterr().out
    assert main(["plan", str(out), "--planner", "constant-velocity", "--out", str(tmp_path / "p.json"), "-q"]) in (0, 1)
    capsys.readouterr()
    assert main(["eval", str(out), "--plans", str(tmp_path / "p.json"), "--protocol", "uniad", "-q"]) in (0, 1)
    assert "constant-velocity" in capsys.readouterr().out
    assert main(["eval", str(out), "--protocol", "neuroncap", "-q"]) == 2
    assert "not a data set" in capsys.readouterr().err
    assert main(["truth", str(MINI), str(tmp_path / "t.json"), "-q"]) == 2
