"""Whether two values are equal to the bit, arrays by dtype, shape and bytes."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two values differ; empty where they are equal."""
    if type(one) is not type(other):
        return [f"{path}: {type(one).__name__} and {type(other).__name__}"]
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        return [] if same else [f"{path}: arrays differ"]
    if is_dataclass(one):
        names = [f.name for f in fields(one)]
        return [line for name in names for line in differences(getattr(one, name), getattr(other, name), f"{path}.{name}")]
    if isinstance(one, dict):
        if list(one) != list(other):
            return [f"{path}: keys {list(one)} and {list(other)}"]
        return [line for key in one for line in differences(one[key], other[key], f"{path}.{key}")]
    if isinstance(one, tuple | list):
        if len(one) != len(other):
            return [f"{path}: {len(one)} and {len(other)}"]
        return [line for i, pair in enumerate(zip(one, other, strict=True)) for line in differences(*pair, f"{path}.{i}")]
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]
