"""Waymo's end-to-end benchmark (WOD-E2E): displacement error and rater feedback score of one plan of 5 s at 4 Hz.

Source: waymo-research/waymo-open-dataset, commit 99a4cb3 (`rater_feedback_utils.py`, end-to-end tutorial). Quirks kept: at most
three rated trajectories are looked at, further ones are dropped; 3 s and 5 s may be matched to different raters, though only a
plan within one rater's region at both times escapes the floor; where a label is 0, a plan in its region gets less than one
that is nowhere near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.plans import bare_plan
from drive.eval.result import BenchmarkResult, MetricResult
from drive.frames import Array
from drive.schema import PlanError

RATE_HZ = 4
STEPS = 5 * RATE_HZ
HORIZONS_S = (3, 5)
LATERAL_M = np.array([1.0, 1.8])  # half width of the trust region at the horizons
LENGTH_RATIO = 4.0  # longitudinal to lateral
SPEED_RANGE_MPS = 1.4, 11.0  # between them the region grows from half to full size
DECAY = 0.1  # per region size outside
FLOOR = 4.0
RATERS = 3


@dataclass(frozen=True, eq=False)
class RatedSample:
    """A moment with its record and ratings, in the ego frame of t0 (metres).

    future [T >= 20, 2]: the recorded positions, or None. raters: trajectories [T, 2] at 4 Hz from 0.25 s on, with one label
    0 .. 10 each; empty where the moment is not rated. speed_mps: at t0. cluster: of the leaderboard's scenarios, empty where not told.
    Raises ValueError for values out of range.
    """

    token: str
    speed_mps: float
    raters: Sequence[Array] = ()
    labels: Sequence[float] = ()
    future: Array | None = None
    cluster: str = ""

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels, dtype=np.float64)
        if len(labels) != len(self.raters) or not ((labels >= 0) & (labels <= 10)).all():
            raise ValueError(f"sample {self.token}: need one label in 0 .. 10 per rated trajectory, got {labels.tolist()}")
        if not self.speed_mps >= 0 or not np.isfinite(self.speed_mps):
            raise ValueError(f"sample {self.token}: speed_mps must be finite and >= 0, got {self.speed_mps}")
        for path in (*self.raters, *([] if self.future is None else [self.future])):
            if np.ndim(path) != 2 or np.shape(path)[1] != 2 or not len(path) or not np.isfinite(path).all():
                raise ValueError(f"sample {self.token}: paths must be finite [T, 2], got shape {np.shape(path)}")
        if self.future is not None and len(self.future) < STEPS:
            raise ValueError(f"sample {self.token}: the record has {len(self.future)} steps, {STEPS} are needed")


def wod_e2e(samples: Sequence[RatedSample], plans: Sequence[ArrayLike | PlanError | None]) -> BenchmarkResult:
    """Plans [20, 2 or 3] for N samples -> `rfs` (0 .. 10, over rated samples), `ade_3s` and `ade_5s` (m, over recorded ones).

    A plan that cannot be used has rfs 0 and no displacement error. Raises ValueError where numbers disagree or a token stands twice.
    """
    if len(samples) != len(plans):
        raise ValueError(f"need one plan per sample, got {len(plans)} plans for {len(samples)} samples")
    if len({sample.token for sample in samples}) != len(samples):
        raise ValueError("samples must have different tokens, some have the same")
    failures, paths = {}, np.zeros((len(samples), STEPS, 2))
    for i, (sample, plan) in enumerate(zip(samples, plans, strict=True)):
        try:
            paths[i] = bare_plan(plan, STEPS, (2, 3), f"points of x, y at {RATE_HZ} Hz")[:, :2]
        except PlanError as error:
            failures[sample.token] = str(error)
    failed = np.array([sample.token in failures for sample in samples], dtype=bool)
    rated = np.array([len(sample.raters) > 0 for sample in samples], dtype=bool)
    scores, asked = np.zeros(len(samples)), np.flatnonzero(rated & ~failed)
    scores[asked] = rater_feedback([samples[i] for i in asked], paths[asked])[0]
    metrics = {"rfs": MetricResult("rfs", scores, rated, failed, "")}
    for seconds in HORIZONS_S:
        name, values, valid = f"ade_{seconds}s", np.zeros(len(samples)), np.zeros(len(samples), dtype=bool)
        for i, sample in enumerate(samples):
            if sample.future is not None and not failed[i]:
                values[i], valid[i] = displacement(paths[i], sample.future, seconds), True
        metrics[name] = MetricResult(name, values, valid, failed, "m")
    return BenchmarkResult(metrics, failures)


def displacement(path: Array, record: Array, seconds: int) -> float:
    """Mean distance, m, of two paths [T, 2] over the first `seconds`."""
    steps = seconds * RATE_HZ
    return float(np.hypot(*(path[:steps] - np.asarray(record)[:steps]).T).mean())


def rater_feedback(samples: Sequence[RatedSample], paths: Array) -> tuple[Array, Array]:
    """Rated samples and paths [N, 20, 2] -> score [N] 0 .. 10, and whether [N] the path is within a trust region throughout.

    A region is a box around a rated trajectory's point at 3 s and at 5 s, along its direction there. Inside, the label
    counts in full; outside it decays with the distance. The score is the mean of the best value at 3 s and the best at 5 s,
    at least FLOOR for a path that is within no rater's region at both.
    """
    if not samples:
        return np.zeros(0), np.zeros(0, dtype=bool)
    raters = np.stack([_three([_to_length(r) for r in s.raters]) for s in samples])
    labels = np.stack([_three(list(s.labels)) for s in samples]).astype(np.float64)
    speeds = np.array([s.speed_mps for s in samples])
    at = np.array(HORIZONS_S) * RATE_HZ - 1
    along = _directions(raters)[:, :, at]
    across = np.stack([-along[..., 1], along[..., 0]], -1)
    offset = paths[:, None, at] - raters[:, :, at]
    low, high = SPEED_RANGE_MPS
    width = np.clip(0.5 + 0.5 * (speeds - low) / (high - low), 0.5, 1.0)[:, None, None] * LATERAL_M
    lateral, ahead = np.abs((offset * across).sum(-1)), np.abs((offset * along).sum(-1))
    distance = np.maximum(lateral / width, ahead / (LENGTH_RATIO * width))
    within = (distance <= 1.0).all(-1).any(1)
    score = (labels[..., None] * DECAY ** np.maximum(distance - 1.0, 0.0)).max(1).mean(-1)
    return np.where(within, score, np.maximum(score, FLOOR)), within


def _to_length(path: Array) -> Array:
    """Cut to STEPS points, or filled up with the last one."""
    p = np.asarray(path, dtype=np.float64)[:STEPS]
    return np.concatenate([p, np.repeat(p[-1:], STEPS - len(p), axis=0)])


def _three(values: list) -> Array:
    """The first RATERS values, or filled up with the last one."""
    return np.stack([values[min(i, len(values) - 1)] for i in range(RATERS)])


def _directions(paths: Array) -> Array:
    """Unit vectors [..., T, 2] in which the points of paths [..., T, 2] from the origin are reached; a point that repeats the
    one before keeps its direction, ahead (1, 0) at the start."""
    steps = np.diff(paths, axis=-2, prepend=0.0)
    moved = np.linalg.norm(steps, axis=-1) > 0
    last = np.maximum.accumulate(np.where(moved, np.arange(moved.shape[-1]), -1), axis=-1)
    steps = np.where(last[..., None] < 0, [1.0, 0.0], np.take_along_axis(steps, np.maximum(last, 0)[..., None], axis=-2))
    return steps / np.linalg.norm(steps, axis=-1, keepdims=True)
