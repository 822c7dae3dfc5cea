"""Reading answers from JSON: what is not of the expected form is named."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.frames import Array


def member(value: Any, name: str, what: str) -> Any:
    """A member of a JSON object. Raises ValueError where it is none or lacks it."""
    if not isinstance(value, dict) or name not in value:
        raise ValueError(f"{what} must be an object with {name!r}, got {_shown(value)}")
    return value[name]


def listed(value: Any, what: str) -> list[Any]:
    """A JSON list. Raises ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list, got {_shown(value)}")
    return value


def numbers_of(value: Any, shape: tuple[int, ...], what: str) -> Array:
    """Finite numbers of a shape, -1 for any length. Raises ValueError for anything else, booleans and strings included."""
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.shape == (0,) and (0 in shape or -1 in shape):
        array = np.zeros(tuple(max(n, 0) for n in shape))
    fits = array.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in "iuf" or not fits or not np.isfinite(array).all():
        told = f"finite numbers [{', '.join('N' if n < 0 else str(n) for n in shape)}]" if shape else "a finite number"
        raise ValueError(f"{what} must be {told}, got {_shown(value)}")
    return array.astype(np.float64)


def whole(value: Any, what: str) -> int:
    """An integer from 0 on. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{what} must be a whole number from 0 on, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
