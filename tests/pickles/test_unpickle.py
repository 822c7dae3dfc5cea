"""The closed unpickler: arrays and plain containers in, everything else refused by name, nothing run."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.pickles import read_pickle

MARKER = "ran.txt"


class Runs:
    """What a hostile file does: call something when it is read."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.args


def write(folder: Path, data: bytes) -> Path:
    path = folder / "scene.pkl"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_plain_containers_come_through(tmp_path: Path, protocol: int) -> None:
    value = {
        "a": np.arange(12.0).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
        "flags": np.array([True, False]),
        "big": np.arange(3, dtype=">f8"),
        "text": np.array(["x", "yz"]),
        "empty": np.zeros((0, 2)),
        "plain": [1, 2.5, None, "s", (True, {3})],
    }
    if protocol < 3:
        value["a"] = [1.0]  # older protocols write bytes by a function call, which stays refused
        value = {"a": value["a"], "plain": [1, 2.5, None, "s", (True,)]}
    read = read_pickle(write(tmp_path, pickle.dumps(value, protocol)))
    assert list(read) == list(value) and read["plain"] == value["plain"]
    for key, item in value.items():
        if isinstance(item, np.ndarray):
            np.testing.assert_array_equal(read[key], item)
            assert read[key].dtype == item.dtype


def test_scalars_and_the_names_of_numpy_2(tmp_path: Path) -> None:
    data = pickle.dumps({"x": np.float64(2.5), "a": np.arange(3)}, 3)
    renamed = data.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    assert renamed != data
    for version in (data, renamed):
        read = read_pickle(write(tmp_path, version))
        assert read["x"] == 2.5 and read["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Runs(os.system, f"touch {MARKER}"), "posix.system|nt.system"),
        (Runs(eval, "1+1"), "builtins.eval"),
        (Runs(open, MARKER, "w"), "io.open|_io.open"),
        (Runs(getattr, "x", "upper"), "builtins.getattr"),
        (OrderedDict(a=1), "collections.OrderedDict"),
        (Path("x"), "pathlib"),
        (np.array([1, "x", None], dtype=object), "not plain numbers"),
        (np.ma.masked_array([1, 2], [True, False]), "numpy.ma"),
        (np.zeros(2, dtype=[("a", "f8")]), "not plain"),
    ],
)
def test_everything_else_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, named: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=named):
        read_pickle(write(tmp_path, pickle.dumps({"track": value})))
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a pickle",
        pickle.dumps({"a": np.arange(1000)})[:-300],
        b"\x80\x04" + b"]" * 3000 + b"a" * 2999 + b".",  # nested 3000 deep
        b"\x80\x04r\xff\xff\xff\xff.",  # a memo of four billion entries
        b"\x80\x04\x96" + struct.pack("<Q", 10**11) + b"x.",  # a bytearray of 100 GB
        b"\x80\x02\x82\x01.",  # an extension code
        b"\x80\x04\x8c\x03pid\x51.",  # something outside the file
        b"\x80\x02cnumpy\nndarray\n(I1000000\nI1000000\ntR.",  # an array of 8 TB
    ],
)
def test_damaged_and_absurd_files_end_in_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="scene.pkl: "):
        read_pickle(write(tmp_path, data))


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    data = pickle.dumps(np.zeros((3, 3)), 3)
    assert b"K\x03K\x03\x86" in data
    with pytest.raises(ValueError, match="scene.pkl"):
        read_pickle(write(tmp_path, data.replace(b"K\x03K\x03\x86", b"K\xffK\xff\x86")))


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("root:x:0:0")
    with pytest.raises(ValueError, match="notes.txt: no readable scenario pickle"):
        read_pickle(path)


def test_a_defaultdict_is_read_as_a_dict(tmp_path: Path) -> None:
    counts = defaultdict(int, {"VEHICLE": 3})
    read = read_pickle(write(tmp_path, pickle.dumps({"summary": counts, "plain": defaultdict(None, {1: [2]})})))
    assert read == {"summary": {"VEHICLE": 3}, "plain": {1: [2]}} and type(read["summary"]) is dict
    with pytest.raises(ValueError, match="factory is not a plain type"):
        read_pickle(write(tmp_path, b"\x80\x04ccollections\ndefaultdict\n\x8c\x03abc\x85R."))


def test_what_is_shared_in_a_file_is_shared_when_read(tmp_path: Path) -> None:
    array, line = np.arange(5.0), [1.0, 2.0]
    read = read_pickle(write(tmp_path, pickle.dumps({"a": array, "b": array, "c": line, "d": line})))
    assert read["a"] is read["b"] and read["c"] is read["d"] and not read["a"].flags.writeable


def bomb(levels: int, width: int) -> list:
    value: list = [0.0]
    for _ in range(levels):
        value = [value] * width
    return value


HASH = 2**61 - 1  # multiples of it all have the hash 0: a set of them takes half a minute to make, so its bytes are written here
HOSTILE = {
    "memo": (pickle.dumps(bomb(20, 10)), "more than 50000000 items"),
    "itself": (b"\x80\x04]\x94h\x00a.", "nested deeper"),
    "colliding": (b"\x80\x04\x8f(" + b"".join(pickle.dumps(i * HASH, 2)[2:-1] for i in range(1, 50_000)) + b"\x90.", "64 bits"),
    "tuples": (pickle.dumps({(1, 2): 3, (3, 4): 5}), "tuple as key"),
    "instructions": (b"\x80\x04" + b"N0" * 60_000 + b"N.", "instructions"),
    "bytearray": (b"\x80\x05\x96" + struct.pack("<Q", 10**9) + b"x.", "longer than the file"),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
@pytest.mark.timeout(20)
def test_small_files_that_would_fill_memory_or_time_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    data, message = HOSTILE[kind]
    monkeypatch.setattr("drive.pickles.unpickle.MAX_INSTRUCTIONS", 100_000 if kind == "instructions" else 10_000_000)
    with pytest.raises(ValueError, match=f"scene.pkl.*{message}"):
        read_pickle(write(tmp_path, data))


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive.pickles.unpickle.MAX_SECONDS", -1.0)
    with pytest.raises(ValueError, match="takes longer"):
        read_pickle(write(tmp_path, pickle.dumps([1])))


@pytest.mark.timeout(20)
def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pkl")
    for path in (tmp_path / "pipe.pkl", Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match=f"{path.name}: no readable"):
            read_pickle(path)
    with pytest.raises(FileNotFoundError):
        read_pickle(tmp_path / "none.pkl")
