"""The exchange JSON for plans, anybody's: load, check, save.

    {"meta": {"planner": "name", "frame": "ego" | "lidar", "times_s": [0.5, ...], "columns"?: ["x", "y"] | ["x", "y", "heading"]},
     "results": {sample_token: {"trajectory": [[x, y] or [x, y, heading], ...], "samples"?: [trajectory, ...], "log_prob"?: [...],
                              "degraded"?: {"probability": 0..1, "reasons"?: [text, ...], "fallback"?: "none" | "slow" | "stop"}}},
     "errors"?: {sample_token: reason}}

`trajectory` is the best one; `samples` are all K of them, best first, with their log-probabilities. `degraded` says
whether the planner could see (`drive.schema.Degraded`). `ego` is the ego frame
of t0 (x forward, y left, rear axle); `lidar` is nuScenes' LiDAR frame (x right, y forward), see `drive.eval.openloop.lidar`.
A sample whose entry cannot be used is a failed one with a reason; nothing is repaired.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drive.eval.openloop.lidar import protocol_lidar, rear_axle_path
from drive.eval.openloop.protocol import MAX_RANGE_M
from drive.eval.plan_columns import COLUMNS, FULL_TURN, check_headings, column_problem, declared_columns
from drive.eval.plan_json import Object, guessed_format, numbers, read_json, shown
from drive.eval.plan_times import TIME_TOLERANCE_S, taken_at
from drive.frames import Array, heading_of, wrap_angle
from drive.poses import axle_poses
from drive.schema import Degraded, Plan, PlanError, SceneSample

FRAMES = ("ego", "lidar")
LONGEST_NAME = 80
UNIT = "coordinates are metres: are these cm or mm?"  # no car goes so far


@dataclass(frozen=True, eq=False)
class PlanFile:
    """A loaded plans file. `plan(sample)` is the plan of one sample, or a PlanError with the reason why there is none.

    planner: name of who planned. frame, times_s, columns: as declared (columns None: by the width of the rows). problem: why no
    entry of the file can be used (a frame that does not exist, times that are none, a third column that is no heading), else None.
    repeated: tokens that stand in the file twice. path: where it was read. hint: the other format that it looks like, or "".
    """

    planner: str
    frame: Any
    times_s: Array
    results: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    problem: str | None = None
    columns: tuple[str, ...] | None = None
    path: Path = Path("plans.json")
    hint: str = ""

    @property
    def tokens(self) -> list[str]:
        """Every token that the file speaks of."""
        return list(dict.fromkeys([*self.results, *self.errors]))

    def plan(self, sample: SceneSample) -> Plan:
        """The plan of one sample, in the ego frame. Raises PlanError where it is missing or cannot be used."""
        return self.plan_at(sample.token, sample.observation.future_times_s, sample.target.ego_from_lidar)

    def plan_at(self, token: str, asked: Array, ego_from_lidar: Array | None = None) -> Plan:
        """The plan of one token at the times [T] asked for, in the ego frame. Raises PlanError as `plan`."""
        lidar = protocol_lidar(ego_from_lidar) if self.frame == "lidar" else None
        paths, log_probs = self.rows(token, asked, -float(heading_of(lidar)) if lidar is not None else 0.0)
        if lidar is not None:
            poses = [rear_axle_path(path, lidar) for path in paths]
        else:
            poses = [axle_poses(path[:, :2], headings=path[:, 2] if path.shape[1] == 3 else None) for path in paths]
        return Plan(np.stack(poses), asked, log_probs, degraded=self.degraded(token))

    def degraded(self, token: str) -> Degraded | None:
        """What one entry says of what its planner could see; None where it says nothing. Raises PlanError as `plan`."""
        told = self._entry(token).get("degraded")
        if isinstance(told, Object) and told.repeated:
            raise PlanError("degraded gives a key twice")
        try:
            return None if told is None else Degraded.from_json(told)
        except ValueError as error:
            raise PlanError(shown(str(error))) from None

    def rows(self, token: str, asked: Array, ahead: float) -> tuple[list[Array], Array | None]:
        """The trajectories [T, 2 or 3] of one entry at the times asked for, in the file's frame, best first, and their
        log-probabilities. ahead: the heading there that looks along the ego's +x. Raises PlanError."""
        entry = self._entry(token)
        steps = taken_at(self.times_s, asked)
        best = self._trajectory(entry.get("trajectory"), "trajectory", ahead)
        others = entry.get("samples", [])
        if not isinstance(others, list):
            raise PlanError("samples is not a list of trajectories")
        rest = [self._trajectory(s, f"samples[{i}]", ahead) for i, s in enumerate(others)]
        if rest and (rest[0].shape != best.shape or not np.allclose(rest[0], best, atol=1e-6)):
            raise PlanError("samples[0] is not the trajectory; samples must hold all K of them, the best first")
        return [steps.of(path, ahead) for path in rest or [best]], self._log_probs(entry, max(len(rest), 1))

    def interpolated(self, asked: ArrayLike) -> list[float]:
        """The times asked for at which the file has no point, so that its plans are interpolated; none where they cannot be used."""
        wanted = np.asarray(asked, dtype=np.float64)
        try:
            return [float(t) for t in wanted[taken_at(self.times_s, wanted).between]]
        except PlanError:
            return []

    def require_usable(self, asked: ArrayLike) -> None:
        """Raises ValueError where no entry of the file can be used at the times [T] asked for, with the first one's reason."""
        reason = self.problem or "the file has no entry"
        for token in self.tokens:
            try:
                self.rows(token, np.asarray(asked, dtype=np.float64), _ahead_in(self.frame))
                return
            except PlanError as error:
                reason = reason if token != self.tokens[0] else str(error)
        raise ValueError(f"no entry of {self.path} can be used: {reason}{self.hint}")

    def _entry(self, token: str) -> dict[str, Any]:
        if token in self.repeated:
            raise PlanError("the token stands in the file more than once")
        if token in self.errors:
            raise PlanError(f"reported by the planner: {shown(self.errors[token])}")
        if token not in self.results:
            raise PlanError("no plan for this sample in the file")
        if self.problem:
            raise PlanError(self.problem)
        entry = self.results[token]
        if not isinstance(entry, Object) or entry.repeated or "trajectory" not in entry:
            raise PlanError("the entry is not an object with one trajectory")
        return entry

    def _trajectory(self, rows: Any, name: str, ahead: float) -> Array:
        path = numbers(rows, name)
        widths = (len(self.columns),) if self.columns else (2, 3)
        if path.ndim != 2 or path.shape[1] not in widths or len(path) != len(self.times_s):
            meant = " or ".join(f"[{', '.join(COLUMNS[width - 2])}]" for width in widths)
            raise PlanError(f"{name} has shape {list(path.shape)}, expected {len(self.times_s)} steps of {meant}")
        # A point out of range is refused before any arithmetic can overflow on it.
        check_range(path, name)
        if path.shape[1] == 3:
            check_headings(path, name, ahead)
        return path

    def _log_probs(self, entry: dict[str, Any], count: int) -> Array | None:
        if entry.get("log_prob") is None:
            return None
        values = numbers(entry["log_prob"], "log_prob")
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
        raise PlanError(f"{name} leaves the range of {MAX_RANGE_M:g} m around the ego (coordinate {furthest:.4g} m; {UNIT})")


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
    data = read_json(path)
    for key in ("meta", "results"):
        if not isinstance(data, Object) or key in data.repeated or not isinstance(data.get(key), Object):
            expected = 'expected {"meta": {...}, "results": {token: ...}}'
            raise ValueError(f'{path} has no single object "{key}"; {expected}{guessed_format(data)}')
    meta, results, errors = data["meta"], data["results"], data.get("errors", {})
    if meta.repeated or "errors" in data.repeated or not isinstance(errors, dict):
        raise ValueError(f'{path}: "meta" gives a key twice, or "errors" is not one object of token: reason')
    times, problem = _declared(meta)
    columns = tuple(meta["columns"]) if problem is None and meta.get("columns") is not None else None
    problem = problem or column_problem(_three_columns(results, len(times)), _ahead_in(meta["frame"]))
    repeated = frozenset(results.repeated | getattr(errors, "repeated", set()) | (set(results) & set(errors)))
    name = shown(meta.get("planner") or path.stem, LONGEST_NAME)
    return PlanFile(name, meta.get("frame"), times, results, errors, repeated, problem, columns, path, guessed_format(data))


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
        paths = plan.trajectories.copy()
        # Headings that count full turns would be refused at reading, as degrees.
        paths[..., 2] = np.where(np.abs(paths[..., 2]) > FULL_TURN, wrap_angle(paths[..., 2]), paths[..., 2])
        entry: dict[str, Any] = {"trajectory": paths[0].tolist()}
        if len(paths) > 1:
            entry["samples"] = paths.tolist()
        if plan.log_probs is not None:
            entry["log_prob"] = np.asarray(plan.log_probs, dtype=np.float64).tolist()
        if plan.degraded is not None:
            entry["degraded"] = plan.degraded.to_json()
        results[token] = entry
    meta = {"planner": planner, "frame": "ego", "times_s": times.tolist(), "columns": list(COLUMNS[1])}
    write_plans(path, meta, results, errors or {})


def write_plans(path: str | Path, meta: Mapping[str, Any], results: Mapping[str, Any], errors: Mapping[str, str]) -> None:
    """Writes a plans file from its parts, atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps({"meta": meta, "results": results, "errors": dict(errors)}, allow_nan=False))
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
        return np.zeros(0), f"meta.frame is {shown(meta.get('frame'), 40)!r}, expected one of {', '.join(FRAMES)}"
    try:
        times = numbers(meta.get("times_s"), "meta.times_s")
    except PlanError as error:
        return np.zeros(0), str(error)
    if times.ndim != 1 or not len(times) or not (np.diff(times, prepend=0.0) > 0).all():
        return np.zeros(0), "meta.times_s is not a list of increasing times after t0"
    return times, declared_columns(meta.get("columns"))


def _ahead_in(frame: Any) -> float:
    """The heading that looks ahead in a frame: along y in the LiDAR's."""
    return np.pi / 2 if frame == "lidar" else 0.0


def _three_columns(results: Mapping[str, Any], steps: int) -> Iterator[Array]:
    """The trajectories [steps, 3] of entries that have a third column; those that cannot be read at all are left to their samples."""
    for entry in results.values():
        rows = entry.get("trajectory") if isinstance(entry, dict) else None
        if isinstance(rows, list) and len(rows) == steps and isinstance(rows[0], list) and len(rows[0]) == 3:
            try:
                yield numbers(rows, "trajectory")
            except PlanError:
                continue
