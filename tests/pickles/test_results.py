"""Tensors and objects of others' results: as arrays and descriptions, whatever the protocol, and nothing run."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drive.pickles import read_pickle
from drive.pickles.results import NAMES, TRAJECTORY, LoadStorage, RebuildTensor
from drive.pickles.standins import Instance

WHOLE = torch.arange(24.0).reshape(2, 3, 4)
TENSORS = {
    "whole": WHOLE,
    "view": WHOLE[1:, :, ::2].transpose(1, 2),
    "expanded": torch.tensor([1.5, 2.5]).expand(3, 2),
    "half": WHOLE.half(),
    "bfloat16": WHOLE.bfloat16(),
    "double": torch.tensor([1e300, -2.0], dtype=torch.float64),
    "long": torch.arange(-2, 3),
    "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "graph": torch.ones(2, requires_grad=True),
}


def read(folder: Path, value: Any, protocol: int = 4) -> Any:
    path = folder / "results.pkl"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return read_pickle(path, "results", NAMES, 10)


@pytest.mark.parametrize("protocol", range(6))
def test_tensors_come_through_as_arrays(tmp_path: Path, protocol: int) -> None:
    value = {**TENSORS, "array": np.arange(6.0).reshape(2, 3), "bytes": b"\x00\xff", "ordered": OrderedDict(a=[1])}
    found = read(tmp_path, value, protocol)
    for name, tensor in TENSORS.items():
        wanted = tensor.detach().float() if name == "bfloat16" else tensor.detach()
        np.testing.assert_array_equal(found[name], wanted.numpy())
        assert found[name].dtype == wanted.numpy().dtype and not found[name].flags.writeable
    np.testing.assert_array_equal(found["array"], value["array"])
    assert found["bytes"] == value["bytes"] and found["ordered"] == {"a": [1]}


def test_the_scenario_reader_still_refuses_tensors(tmp_path: Path) -> None:
    path = tmp_path / "scene.pkl"
    path.write_bytes(pickle.dumps(WHOLE))
    with pytest.raises(ValueError, match="torch._utils._rebuild_tensor_v2"):
        read_pickle(path)


@dataclass
class Trajectory:
    """A class of somebody's package; reading must not make one."""

    poses: Any
    steps: int = 8

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("an object was made")


@pytest.mark.parametrize("protocol", range(6))
def test_objects_are_described_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    module = types.ModuleType(TRAJECTORY.rpartition(".")[0])
    monkeypatch.setattr(Trajectory, "__module__", module.__name__)
    module.Trajectory = Trajectory  # type: ignore[attr-defined]
    for name in ("navsim", "navsim.common", module.__name__):
        monkeypatch.setitem(sys.modules, name, module if name == module.__name__ else types.ModuleType(name))
    (found,) = read(tmp_path, [Trajectory(np.ones((8, 3)))], protocol)
    assert isinstance(found, Instance) and found.name == TRAJECTORY and found.state["poses"].shape == (8, 3)


class Runs:
    """What a hostile file does: call something when it is read."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.args


@pytest.mark.parametrize("value", [Runs(os.system, "touch ran.txt"), Runs(torch.load, "x"), Runs(getattr, "x", "upper"), Path("x")])
def test_everything_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="refused, nothing was run"):
        read(tmp_path, {"bbox_results": [value]})
    assert not (tmp_path / "ran.txt").exists()


def test_a_hostile_storage_inside_a_tensor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.storage._load_from_bytes unpickles its bytes: what stands in them is refused too."""
    monkeypatch.chdir(tmp_path)
    good = WHOLE.untyped_storage().__reduce__()[1][0]
    head = good[: good.index(b"\x80\x02}q")]
    for inner in (pickle.dumps(Runs(os.system, "touch ran.txt"), 2), pickle.dumps(Runs(os.system, "touch ran.txt"), 4)):
        with pytest.raises(ValueError, match="refused, nothing was run"):
            LoadStorage()(head + inner)
        call = Runs(torch.storage._load_from_bytes, inner)
        with pytest.raises(ValueError, match="not in torch's format"):
            read(tmp_path, call)
    assert not (tmp_path / "ran.txt").exists()


@pytest.mark.parametrize(
    ("offset", "size", "stride", "why"),
    [
        (0, (7,), (1,), "leaves"),
        (5, (2,), (1,), "leaves"),
        (0, (2, 3), (4, 1), "leaves"),
        (-1, (2,), (1,), "absurd"),
        (0, (2,), (-1,), "absurd"),
        (0, (10**12,), (0,), "absurd"),
        (0, (2, 2), (1,), "absurd"),
        (0, (1.5,), (1,), "absurd"),
    ],
)
def test_a_tensor_that_leaves_its_storage_is_refused(offset: int, size: Any, stride: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RebuildTensor()(np.arange(6.0), offset, size, stride).build()


def test_tensors_without_memory_behind_them_are_counted_as_they_would_be_read(tmp_path: Path) -> None:
    tensor = torch.zeros(1).expand(40_000_000)
    with pytest.raises(ValueError, match="more than 50000000 items"):
        path = tmp_path / "results.pkl"
        path.write_bytes(pickle.dumps([tensor, tensor]))
        read_pickle(path, "results", NAMES)


@pytest.mark.parametrize("data", [b"\x80\x02K\x01)\x81.", b"\x80\x02(K\x01K\x02d)\x81.", b"\x80\x02cnumpy\nndarray\n)\x81."])
def test_instances_of_what_is_no_class_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="results.pkl"):
        read(tmp_path, data)
