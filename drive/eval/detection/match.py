"""Which box is which thing: greedy by score and centre distance, as nuScenes' detection benchmark does (devkit d9de17a, `accumulate`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.answers.boxes import CLASSES
from drive.eval.detection.table import BoxTable, Ints
from drive.frames import Array
from drive.jit import kernel
from drive.schema import Mask

THRESHOLDS_M = (0.5, 1.0, 2.0, 4.0)
ERRORS = ("trans_err", "scale_err", "orient_err", "vel_err", "attr_err")
ERRORS_AT_M = 2.0


@dataclass(frozen=True, eq=False)
class Matches:
    """One class at one threshold. truths [G]: the sample of each thing. The P answered boxes by falling score (of equal ones the later
    first): sample [P], score [P], hit [P]: whether it is a thing; errors [5, H] of those that are, in the order of `ERRORS`, NaN where
    one cannot be told (None at thresholds that no errors are taken at)."""

    truths: Ints
    sample: Ints
    score: Array
    hit: Mask
    errors: Array | None


def match(truth: BoxTable, answered: BoxTable) -> dict[tuple[str, float], Matches]:
    """Both filtered as the benchmark wants -> the matches of every class at every threshold."""
    found = {}
    for kind, name in enumerate(CLASSES):
        things, boxes = truth.take(truth.kind == kind), answered.take(answered.kind == kind)
        things = things.take(np.argsort(things.sample, kind="stable"))  # type: ignore[arg-type]
        boxes = boxes.take(np.lexsort((np.arange(len(boxes)), boxes.score))[::-1])  # type: ignore[arg-type]
        samples = int(max(things.sample.max(initial=-1), boxes.sample.max(initial=-1))) + 1
        first = np.searchsorted(things.sample, np.arange(samples + 1))
        for threshold in THRESHOLDS_M:
            of = match_greedily(boxes.sample, boxes.xy, first, things.xy, threshold)
            hit = of >= 0
            errors = _errors(name, things.take(of[hit]), boxes.take(hit)) if threshold == ERRORS_AT_M else None  # type: ignore[arg-type]
            found[name, threshold] = Matches(things.sample, boxes.sample, boxes.score, hit, errors)
    return found


@kernel
def match_greedily(sample: Ints, xy: Array, first: Ints, things: Array, threshold: float) -> Ints:
    """Each of P boxes in order takes the nearest thing of its sample that is free, where it is nearer than the threshold -> its row, or
    -1, [P]. sample [P], xy [P, 2]; the things [G, 2] of sample s are rows first[s] to first[s + 1]."""
    free = np.ones(len(things), dtype=np.bool_)
    found = np.full(len(sample), -1, dtype=np.int64)
    for p in range(len(sample)):
        least = np.inf
        best = -1
        for g in range(first[sample[p]], first[sample[p] + 1]):
            if free[g]:
                dx, dy = xy[p, 0] - things[g, 0], xy[p, 1] - things[g, 1]
                distance = np.sqrt(dx * dx + dy * dy)
                if distance < least:
                    least = distance
                    best = g
        if least < threshold:
            free[best] = False
            found[p] = best
    return found


def match_plainly(sample: Ints, xy: Array, first: Ints, things: Array, threshold: float) -> Ints:
    """`match_greedily`, to read."""
    free, found = set(range(len(things))), []
    for s, place in zip(sample, xy, strict=True):
        near = [(float(np.hypot(*(things[g] - place))), g) for g in range(first[s], first[s + 1]) if g in free]
        least, best = min(near, default=(np.inf, -1))
        found.append(best if least < threshold else -1)
        free.discard(found[-1])
    return np.array(found, dtype=np.int64)


def _errors(name: str, things: BoxTable, boxes: BoxTable) -> Array:
    """[5, H]: centre distance m, 1 - overlap of the boxes put on one another, heading rad, velocity m/s, 1 - equal attributes."""
    shared = np.minimum(things.size, boxes.size).prod(-1)
    period = np.pi if name == "barrier" else 2 * np.pi  # a barrier has no front
    turn = (things.yaw - boxes.yaw + period / 2) % period - period / 2
    wrong = (things.attribute != boxes.attribute).astype(np.float64)
    return np.stack(
        [
            np.hypot(*(boxes.xy - things.xy).T),
            1 - shared / (things.size.prod(-1) + boxes.size.prod(-1) - shared),
            np.abs(np.where(turn > np.pi, turn - 2 * np.pi, turn)),
            np.hypot(*(boxes.velocity - things.velocity).T),
            np.where(things.attribute >= 0, wrong, np.nan),
        ]
    )
