"""Targets as plain arrays and back: what stands beside the pictures in a file of demonstrations.

Every field of a `Target` but its future is a column: the rows of all targets one after another, and how many are each target's (-1:
the field is None there). Fields of fields have names with dots; a tuple of arrays is two columns, its points and how many are in
each; words that may be None have a column that says which are known.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from drive.schema import Target, Trajectory

Columns = dict[str, np.ndarray]
ROWS = "#"  # name of a column's counts: the column's, then this
LEFT_OUT = "future"


def pack(targets: Sequence[Target]) -> Columns:
    """The columns of some targets."""
    leaves = [dict(_leaves("", {f.name: getattr(t, f.name) for f in fields(t) if f.name != LEFT_OUT})) for t in targets]
    columns: Columns = {}
    for name in dict.fromkeys(name for one in leaves for name in one):
        found = [one.get(name) for one in leaves]
        there = [array for array in found if array is not None]
        filled = [array for array in there if len(array)] or there[:1]
        columns[name] = np.concatenate(filled)
        columns[name + ROWS] = np.array([-1 if array is None else len(array) for array in found], dtype=np.int64)
    return columns


def unpack(columns: Mapping[str, np.ndarray], index: int, future: Trajectory) -> Target:
    """Target `index` of those that were packed, with its future. Raises ValueError where a column is missing."""
    own: Columns = {}
    for name, array in columns.items():
        if not name.endswith(ROWS):
            rows = columns.get(name + ROWS)
            if rows is None:
                raise ValueError(f"column {name!r} comes without its counts {name + ROWS!r}")
            if rows[index] >= 0:
                first = int(np.maximum(rows[:index], 0).sum())
                own[name] = array[first : first + int(rows[index])]
    hints = _hints(Target)
    return Target(future, **{f.name: _value(hints[f.name], f.name, own) for f in fields(Target) if f.name != LEFT_OUT})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _leaves(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in values.items():
        where = prefix + name
        if value is None:
            continue
        if is_dataclass(value):
            yield from _leaves(where + ".", {f.name: getattr(value, f.name) for f in fields(value)})
        elif isinstance(value, dict):
            yield from _leaves(where + ".", value)
        elif isinstance(value, tuple):
            yield from _tuple_leaves(where, value)
        else:
            yield where, np.atleast_1d(np.asarray(value))


def _tuple_leaves(where: str, value: tuple[Any, ...]) -> Iterator[tuple[str, np.ndarray]]:
    if all(isinstance(item, np.ndarray) for item in value):  # of an empty tuple both kinds of columns say all
        yield where + "/points", np.concatenate(value) if value else np.zeros((0, 2))
        yield where + "/counts", np.array([len(item) for item in value], dtype=np.int64)
    if all(item is None or isinstance(item, str) for item in value):
        yield where + "/words", np.array([item or "" for item in value], dtype=np.str_)
        yield where + "/known", np.array([item is not None for item in value], dtype=bool)


def _value(hint: Any, name: str, own: Columns) -> Any:
    """The value of a field of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = [a for a in arguments if a is not types.NoneType]
        return _value(inner, name, own) if any(c == name or c.startswith((name + ".", name + "/")) for c in own) else None
    if is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(**{f.name: _value(hints[f.name], f"{name}.{f.name}", own) for f in fields(hint)})  # type: ignore[operator]
    if origin is dict:
        keys = dict.fromkeys(c.removeprefix(name + ".").rpartition("/")[0] for c in own if c.startswith(name + "."))
        return {key: _value(arguments[1], f"{name}.{key}", own) for key in keys}
    if origin is tuple:
        return _tuple(arguments[0], name, own)
    array = _column(name, own)
    return int(array[0]) if hint is int else array


def _tuple(item: Any, name: str, own: Columns) -> tuple[Any, ...]:
    if get_origin(item) is np.ndarray:
        counts = _column(name + "/counts", own)
        return tuple(np.split(_column(name + "/points", own), np.cumsum(counts)[:-1])) if len(counts) else ()
    assert item is str or get_origin(item) in (Literal, Union, types.UnionType), f"{name}: no column for {item}"
    words = zip(_column(name + "/words", own), _column(name + "/known", own), strict=True)
    return tuple(str(word) if known else None for word, known in words)


def _column(name: str, own: Columns) -> np.ndarray:
    if name not in own:
        raise ValueError(f"no column {name!r}")
    return own[name]
