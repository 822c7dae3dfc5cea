"""`bench2drive` on leaderboard records, `bench2drive-comfort` on the drives' motions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.arrays import Arrays, read_arrays
from drive.eval.bench2drive import CHUNK_STEPS, PENALTIES, ROUTES, STEP_S, CarlaMotion, bench2drive, comfort, load_records
from drive.eval.benchmarks.base import Answer, Benchmark, Cases, Input
from drive.eval.plan_json import read_json
from drive.eval.result import BenchmarkResult, MetricResult
from drive.schema import PlanError

MERGED, METRICS = "merged.json", "metric_info.json"
PARTS = ("acceleration", "angular_velocity", "forward_vector", "right_vector")


@dataclass(frozen=True, eq=False)
class RouteResult:
    """A route's leaderboard record and the motion of its drive; None where there is none."""

    record: Mapping[str, Any] | None
    motion: CarlaMotion | None = None


def read_records(path: Path) -> Cases:
    """The records of a leaderboard checkpoint, or of all those of a folder (one a worker; `merged.json`, which holds them again, is left
    out); each of the benchmark's routes without one is a case that failed. Motions lie beside, in SAVE_NAME/metric_info.json."""
    files = [path] if path.is_file() else [file for file in sorted(path.glob("*.json")) if file.name != MERGED] or [path / MERGED]
    records = [record for file in files for record in load_records(file)]
    if len(records) > ROUTES:
        raise ValueError(f"{path} holds {len(records)} records, the benchmark has {ROUTES} routes")
    tokens = [str(record.get("route_id")) for record in records]
    if len(set(tokens)) < len(tokens):
        raise ValueError(f"{path} holds two records of one route_id")
    folder = path if path.is_dir() else path.parent
    results = [RouteResult(record, _motion_of(folder, record)) for record in records]
    tokens += [f"missing route {i + 1}" for i in range(ROUTES - len(records))]
    return Cases(tuple(tokens), tuple(tokens), [*results, *[RouteResult(None)] * (ROUTES - len(results))])


def _motion_of(folder: Path, record: Mapping[str, Any]) -> CarlaMotion | None:
    """What the simulator logged of a drive: an object of steps, each with vectors of three. None where there is no such file."""
    name = record.get("save_name")
    if not isinstance(name, str) or not name or Path(name).name != name:
        return None
    path = folder / name / METRICS
    if not path.is_file():
        return None
    steps = read_json(path)
    try:
        rows = [[step[part] for part in PARTS] for step in steps.values()]
        values = np.asarray(rows, dtype=np.float64).reshape(len(rows), len(PARTS), 3)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} must hold steps with {', '.join(PARTS)}, three numbers each ({type(error).__name__}: {error})") from error
    return CarlaMotion(*(values[:, k] for k in range(len(PARTS))))


def score_records(results: Sequence[RouteResult], answers: Sequence[Answer] = ()) -> BenchmarkResult:
    """`drive.eval.bench2drive.bench2drive`, over as many routes as there are results; comfort where a drive's motion is there."""
    records = [result.record for result in results if result.record is not None]
    motions = {str(r.record.get("route_id")): r.motion for r in results if r.record is not None and r.motion is not None}
    return bench2drive(records, motions or None, routes=len(results))


def read_motions(path: Path) -> Cases:
    """The drives of an .npz file, their arrays led by `c0_`, `c1_`, ...: PARTS, each [T, 3] at 10 Hz in CARLA's world frame."""
    arrays = read_arrays(path)
    motions: list[CarlaMotion] = []
    while f"c{len(motions)}_{PARTS[0]}" in arrays:
        given = Arrays(arrays, f"c{len(motions)}_", f"{path}: drive {len(motions)}")
        motions.append(CarlaMotion(*(given.loose(part, None, None) for part in PARTS)))
    if len(arrays) != len(PARTS) * len(motions):
        raise ValueError(f"{path} must hold {', '.join(PARTS)} of drives c0_, c1_, ... without a gap and nothing else")
    tokens = tuple(f"{path.stem}-{i}" for i in range(len(motions)))
    return Cases(tokens, tokens, list(zip(tokens, motions, strict=True)))


def score_motions(motions: Sequence[tuple[str, CarlaMotion]], answers: Sequence[Answer] = ()) -> BenchmarkResult:
    """`comfort` of each drive (token, motion), 0 .. 1; one that cannot be used has 0."""
    values, failures = np.zeros(len(motions)), {}
    for i, (token, motion) in enumerate(motions):
        try:
            values[i] = comfort(motion)
        except PlanError as error:
            failures[token] = str(error)
    failed = np.array([token in failures for token, _ in motions], dtype=bool)
    return BenchmarkResult({"comfort": MetricResult("comfort", values, np.ones(len(motions), dtype=bool), failed, "")}, failures)


_SOURCE = "Thinklab-SJTU/Bench2Drive 7ec25d1"
RECORDS = Input(
    "a .json of leaderboard records, or a folder of such files", ".json", frozenset({"_checkpoint", "records"}), read_records, "*.json"
)
MOTIONS = Input("an .npz of Bench2Drive motions", ".npz", frozenset({"c0_acceleration"}), read_motions)
BENCH2DRIVE = Benchmark(
    "bench2drive",
    _SOURCE,
    {"routes": ROUTES, "penalties": PENALTIES},
    RECORDS,
    score_records,
    "driving_score 0 .. 100, success 0 or 1, efficiency in %",
    window=None,
    main=("driving_score", "success"),
)
BENCH2DRIVE_COMFORT = Benchmark(
    "bench2drive-comfort",
    _SOURCE,
    {"chunk_steps": CHUNK_STEPS, "step_s": STEP_S},
    MOTIONS,
    score_motions,
    window=None,
    main=("comfort",),
)
