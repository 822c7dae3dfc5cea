"""`wod-e2e`: Waymo's rater feedback score and displacement errors on a file of rated moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.arrays import Arrays, read_arrays
from drive.eval.benchmarks.base import LOG, PRED, Benchmark, Cases, Input, observed
from drive.eval.waymo import DECAY, FLOOR, HORIZONS_S, LATERAL_M, LENGTH_RATIO, RATE_HZ, RATERS, STEPS, RatedSample, wod_e2e
from drive.frames import Array
from drive.poses import axle_poses
from drive.schema import Window

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
        observed(token, _poses(points), 1 / RATE_HZ, WINDOW.future_times_s, speed_mps=float(speed))
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


def _poses(points: Array) -> Array:
    """Past positions [K, 2] up to t0 -> poses [K, 3]: driven backwards from t0, where the heading is 0."""
    if len(points) < 2:
        return np.zeros((len(points), 3))
    return np.concatenate([axle_poses(points[-2::-1])[::-1], np.zeros((1, 3))])


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
)
