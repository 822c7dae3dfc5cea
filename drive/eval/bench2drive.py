"""Bench2Drive: driving score, success rate, efficiency and comfort from CARLA leaderboard records.

Source: Thinklab-SJTU/Bench2Drive, commit 7ec25d1 (`statistics_manager.py`, `merge_reoute_json.py`,
`efficiency_smoothness_benchmark.py`). Quirks kept: the mean is over all of ROUTES, missing ones count 0; driving slower than
traffic costs nothing; comfort's "yaw acceleration" is the smoothed yaw rate once more, and yaw rates are unwrapped as if
they were angles; what is left over after the last full chunk is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.plan_json import read_json
from drive.eval.result import BenchmarkResult, MetricResult
from drive.frames import Array
from drive.schema import Mask, PlanError

ROUTES = 220
PENALTIES = {
    "collisions_pedestrian": 0.5, "collisions_vehicle": 0.6, "collisions_layout": 0.65, "red_light": 0.7,
    "stop_infraction": 0.8, "scenario_timeouts": 0.7, "yield_emergency_vehicle_infractions": 0.7,
}  # fmt: skip
OFF_LANE, TOO_SLOW = "outside_route_lanes", "min_speed_infractions"
COMPLETED = frozenset({"Completed", "Perfect"})
SCORE_DECIMALS = 6  # of the leaderboard's records
EFFICIENCY_LIMIT = 1000.0  # percent; beyond it a measurement is left out
CHUNK_STEPS, STEP_S, WINDOW, POLYNOMIAL = 20, 0.1, 7, 2
# Least and greatest value allowed, both excluded: m/s^2, m/s^3, rad/s.
LONGITUDINAL, LATERAL = (-4.05, 2.40), (-4.89, 4.89)
JERK, LONGITUDINAL_JERK, YAW_RATE = (-8.37, 8.37), (-4.13, 4.13), (-0.95, 0.95)


@dataclass(frozen=True, eq=False)
class CarlaMotion:
    """A recorded drive at 10 Hz, arrays [T, 3] in CARLA's world frame: acceleration m/s^2, angular velocity rad/s, unit
    vectors ahead and to the right."""

    acceleration: Array
    angular_velocity: Array
    forward: Array
    right: Array


def bench2drive(
    records: Sequence[Mapping[str, Any]], motions: Mapping[str, CarlaMotion] | None = None, routes: int = ROUTES
) -> BenchmarkResult:
    """Leaderboard records -> `driving_score` (0 .. 100), `success` (0 or 1) and `efficiency` (percent of the traffic's speed)
    over `routes` routes; with motions (route id -> Motion) also `comfort` (0 .. 1).

    A route without a record, or with one that cannot be right, failed: its values are 0 and count, but for efficiency.
    Raises ValueError where a route has two records or there are more than `routes`.
    """
    ids = [str(record.get("route_id")) for record in records]
    if len(set(ids)) != len(ids) or len(ids) > routes:
        raise ValueError(f"need at most {routes} records of different routes, got {len(ids)} of {len(set(ids))} routes")
    tokens = ids + [f"missing route {i + 1}" for i in range(routes - len(ids))]
    failures = dict.fromkeys(tokens[len(ids) :], "no record of this route")
    rows: dict[str, dict[str, float]] = {token: {} for token in tokens}
    for token, record in zip(ids, records, strict=True):
        try:
            rows[token] = {
                "driving_score": checked_score(record), "success": float(succeeded(record)), "efficiency": efficiency(record),
            }  # fmt: skip
            if motions is not None:
                rows[token]["comfort"] = _comfort_of(token, motions)
        except PlanError as error:
            failures[token] = str(error)
    names = ["driving_score", "success", "efficiency"] + ["comfort"] * (motions is not None)
    return BenchmarkResult({name: _metric(name, list(rows.values())) for name in names}, failures)


def load_records(path: str | Path) -> list[dict[str, Any]]:
    """The records of a leaderboard checkpoint (JSON): `_checkpoint.records`, or `records` alone. Raises ValueError for any other file."""
    try:
        data = read_json(Path(path))
    except ValueError as error:
        raise ValueError(f"{error}; expected a leaderboard checkpoint with _checkpoint.records") from error
    held = data.get("_checkpoint", data) if isinstance(data, dict) else None
    records = held.get("records") if isinstance(held, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"{path} has no list of objects _checkpoint.records, so it is no leaderboard checkpoint")
    return records


def infraction_penalty(infractions: Mapping[str, Sequence[Any]], off_lane_percent: float = 0.0) -> float:
    """Product of PENALTIES over all infractions, times the share of the route driven on its lanes."""
    factors = [PENALTIES[kind] ** len(infractions.get(kind, ())) for kind in PENALTIES]
    return float(np.prod(factors) * (1 - off_lane_percent / 100))


def checked_score(record: Mapping[str, Any]) -> float:
    """Driving score of a record, as recorded, 0 .. 100.

    Raises PlanError where a completed route is not complete, or where the score is not what route completion and infractions
    give: where the record says by how many percent the ego left its lanes (`outside_pct`, or no such infraction) exactly,
    otherwise as an upper bound.
    """
    infractions = record.get("infractions")
    try:
        route, penalty, composed = (float(record["scores"][f"score_{name}"]) for name in ("route", "penalty", "composed"))
        percent = float(record.get("outside_pct", 0.0))
    except (KeyError, TypeError, ValueError):
        raise PlanError("the record has no scores") from None
    if not isinstance(infractions, Mapping) or not all(isinstance(v, list) for v in infractions.values()):
        raise PlanError("the record has no lists of infractions")
    if not (0 <= route <= 100 and 0 <= penalty <= 1 and 0 <= percent <= 100):
        raise PlanError(f"route completion {route}, penalty {penalty} or off-lane share {percent} is out of range")
    if _completed(record) and route < 100:
        raise PlanError(f"status {record['status']!r} with a route completion of {route} percent")
    expected, slack = infraction_penalty(infractions, percent), 2 * 10.0**-SCORE_DECIMALS
    known = "outside_pct" in record or not infractions.get(OFF_LANE)
    if not (expected - slack <= penalty if known else True) or not penalty <= expected + slack:
        raise PlanError(f"penalty {penalty} does not follow from the infractions, which give {expected:.6f} since version 0.0.2")
    if not abs(composed - route * penalty) <= 100 * slack:
        raise PlanError(f"score {composed} is not route completion {route} times penalty {penalty}")
    return composed


def succeeded(record: Mapping[str, Any]) -> bool:
    """Completed without any infraction but being slow."""
    clean = not any(found for kind, found in record["infractions"].items() if kind != TOO_SLOW)
    return clean and _completed(record)


def _completed(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("status"), str) and record["status"] in COMPLETED


def efficiency(record: Mapping[str, Any]) -> float:
    """Mean of the speeds relative to traffic that the record tells of, percent; NaN where there is none."""
    found = (re.search(r"\b(\d+\.?\d*)%", str(message)) for message in record["infractions"].get(TOO_SLOW, ()))
    values = [float(match.group(1)) for match in found if match]
    values = [value for value in values if value <= EFFICIENCY_LIMIT]
    return float(np.mean(values)) if values else float("nan")


def comfort(motion: CarlaMotion) -> float:
    """Share of the full chunks of a drive that are comfortable; a drive of one chunk or less is looked at as a whole.

    Raises PlanError where arrays disagree, hold values that are not finite, or are shorter than the smoothing needs.
    """
    arrays = [np.asarray(v, dtype=np.float64) for v in (motion.acceleration, motion.angular_velocity, motion.forward, motion.right)]
    steps = len(arrays[0])
    if steps <= POLYNOMIAL or any(a.shape != (steps, 3) for a in arrays) or not all(np.isfinite(a).all() for a in arrays):
        raise PlanError(f"the drive must be finite arrays [T > {POLYNOMIAL}, 3], got {[list(a.shape) for a in arrays]}")
    length = min(steps, CHUNK_STEPS)
    count = steps // length
    return float(_comfortable(*(a[: count * length].reshape(count, length, 3) for a in arrays)).mean())


def _comfort_of(token: str, motions: Mapping[str, CarlaMotion]) -> float:
    if token not in motions:
        raise PlanError("no motion of this route, so no comfort")
    return comfort(motions[token])


def _metric(name: str, rows: Sequence[Mapping[str, float]]) -> MetricResult:
    """One value per row; where a row has none, the route failed in this metric."""
    failed = np.array([name not in row for row in rows], dtype=bool)
    values = np.array([row.get(name, 0.0) for row in rows], dtype=np.float64)
    bounded = name != "efficiency"
    valid = ~np.isnan(values) & (bounded | ~failed)
    return MetricResult(name, np.where(valid, values, 0.0), valid, failed, "" if bounded else "%")


def _comfortable(acceleration: Array, angular_velocity: Array, forward: Array, right: Array) -> Mask:
    """Chunks [C, T, 3] -> comfortable [C]."""
    along, across = (np.einsum("cti,cti->ct", acceleration[..., :2], axis[..., :2]) for axis in (forward, right))
    rate = angular_velocity[..., 2]
    turns = np.round(np.diff(rate, axis=-1, prepend=rate[..., :1]) / (2 * np.pi))
    ahead, magnitude = _smooth(along), _smooth(np.hypot(acceleration[..., 0], acceleration[..., 1]))
    return (
        _within(ahead, LONGITUDINAL)
        & _within(_smooth(across), LATERAL)
        & _within(_smooth(magnitude, 1), JERK)
        & _within(_smooth(ahead, 1), LONGITUDINAL_JERK)
        & _within(_smooth(rate - 2 * np.pi * np.cumsum(turns, axis=-1)), YAW_RATE)
    )


def _smooth(values: Array, derivative: int = 0) -> Array:
    from scipy.signal import savgol_filter

    smooth: Array = savgol_filter(values, min(WINDOW, values.shape[-1]), POLYNOMIAL, deriv=derivative, delta=STEP_S, axis=-1)
    return smooth


def _within(values: Array, bounds: tuple[float, float]) -> Mask:
    return ((values > bounds[0]) & (values < bounds[1])).all(-1)
