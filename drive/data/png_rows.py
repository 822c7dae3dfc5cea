"""Large grey PNG files read a band of rows at a time: a whole map mask of nuScenes takes more than a gigabyte as pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Band = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bits, colour, compression, filter, interlace: eight bits of grey, each row whole and after the other.
PLAIN_GREY = (8, 0, 0, 0, 0)
NONE, SUB, UP = 0, 1, 2
CHUNK = 1 << 20


class OtherPng(ValueError):
    """The file is not a plain grey PNG of the simple row filters, or is damaged: another reader has to look at it."""


def grey_size(path: Path) -> tuple[int, int]:
    """Width and height of a plain grey PNG file. Raises OtherPng for every other file, OSError where it cannot be read."""
    with path.open("rb") as file:
        return _size(file)


def grey_bands(path: Path, rows: int) -> Iterator[Band]:
    """Bands uint8 [rows or fewer, W] of a plain grey PNG file, from the top. Raises OtherPng as soon as it is seen to be none."""
    with path.open("rb") as file:
        width, height = _size(file)
        above, missing = np.zeros(width, dtype=np.uint8), height
        for packed in _cut(_inflated(file, CHUNK), rows * (width + 1)):
            if len(packed) % (width + 1) or len(packed) // (width + 1) > missing:
                raise OtherPng("rows of another length")
            band = _unfiltered(np.frombuffer(packed, dtype=np.uint8).reshape(-1, width + 1), above)
            above, missing = band[-1], missing - len(band)
            yield band
        if missing:
            raise OtherPng("too few rows")


def _size(file: BinaryIO) -> tuple[int, int]:
    head = file.read(33)
    if len(head) < 33 or head[:8] != SIGNATURE or head[12:16] != b"IHDR" or tuple(head[24:29]) != PLAIN_GREY:
        raise OtherPng("no plain grey PNG")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _inflated(file: BinaryIO, most: int) -> Iterator[bytes]:
    """The decompressed bytes of all IDAT chunks, at most `most` at a time."""
    unpack = zlib.decompressobj()
    for chunk in _chunks(file):
        try:
            data = unpack.decompress(chunk, most)
            while data:
                yield data
                data = unpack.decompress(unpack.unconsumed_tail, most)
        except zlib.error as error:
            raise OtherPng("damaged data") from error


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        data = file.read(length)
        if len(data) < length or file.read(4) != struct.pack(">I", zlib.crc32(kind + data)):
            raise OtherPng("a damaged chunk")
        if kind == b"IDAT":
            yield data


def _cut(parts: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`, the last perhaps shorter."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _unfiltered(packed: Band, above: Band) -> Band:
    """Rows [N, 1 + W], a filter's number before each, and the row above them [W] -> pixels [N, W]."""
    kinds, band = packed[:, 0], packed[:, 1:].copy()
    if (kinds > UP).any():
        raise OtherPng("rows of another filter")
    band[kinds == SUB] = np.cumsum(band[kinds == SUB], axis=1, dtype=np.uint8)
    for row in np.flatnonzero(kinds == UP):
        band[row] += band[row - 1] if row else above
    return band
