"""Boxes of a scene, one a row as records hold them -> `Tracks`, one row per instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drive.data.scenes import Tracks
from drive.frames import Array
from drive.schema import Mask

# Boxes of one track further apart than this give no velocity (the devkit's `box_velocity` takes the same).
VELOCITY_MAX_DT_S = 1.5


@dataclass(frozen=True, eq=False)
class BoxRows:
    """R boxes of a scene in the world frame: at which of its key frames each stands (steps [R]), whose it is, its category (nuScenes'
    name), centres [R, 3] m, forward [R, 3] unit vectors along the length, sizes [R, 3] = length, width, height m, points [R] (-1 =
    unknown), visibility [R] (0 = unknown), velocities [R, 3] m/s where the records tell them (NaN = unknown);
    None: differences of places."""

    steps: NDArray[np.int64]
    instances: Sequence[str]
    categories: Sequence[str]
    centres: Array
    forward: Array
    sizes: Array
    points: NDArray[np.int64]
    visibility: NDArray[np.int64]
    velocities: Array | None = None


def no_boxes() -> BoxRows:
    """No boxes, of a scene where nobody looked for them."""
    none, places = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    return BoxRows(none, (), (), places, places, places, none, none)


def tracks_of(boxes: BoxRows, times_s: Array) -> Tracks:
    """Tracks in order of appearance; times_s [N]: the times that the boxes of each key frame are of, for velocities.

    Raises ValueError where an instance stands twice at one key frame, a size is not above 0 or a value is not finite.
    """
    rows = {name: i for i, name in enumerate(dict.fromkeys(boxes.instances))}
    at = np.array([rows[name] for name in boxes.instances], dtype=np.int64), np.asarray(boxes.steps, dtype=np.int64)
    shape = (len(rows), len(times_s))
    valid = np.zeros(shape, dtype=bool)
    valid[at] = True
    if valid.sum() != len(boxes.instances):
        raise ValueError("an instance is annotated twice in one sample")
    _possible(boxes)

    def table(values: np.ndarray, empty: int = 0) -> np.ndarray:
        filled: np.ndarray = np.full(shape + values.shape[1:], empty, dtype=values.dtype)
        filled[at] = values
        return filled

    centres = table(boxes.centres)
    if boxes.velocities is None:
        velocities, velocity_valid = track_velocities(centres, valid, times_s)
    else:
        known = np.isfinite(boxes.velocities).all(-1)
        velocities, velocity_valid = table(np.where(known[:, None], boxes.velocities, 0.0)), table(known)
    kinds = dict(zip(reversed(boxes.instances), reversed(boxes.categories), strict=True))
    return Tracks(
        instances=tuple(rows),
        categories=tuple(kinds[name] for name in rows),
        centres=centres,
        forward=table(boxes.forward),
        sizes=table(boxes.sizes),
        velocities=velocities,
        velocity_valid=velocity_valid,
        valid=valid,
        points=table(boxes.points, -1),
        visibility=table(boxes.visibility),
    )


def _possible(boxes: BoxRows) -> None:
    finite = np.isfinite(boxes.centres).all(1) & np.isfinite(boxes.forward).all(1) & np.isfinite(boxes.sizes).all(1)
    wrong = ~finite | ~(boxes.sizes > 0).all(1)
    if wrong.any():
        k = int(wrong.argmax())
        place, size = boxes.centres[k].tolist(), boxes.sizes[k].tolist()
        raise ValueError(f"a box of {boxes.instances[k]} is impossible: centre {place}, length, width, height {size}")


def track_velocities(centres: Array, valid: Mask, times_s: Array) -> tuple[Array, Mask]:
    """Centres [A, N, 3] with valid [A, N] at times_s [N] -> velocities [A, N, 3] and whether they are known [A, N].

    Difference between the track's boxes before and after each, whatever key frames it skips between; at the ends of a track
    between it and its one neighbour (the devkit's `box_velocity`). Not known for a lone box, or across more than
    VELOCITY_MAX_DT_S per neighbour.
    """
    index, rows = np.arange(centres.shape[1]), np.arange(len(centres))[:, None]
    none = np.full((len(centres), 1), -1)
    before = np.concatenate([none, np.maximum.accumulate(np.where(valid, index, -1), axis=1)[:, :-1]], axis=1)
    after = np.minimum.accumulate(np.where(valid, index, len(index))[:, ::-1], axis=1)[:, ::-1]
    after = np.concatenate([after[:, 1:], none + 1 + len(index)], axis=1)
    has_before, has_after = before >= 0, after < len(index)
    first, last = np.where(has_before, before, index), np.where(has_after, after, index)
    dt = times_s[last] - times_s[first]
    known = valid & (has_before | has_after) & (dt <= VELOCITY_MAX_DT_S * (has_before.astype(int) + has_after))
    step = centres[rows, last] - centres[rows, first]
    return np.where(known[..., None], step / np.where(known, dt, 1.0)[..., None], 0.0), known
