"""Arrays of an uncompressed .npz, its pictures where they lie on disk: pages are read when they are looked at, and the system drops them
as it needs. Numbers of several bytes are copied: in the file they stand at odd places."""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
from pathlib import Path

import numpy as np

_HEADER = 30  # bytes of a member's own header before its name and extra field, whose lengths are its last four


def mapped_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file that `numpy.savez` wrote, those of bytes read-only. Their check sums are not looked at (`checked`).

    Raises ValueError for what is no such file, is compressed, or holds objects; OSError where it cannot be opened.
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            members = zipfile.ZipFile(file).infolist()
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path}: {error}") from error
    return {member.filename.removesuffix(".npy"): _array(content, member, path) for member in members}


def checked(path: Path) -> None:
    """Reads a file once. Raises ValueError where a check sum is not right."""
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged:
        raise ValueError(f"{path}: {damaged} is damaged")


def _array(content: mmap.mmap, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{path}: {member.filename} is compressed, and cannot be used where it lies")
    begin = member.header_offset + _HEADER
    if begin > len(content):
        raise ValueError(f"{path}: {member.filename} begins behind its end")
    start = begin + sum(struct.unpack("<HH", content[begin - 4 : begin]))
    head = io.BytesIO(content[start : start + min(member.file_size, 4096)])
    version = np.lib.format.read_magic(head)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = read(head)
    if dtype.hasobject:
        raise ValueError(f"{path}: {member.filename} holds objects")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or head.tell() + count * dtype.itemsize > member.file_size:
        raise ValueError(f"{path}: {member.filename} is cut off")
    flat = np.frombuffer(content, dtype, count, start + head.tell()) if count else np.zeros(0, dtype)
    whole = flat.reshape(shape, order="F" if by_column else "C")
    return whole if dtype.itemsize == 1 else whole.copy()
