"""How well a network's plans fit the recorded futures of some samples: distances, and bearings where pictures are turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from drive.frames import Array, wrap_angle
from drive.train.mix import Mix

# Bearings of final points nearer than this are noise.
MIN_BEARING_DISTANCE_M = 4.0
_CHUNK = 8


@dataclass(frozen=True, eq=False)
class Fit:
    """planned, recorded [N, T, 3]; times_s [T]; turns [N] degrees by which each sample was turned."""

    planned: Array
    recorded: Array
    times_s: Array
    turns: Array

    @property
    def l2(self) -> Array:
        """Distance at each step, [N, T] metres."""
        return np.linalg.norm((self.planned - self.recorded)[..., :2], axis=-1)

    @property
    def seconds(self) -> list[int]:
        """The steps at 1, 2 and 3 s, as far as the plan goes."""
        return sorted({int(np.abs(self.times_s - t).argmin()) for t in (1.0, 2.0, 3.0)})

    @property
    def l2_average(self) -> float:
        """Mean distance over samples and `seconds`, metres: what the protocols call l2_avg."""
        return float(self.l2[:, self.seconds].mean())

    @property
    def bearing_errors_deg(self) -> Array:
        """Signed error of the final point's bearing, degrees, of samples that end `MIN_BEARING_DISTANCE_M` or more away;
        NaN elsewhere. [N]"""
        far = np.linalg.norm(self.recorded[:, -1, :2], axis=-1) >= MIN_BEARING_DISTANCE_M
        error = wrap_angle(_bearing(self.planned[:, -1]) - _bearing(self.recorded[:, -1]))
        return np.where(far, np.degrees(error), np.nan)

    def rows(self, planner: str) -> list[dict[str, Any]]:
        """Rows for report.json."""
        count = len(self.planned)
        common = {"planner": planner, "protocol": "fit", "requested": count, "scored": count, "failed": 0, "slice": "all"}
        values = {f"l2_{self.times_s[i]:g}s": (self.l2[:, i].mean(), "m") for i in self.seconds}
        values["l2_avg"] = (self.l2_average, "m")
        bearings = np.abs(self.bearing_errors_deg)
        if np.isfinite(bearings).any():
            values["bearing_error"] = (np.nanmean(bearings), "deg")
        return [{**common, "metric": name, "value": float(value), "unit": unit} for name, (value, unit) in values.items()]

    def describe(self) -> str:
        """One line, and a line per angle where samples are turned."""
        at = [f"{self.times_s[i]:g} s {self.l2[:, i].mean():.3f}" for i in self.seconds]
        lines = [f"L2 m: {', '.join(at)}, average {self.l2_average:.3f} ({len(self.planned)} samples)"]
        if len(np.unique(self.turns)) > 1:
            lines += [self._turn_line(turn) for turn in np.unique(self.turns)]
            lines.append(f"bearing off by {np.nanmean(np.abs(self.bearing_errors_deg)):.2f} deg on average over all angles")
        return "\n".join(lines)

    def _turn_line(self, turn: float) -> str:
        at = (self.turns == turn) & np.isfinite(self.bearing_errors_deg)
        planned = np.degrees(np.mean(_bearing(self.planned[at, -1])))
        recorded = np.degrees(np.mean(_bearing(self.recorded[at, -1])))
        error = np.mean(np.abs(self.bearing_errors_deg[at]))
        bearings = f"mean bearing planned {planned:+6.2f}, recorded {recorded:+6.2f}"
        return f"  pictures turned {turn:+5.1f} deg: {bearings}; off by {error:.2f} deg"


def score(planner: Any, samples: Mix, times_s: Array) -> Fit:
    """Greedy plans of all samples beside their recorded futures."""
    planned, recorded = [], []
    for start in range(0, len(samples), _CHUNK):
        chunk = range(start, min(start + _CHUNK, len(samples)))
        found = [samples[i] for i in chunk]
        planned += [plan.best for plan in planner.plan_batch([sample.observation for sample in found])]
        recorded += [sample.target.future.poses for sample in found]
    turns = np.array([samples.turn_degrees(i) for i in range(len(samples))])
    return Fit(np.stack(planned), np.stack(recorded), times_s, turns)


def _bearing(poses: Array) -> Array:
    return np.arctan2(poses[..., 1], poses[..., 0])
