"""Fits the judgement of degraded pictures (`drive.watch.judge`) on rendered training towns, and writes its weights.

    python -m tools.fit_watch --shards runs/answers-towns --frames runs/watch --out data/checkpoints/watch/weights.json

Two frames each from drives through towns (drawn where they are not there yet), single frames from folders of demonstrations. Scores for
calibration and threshold come from four folds over towns: no picture is judged by weights that were fitted to its town.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from drive.frames import Array
from drive.make.recipe import FIRST_TEST_TOWN
from drive.make.shard_samples import ShardFolder
from drive.render.rigs import load_rig
from drive.watch.corruptions import KEPT_OUT
from drive.watch.judge import CLEAN, Weights, expanded, focal_shares
from drive.watch.looks import NAMES
from tools.watch_frames import OWN_RIG, kept
from tools.watch_rows import LEARNED, Rows, rows_of

TOWNS = range(31_000, 31_032)
VARIANTS, PER_SHARD, EACH_SHARD, FOLDS, CENTRES = 4, 3, 4, 4, 6
FALSE_ALARMS = 0.003  # of clean moments, for each of the two probabilities
DECAY, RIDGE, LEAST_DEVIATION = 1e-3, 0.05, 0.05
PLAIN = ((1.0, 0.0), (1.0, 0.0), 0.5)  # before calibration


def training_rows(frames: Path, shards: Path, kinds: Sequence[str] = LEARNED) -> Rows:
    """Rows of all training towns."""
    assert KEPT_OUT not in kinds
    own = [rows_of(seed, kept(frames, seed, 4.0, 12)[::2], kinds, VARIANTS) for seed in TOWNS]
    return Rows.joined([*own, *_shard_rows(shards, kinds)])


def _shard_rows(folder: Path, kinds: Sequence[str]) -> Iterator[Rows]:
    data = ShardFolder(folder)
    for k, town in enumerate(data.scenes):
        seed, first = int(town.rpartition("-")[2]), data.tokens.index(f"{town}:0")
        if seed < FIRST_TEST_TOWN and k % EACH_SHARD == 0:
            yield rows_of(seed, [data[first + 7 * i].observation for i in range(PER_SHARD)], kinds, 2)


def fit(rows: Rows) -> Weights:
    """Weights for rows, calibrated and with a threshold by folds over towns."""
    scores = [np.zeros(0), np.zeros(0)]
    clean = np.zeros(0, dtype=bool)
    for fold in range(FOLDS):
        held = np.unique(rows.town, return_inverse=True)[1] % FOLDS == fold
        own = moment_scores(_fitted(rows.where(~held)), rows.where(held))
        scores = [np.append(a, b) for a, b in zip(scores, own[:2], strict=True)]
        clean = np.append(clean, own[2])
    known, unlike = scores
    calibration, (slope, _) = _platt(known, clean), _platt(unlike, clean)
    threshold = float(np.clip(np.quantile(logistic(known[clean], calibration), 1 - FALSE_ALARMS), 0.5, 0.999))
    # Mild corruptions of known kinds lie as near as clean pictures do: where the distance alone alarms is set by the clean ones.
    offset = float(np.log(threshold / (1 - threshold)) - slope * np.quantile(unlike[clean], 1 - FALSE_ALARMS))
    return replace(_fitted(rows), calibration=calibration, unlike=(slope, offset), threshold=threshold)


def moment_scores(weights: Weights, rows: Rows) -> tuple[Array, Array, Array]:
    """For each moment: the most suspicious picture's log-odds of not being clean, its log distance, whether the moment is clean."""
    z = weights.standard(rows.features)
    numbers, where = np.unique(rows.moment, return_inverse=True)
    most = [np.full(len(numbers), -np.inf) for _ in range(2)]
    np.maximum.at(most[0], where, -weights.classify(z)[:, 0])
    np.maximum.at(most[1], where, weights.distance(z))
    clean = np.zeros(len(numbers), dtype=bool)
    clean[where] = rows.kind == CLEAN
    return most[0], most[1], clean


def _fitted(rows: Rows) -> Weights:
    """Not calibrated."""
    clean = rows.features[rows.kind == CLEAN]
    mean, deviation = clean.mean(0), np.maximum(clean.std(0), LEAST_DEVIATION)
    count, classes = len(NAMES), (CLEAN, *sorted(set(rows.kind) - {CLEAN}))
    none = Weights(NAMES, _cameras(), mean, deviation, np.zeros((1, count)), np.eye(count), (CLEAN,), np.zeros((1 + 2 * count, 1)), *PLAIN)
    centres, spread = _clusters(none.standard(clean))
    regression = _regression(none.standard(rows.features), rows.kind, classes)
    return replace(none, centres=centres, spread=spread, classes=classes, weights=regression)


def _cameras() -> dict[str, tuple[float, float]]:
    return {camera.name: focal_shares(camera) for camera in load_rig(OWN_RIG)}


def _clusters(z: Array) -> tuple[Array, Array]:
    """Centres [CENTRES, F] of clean pictures by Lloyd's method, and the spread [F, F] around them."""
    rng = np.random.default_rng(0)
    centres = z[rng.choice(len(z), CENTRES, replace=False)]
    for _ in range(30):
        nearest = ((z[:, None] - centres) ** 2).sum(-1).argmin(1)
        centres = np.stack([z[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(CENTRES)])
    apart = z - centres[((z[:, None] - centres) ** 2).sum(-1).argmin(1)]
    return centres, apart.T @ apart / len(z) + RIDGE * np.eye(z.shape[1])


def _regression(z: Array, kind: Array, classes: Sequence[str]) -> Array:
    """Multinomial logistic regression [1 + 2 F, K]; clean pictures weigh as much as all kinds together, every kind the same."""
    x, y = expanded(z), np.array([list(classes).index(one) for one in kind])
    share = np.array([0.5] + [0.5 / (len(classes) - 1)] * (len(classes) - 1)) / np.maximum(np.bincount(y, minlength=len(classes)), 1)
    weight, truth = share[y], np.eye(len(classes))[y]

    def loss(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(x.shape[1], len(classes))
        scores = x @ w
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        decayed = w.copy()
        decayed[0] = 0.0
        value = -(weight * (logs * truth).sum(1)).sum() + 0.5 * DECAY * (decayed**2).sum()
        return float(value), (x.T @ (weight[:, None] * (np.exp(logs) - truth)) + DECAY * decayed).ravel()

    found = minimize(loss, np.zeros(x.shape[1] * len(classes)), jac=True, method="L-BFGS-B", options={"maxiter": 150})
    return found.x.reshape(x.shape[1], len(classes))


def _platt(score: Array, clean: Array) -> tuple[float, float]:
    """Slope and offset of the log-odds that a moment is corrupted, clean and corrupted ones weighing the same (Platt, 1999)."""
    weight = np.where(clean, 0.5 / clean.sum(), 0.5 / (~clean).sum())
    sign = np.where(clean, 1.0, -1.0)

    def loss(pair: Array) -> float:
        return float((weight * np.logaddexp(0.0, sign * (pair[0] * score + pair[1]))).sum() + 1e-4 * pair[0] ** 2)

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", options={"maxiter": 2000}).x
    return float(slope), float(offset)


def logistic(score: Array, pair: tuple[float, float]) -> Array:
    """Probabilities of scores by a slope and an offset."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * (pair[0] * score + pair[1]))))


def to_json(weights: Weights, rows: Rows) -> dict[str, Any]:
    """What is written: the weights, and what they were fitted to."""
    told = {f.name: getattr(weights, f.name) for f in fields(weights)}
    values = {name: np.round(value, 5).tolist() if isinstance(value, np.ndarray) else value for name, value in told.items()}
    kinds, counts = np.unique(rows.kind, return_counts=True)
    fitted = {"towns": [int(rows.town.min()), int(rows.town.max())], "pictures": dict(zip(kinds.tolist(), counts.tolist(), strict=True))}
    return {"fitted_to": fitted | {"false_alarms_aimed_at": FALSE_ALARMS}, "weights": values}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="folder of demonstrations in training towns")
    parser.add_argument("--frames", type=Path, required=True, help="folder where drawn moments are kept")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    rows = training_rows(args.frames, args.shards)
    weights = fit(rows)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(to_json(weights, rows)) + "\n")
    print(f"{len(rows.kind)} pictures of {len(np.unique(rows.town))} towns, threshold {weights.threshold:.3f}, written: {args.out}")


if __name__ == "__main__":
    main()
