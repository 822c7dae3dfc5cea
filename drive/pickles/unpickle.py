"""The one place that reads pickles, by an unpickler that admits NumPy arrays, plain containers and what its caller names besides.

The few names that such files hold are answered by stand-ins (`standins.py`; `results.py`: also tensors and the objects of others'
results), everything else is refused by name. Python's own unpickler is used, not the C one, whose memo a file can make grow without
bound; its loop is run here, with a budget of instructions and time, and what it leaves is counted as a reader would meet it: a list
that stands in a list ten times is ten lists.
"""

from __future__ import annotations

import io
import os
import pickle  # only for its `_Unpickler`, with find_class closed
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

from drive.pickles.standins import ALLOWED, MAX_ITEMS, ArrayParts, Instance, InstanceParts, NamedClass, plain_keys

MAX_FILE_BYTES = 500_000_000
MAX_INSTRUCTIONS = 10_000_000  # the largest of eight published scenes has 0.15 million
MAX_SECONDS = 120.0
MAX_DEPTH = 30
MAX_INT = 2**63
CHECK_EVERY = 4096
# No pickle begins so that is not refused anyway.
OTHER_KINDS = {
    b"{": "JSON text",
    b"[": "JSON text",
    b"PK\x03\x04": "a ZIP archive (numpy's .npz, a checkpoint of torch)",
    b"\x93NUMPY": "an array of numpy (.npy)",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
}
PLAIN = (type(None), bool, int, float, str, bytes)


class Closed(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """The unpickler whose find_class answers `names` and refuses all others, and whose loop ends.

    names: (module, name) -> stand-in; a module "*" stands for any. scale: how many times the usual budget it may take.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, file: IO[bytes], size: int, names: Mapping[tuple[str, str], Any], scale: float = 1) -> None:
        super().__init__(file)
        self.size, self.names = size, names
        self.instructions, self.seconds = int(MAX_INSTRUCTIONS * scale), MAX_SECONDS * max(scale, 1)
        self.ends = time.monotonic() + self.seconds

    def load(self) -> Any:
        """`_Unpickler.load`, counted."""
        self._unframer = pickle._Unframer(self._file_read, self._file_readline)  # type: ignore[attr-defined]
        self.read, self.readinto, self.readline = self._unframer.read, self._unframer.readinto, self._unframer.readline
        self.metastack: list[list] = []
        self.stack: list = []
        self.append = self.stack.append
        try:
            for count in range(self.instructions):
                if count % CHECK_EVERY == 0 and time.monotonic() > self.ends:
                    raise ValueError(f"takes longer than {self.seconds:.0f} s to read")
                key = self.read(1)
                if not key:
                    raise EOFError("ends in the middle")
                self.dispatch[key[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]
            return stop.value
        raise ValueError(f"more than {self.instructions} instructions")

    def find_class(self, module: str, name: str) -> Any:
        found = self.names.get((module, name), self.names.get(("*", name)))
        if found is None:
            raise ValueError(f"names {module}.{name}, which is neither a NumPy array nor a plain container; refused, nothing was run")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError("refers to something outside the file; refused")

    def get_extension(self, code: int) -> Any:
        raise ValueError("uses a registered extension; refused")

    def bounded_int(self, load: Any) -> None:
        """An integer, refused beyond 64 bits: larger ones can all have the same hash."""
        load(self)
        if not -MAX_INT <= self.stack[-1] < MAX_INT:
            raise ValueError("an integer of more than 64 bits is refused")

    def checked_keys(self, load: Any, every: int) -> None:
        """A dict or set filled from the stack, after a look at the keys."""
        plain_keys(self.stack[::every])
        load(self)

    def new_object(self, _: Any) -> None:
        """An instance of a class: a description of it, where the class is one that `names` answers."""
        arguments, named = self.stack.pop(), self.stack.pop()
        if not isinstance(named, NamedClass) or type(arguments) is not tuple:
            raise ValueError("makes an instance of something that is no class")
        self.append(named(*arguments))

    def bounded_bytearray(self, load: Any) -> None:
        """A bytearray no longer than the file that holds it."""
        data = self._unframer.read(8)
        length = int.from_bytes(data, "little")
        if len(data) < 8 or length > self.size:
            raise ValueError(f"a bytearray of {length} bytes is longer than the file")
        self.append(bytearray(self.read(length)))


def _replaced() -> dict[int, Any]:
    """Instructions that are looked at before or after they run."""
    load = pickle._Unpickler.dispatch  # type: ignore[attr-defined]
    ints = {code[0]: (lambda self, f=load[code[0]]: self.bounded_int(f)) for code in (pickle.LONG, pickle.LONG1, pickle.LONG4, pickle.INT)}
    sets = {c[0]: (lambda self, f=load[c[0]]: self.checked_keys(f, 1)) for c in (pickle.ADDITEMS, pickle.FROZENSET)}
    dicts = {c[0]: (lambda self, f=load[c[0]]: self.checked_keys(f, 2)) for c in (pickle.SETITEMS, pickle.DICT)}
    one = {pickle.SETITEM[0]: lambda self: (plain_keys(self.stack[-2:-1]), load[pickle.SETITEM[0]](self))}
    new = {pickle.NEWOBJ[0]: lambda self: self.new_object(load)}
    return {**ints, **sets, **dicts, **one, **new, pickle.BYTEARRAY8[0]: lambda self: self.bounded_bytearray(load)}


Closed.dispatch.update(_replaced())


def read_pickle(path: str | Path, what: str = "scenario", names: Mapping[tuple[str, str], Any] = ALLOWED, scale: int = 1) -> Any:
    """What a file holds: None, numbers, text, lists, tuples, sets, dicts and NumPy arrays (read only), nested.

    what: what the messages call the file. names: which names it may hold, and what answers them (`results.NAMES`: tensors as
    arrays, objects as `Instance`). scale: how many times the usual budget the file may take.

    Raises ValueError, naming the file, for anything else, a damaged file, one above MAX_FILE_BYTES, one that takes more than the
    budget of instructions, items or time, and for what is no regular file. What is missing raises FileNotFoundError.
    """
    path, data = Path(path), b""
    try:
        data = _bytes(path, MAX_FILE_BYTES * scale, what)
        return unpickled(io.BytesIO(data), len(data), names, scale)
    except FileNotFoundError:
        raise
    except (Exception, RecursionError, MemoryError) as error:  # a hostile file may fail anywhere; all of it is bad input
        raise ValueError(f"{path.name}: no readable {what} pickle ({_why(data, error)})") from error


def _why(data: bytes, error: BaseException) -> str:
    """Why a file is no pickle that can be read: what it looks like instead, or what went wrong."""
    kind = next((kind for start, kind in OTHER_KINDS.items() if data[:64].lstrip().startswith(start)), None)
    if kind is not None:
        return f"it looks like {kind}, which is no pickle"
    if isinstance(error, KeyError | pickle.UnpicklingError):
        return f"it is no pickle, or a damaged one: {f'byte {error} is no instruction' if isinstance(error, KeyError) else error}"
    return str(error) or type(error).__name__


def unpickled(file: IO[bytes], size: int, names: Mapping[tuple[str, str], Any], scale: int = 1) -> Any:
    """As `read_pickle`, of size bytes that are in memory. A damaged or hostile pickle may raise anything."""
    return _Plain(MAX_ITEMS * scale).of(Closed(file, size, names, scale).load(), 0)[0]


def _bytes(path: Path, most: int, what: str) -> bytes:
    """The bytes of a regular file; a pipe or device would wait for ever or never end."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("not a regular file")
        if about.st_size > most:
            raise ValueError(f"{about.st_size} bytes, more than {most}; not a {what} file")
        return file.read(most)


class _Plain:
    """Replaces stand-ins by arrays, each object once; refuses what is not plain, and what grows too large where it is read."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.done: dict[int, tuple[Any, int]] = {}
        self.kept: list[Any] = []  # so that no id is given twice

    def of(self, value: Any, depth: int) -> tuple[Any, int]:
        """A value -> the plain one, and the items that a reader meets in it."""
        if isinstance(value, PLAIN):
            return value, 1
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if id(value) not in self.done:
            result, items = self._new(value, depth)
            if items > self.most:
                raise ValueError(f"holds more than {self.most} items")
            self.done[id(value)] = result, items
            self.kept.append(value)
        return self.done[id(value)]

    def _new(self, value: Any, depth: int) -> tuple[Any, int]:
        if isinstance(value, ArrayParts):
            array = value.build()
            return array, 1 + array.size
        if isinstance(value, InstanceParts):
            state, items = self.of(value.state, depth + 1)
            return Instance(value.name, state), 1 + items
        if type(value) is dict:
            pairs = [(self.of(k, depth + 1), self.of(v, depth + 1)) for k, v in value.items()]
            return {k[0]: v[0] for k, v in pairs}, 1 + sum(k[1] + v[1] for k, v in pairs)
        if type(value) in (list, tuple, set, frozenset):
            parts = [self.of(v, depth + 1) for v in value]
            return type(value)(part[0] for part in parts), 1 + sum(part[1] for part in parts)
        raise ValueError(f"holds a {type(value).__name__}, which is neither an array nor a plain container")
