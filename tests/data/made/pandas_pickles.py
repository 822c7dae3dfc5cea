"""Pickles of tables as pandas 1.0 writes them, without pandas: classes of the same names with the same states."""

from __future__ import annotations

import gzip
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


class DataFrame:
    pass


class BlockManager:
    pass


class Index:
    def __reduce__(self) -> Any:
        return new_index, (type(self), self.__dict__)


class RangeIndex(Index):
    pass


def new_index(kind: type, told: dict) -> Any:
    """What pandas calls _new_Index."""


PLACES = {
    DataFrame: ("pandas.core.frame", "DataFrame"),
    BlockManager: ("pandas.core.internals.managers", "BlockManager"),
    Index: ("pandas.core.indexes.base", "Index"),
    RangeIndex: ("pandas.core.indexes.range", "RangeIndex"),
    new_index: ("pandas.core.indexes.base", "_new_Index"),
}


@contextmanager
def _named_as_pandas() -> Iterator[None]:
    before = dict(sys.modules)
    try:
        for item, (module, name) in PLACES.items():
            parts = module.split(".")
            for k in range(1, len(parts) + 1):
                sys.modules.setdefault(".".join(parts[:k]), ModuleType(".".join(parts[:k])))
            item.__module__, item.__qualname__ = module, name
            setattr(sys.modules[module], name, item)
        yield
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]


def _made(kind: type, **state: Any) -> Any:
    item = kind()
    item.__dict__.update(state)
    return item


def table_bytes(columns: dict[str, list], protocol: int = 4) -> bytes:
    """A pickle of a table: text in one block, each kind of number in one of its own."""
    kinds: dict[str, list[int]] = {}
    arrays = [
        np.array(values, dtype=object if isinstance(values[0], str) else None) if values else np.zeros(0) for values in columns.values()
    ]
    for k, array in enumerate(arrays):
        kinds.setdefault(array.dtype.kind, []).append(k)
    blocks = [{"values": np.stack([arrays[k] for k in at]), "mgr_locs": np.array(at)} for at in kinds.values()]
    names = _made(Index, data=np.array(list(columns), dtype=object), name=None)
    axes = [names, _made(RangeIndex, name=None, start=0, stop=len(arrays[0]), step=1)]
    manager, frame = BlockManager(), DataFrame()
    state = (axes, [b["values"] for b in blocks], [names] * len(blocks), {"0.14.1": {"axes": axes, "blocks": blocks}})
    BlockManager.__getstate__ = lambda self: state  # type: ignore[attr-defined]
    frame.__dict__.update(_data=manager, _typ="dataframe", _metadata=[])
    with _named_as_pandas():
        return pickle.dumps(frame, protocol)


def write_table(path: Path, columns: dict[str, list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(table_bytes(columns)))
