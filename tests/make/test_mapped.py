"""Shards where they lie on disk: what NumPy reads, and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from drive.make.mapped import checked, mapped_arrays

ARRAYS = {
    "bytes": np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
    "numbers": np.linspace(0, 1, 7),
    "by_column": np.asfortranarray(np.arange(12, dtype=np.int64).reshape(3, 4)),
    "one": np.array(True),
    "none": np.zeros((0, 3)),
    "words": np.array(["a", "bcd"]),
}


def test_arrays_are_those_that_numpy_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **ARRAYS)
    checked(path)
    found = mapped_arrays(path)
    with np.load(path, allow_pickle=False) as arrays:
        assert set(found) == set(arrays.files)
        for name in arrays.files:
            assert found[name].dtype == arrays[name].dtype and np.array_equal(found[name], arrays[name]) and found[name].flags.aligned
    assert not found["bytes"].flags.writeable and not found["bytes"].flags.owndata


def test_objects_compression_damage_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="holds objects"):
        mapped_arrays(path)
    np.savez_compressed(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="is compressed"):
        mapped_arrays(path)
    path.write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"a\.npz"):
        mapped_arrays(path)
    np.savez(path, a=np.zeros(1000, np.uint8))
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        checked(path)


@pytest.mark.parametrize("shape", ["(-1,)", "(-1, -8)", "(4294967296, 4294967296)", "(99,)"])
def test_shapes_that_are_no_shape_of_the_file_are_refused(tmp_path: Path, shape: str) -> None:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(8))
    with pytest.raises(ValueError, match="is cut off"):
        mapped_arrays(tmp_path / "a.npz")
