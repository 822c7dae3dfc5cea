"""A pandas table in a pickle -> its columns, without pandas: stand-ins (`drive.pickles`) describe what it is made of, nothing is run.

A table is its `BlockManager`: blocks of columns of one kind, each [columns, rows], and which columns they are. pandas 1.0 and older
write its state (under "0.14.1"), later ones the blocks themselves. Text is an array of objects, which are read one by one.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from drive.pickles.results import Encode
from drive.pickles.standins import ALLOWED, MAX_ITEMS, ArrayParts, Dtype, Instance, InstanceParts, NamedClass, NdarrayType
from drive.pickles.unpickle import unpickled

MAX_BYTES = 200_000_000
LONGEST_TEXT = 1000
MAX_CHARACTERS = 100_000_000  # of an array of text, which gives each item the place of the longest
FORMAT = "0.14.1"


class Objects(ArrayParts):
    """An array of numbers, or of objects: of these text stays, and what is none becomes empty text."""

    __slots__ = ()

    def build(self) -> np.ndarray:
        """The array. Raises ValueError where shape and items do not fit, or text is too long."""
        state = self.state
        if not (isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], Dtype) and str(state[2].text)[:1] == "O"):
            return super().build()
        _, shape, _, fortran, items = state
        if (
            not isinstance(items, list)
            or not isinstance(shape, tuple)
            or not all(isinstance(n, int) and 0 <= n <= MAX_ITEMS for n in shape)
        ):
            raise ValueError("an array of objects is not plain")
        text = [item if isinstance(item, str) else "" for item in items]
        longest = max(map(len, text), default=0)
        if longest > LONGEST_TEXT or longest * len(text) > MAX_CHARACTERS:
            raise ValueError(f"{len(text)} texts of up to {longest} characters in a table: more than {LONGEST_TEXT}, or absurdly many")
        return np.array(text, dtype=object).astype(str).reshape(shape, order="F" if fortran else "C")


class ReconstructObjects:
    """As `drive.pickles.standins.Reconstruct`, for arrays of objects too."""

    __slots__ = ()

    def __call__(self, *args: Any) -> ArrayParts:
        if len(args) != 3 or not isinstance(args[0], NdarrayType):
            raise ValueError("arrays of another class than numpy.ndarray are refused")
        return Objects()


class Called:
    """Stands for a function of which the arguments say all: a tuple of its name and of those that are no classes."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any) -> tuple:
        return (self.name, *(arg for arg in args if not isinstance(arg, NamedClass)))


class Manager(NamedClass):
    """A BlockManager, made empty and given a state, or called with its blocks and axes."""

    __slots__ = ()

    def __call__(self, *args: Any) -> InstanceParts:
        made = InstanceParts(self.name)
        if args:
            made.state = {"blocks": args[0], "axes": args[1] if len(args) > 1 else None}
        return made


_INDEXES = ("pandas.core.indexes.base", "pandas.core.indexes.range", "pandas.core.indexes.numeric", "pandas.indexes.base")
NAMES: dict[tuple[str, str], Any] = {
    **ALLOWED,
    ("numpy.core.multiarray", "_reconstruct"): ReconstructObjects(),
    ("numpy._core.multiarray", "_reconstruct"): ReconstructObjects(),
    ("_codecs", "encode"): Encode(),
    ("pandas.core.frame", "DataFrame"): NamedClass("DataFrame"),
    ("pandas.core.internals.managers", "BlockManager"): Manager("BlockManager"),
    ("pandas.core.internals", "BlockManager"): Manager("BlockManager"),
    ("pandas._libs.internals", "_unpickle_block"): Called("block"),
    ("pandas.core.indexes.base", "_new_Index"): Called("index"),
    ("builtins", "slice"): Called("slice"),
    ("__builtin__", "slice"): Called("slice"),
    **{(module, name): NamedClass(name) for module in _INDEXES for name in ("Index", "RangeIndex", "Int64Index")},
}


def read_frame(path: Path) -> dict[str, np.ndarray]:
    """Columns [R] by name of a table in a pickle, which may be gzipped.

    Raises ValueError, naming the file, where it is none, is damaged, holds other names than a plain table's, or is too large.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes unpacked")
        return _columns(unpickled(io.BytesIO(data), len(data), NAMES))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: does not open ({error})") from error
    except (Exception, RecursionError, MemoryError) as error:  # a hostile file may fail anywhere; all of it is bad input
        raise ValueError(f"{path}: no readable pickle of a table ({str(error) or type(error).__name__})") from error


def _columns(value: Any) -> dict[str, np.ndarray]:
    if not isinstance(value, Instance) or value.name != "DataFrame":
        raise ValueError("holds no DataFrame")
    manager = value.state.get("_mgr", value.state.get("_data"))
    state = manager.state
    if isinstance(state, tuple):
        axes, blocks = state[3][FORMAT]["axes"], [(block["values"], block["mgr_locs"]) for block in state[3][FORMAT]["blocks"]]
    else:
        axes, blocks = state["axes"], [block[1:3] for block in state["blocks"]]
    names = [str(name) for name in axes[0][1]["data"]]
    found: dict[str, np.ndarray] = {}
    for values, places in blocks:
        at = range(*places[1:]) if isinstance(places, tuple) else places
        for row, place in zip(values, at, strict=True):
            found[names[int(place)]] = row
    if sorted(found) != sorted(names) or len({len(column) for column in found.values()}) > 1:
        raise ValueError("its columns and blocks do not fit")
    return {name: found[name] for name in names}
