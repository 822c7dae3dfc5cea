"""The judgement of an observation: exact checks first, then a multinomial logistic regression on features of each picture.

The regression knows clean pictures and the learned kinds of `drive.watch.corruptions`; how far a picture lies from all clean ones it was
fitted to is told apart, so that what is wrong in an unknown way is noticed too. The least trusted camera counts. Its probability is
calibrated (Platt, 1999) for moments of which a half are corrupted; `threshold` is where clean ones cause at most the stated share of
false alarms. Fitted by `tools/fit_watch.py`; the weights are data/checkpoints/watch/weights.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drive.cameras import Camera
from drive.frames import Array
from drive.schema import Degraded, MissingImage, Observation
from drive.shipped import CHECKPOINTS
from drive.watch import checks
from drive.watch.looks import NAMES, Pictured, features, moved_between, seen

WEIGHTS = CHECKPOINTS / "watch" / "weights.json"
CLEAN, UNLIKE = "clean", "unlike what it knows"
FURTHEST = 8.0  # standard deviations; beyond, a feature counts as this far out
CERTAIN = 1.0
SAME_LENS = 0.1  # a share of the focal length


@dataclass(frozen=True, eq=False)
class Weights:
    """cameras: of the rig that it was fitted to, by name the focal lengths over the picture's width and height; pictures of others are not
    judged. mean, deviation [F]: of the features of clean pictures. centres [M, F], spread [F, F]: of clean pictures after these, for the
    distance. classes [K]: the first is CLEAN; weights [1 + 2 F, K]. calibration, unlike: (slope, offset) of the log-odds of the regression
    and of the logarithm of the distance. threshold: of the probability.
    """

    names: tuple[str, ...]
    cameras: Mapping[str, tuple[float, float]]
    mean: Array
    deviation: Array
    centres: Array
    spread: Array
    classes: tuple[str, ...]
    weights: Array
    calibration: tuple[float, float]
    unlike: tuple[float, float]
    threshold: float

    def __post_init__(self) -> None:
        count, kinds = len(NAMES), len(self.classes)
        shapes = {"mean": (count,), "deviation": (count,), "spread": (count, count), "weights": (1 + 2 * count, kinds)}
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape or not np.isfinite(getattr(self, name)).all()]
        if tuple(self.names) != NAMES or wrong or self.classes[:1] != (CLEAN,) or self.centres.shape[1:] != (count,):
            raise ValueError(f"weights of a judgement do not fit its {count} features: {', '.join(wrong) or 'other names or classes'}")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"the threshold of a judgement is a probability, got {self.threshold}")

    def knows(self, camera: Camera) -> bool:
        """Whether it was fitted to pictures of such a camera."""
        return camera.name in self.cameras and bool(np.allclose(focal_shares(camera), self.cameras[camera.name], rtol=SAME_LENS))

    @cached_property
    def precision(self) -> Array:
        """The inverse of `spread`."""
        return np.linalg.inv(self.spread)

    def standard(self, rows: Array) -> Array:
        """Features [C, F] in standard deviations of clean ones."""
        return np.clip((rows - self.mean) / self.deviation, -FURTHEST, FURTHEST)

    def distance(self, z: Array) -> Array:
        """Logarithm [C] of the squared Mahalanobis distance to the nearest centre, by feature."""
        apart = z[:, None] - self.centres
        return np.log(np.einsum("cmf,fg,cmg->cm", apart, self.precision, apart).min(1) / len(NAMES) + 1e-6)

    def classify(self, z: Array) -> Array:
        """Log-odds [C, K] of each class against all others together, not calibrated."""
        scores = expanded(z) @ self.weights
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return logs - np.log(-np.expm1(np.minimum(logs, -1e-12)))


def focal_shares(camera: Camera) -> tuple[float, float]:
    """Focal lengths over the picture's width and height."""
    return float(camera.K[0, 0] / camera.width), float(camera.K[1, 1] / camera.height)


def expanded(z: Array) -> Array:
    """Standard features [C, F] -> [C, 1 + 2 F]: one, themselves, their squares."""
    return np.concatenate([np.ones((len(z), 1)), z, z * z / FURTHEST], 1)


@cache
def load_weights(path: Path = WEIGHTS) -> Weights:
    """Raises ValueError where the file is none."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())["weights"]
        for name in ("mean", "deviation", "centres", "spread", "weights"):
            told[name] = np.array(told[name], dtype=np.float64)
        for name in ("calibration", "unlike"):
            told[name] = (float(told[name][0]), float(told[name][1]))
        told["cameras"] = {str(name): (float(x), float(y)) for name, (x, y) in told["cameras"].items()}
        return Weights(**told | {"names": tuple(told["names"]), "classes": tuple(told["classes"]), "threshold": float(told["threshold"])})
    except (OSError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{path} holds no weights of a judgement ({error}); tools/fit_watch.py makes them") from error


@dataclass(frozen=True, eq=False)
class Judge:
    """cameras: that must be there and alone are looked at; (): whatever there is. pictures: whether there must be any."""

    weights: Weights
    cameras: tuple[str, ...] = ()
    pictures: bool = True

    def __call__(self, observation: Observation) -> Degraded:
        """What can be said of an observation; every observation gets an answer."""
        reasons, now, before = self._looked(observation)
        reasons += [*checks.wrong_speed(observation), *checks.blank_cameras(now), *checks.frozen_cameras(observation, now, before)]
        found = [(CERTAIN, reason) for reason in reasons]
        if known := [one for one in now if self.weights.knows(one.camera)]:
            found += self._learned(known, before, _moved(observation))
        found.sort(key=lambda pair: -pair[0])
        alarming = [reason for probability, reason in found if probability >= self.weights.threshold]
        return Degraded(max((probability for probability, _ in found), default=0.0), tuple(dict.fromkeys(alarming)))

    def _looked(self, observation: Observation) -> tuple[list[str], list[Pictured], list[Pictured]]:
        """What the cameras' presence and times say, and the pictures of the last two frames."""
        if not self.pictures and not observation.frames:
            return [], [], []
        reasons = [*checks.missing_cameras(observation, self.cameras), *checks.wrong_times(observation)]
        shown: list[list[Pictured]] = [[], []]
        for place, frame in zip(shown, observation.frames[:-3:-1], strict=False):
            for view in checks.views_of(frame, self.cameras):
                try:
                    place.append(seen(view))
                except MissingImage as error:
                    reasons += [f"missing: {error}"[:300]] if place is shown[0] else []
        return reasons, shown[0], shown[1]

    def _learned(self, now: Sequence[Pictured], before: Sequence[Pictured], moved_m: float | None) -> list[tuple[float, str]]:
        """For each camera the probabilities that it is wrong in a known and in any way."""
        weights = self.weights
        z = weights.standard(features(now, before, moved_m))
        odds, known, unlike = weights.classify(z), known_probability(weights, z), unlike_probability(weights, z)
        kinds = [weights.classes[1 + int(k)] for k in odds[:, 1:].argmax(1)]
        return [
            *((float(p), f"{kind}: {one.camera.name[:80]}") for p, kind, one in zip(known, kinds, now, strict=True)),
            *((float(p), f"{UNLIKE}: {one.camera.name[:80]}") for p, one in zip(unlike, now, strict=True)),
        ]


def known_probability(weights: Weights, z: Array) -> Array:
    """[C]: that a picture is wrong in one of the known ways."""
    slope, offset = weights.calibration
    return _sigmoid(slope * -weights.classify(z)[:, 0] + offset)


def unlike_probability(weights: Weights, z: Array) -> Array:
    """[C]: that a picture is wrong, by its distance from clean ones alone."""
    slope, offset = weights.unlike
    return _sigmoid(slope * weights.distance(z) + offset)


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _moved(observation: Observation) -> float | None:
    frames = observation.frames
    return moved_between(frames[-2], frames[-1], observation.speed_mps) if len(frames) > 1 else None
