"""Arrays of an .npz file that somebody else wrote: without pickle, within the memory they declare, every fault one line."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.schema import Mask

# All arrays of a file together; the members of an archive may declare any size.
LARGEST_BYTES = 2 << 30
KINDS = "biufU"  # booleans, integers, floats, text
FAULTS = (zipfile.BadZipFile, zlib.error, ValueError, TypeError, SyntaxError, EOFError, NotImplementedError, RuntimeError, MemoryError)


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Every array of an .npz file by name. Raises ValueError in one line for a file that is none, or whose arrays are not plain."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.removesuffix(".npy") for member in members]
            _check_members(members, names)
            return {name: _read(archive, member) for name, member in zip(names, members, strict=True)}
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except FAULTS as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{path} is no usable .npz file: {reason}") from error


def _check_members(members: list[zipfile.ZipInfo], names: list[str]) -> None:
    odd = next((m.filename for m in members if not m.filename.endswith(".npy")), None)
    if odd is not None:
        raise ValueError(f"it holds {odd!r}, which is no array")
    if len(set(names)) != len(names):
        raise ValueError("it holds two arrays of one name")
    if (size := sum(m.file_size for m in members)) > LARGEST_BYTES:
        raise ValueError(f"its arrays take {size / 2**30:.1f} GiB, more than {LARGEST_BYTES / 2**30:g}; split it")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """One array, once its header was seen to ask for no more than the member holds."""
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if header is None:
            raise ValueError(f"array {name} has format {version}, expected 1.0 or 2.0")
        shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError(f"array {name} holds Python objects (a pickle), which are not opened here")
    if dtype.kind not in KINDS:
        raise ValueError(f"array {name} has type {dtype}, expected numbers, booleans or text")
    if min(shape, default=0) < 0 or int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
        raise ValueError(f"array {name} says shape {list(shape)} of {dtype}, but is cut off")
    with archive.open(member) as file:
        values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return values


class Arrays:
    """Named arrays whose names begin with `prefix`, each read with the shape it must have (None: any length).

    where: what the messages call their owner, such as "scene nav-3". All raise ValueError with the array's name.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], prefix: str = "", where: str = "the file") -> None:
        self.arrays, self.prefix, self.where = arrays, prefix, where

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.arrays

    def numbers(self, name: str, *shape: int | None) -> Array:
        """Finite numbers, float64."""
        values = self.loose(name, *shape)
        if not np.isfinite(values).all():
            raise ValueError(f"{self.where}: {self.prefix}{name} holds NaN or infinity")
        return values

    def loose(self, name: str, *shape: int | None) -> Array:
        """Numbers, float64, NaN and infinity among them."""
        return self._get(name, shape, "iuf", "numbers").astype(np.float64)

    def counts(self, name: str, *shape: int | None) -> NDArray[np.int64]:
        """Integers of 0 or more."""
        values = self._get(name, shape, "iu", "integers")
        if values.size and (int(values.min()) < 0 or int(values.max()) > np.iinfo(np.int64).max):
            raise ValueError(f"{self.where}: {self.prefix}{name} holds values outside 0 .. 2^63, expected counts")
        return values.astype(np.int64)

    def flags(self, name: str, *shape: int | None) -> Mask:
        """Booleans, or 0 and 1."""
        values = self._get(name, shape, "biu", "booleans")
        if not np.isin(values, (0, 1)).all():
            raise ValueError(f"{self.where}: {self.prefix}{name} holds other values than 0 and 1, expected booleans")
        return values.astype(bool)

    def words(self, name: str, length: int | None = None) -> tuple[str, ...]:
        """Text [length]."""
        return tuple(map(str, self._get(name, (length,), "U", "text")))

    def word(self, name: str, default: str) -> str:
        """One text, the default where it is not given."""
        return str(self._get(name, (), "U", "text")) if name in self else default

    def _get(self, name: str, shape: tuple[int | None, ...], kinds: str, meant: str) -> NDArray[Any]:
        full = self.prefix + name
        if full not in self.arrays:
            raise ValueError(f"{self.where} has no array {full}")
        values = self.arrays[full]
        if len(values.shape) != len(shape) or any(w not in (None, g) for g, w in zip(values.shape, shape, strict=True)):
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{self.where}: {full} has shape {list(values.shape)}, expected [{wanted}]")
        if values.dtype.kind not in kinds and values.size:
            raise ValueError(f"{self.where}: {full} holds {values.dtype}, expected {meant}")
        return values
