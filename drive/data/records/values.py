"""Value types <-> JSON, told by their type hints: dataclasses, arrays, tuples, dicts, words and numbers.

An array is a list where it is short, of its hint's dtype and finite; else its bytes, little-endian, in base64. A tuple of arrays that fit
together is one array and how many rows each has. Every value comes back to the bit.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from itertools import accumulate
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

SHORT = 64  # numbers that are written one by one


def encode(hint: Any, value: Any) -> Any:
    """A value of a hinted type -> what `json` takes. Raises TypeError for types that have no form here."""
    if value is None:
        return None
    hint = _inner(hint)
    if isinstance(value, np.ndarray):
        return _encode_array(value, _dtype(hint))
    if is_dataclass(value):
        kind: Any = type(value)
        hints = _hints(kind)
        return {f.name: encode(hints[f.name], getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(key): encode(get_args(hint)[1], one) for key, one in value.items()}
    if isinstance(value, tuple):
        item = get_args(hint)[0]
        return _encode_ragged(value, item) if _is_array(_inner(item)) else [encode(item, one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"a {type(value).__name__} has no form in a record")
    return value


def decode(hint: Any, value: Any) -> Any:
    """The inverse. Raises ValueError for what is no value of the type."""
    return _decoder(hint)(value)


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    """Reads values of a type: the hint is taken apart once."""
    inner = _inner(hint)
    read = _reader(inner)
    return read if inner is hint else lambda value: None if value is None else read(value)


def _reader(hint: Any) -> Callable[[Any], Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if _is_array(hint):
        return partial(_decode_array, _dtype(hint))
    if is_dataclass(hint):
        return partial(_decode_dataclass, hint)
    if origin is dict:
        inner = _decoder(arguments[1])
        return lambda value: {key: inner(one) for key, one in _expected(value, dict).items()}
    if origin is tuple and _is_array(_inner(arguments[0])):
        return partial(_decode_ragged, arguments[0])
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda value: tuple([item(one) for one in _expected(value, list)])
    if origin is Literal:
        return partial(_one_of, arguments)
    return (lambda value: float(_expected(value, int | float))) if hint is float else lambda value: _expected(value, hint)


def _one_of(words: tuple[Any, ...], value: Any) -> Any:
    if value not in words:
        raise ValueError(f"expected one of {words}, got {value!r}")
    return value


@cache
def _fields(kind: Any) -> tuple[dict[str, Callable[[Any], Any]], frozenset[str]]:
    """How each field is read, and which have no default."""
    hints = _hints(kind)
    needed = frozenset(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return {f.name: _decoder(hints[f.name]) for f in fields(kind)}, needed


def _decode_dataclass(kind: Any, value: Any) -> Any:
    readers, needed = _fields(kind)
    given = _expected(value, dict)
    if not needed <= given.keys() <= readers.keys():
        raise ValueError(f"{kind.__name__}: lacks {sorted(needed - given.keys())}, unknown {sorted(given.keys() - readers.keys())}")
    return kind(**{name: readers[name](one) for name, one in given.items()})


def _encode_array(array: np.ndarray, wanted: np.dtype[Any] | None) -> Any:
    if array.dtype == wanted and 0 < array.size <= SHORT and np.isfinite(array).all():
        return array.tolist()
    plain = np.ascontiguousarray(array)
    if plain.dtype.kind not in "biuf":
        raise TypeError(f"an array of {plain.dtype} has no form in a record")
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return {"dtype": plain.dtype.str, "shape": list(array.shape), "base64": base64.b64encode(plain.tobytes()).decode()}


def _decode_array(wanted: np.dtype[Any] | None, value: Any) -> np.ndarray:
    if isinstance(value, list):
        return np.array(value, dtype=wanted)
    stored = _expected(value, dict)
    dtype = np.dtype(str(stored["dtype"]))
    if dtype.kind not in "biuf":
        raise ValueError(f"an array's dtype must be numbers or booleans, got {dtype}")
    return np.frombuffer(base64.b64decode(stored["base64"]), dtype).reshape(stored["shape"]).copy()


def _encode_ragged(arrays: tuple[np.ndarray, ...], item: Any) -> Any:
    if len({(array.dtype, array.shape[1:]) for array in arrays}) != 1 or not all(array.ndim for array in arrays):
        return [encode(item, array) for array in arrays]
    return {"counts": [len(array) for array in arrays], "rows": encode(item, np.concatenate(arrays))}


def _decode_ragged(item: Any, value: Any) -> tuple[np.ndarray, ...]:
    if isinstance(value, list):
        return tuple(decode(item, one) for one in value)
    stored = _expected(value, dict)
    rows, ends = decode(item, stored["rows"]), list(accumulate(stored["counts"]))
    return tuple([rows[begin:end] for begin, end in zip([0, *ends[:-1]], [*ends[:-1], len(rows)], strict=True)])


def _inner(hint: Any) -> Any:
    """A hint without its None."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = [one for one in get_args(hint) if one is not types.NoneType]
    return hint


def _is_array(hint: Any) -> bool:
    return get_origin(hint) is np.ndarray


def _dtype(hint: Any) -> np.dtype[Any] | None:
    """The dtype that NDArray[...] names."""
    return np.dtype(get_args(get_args(hint)[1])[0]) if _is_array(hint) else None


def _expected(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected {getattr(kind, '__name__', kind)}, got {str(value)[:60]!r}")
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
