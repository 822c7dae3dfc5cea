"""Grey PNG files in bands: the same pixels as another decoder's, every other file refused or left to it, memory of a band."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.data.png_rows import SIGNATURE, OtherPng, grey_bands, grey_size


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(picture: np.ndarray, filters: list[int], head: tuple[int, ...] = (8, 0, 0, 0, 0), cut: int = 700) -> bytes:
    """A PNG file written row by row with the filters given in turn (0 none, 1 left, 2 up, 4 Paeth: of a first row as left)."""
    rows, above = bytearray(), np.zeros(picture.shape[1], dtype=np.uint8)
    for i, row in enumerate(picture):
        kind = filters[i % len(filters)]
        coded = {0: row, 1: np.diff(row, prepend=np.uint8(0)), 2: row - above, 4: np.diff(row, prepend=np.uint8(0))}[kind]
        rows += bytes([kind]) + coded.astype(np.uint8).tobytes()
        above = row
    packed = zlib.compress(bytes(rows))
    parts = b"".join(chunk(b"IDAT", packed[i : i + cut]) for i in range(0, len(packed), cut))
    size = struct.pack(">II5B", picture.shape[1], picture.shape[0], *head)
    return SIGNATURE + chunk(b"IHDR", size) + chunk(b"tEXt", b"a note") + parts + chunk(b"IEND", b"")


@pytest.mark.parametrize("filters", [[0], [1], [2], [0, 2, 2, 1], [2, 1, 0, 2, 2]])
@pytest.mark.parametrize("rows", [1, 7, 64, 100])
def test_bands_are_what_opencv_reads(tmp_path: Path, filters: list[int], rows: int) -> None:
    picture = np.random.default_rng(len(filters)).integers(0, 256, (61, 37), dtype=np.uint8)
    path = tmp_path / "m.png"
    path.write_bytes(png(picture, filters))
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), picture)
    bands = list(grey_bands(path, rows))
    assert grey_size(path) == (37, 61) and {len(band) for band in bands[:-1]} <= {rows}
    assert np.array_equal(np.concatenate(bands), picture)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"no picture",
        lambda data: data[:-40],
        lambda data: data[:200] + b"\0" + data[201:],
        lambda data: png(np.zeros((5, 4), np.uint8), [4]),
        lambda data: png(np.zeros((5, 4), np.uint8), [0], head=(8, 0, 0, 0, 1)),
        lambda data: png(np.zeros((5, 4), np.uint8), [0]).replace(struct.pack(">II", 4, 5), struct.pack(">II", 4, 6)),
        lambda data: png(np.zeros((5, 4), np.uint8), [0]).replace(struct.pack(">II", 4, 5), struct.pack(">II", 4, 4)),
    ],
)
def test_other_and_damaged_files_are_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "m.png"
    path.write_bytes(spoil(png(np.random.default_rng(0).integers(0, 256, (61, 37), dtype=np.uint8), [1, 2])))
    with pytest.raises(OtherPng):
        list(grey_bands(path, 16))


def test_memory_is_that_of_a_few_bands(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    path.write_bytes(png(np.zeros((4000, 5000), np.uint8), [1]))
    tracemalloc.start()
    assert sum(len(band) for band in grey_bands(path, 100)) == 4000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 100 * 5000 + (1 << 22) < 4000 * 5000 / 2
