"""The one place that reads pickles: ScenarioNet files, by an unpickler that admits NumPy arrays and plain containers only.

No name in a file is ever imported: the few NumPy globals that such files hold are answered by stand-ins of this module,
everything else is refused by name. Python's own unpickler is used, not the C one, whose memo a file can make grow without
bound.
"""

from __future__ import annotations

import io
import pickle  # only for its `_Unpickler`, with find_class closed
from pathlib import Path
from typing import Any

import numpy as np

MAX_FILE_BYTES = 500_000_000
MAX_DEPTH = 30
MAX_ITEMS = 50_000_000
DTYPE_KINDS = "biufSU"
PLAIN = (type(None), bool, int, float, str, bytes)


class _NdarrayType:
    """Stands for numpy.ndarray, which files name but need not call."""

    __slots__ = ()


class _Dtype:
    """A dtype as a file describes it."""

    __slots__ = ("text", "order")

    def __init__(self, text: str) -> None:
        self.text, self.order = text, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise ValueError("a dtype's state is not plain")
        self.order = state[1]

    def build(self) -> np.dtype:
        """The dtype. Raises ValueError for objects, records and anything else that is not plain numbers or text."""
        if not isinstance(self.text, str) or len(self.text) > 12 or self.text[:1].lower() not in DTYPE_KINDS.lower():
            raise ValueError(f"dtype {str(self.text)[:20]!r} is not plain numbers or text")
        dtype = np.dtype(self.text)
        if dtype.kind not in DTYPE_KINDS:
            raise ValueError(f"dtype {self.text!r} is not plain numbers or text")
        return dtype.newbyteorder("<" if self.order == "<" else ">") if self.order in "<>" else dtype


class _Array:
    """An array as a file describes it."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def build(self) -> np.ndarray:
        """The array. Raises ValueError where shape, dtype and bytes do not fit."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array's state is not plain")
        _, shape, dtype, fortran, data = self.state
        kind = dtype.build() if isinstance(dtype, _Dtype) else None
        if kind is None or not isinstance(data, bytes) or not isinstance(shape, tuple) or len(shape) > 8:
            raise ValueError("an array's state is not plain")
        if not all(isinstance(n, int) and 0 <= n <= MAX_ITEMS for n in shape):
            raise ValueError(f"an array's shape is absurd: {shape}")
        return np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C").copy()


class _Reconstruct:
    __slots__ = ()

    def __call__(self, *args: Any) -> _Array:
        if len(args) != 3 or not isinstance(args[0], _NdarrayType):
            raise ValueError("arrays of another class than numpy.ndarray are refused")
        return _Array()


class _MakeDtype:
    __slots__ = ()

    def __call__(self, *args: Any) -> _Dtype:
        if not args or not isinstance(args[0], str):
            raise ValueError("a dtype's description is not text")
        return _Dtype(args[0])


class _MakeScalar:
    __slots__ = ()

    def __call__(self, *args: Any) -> Any:
        if len(args) != 2 or not isinstance(args[0], _Dtype) or not isinstance(args[1], bytes):
            raise ValueError("a scalar's description is not plain")
        return np.frombuffer(args[1], args[0].build())[:1].item()


class _FromBuffer:
    """How protocol 5 writes arrays."""

    __slots__ = ()

    def __call__(self, *args: Any) -> _Array:
        if len(args) != 4 or not isinstance(args[0], bytes | bytearray) or not isinstance(args[1], _Dtype):
            raise ValueError("an array's buffer is not plain")
        array = _Array()
        array.state = (1, args[2], args[1], args[3] == "F", bytes(args[0]))
        return array


class _MakeSet:
    """How older protocols write sets."""

    __slots__ = ()

    def __call__(self, *args: Any) -> set:
        if len(args) != 1 or type(args[0]) is not list:
            raise ValueError("a set's items are not a list")
        return set(args[0])


# Both names of NumPy 1 and of NumPy 2.
ALLOWED = {
    ("numpy", "ndarray"): _NdarrayType(),
    ("numpy", "dtype"): _MakeDtype(),
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer(),
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer(),
    ("builtins", "set"): _MakeSet(),
    ("numpy.core.multiarray", "scalar"): _MakeScalar(),
    ("numpy._core.multiarray", "scalar"): _MakeScalar(),
}


class _Closed(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """The unpickler whose find_class answers the names of ALLOWED and refuses all others."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise ValueError(f"names {module}.{name}, which is neither a NumPy array nor a plain container; refused, nothing was run")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError("refers to something outside the file; refused")

    def get_extension(self, code: int) -> Any:
        raise ValueError("uses a registered extension; refused")


def read_pickle(path: str | Path) -> Any:
    """What a file holds: None, numbers, text, lists, tuples, sets, dicts and NumPy arrays, nested.

    Raises ValueError, naming the file, for anything else, a damaged file, or one above MAX_FILE_BYTES.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"{path.name}: {size} bytes, more than {MAX_FILE_BYTES}; not a scenario file")
    try:
        return _plain(_Closed(io.BytesIO(path.read_bytes())).load(), 0, [0])
    except (Exception, RecursionError, MemoryError) as error:  # a hostile file may fail anywhere; all of it is bad input
        raise ValueError(f"{path.name}: no readable scenario pickle ({str(error) or type(error).__name__})") from error


def _plain(value: Any, depth: int, items: list[int]) -> Any:
    """The same with stand-ins replaced by arrays; raises ValueError for anything that is not plain."""
    items[0] += 1
    if depth > MAX_DEPTH or items[0] > MAX_ITEMS:
        raise ValueError(f"nested deeper than {MAX_DEPTH} or more than {MAX_ITEMS} items")
    if isinstance(value, _Array):
        return value.build()
    if isinstance(value, PLAIN):
        return value
    if type(value) is dict:
        return {_plain(k, depth + 1, items): _plain(v, depth + 1, items) for k, v in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_plain(v, depth + 1, items) for v in value)
    raise ValueError(f"holds a {type(value).__name__.lstrip('_')}, which is neither an array nor a plain container")
