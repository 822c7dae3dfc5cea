"""NeuroNCAP: five stars for a drive without a collision, else up to four by how much slower than the reference it hits.

Source: atonderski/neuro-ncap, commit ecdcf28 (`evaluation/collision.py`, `components/evaluator.py`,
`scripts/aggregate_results.py`). Quirks kept: the ego's centre is taken 0.5 m ahead of the rear axle; pedestrians are not
looked at; touching counts; a recorded actor's velocity is that of its path around the time of the hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.control import resample
from drive.eval.plans import MAX_RANGE_M, check_range
from drive.eval.result import BenchmarkResult, MetricResult
from drive.frames import Array
from drive.geometry import box_corners, ego_boxes
from drive.schema import Mask, PlanError

EGO_LENGTH_M, EGO_WIDTH_M, EGO_CENTRE_AHEAD_M = 4.018, 1.85, 0.5
CLASSES = frozenset({"car", "bus", "construction_vehicle", "bicycle", "motorcycle", "truck", "trailer"})
SUBSTEPS = 10
STARS, COLLISION_STARS = 5.0, 4.0
DECIMALS = 3  # of every mean


@dataclass(frozen=True, eq=False)
class RoadUser:
    """A road user: class name, times_s [K], poses [K, 3] of the box centre (x, y, heading), width and length, metres.

    It takes part between its first and last time. Raises ValueError where shapes or times are wrong.
    """

    category: str
    times_s: Array
    poses: Array
    width_m: float
    length_m: float

    def __post_init__(self) -> None:
        shapes = np.shape(self.times_s), np.shape(self.poses)
        k = len(self.times_s)
        if k < 2 or shapes != ((k,), (k, 3)) or not (np.diff(self.times_s) > 0).all() or not np.isfinite(self.poses).all():
            raise ValueError(f"an actor needs finite poses [K >= 2, 3] at increasing times [K], got shapes {shapes}")


@dataclass(frozen=True, eq=False)
class Drive:
    """One simulated run: ego rear-axle poses [T, 3] and speeds [T] at times_s [T], the actors, and the reference speed, m/s
    (the relative speed of an ego that does not react). sequence, scenario: what it is averaged in."""

    token: str
    scenario: str
    sequence: str
    times_s: Array
    poses: Array
    speeds_mps: Array
    actors: Sequence[RoadUser]
    reference_mps: float


def ncap(drives: Sequence[Drive]) -> BenchmarkResult:
    """Drives -> `ncap_score` (0 .. 5) and `collision` (1 = there was one), run by run; `aggregate` gives the published mean.

    A drive with unusable poses has score 0 and collision 1. Raises ValueError where a token stands twice.
    """
    if len({drive.token for drive in drives}) != len(drives):
        raise ValueError("drives must have different tokens, some have the same")
    score, collision, failures = np.zeros(len(drives)), np.ones(len(drives)), {}
    for i, drive in enumerate(drives):
        try:
            impact = first_impact(drive)
        except PlanError as error:
            failures[drive.token] = str(error)
            continue
        collision[i] = float(impact is not None)
        score[i] = STARS if impact is None else stars(np.array(True), impact, drive.reference_mps)
    failed = np.array([drive.token in failures for drive in drives], dtype=bool)
    valid = np.ones(len(drives), dtype=bool)
    metrics = {
        "ncap_score": MetricResult("ncap_score", score, valid, failed, ""),
        "collision": MetricResult("collision", collision, valid, failed, ""),
    }
    return BenchmarkResult(metrics, failures)


def stars(collides: ArrayLike, impact_mps: ArrayLike, reference_mps: ArrayLike) -> Array:
    """Score [...] of collision flags [...], impact speeds [...] and reference speeds [...], which must be > 0."""
    reference = np.asarray(reference_mps, dtype=np.float64)
    if not (reference > 0).all():
        raise ValueError(f"reference speeds must be > 0, got {reference.min()}")
    hit = COLLISION_STARS * np.maximum(1 - np.asarray(impact_mps, dtype=np.float64) / reference, 0.0)
    return np.where(collides, hit, STARS)


def collides(ego_poses: ArrayLike, actor_poses: ArrayLike, width_m: ArrayLike, length_m: ArrayLike) -> Mask:
    """Ego rear-axle poses [N, 3] against actor centres [N, 3] of widths and lengths [N] or one for all -> whether they touch [N]."""
    import shapely

    centres = np.asarray(actor_poses, dtype=np.float64)
    sizes = [np.broadcast_to(np.asarray(size, dtype=np.float64), centres.shape[:-1]) for size in (length_m, width_m)]
    actor = np.concatenate([centres, np.stack(sizes, -1)], -1)
    ego = ego_boxes(ego_poses, EGO_LENGTH_M, EGO_WIDTH_M, EGO_CENTRE_AHEAD_M)
    hit: NDArray[np.bool_] = shapely.intersects(shapely.polygons(box_corners(ego)), shapely.polygons(box_corners(actor)))
    return hit


def impact_speed(ego_poses: ArrayLike, ego_speeds: ArrayLike, actor_velocities: ArrayLike) -> Array:
    """Speed [N] of the ego (poses [N, 3], speeds [N] along the heading) relative to actors with velocities [N, 2], m/s."""
    heading, speed = np.asarray(ego_poses)[..., 2], np.asarray(ego_speeds, dtype=np.float64)
    velocity = speed[..., None] * np.stack([np.cos(heading), np.sin(heading)], -1) - np.asarray(actor_velocities)
    return np.hypot(velocity[..., 0], velocity[..., 1])


def first_impact(drive: Drive) -> float | None:
    """Impact speed of the first collision, or None. Every interval of the drive is looked at in SUBSTEPS steps.

    Raises PlanError where the poses, speeds or times of the drive cannot be used.
    """
    times, poses, speeds = _fine(drive)
    first, impact = len(times), None
    for actor in (a for a in drive.actors if a.category in CLASSES):
        seen = np.flatnonzero((times >= actor.times_s[0]) & (times <= actor.times_s[-1]))
        where = resample(actor.poses, actor.times_s, times[seen])
        hits = seen[collides(poses[seen], where, actor.width_m, actor.length_m)]
        if len(hits) and hits[0] < first:
            first = int(hits[0])
            impact = float(impact_speed(poses[first], speeds[first], _velocity(actor, times[first])))
    return impact


class Grouped(Protocol):
    """What has a scenario and a sequence that it is averaged in."""

    @property
    def scenario(self) -> str: ...

    @property
    def sequence(self) -> str: ...


def aggregate(drives: Sequence[Grouped], values: ArrayLike) -> dict[str, float]:
    """Values [N] of drives -> their published means: over runs for each sequence, over sequences for each scenario, over
    scenarios ("overall"), each rounded. Raises ValueError where there are none."""
    by_sequence: dict[tuple[str, str], list[float]] = {}
    for drive, value in zip(drives, np.asarray(values, dtype=np.float64).tolist(), strict=True):
        by_sequence.setdefault((drive.scenario, drive.sequence), []).append(value)
    if not by_sequence:
        raise ValueError("no drives to average")
    means = {key: _mean(runs) for key, runs in by_sequence.items()}
    scenarios = {s: _mean([m for (scenario, _), m in means.items() if scenario == s]) for s, _ in means}
    return {**scenarios, "overall": _mean(list(scenarios.values()))}


def _mean(values: Sequence[float]) -> float:
    return float(np.round(np.mean(values), DECIMALS))


def _fine(drive: Drive) -> tuple[Array, Array, Array]:
    """Times, poses and speeds of the drive with SUBSTEPS steps per interval, checked."""
    times, poses, speeds = (np.asarray(v, dtype=np.float64) for v in (drive.times_s, drive.poses, drive.speeds_mps))
    t = len(times)
    if t < 1 or poses.shape != (t, 3) or speeds.shape != (t,):
        raise PlanError(f"the drive has poses {list(poses.shape)} and speeds {list(speeds.shape)} for {t} times")
    if not (np.isfinite(times).all() and np.isfinite(speeds).all() and (np.diff(times) > 0).all()):
        raise PlanError("the drive holds times that do not increase, or a speed that is not finite")
    check_range(poses - np.where(np.isfinite(poses[:1]), poses[:1], 0.0), f"the drive, {MAX_RANGE_M:g} m around its start")
    if t == 1:
        return times, poses, speeds
    fine = np.interp(np.arange((t - 1) * SUBSTEPS + 1) / SUBSTEPS, np.arange(t), times)
    return fine, resample(poses, times, fine), np.interp(fine, times, speeds)


def _velocity(actor: RoadUser, time_s: float) -> Array:
    """Velocity [2] between the two recorded poses around a time."""
    after = int(np.clip(np.searchsorted(actor.times_s, time_s), 1, len(actor.times_s) - 1))
    moved = actor.poses[after, :2] - actor.poses[after - 1, :2]
    return moved / (actor.times_s[after] - actor.times_s[after - 1])
