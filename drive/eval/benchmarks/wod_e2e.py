"""`wod-e2e`: Waymo's rater feedback score and displacement errors on a file of rated moments, or a data set's samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from drive.arrays import Arrays, read_arrays
from drive.data.dataset import Samples
from drive.eval.benchmarks.base import LOG, PRED, Answer, Benchmark, Cases, FromSamples, Input, observed
from drive.eval.result import BenchmarkResult
from drive.eval.waymo import DECAY, FLOOR, HORIZONS_S, LATERAL_M, LENGTH_RATIO, RATE_HZ, RATERS, STEPS, RatedSample, wod_e2e
from drive.frames import Array
from drive.poses import past_poses
from drive.schema import PlanError, SceneSample, Window

WINDOW = Window(past_s=4.0, future_s=STEPS / RATE_HZ, rate_hz=RATE_HZ)


def read(path: Path) -> Cases:
    """The moments of an .npz file; its arrays stand in docs/benchmarks.md."""
    given = Arrays(read_arrays(path), where=str(path))
    speeds = given.numbers("init_speed", None)
    count = len(speeds)
    tokens = given.words("token", count) if "token" in given else tuple(f"{path.stem}-{i}" for i in range(count))
    raters, labels = _raters(given, count)
    futures = given.numbers("future", count, None, 2) if "future" in given else [None] * count
    past = given.numbers("past", count, None, 2) if "past" in given else np.zeros((count, 1, 2))
    if past.shape[1] < 1 or not np.allclose(past[:, -1:], 0.0, atol=1e-6):
        raise ValueError(f"{path}: past must end at t0, where the ego is at (0, 0)")
    rows = zip(tokens, speeds, raters, labels, futures, strict=True)
    samples = [RatedSample(token, float(speed), paths, scores.tolist(), future) for token, speed, paths, scores, future in rows]
    answers = {name: list(given.loose(key, count, None, None)) for name, key in ((PRED, "pred"), (LOG, "future")) if key in given}
    if LOG in answers:
        answers[LOG] = [path[:STEPS] for path in answers[LOG]]
    observations = tuple(
        observed(token, past_poses(points), 1 / RATE_HZ, WINDOW.future_times_s, speed_mps=float(speed))
        for token, points, speed in zip(tokens, past, speeds, strict=True)
    )
    return Cases(tokens, tokens, samples, observations, answers)


def _raters(given: Arrays, count: int) -> tuple[list[list[Array]], list[Array]]:
    """Rated paths and their labels, moment by moment."""
    per_sample = given.counts("rater_n", count)
    lengths = given.counts("rater_len", int(per_sample.sum()))
    points, scores = given.numbers("rater_pts", None, 2), given.numbers("rater_score", len(lengths))
    if (lengths < 1).any() or lengths.sum() != len(points):
        raise ValueError(f"{given.where}: rater_len must be 1 or more each and sum to the {len(points)} points of rater_pts")
    paths, first = np.split(points, np.cumsum(lengths)[:-1]), np.concatenate([[0], np.cumsum(per_sample)])
    parts = [(int(a), int(b)) for a, b in zip(first[:-1], first[1:], strict=True)]
    return [list(paths[a:b]) for a, b in parts], [scores[a:b] for a, b in parts]


def make(samples: Samples, limit: int | None) -> Cases:
    """A data set's samples as cases: rated where the target has ratings, with a record where its future is whole.

    Raises ValueError where the samples are not of WINDOW's future."""
    chosen = [samples[i] for i in range(min(len(samples), limit or len(samples)))]
    asked = chosen[0].observation.future_times_s if chosen else WINDOW.future_times_s
    if not np.array_equal(asked, WINDOW.future_times_s):
        raise ValueError(f"wod-e2e scores 5 s at 4 Hz: open the data set with window={WINDOW}")
    clusters: Mapping[str, str] = getattr(samples, "clusters", {})
    items = [_rated(sample, clusters.get(sample.scene, "")) for sample in chosen]
    records: list[Answer] = [PlanError("the record ends before the horizon") if item.future is None else item.future for item in items]
    tokens, scenes = tuple(sample.token for sample in chosen), tuple(sample.scene for sample in chosen)
    answers = {} if all(isinstance(record, PlanError) for record in records) else {LOG: records}
    rated, recorded = sum(len(item.raters) > 0 for item in items), sum(item.future is not None for item in items)
    note = f"{rated} of {len(items)} samples are rated, {recorded} have a record of {STEPS / RATE_HZ:g} s"
    return Cases(tokens, scenes, items, tuple(sample.observation for sample in chosen), answers, (note,))


def cluster_notes(samples: Sequence[RatedSample], result: BenchmarkResult) -> list[str]:
    """Where scenarios' clusters are told: the mean score of each, and the mean of these means (the leaderboard's `average_score`)."""
    score = result.metrics["rfs"]
    told = np.array([sample.cluster for sample in samples])
    means = {name: (score.over(told == name), int((score.valid & (told == name)).sum())) for name in sorted(set(told) - {""})}
    found = {name: mean for name, mean in means.items() if mean[1]}
    if not found:
        return []
    each = ", ".join(f"{name} {mean:.2f} ({count})" for name, (mean, count) in found.items())
    return [f"rfs averaged over {len(found)} clusters {np.mean([mean for mean, _ in found.values()]):.4f}: {each}"]


def _rated(sample: SceneSample, cluster: str) -> RatedSample:
    """Raises ValueError where ratings are given at other times than the benchmark's, or nothing tells the speed at t0 of a rated moment."""
    future, ratings, speed = sample.target.future, sample.target.ratings, sample.observation.speed_mps
    record = future.poses[:, :2] if len(future.poses) == STEPS and future.valid.all() else None
    if ratings is None:
        return RatedSample(sample.token, abs(speed or 0.0), future=record, cluster=cluster)
    steps = len(ratings.times_s)
    if not np.allclose(ratings.times_s, np.arange(1, steps + 1) / RATE_HZ):
        raise ValueError(f"sample {sample.token}: rated paths must be at {RATE_HZ} Hz, got the times {ratings.times_s[:3].tolist()} ...")
    if speed is None:
        raise ValueError(f"sample {sample.token} is rated, but does not tell its speed at t0, from which the trust regions follow")
    return RatedSample(sample.token, abs(speed), ratings.paths, ratings.scores.tolist(), record, cluster)


RATED = Input("an .npz of rated WOD-E2E moments", ".npz", frozenset({"init_speed", "rater_n"}), read)
WOD_E2E = Benchmark(
    "wod-e2e",
    "waymo-research/waymo-open-dataset 99a4cb3",
    {
        "trust_region_m": LATERAL_M.tolist(),
        "at_s": list(HORIZONS_S),
        "length_ratio": LENGTH_RATIO,
        "decay": DECAY,
        "floor": FLOOR,
        "raters": RATERS,
    },
    RATED,
    wod_e2e,
    scale="rfs 0 .. 10",
    window=WINDOW,
    main=("rfs",),
    notes=cluster_notes,
    made=FromSamples(WINDOW, make),
)
