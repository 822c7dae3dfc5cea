"""Answer of `roads`: the lanes around the ego as lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.frames import Array


@dataclass(frozen=True, eq=False)
class LaneLines:
    """L centrelines, each [N >= 2, 2] metres in the ego frame of t0 and in driving direction. scores [L], 0 to 1. left_out: how many more
    there were. Raises ValueError where a line is none, a value is not finite or the scores are not [L]."""

    lines: tuple[Array, ...]
    scores: Array
    left_out: int = 0

    def __post_init__(self) -> None:
        lines = tuple(np.asarray(line, dtype=np.float64) for line in self.lines)
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "scores", np.asarray(self.scores, dtype=np.float64).reshape(-1))
        for line in lines:
            if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2 or not np.isfinite(line).all():
                raise ValueError(f"a lane line must be finite [N >= 2, 2], got shape {line.shape}")
        if len(self.scores) != len(lines) or not np.isfinite(self.scores).all() or self.left_out < 0:
            raise ValueError(f"{len(lines)} lane lines need as many scores, and left_out >= 0; got {self.scores}, {self.left_out}")

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def ends_m(self) -> Array:
        """How far from the ego's origin each line ends, [L]."""
        return np.array([float(np.hypot(*line[-1])) for line in self.lines], dtype=np.float64)
