"""Boxes of many samples as arrays, one row a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from drive.answers.boxes import CLASS_RANGE_M, CLASSES, Boxes
from drive.frames import Array
from drive.schema import Mask

Ints = NDArray[np.int64]
# What a thing does, as nuScenes names it; a row's attribute is its place here, -1 for none.
ATTRIBUTES = (
    "pedestrian.moving", "pedestrian.sitting_lying_down", "pedestrian.standing", "cycle.with_rider", "cycle.without_rider",
    "vehicle.moving", "vehicle.parked", "vehicle.stopped",
)  # fmt: skip
RANGES_M = np.array([CLASS_RANGE_M[name] for name in CLASSES])


@dataclass(frozen=True, eq=False)
class BoxTable:
    """M boxes. sample [M]: whose, counted from 0; kind [M]: place in `CLASSES`; xy [M, 2] m, in one frame for truth and answers; size
    [M, 3], its three edges in one order; yaw [M] rad; velocity [M, 2] m/s, NaN = unknown; score [M]; attribute [M]: place in `ATTRIBUTES`
    or -1; distance [M]: from the ego in the plane, m."""

    sample: Ints
    kind: Ints
    xy: Array
    size: Array
    yaw: Array
    velocity: Array
    score: Array
    attribute: Ints
    distance: Array

    def __len__(self) -> int:
        return len(self.sample)

    def take(self, mask: Mask) -> BoxTable:
        """Some of the rows [M]."""
        return BoxTable(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})

    def in_range(self) -> BoxTable:
        """The rows nearer than the benchmark's range of their class."""
        return self.take(self.distance < RANGES_M[self.kind])


def table_of(answers: Sequence[Boxes | None]) -> BoxTable:
    """N answers of `boxes`, in the ego frame, as one table; None has no boxes."""
    told = [(i, boxes) for i, boxes in enumerate(answers) if boxes is not None]
    known = _stacked([boxes.velocity_known[:, None] for _, boxes in told], (1,)).astype(bool)
    centres = _stacked([boxes.centres for _, boxes in told], (3,))
    kinds = np.array([CLASSES.index(name) for _, boxes in told for name in boxes.classes], dtype=np.int64)
    return BoxTable(
        sample=np.repeat([i for i, _ in told], [len(boxes) for _, boxes in told]).astype(np.int64),
        kind=kinds,
        xy=centres[:, :2],
        size=_stacked([boxes.sizes for _, boxes in told], (3,)),
        yaw=_stacked([boxes.headings for _, boxes in told], ()),
        velocity=np.where(known, _stacked([boxes.velocities for _, boxes in told], (2,)), np.nan),
        score=_stacked([boxes.scores for _, boxes in told], ()),
        attribute=np.full(len(kinds), -1, dtype=np.int64),
        distance=np.hypot(centres[:, 0], centres[:, 1]),
    )


def _stacked(rows: Sequence[np.ndarray], shape: tuple[int, ...]) -> Array:
    return np.concatenate([np.zeros((0, *shape)), *rows])
