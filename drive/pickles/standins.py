"""What the names in a pickle are answered by: stand-ins that describe arrays and containers and can do nothing else.

No name in a file is ever imported; `drive.pickles.unpickle` looks them up in ALLOWED and refuses all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_ITEMS = 50_000_000
DTYPE_KINDS = "biufSU"
KEYS = (str, int, float, bool, bytes, type(None))


def plain_keys(keys: Any) -> Any:
    """The same items. Raises ValueError for one whose hash a file could choose so that a set or dict of them takes for ever."""
    for key in keys:
        if not isinstance(key, KEYS):
            raise ValueError(f"a {type(key).__name__} as key or member of a set is refused")
    return keys


class NdarrayType:
    """Stands for numpy.ndarray, which files name but need not call."""

    __slots__ = ()


class Dtype:
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


class ArrayParts:
    """An array as a file describes it."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def build(self) -> np.ndarray:
        """The array, read only and on the file's own bytes: many arrays on the same ones cost nothing more.

        Raises ValueError where shape, dtype and bytes do not fit.
        """
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array's state is not plain")
        _, shape, dtype, fortran, data = self.state
        kind = dtype.build() if isinstance(dtype, Dtype) else None
        if kind is None or not isinstance(data, bytes | bytearray) or not isinstance(shape, tuple) or len(shape) > 8:
            raise ValueError("an array's state is not plain")
        if not all(isinstance(n, int) and 0 <= n <= MAX_ITEMS for n in shape):
            raise ValueError(f"an array's shape is absurd: {shape}")
        array = np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")
        array.flags.writeable = False
        return array


class InstanceParts:
    """An object as a file describes it: the name of its class, and its state."""

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


@dataclass(frozen=True)
class Instance:
    """What is left of an object: the name of its class, which is never made, and its state."""

    name: str
    state: Any


class NamedClass:
    """Stands for a class whose objects are described and not made."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any) -> InstanceParts:
        return InstanceParts(self.name)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("sets the state of a class")


class Reconstruct:
    __slots__ = ()

    def __call__(self, *args: Any) -> ArrayParts:
        if len(args) != 3 or not isinstance(args[0], NdarrayType):
            raise ValueError("arrays of another class than numpy.ndarray are refused")
        return ArrayParts()


class MakeDtype:
    __slots__ = ()

    def __call__(self, *args: Any) -> Dtype:
        if not args or not isinstance(args[0], str):
            raise ValueError("a dtype's description is not text")
        return Dtype(args[0])


class MakeScalar:
    __slots__ = ()

    def __call__(self, *args: Any) -> Any:
        if len(args) != 2 or not isinstance(args[0], Dtype) or not isinstance(args[1], bytes):
            raise ValueError("a scalar's description is not plain")
        return np.frombuffer(args[1], args[0].build())[:1].item()


class FromBuffer:
    """How protocol 5 writes arrays."""

    __slots__ = ()

    def __call__(self, *args: Any) -> ArrayParts:
        if len(args) != 4 or not isinstance(args[0], bytes | bytearray) or not isinstance(args[1], Dtype):
            raise ValueError("an array's buffer is not plain")
        array = ArrayParts()
        array.state = (1, args[2], args[1], args[3] == "F", args[0])
        return array


class Factory:
    """A type that a defaultdict names; never called."""

    __slots__ = ()


class MakeDict:
    """Answers collections.defaultdict by a plain dict: what fills gaps is of no use to a reader."""

    __slots__ = ()

    def __call__(self, *args: Any) -> dict:
        if len(args) > 1 or not all(arg is None or isinstance(arg, Factory) for arg in args):
            raise ValueError("a defaultdict's factory is not a plain type")
        return {}


class MakeSet:
    """How older protocols write sets."""

    __slots__ = ()

    def __call__(self, *args: Any) -> set:
        if len(args) != 1 or type(args[0]) is not list:
            raise ValueError("a set's items are not a list")
        return set(plain_keys(args[0]))


# Both names of NumPy 1 and of NumPy 2.
ALLOWED = {
    ("numpy", "ndarray"): NdarrayType(),
    ("numpy", "dtype"): MakeDtype(),
    ("numpy.core.multiarray", "_reconstruct"): Reconstruct(),
    ("numpy._core.multiarray", "_reconstruct"): Reconstruct(),
    ("numpy.core.numeric", "_frombuffer"): FromBuffer(),
    ("numpy._core.numeric", "_frombuffer"): FromBuffer(),
    ("builtins", "set"): MakeSet(),
    ("collections", "defaultdict"): MakeDict(),
    **{("builtins", name): Factory() for name in ("int", "float", "str", "bool", "list", "dict")},
    ("numpy.core.multiarray", "scalar"): MakeScalar(),
    ("numpy._core.multiarray", "scalar"): MakeScalar(),
}
