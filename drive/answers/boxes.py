"""Answer of `boxes`: what stands and drives around the ego, and the classes that things are told apart by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array

# nuScenes' ten detection classes (devkit d9de17a, `category_to_detection_name`), and which category is which. Every other category
# (animals, debris, racks, emergency vehicles, strollers, wheelchairs, ...) is none of them, as in nuScenes' detection benchmark.
CLASSES = ("car", "truck", "construction_vehicle", "bus", "trailer", "barrier", "motorcycle", "bicycle", "pedestrian", "traffic_cone")
CLASS_OF = {
    "vehicle.car": "car",
    "vehicle.truck": "truck",
    "vehicle.construction": "construction_vehicle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.trailer": "trailer",
    "movable_object.barrier": "barrier",
    "vehicle.motorcycle": "motorcycle",
    "vehicle.bicycle": "bicycle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
}
VEHICLES = ("car", "truck", "construction_vehicle", "bus", "trailer", "motorcycle", "bicycle")
# Within what distance of the ego the benchmark counts a class, metres (its configuration detection_cvpr_2019).
CLASS_RANGE_M = {
    **dict.fromkeys(CLASSES, 50.0),
    **dict.fromkeys(("pedestrian", "motorcycle", "bicycle"), 40.0),
    **dict.fromkeys(("traffic_cone", "barrier"), 30.0),
}


@dataclass(frozen=True, eq=False)
class Boxes:
    """B boxes in the ego frame of t0, nearest first where they are the truth.

    classes: B names of `CLASSES`. centres [B, 3] m; sizes [B, 3] length, width, height m; headings [B] rad; velocities [B, 2] m/s in the
    ego frame's directions, over ground, with velocity_known [B] (0 where not); scores [B], 0 to 1. left_out: how many more there were.
    Raises ValueError where shapes disagree, a value is not finite, a size is not above 0 or a class is none.
    """

    classes: tuple[str, ...]
    centres: Array
    sizes: Array
    headings: Array
    velocities: Array
    velocity_known: NDArray[np.bool_]
    scores: Array
    left_out: int = 0

    def __post_init__(self) -> None:
        count = len(self.classes)
        for name, width in (("centres", (3,)), ("sizes", (3,)), ("headings", ()), ("velocities", (2,)), ("scores", ())):
            values = np.asarray(getattr(self, name), dtype=np.float64).reshape(-1, *width)
            object.__setattr__(self, name, values)
            if len(values) != count or not np.isfinite(values).all():
                raise ValueError(f"Boxes.{name} must be finite [{count}{''.join(f', {w}' for w in width)}], got shape {values.shape}")
        object.__setattr__(self, "velocity_known", np.asarray(self.velocity_known, dtype=bool).reshape(-1))
        if len(self.velocity_known) != count:
            raise ValueError(f"Boxes.velocity_known must be [{count}], got shape {self.velocity_known.shape}")
        if strangers := sorted(set(self.classes) - set(CLASSES)):
            raise ValueError(f"boxes are of {', '.join(CLASSES)}, got {strangers[0]!r}")
        if (self.sizes <= 0).any() or self.left_out < 0:
            raise ValueError(f"sizes must be above 0 and left_out 0 or more, got {self.sizes.min(initial=1):g} and {self.left_out}")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def distances_m(self) -> Array:
        """[B], from the ego's origin in the plane."""
        return np.hypot(self.centres[:, 0], self.centres[:, 1])

    def take(self, rows: slice | Sequence[int] | NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """Some of the boxes, in that order."""
        kept = np.arange(len(self))[rows]
        arrays = {name: getattr(self, name)[kept] for name in ("centres", "sizes", "headings", "velocities", "velocity_known", "scores")}
        return replace(self, classes=tuple(self.classes[k] for k in kept), **arrays)

    def with_scores(self, scores: ArrayLike) -> Boxes:
        """The same boxes with other scores [B]."""
        return replace(self, scores=np.asarray(scores, dtype=np.float64))
