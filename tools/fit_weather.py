"""Fits how `drive curate` tells the weather from a picture's numbers, on towns of a folder of demonstrations: their weather follows from
their seeds. Every fifth town is left out of the fit and judged.

    python -m tools.fit_weather runs/answers-towns --towns 200 --out drive/curate/weather.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize

from drive.curate.pictures import glance
from drive.curate.weather import KINDS, features
from drive.frames import Array
from drive.render.weather import choose_weather

DECAY = 1e-3


def told(path: Path, states: int) -> tuple[Array, int]:
    """Features of some states of a town [N, F], and the index of its weather."""
    weather = choose_weather("random", int(path.stem.rpartition("-")[2]))
    with np.load(path, allow_pickle=False) as arrays:
        images = arrays["images"]
    rows = []
    for k in np.linspace(0, len(images) - 1, states).astype(int):
        rows.append(features([glance(np.asarray(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), dtype=np.uint8)) for one in images[k]]))
    return np.array(rows), 1 if weather.fog_visibility_m <= 200 else 2 if weather.rain else 0


def fitted(x: Array, y: Array) -> Array:
    """Weights [KINDS, F] of a softmax, all kinds weighing the same, by L-BFGS."""
    share = np.bincount(y, minlength=len(KINDS)) / len(y)
    importance = 1.0 / (len(KINDS) * share[y])

    def loss(flat: Array) -> tuple[float, Array]:
        logits = x @ flat.reshape(len(KINDS), -1).T
        logits -= logits.max(1, keepdims=True)
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        nll = -(importance * np.log(p[np.arange(len(y)), y] + 1e-12)).mean()
        slope = (importance[:, None] * (p - np.eye(len(KINDS))[y])).T @ x / len(y)
        return float(nll + DECAY * (flat**2).sum()), slope.ravel() + 2 * DECAY * flat

    return np.asarray(minimize(loss, np.zeros(len(KINDS) * x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x).reshape(
        len(KINDS), -1
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--towns", type=int, default=200)
    parser.add_argument("--states", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    towns = [told(path, args.states) for path in sorted(args.folder.glob("town-*.npz"))[: args.towns]]
    parts = [[town for k, town in enumerate(towns) if (k % 5 == 4) == held] for held in (False, True)]
    fit, judged = ((np.concatenate([x for x, _ in part]), np.repeat([kind for _, kind in part], args.states)) for part in parts)
    weights = fitted(*fit)
    guess = np.argmax(judged[0] @ weights.T, 1)
    for k, kind in enumerate(KINDS):
        counts = np.bincount(guess[judged[1] == k], minlength=len(KINDS))
        told_as = ", ".join(f"{count} {other}" for other, count in zip(KINDS, counts, strict=True))
        print(f"{kind}: {counts.sum()} states of unseen towns, told as {told_as}")
    args.out.write_text(json.dumps([[round(float(w), 4) for w in row] for row in weights]) + "\n")


if __name__ == "__main__":
    main()
