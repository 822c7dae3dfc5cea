"""`neuroncap`: the stars of simulated runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.arrays import Arrays, read_arrays
from drive.eval.benchmarks.base import Answer, Benchmark, Cases, Input
from drive.eval.neuroncap import COLLISION_STARS, STARS, SUBSTEPS, Drive, Grouped, RoadUser, aggregate, collides, impact_speed, ncap, stars
from drive.eval.plan_json import read_json
from drive.eval.result import BenchmarkResult, MetricResult
from drive.frames import Array

# Of the original's `aggregate_results.py`.
SEQUENCES = {
    "stationary": ("0099", "0101", "0103", "0106", "0108", "0278", "0331", "0783", "0796", "0966"),
    "frontal": ("0103", "0106", "0110", "0346", "0923"),
    "side": ("0103", "0108", "0110", "0278", "0921"),
}
METRICS, COLLIDED = "metrics.json", "any_collide@0.0s"
MOMENT_COLUMNS = (
    "ego x", "ego y", "ego heading", "ego speed", "actor x", "actor y", "actor heading", "actor speed", "width", "length", "reference",
)  # fmt: skip


def read_runs(path: Path) -> Cases:
    """The runs of an .npz file: `n` of them, their arrays led by `r0_`, `r1_`, ... (docs/benchmarks.md)."""
    arrays = read_arrays(path)
    count = int(Arrays(arrays, where=str(path)).counts("n"))
    if count > len(arrays):
        raise ValueError(f"{path} says n = {count} runs, but holds {len(arrays)} arrays in all")
    drives = [_drive(Arrays(arrays, f"r{i}_", f"{path}: run {i}"), f"{path.stem}-{i}") for i in range(count)]
    return Cases(tuple(d.token for d in drives), tuple(f"{d.scenario}/{d.sequence}" for d in drives), drives)


def _drive(given: Arrays, token: str) -> Drive:
    times = given.loose("times", None)
    ego = given.loose("ego", len(times), 4)
    reference = float(given.numbers("reference"))
    if not reference > 0:
        raise ValueError(f"{given.where}: reference must be a speed above 0 m/s, got {reference:g}")
    scenario, sequence = given.word("scenario", "all"), given.word("sequence", "all")
    return Drive(given.word("token", token), scenario, sequence, times, ego[:, :3], ego[:, 3], _actors(given), reference)


def _actors(given: Arrays) -> list[RoadUser]:
    names, times = given.words("actor_class"), given.numbers("actor_times", None)
    sizes, poses = given.numbers("actor_size", len(names), 2), given.loose("actor_poses", len(names), len(times), 3)
    seen = given.flags("actor_valid", len(names), len(times)) if "actor_valid" in given else np.ones((len(names), len(times)), dtype=bool)
    rows = zip(names, poses, sizes, seen, strict=True)
    try:
        return [RoadUser(name, times[at], path[at], float(width), float(length)) for name, path, (length, width), at in rows]
    except ValueError as error:
        raise ValueError(f"{given.where}: {error}") from error


def score_runs(drives: Sequence[Drive], answers: Sequence[Answer] = ()) -> BenchmarkResult:
    """`drive.eval.neuroncap.ncap`."""
    return ncap(drives)


def run_notes(drives: Sequence[Grouped], result: BenchmarkResult) -> list[str]:
    """The published means: over runs, sequences and scenarios, in that order."""
    lines = []
    for name in ("ncap_score", "collision"):
        means = aggregate(drives, result.metrics[name].values)
        told = ", ".join(f"{scenario} {value:g}" for scenario, value in means.items())
        lines.append(f"published mean of {name} (over runs, then sequences, then scenarios): {told}")
    return lines


def read_moments(path: Path) -> Cases:
    """Single moments of one actor each: `rows` [N, 11], MOMENT_COLUMNS."""
    rows = Arrays(read_arrays(path), where=str(path)).numbers("rows", None, len(MOMENT_COLUMNS))
    if not (rows[:, 8:] > 0).all():
        raise ValueError(f"{path}: widths, lengths and reference speeds must be above 0")
    tokens = tuple(f"{path.stem}-{i}" for i in range(len(rows)))
    return Cases(tokens, tokens, list(rows))


def score_moments(rows: Sequence[Array], answers: Sequence[Answer] = ()) -> BenchmarkResult:
    """Whether ego and actor touch at each moment, how fast, and the stars for it."""
    r = np.array(rows, dtype=np.float64).reshape(-1, len(MOMENT_COLUMNS))
    velocity = r[:, 7:8] * np.stack([np.cos(r[:, 6]), np.sin(r[:, 6])], -1)
    hit, impact = collides(r[:, :3], r[:, 4:7], r[:, 8], r[:, 9]), impact_speed(r[:, :3], r[:, 3], velocity)
    good, bad = np.ones(len(r), dtype=bool), np.zeros(len(r), dtype=bool)
    values = {"ncap_score": stars(hit, impact, r[:, 10]), "collision": hit.astype(np.float64), "impact_mps": np.where(hit, impact, 0.0)}
    units, counted = {"impact_mps": "m/s"}, {"impact_mps": hit}
    metrics = {name: MetricResult(name, v, counted.get(name, good), bad, units.get(name, "")) for name, v in values.items()}
    return BenchmarkResult(metrics, {})


@dataclass(frozen=True, eq=False)
class RunResult:
    """What the original wrote of a run: ncap_score 0 .. 5 and whether anything was hit; or why that cannot be used."""

    token: str
    scenario: str
    sequence: str
    score: float
    collision: bool
    reason: str = ""


def read_results(path: Path) -> Cases:
    """A folder of results as the original writes them: SCENARIO-SEQUENCE/RUN/metrics.json. A run without that file failed."""
    runs = [run for folder in sorted(path.glob("*-*")) for run in sorted(folder.iterdir()) if run.is_dir()]
    results = [_result(run) for run in runs if run.parent.name.partition("-")[0] in SEQUENCES]
    if not results:
        raise ValueError(f"{path} holds no runs SCENARIO-SEQUENCE/RUN with a scenario of {', '.join(SEQUENCES)}")
    return Cases(tuple(r.token for r in results), tuple(f"{r.scenario}/{r.sequence}" for r in results), results)


def _result(run: Path) -> RunResult:
    scenario, _, sequence = run.parent.name.partition("-")
    where = f"{run.parent.name}/{run.name}", scenario, sequence
    if not (run / METRICS).is_file():
        return RunResult(*where, 0.0, True, f"no {METRICS}: the run did not end")
    try:
        told = read_json(run / METRICS)
        score, collision = told["ncap_score"], told[COLLIDED]
    except (ValueError, KeyError, TypeError) as error:
        return RunResult(*where, 0.0, True, f"{METRICS} has no ncap_score and {COLLIDED} ({type(error).__name__})")
    number = isinstance(score, int | float) and not isinstance(score, bool)
    if not number or not isinstance(collision, bool) or not (score == STARS if not collision else 0 <= score <= COLLISION_STARS):
        return RunResult(*where, 0.0, True, f"ncap_score {str(score)[:20]} does not go with {COLLIDED} {str(collision)[:20]}")
    return RunResult(*where, float(score), collision)


def score_results(results: Sequence[RunResult], answers: Sequence[Answer] = ()) -> BenchmarkResult:
    """What was written, a run that cannot be used as the worst one."""
    valid, failed = np.ones(len(results), dtype=bool), np.array([bool(r.reason) for r in results], dtype=bool)
    values = {"ncap_score": [r.score for r in results], "collision": [float(r.collision) for r in results]}
    metrics = {name: MetricResult(name, np.array(v, dtype=np.float64), valid, failed, "") for name, v in values.items()}
    return BenchmarkResult(metrics, {r.token: r.reason for r in results if r.reason})


def result_notes(results: Sequence[RunResult], result: BenchmarkResult) -> list[str]:
    """The published means, and which of the original's sequences are not there."""
    held = {(r.scenario, r.sequence) for r in results}
    missing = [f"{scenario}-{sequence}" for scenario, names in SEQUENCES.items() for sequence in names if (scenario, sequence) not in held]
    counts = {sum((r.scenario, r.sequence) == key for r in results) for key in held}
    lines = run_notes(results, result)
    lines += [f"{len(missing)} of the original's sequences are missing: {', '.join(missing)}"] if missing else []
    lines += [f"sequences have from {min(counts)} to {max(counts)} runs; the original wants as many of each"] if len(counts) > 1 else []
    return lines


_SETTINGS = {"stars": STARS, "stars_at_a_collision": COLLISION_STARS}
_SOURCE, _MAIN, _SCALE = "atonderski/neuro-ncap ecdcf28", ("ncap_score", "collision"), "ncap_score 0 .. 5, collision 0 or 1"
RUNS = Input("an .npz of NeuroNCAP runs", ".npz", frozenset({"r0_ego", "r0_times"}), read_runs)
MOMENTS = Input("an .npz of NeuroNCAP moments (rows)", ".npz", frozenset({"rows"}), read_moments)
NEURONCAP = Benchmark(
    "neuroncap", _SOURCE, {**_SETTINGS, "substeps": SUBSTEPS}, RUNS, score_runs, _SCALE, run_notes, window=None, main=_MAIN
)
NEURONCAP_MOMENTS = Benchmark("neuroncap-moments", _SOURCE, _SETTINGS, MOMENTS, score_moments, _SCALE, window=None, main=_MAIN)
RESULTS = Input("a folder of NeuroNCAP results", "", frozenset(), read_results, f"*-*/*/{METRICS}")
NEURONCAP_RESULTS = Benchmark(
    "neuroncap-results", _SOURCE, _SETTINGS, RESULTS, score_results, _SCALE, result_notes, window=None, main=_MAIN
)
