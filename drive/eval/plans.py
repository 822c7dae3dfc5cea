"""The exchange JSON for plans, anybody's: load, check, save.

    {"meta": {"planner": "name", "frame": "ego" | "lidar", "times_s": [0.5, ...]},
     "results": {sample_token: {"trajectory": [[x, y] or [x, y, heading], ...], "samples"?: [trajectory, ...], "log_prob"?: [...]}},
     "errors"?: {sample_token: reason}}

`trajectory` is the best one; `samples` are all K of them, best first, with their log-probabilities. `ego` is the ego frame
of t0 (x forward, y left, rear axle); `lidar` is nuScenes' LiDAR frame (x right, y forward), see `drive.eval.openloop.lidar`.
A sample whose entry cannot be used is a failed one with a reason; nothing is repaired.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.openloop.lidar import protocol_lidar, rear_axle_path
from drive.eval.openloop.protocol import MAX_RANGE_M
from drive.frames import Array
from drive.poses import axle_poses
from drive.schema import Plan, PlanError, SceneSample

FRAMES = ("ego", "lidar")
TIME_TOLERANCE_S = 0.01
LONGEST_REASON = 300


class _Object(dict):
    """A JSON object that remembers the keys it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.repeated = {key for key in keys if keys.count(key) > 1} if len(self) < len(keys) else set()


@dataclass(frozen=True, eq=False)
class PlanFile:
    """A loaded plans file. `plan(sample)` is the plan of one sample, or a PlanError with the reason why there is none.

    planner: name of who planned. frame, times_s: as declared. problem: why no entry of the file can be used (a frame that
    does not exist, times that are none), else None. repeated: tokens that stand in the file twice.
    """

    planner: str
    frame: Any
    times_s: Array
    results: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    problem: str | None = None

    @property
    def tokens(self) -> list[str]:
        """Every token that the file speaks of."""
        return list(dict.fromkeys([*self.results, *self.errors]))

    def plan(self, sample: SceneSample) -> Plan:
        """The plan of one sample, in the ego frame. Raises PlanError where it is missing or cannot be used."""
        entry = self._entry(sample.token)
        times = self._times(sample.observation.future_times_s)
        best = self._trajectory(entry.get("trajectory"), "trajectory", sample)[:times]
        others = entry.get("samples", [])
        if not isinstance(others, list):
            raise PlanError("samples is not a list of trajectories")
        rest = [self._trajectory(s, f"samples[{i}]", sample)[:times] for i, s in enumerate(others)]
        if rest and not np.allclose(rest[0], best, atol=1e-6):
            raise PlanError("samples[0] is not the trajectory; samples must hold all K of them, the best first")
        return Plan(np.stack(rest or [best]), self.times_s[:times], self._log_probs(entry, max(len(rest), 1)))

    def _entry(self, token: str) -> dict[str, Any]:
        if token in self.repeated:
            raise PlanError("the token stands in the file more than once")
        if token in self.errors:
            raise PlanError(f"reported by the planner: {str(self.errors[token])[:LONGEST_REASON]}")
        if token not in self.results:
            raise PlanError("no plan for this sample in the file")
        if self.problem:
            raise PlanError(self.problem)
        entry = self.results[token]
        if not isinstance(entry, _Object) or entry.repeated or "trajectory" not in entry:
            raise PlanError("the entry is not an object with one trajectory")
        return entry

    def _times(self, asked: Array) -> int:
        """Number of steps asked for, after checking that the file's times begin with them."""
        n = len(asked)
        if len(self.times_s) < n or not np.allclose(self.times_s[:n], asked, rtol=0, atol=TIME_TOLERANCE_S):
            raise PlanError(f"times_s {_short(self.times_s)} disagree with the times asked for, {_short(asked)}")
        return n

    def _trajectory(self, rows: Any, name: str, sample: SceneSample) -> Array:
        path = _numbers(rows, name)
        if path.ndim != 2 or path.shape[1] not in (2, 3) or len(path) != len(self.times_s):
            raise PlanError(f"{name} has shape {list(path.shape)}, expected {len(self.times_s)} steps of [x, y] or [x, y, heading]")
        # A point out of range is refused before any arithmetic can overflow on it.
        check_range(path, name)
        if self.frame == "lidar":
            return rear_axle_path(path, protocol_lidar(sample.target.ego_from_lidar))
        return path if path.shape[1] == 3 else axle_poses(path)

    def _log_probs(self, entry: dict[str, Any], count: int) -> Array | None:
        if entry.get("log_prob") is None:
            return None
        values = _numbers(entry["log_prob"], "log_prob")
        if values.shape != (count,):
            raise PlanError(f"log_prob has shape {list(values.shape)}, expected {count} values")
        return values


def check_range(path: ArrayLike, name: str = "trajectory") -> None:
    """Raises PlanError where a value of [..., >= 2] (x, y first) is not finite or a point lies beyond MAX_RANGE_M."""
    p = np.asarray(path, dtype=np.float64)
    if not np.isfinite(p).all():
        raise PlanError(f"{name} holds NaN or infinity")
    furthest = float(np.abs(p[..., :2]).max(initial=0.0))
    if furthest > MAX_RANGE_M or np.hypot(p[..., 0], p[..., 1]).max(initial=0.0) > MAX_RANGE_M:
        raise PlanError(f"{name} leaves the range of {MAX_RANGE_M:g} m around the ego (coordinate {furthest:.4g} m)")


def bare_plan(plan: ArrayLike | PlanError | None, steps: int, columns: Collection[int], meaning: str) -> Array:
    """A benchmark's answer, [steps, one of columns] with x, y first -> float64. Raises PlanError for anything else, a reason included."""
    if plan is None or isinstance(plan, PlanError):
        raise plan or PlanError("no plan for this sample")
    try:
        path = np.asarray(plan, dtype=np.float64)
    except (TypeError, ValueError):
        raise PlanError("the plan is no regular array of numbers") from None
    if path.ndim != 2 or len(path) != steps or path.shape[1] not in columns:
        raise PlanError(f"the plan has shape {list(path.shape)}, expected {steps} {meaning}")
    check_range(path)
    return path


def load_plans(path: str | Path) -> PlanFile:
    """Reads a plans file. Raises ValueError where it is no such file at all (not JSON, no meta or results)."""
    path = Path(path)
    try:
        data = json.loads(path.read_bytes(), object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    except OSError as error:
        raise ValueError(f"cannot read plans from {path}: {error.strerror}") from error
    for key in ("meta", "results"):
        if not isinstance(data, _Object) or key in data.repeated or not isinstance(data.get(key), _Object):
            raise ValueError(f'{path} has no single object "{key}"; expected {{"meta": {{...}}, "results": {{token: ...}}}}')
    meta, results, errors = data["meta"], data["results"], data.get("errors", {})
    if meta.repeated or "errors" in data.repeated or not isinstance(errors, dict):
        raise ValueError(f'{path}: "meta" gives a key twice, or "errors" is not one object of token: reason')
    times, problem = _declared(meta)
    repeated = frozenset(results.repeated | getattr(errors, "repeated", set()) | (set(results) & set(errors)))
    return PlanFile(str(meta.get("planner") or path.stem), meta.get("frame"), times, results, errors, repeated, problem)


def save_plans(
    path: str | Path, planner: str, plans: Mapping[str, Plan], times_s: ArrayLike, errors: Mapping[str, str] | None = None
) -> None:
    """Writes plans (token -> Plan, all at times_s, ego frame) and failures (token -> reason), atomically."""
    times = np.asarray(times_s, dtype=np.float64)
    for token, plan in plans.items():
        if plan.times_s.shape != times.shape or not np.allclose(plan.times_s, times, rtol=0, atol=TIME_TOLERANCE_S):
            raise ValueError(f"plan of {token} is at times {plan.times_s.tolist()}, expected {times.tolist()}")
    results = {}
    for token, plan in plans.items():
        entry: dict[str, Any] = {"trajectory": plan.best.tolist()}
        if len(plan.trajectories) > 1:
            entry["samples"] = plan.trajectories.tolist()
        if plan.log_probs is not None:
            entry["log_prob"] = np.asarray(plan.log_probs, dtype=np.float64).tolist()
        results[token] = entry
    meta = {"planner": planner, "frame": "ego", "times_s": times.tolist()}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps({"meta": meta, "results": results, "errors": dict(errors or {})}, allow_nan=False))
    os.replace(partial, path)


def looks_like_other_frame(plan_xy: ArrayLike, record_xy: ArrayLike, frame: str) -> bool:
    """Whether a file's plans lie across the recorded drives just as they would if `frame` were declared wrongly.

    plan_xy, record_xy [N, 2]: last points in the ego frame as declared. Only clear movements are asked; all but a tenth
    must be more than 60 degrees off as declared and less than 30 degrees off read the other way.
    """
    plan, record = np.asarray(plan_xy, dtype=np.float64), np.asarray(record_xy, dtype=np.float64)
    clear = (np.hypot(*plan.T) > 2.0) & (np.hypot(*record.T) > 5.0)
    if clear.sum() < 3:
        return False
    # lidar (x right, y forward) read as ego lies at +90 degrees' turn too little, and the other way round.
    turn = -np.pi / 2 if frame == "ego" else np.pi / 2
    bearing = np.arctan2(plan[clear, 1], plan[clear, 0]) - np.arctan2(record[clear, 1], record[clear, 0])

    def off(angle: Array) -> Array:
        return np.abs(np.arctan2(np.sin(angle), np.cos(angle)))

    return bool((off(bearing) > np.radians(60)).mean() >= 0.9 and (off(bearing + turn) < np.radians(30)).mean() >= 0.9)


def _declared(meta: dict[str, Any]) -> tuple[Array, str | None]:
    """Declared times and what is wrong with the declaration, if anything."""
    if meta.get("frame") not in FRAMES:
        return np.zeros(0), f"meta.frame is {str(meta.get('frame'))[:40]!r}, expected one of {', '.join(FRAMES)}"
    try:
        times = _numbers(meta.get("times_s"), "meta.times_s")
    except PlanError as error:
        return np.zeros(0), str(error)
    if times.ndim != 1 or not len(times) or not (np.diff(times, prepend=0.0) > 0).all():
        return np.zeros(0), "meta.times_s is not a list of increasing times after t0"
    return times, None


def _numbers(value: Any, name: str) -> Array:
    """Nested JSON lists of finite numbers -> array; strings, booleans, null and ragged lists are refused."""

    def plain(item: Any) -> bool:
        return all(map(plain, item)) if isinstance(item, list) else isinstance(item, int | float) and not isinstance(item, bool)

    try:
        if not isinstance(value, list) or not plain(value):
            raise ValueError
        array = np.array(value, dtype=np.float64)
    except (ValueError, OverflowError, RecursionError):
        raise PlanError(f"{name} is not a regular list of numbers") from None
    if not np.isfinite(array).all():
        raise PlanError(f"{name} holds NaN or infinity")
    return array


def _short(times: Array) -> str:
    return f"[{', '.join(f'{t:g}' for t in times[:8])}{', ...' if len(times) > 8 else ''}]"
