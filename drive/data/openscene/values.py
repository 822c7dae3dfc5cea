"""A dictionary out of a log: its values, each of the kind and shape that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.frames import Array, is_rigid


class LogValues:
    """A dictionary of a pickle, and what it is called in messages."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{where}: a {type(values).__name__}, expected a dictionary")
        self.values, self.where = values, where

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Any:
        """A value. Raises ValueError where it is missing."""
        if name not in self.values:
            raise ValueError(f"{self.where}: no {name!r}; it has {', '.join(map(str, list(self.values)[:30]))}")
        return self.values[name]

    def text(self, name: str) -> str:
        """Some text."""
        value = self.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self.where}: {name} is {str(value)[:40]!r}, expected text")
        return value

    def words(self, name: str, count: int) -> tuple[str, ...]:
        """So many texts, of a list or an array."""
        value = self.get(name)
        found = list(value) if isinstance(value, list | tuple | np.ndarray) else []
        if len(found) != count or not all(isinstance(word, str) for word in found):
            raise ValueError(f"{self.where}: {name} holds {len(found)} values, expected {count} texts")
        return tuple(map(str, found))

    def numbers(self, name: str, *shape: int | None, finite: bool = True) -> Array:
        """Numbers of a shape, finite unless said otherwise; None: any length. Of an empty list or array the shape is taken for granted."""
        given = self.get(name)
        try:
            value = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{self.where}: {name} holds no numbers") from None
        if value.size == 0 and shape and shape[0] is None:
            return np.zeros((0, *(n or 0 for n in shape[1:])))
        if len(shape) != value.ndim or any(n not in (None, m) for n, m in zip(shape, value.shape, strict=True)):
            expected = " x ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{self.where}: {name} has the shape {list(value.shape)}, expected {expected}")
        if finite and not np.isfinite(value).all():
            raise ValueError(f"{self.where}: {name} holds a value that is not finite")
        return value

    def pose(self, name: str) -> Array:
        """A rigid motion [4, 4]."""
        return self._rigid(name, self.numbers(name, 4, 4))

    def pose_of(self, rotation: str, translation: str) -> Array:
        """A rigid motion of a rotation [3, 3] and a translation [3]."""
        m = np.eye(4)
        m[:3, :3], m[:3, 3] = self.numbers(rotation, 3, 3), self.numbers(translation, 3)
        return self._rigid(rotation, m)

    def _rigid(self, name: str, m: Array) -> Array:
        if not is_rigid(m):
            raise ValueError(f"{self.where}: {name} is no rigid motion")
        return m
