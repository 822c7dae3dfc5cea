"""What matters around the car, in words and places."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class CriticalObject:
    """One road user or thing that matters. noun: what it is. x_m, y_m: its centre in the ego frame of t0. behaviour: what it does."""

    noun: str
    x_m: float
    y_m: float
    behaviour: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x_m) and math.isfinite(self.y_m)):
            raise ValueError(f"a place is two finite numbers of metres, got {self.x_m}, {self.y_m}")


@dataclass(frozen=True)
class Description:
    """objects: what matters, the most urgent first. words: the scene in a sentence or several."""

    objects: tuple[CriticalObject, ...]
    words: str
