"""Bounds of configured values: what lies outside is refused by name before anything is made of it."""

from __future__ import annotations

import math
from typing import Any


def within(config: Any, **limits: tuple[float, float]) -> None:
    """Check fields of a dataclass against (lowest, highest), both allowed; for its `__post_init__`.

    Raises ValueError naming the first field outside; NaN lies outside of everything, infinity of every finite bound.
    """
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not low <= value <= high:
            expected = f"{low:g} or more" if math.isinf(high) else f"{low:g} to {high:g}"
            raise ValueError(f"{type(config).__name__}.{name} must be {expected}, got {str(value)[:40]}")


# Above zero, for values that divide or are a rate.
TINY = 1e-12
# For values that may be large, but not infinite.
HUGE = 1e30
