"""Pickles out, for others' tools that take nothing else: plain values, arrays, and objects by the names of their classes.

The instructions are written here one by one (protocol 3), so that objects of packages which are not installed can be: whoever reads the
file makes them.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from drive.pickles.standins import Instance

HEAD, STOP = b"\x80\x03", b"."
MARK, TUPLE, REDUCE, BUILD, NEW_OBJECT, NO_ARGUMENTS = b"(", b"t", b"R", b"b", b"\x81", b")"


def pickle_bytes(value: Any) -> bytes:
    """A pickle of None, booleans, integers of 64 bits, floats, text, bytes, lists, tuples, dicts, arrays of numbers, `Instance`s.

    Raises ValueError for anything else.
    """
    return HEAD + _of(value) + STOP


def _of(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return b"\x8a\x08" + struct.pack("<q", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return (b"X" if isinstance(value, str) else b"B") + struct.pack("<I", len(data)) + data
    if isinstance(value, list):
        return b"]" + MARK + b"".join(map(_of, value)) + b"e"
    if isinstance(value, tuple):
        return MARK + b"".join(map(_of, value)) + TUPLE
    if isinstance(value, dict):
        return b"}" + MARK + b"".join(_of(key) + _of(item) for key, item in value.items()) + b"u"
    if isinstance(value, Instance):
        return _name(*value.name.rsplit(".", 1)) + NO_ARGUMENTS + NEW_OBJECT + _of(value.state) + BUILD
    if isinstance(value, np.ndarray):
        return _array(value)
    raise ValueError(f"{value!r:.40} of type {type(value).__name__} cannot be written")


def _name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _array(value: np.ndarray) -> bytes:
    """As numpy's own, under the module's name that both numpy 1 and 2 know."""
    if value.dtype.kind not in "biuf":
        raise ValueError(f"an array of {value.dtype} cannot be written")
    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    kind = f"{plain.dtype.kind}{plain.dtype.itemsize}"
    dtype = _name("numpy", "dtype") + _of((kind, False, True)) + REDUCE
    dtype += _of((3, "|" if plain.dtype.itemsize == 1 else "<", None, None, None, -1, -1, 0)) + BUILD
    empty = _name("numpy.core.multiarray", "_reconstruct") + MARK + _name("numpy", "ndarray") + _of((0,)) + _of(b"b") + TUPLE + REDUCE
    return empty + MARK + _of(1) + _of(tuple(map(int, value.shape))) + dtype + _of(False) + _of(plain.tobytes()) + TUPLE + BUILD
