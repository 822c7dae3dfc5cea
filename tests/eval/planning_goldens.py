"""Planning sets of the golden folder, and the comparison of flags with what a project's own code answered.

A flag may differ for two causes only, both found by computing it again:

* a float32 tie: the golden's flag comes out when the inputs are moved by a few units in the last place;
* a polygon across the image's border, which OpenCV versions fill differently: the golden's flag comes out when such polygons
  are left out, or grown by a cell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
from goldens import Tally

from drive.eval.openloop.batch import OpenLoopBatch, Plans, batch_from_arrays
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.registry import PROTOCOLS

L2_TOLERANCE_M = 1e-5
TIES = 300
Flags = Callable[[OpenLoopBatch, np.ndarray], np.ndarray]
# Per sample its images [K, H, W] bool, and which of their cells are in doubt.
Pictures = Callable[[OpenLoopBatch], Iterator[tuple[np.ndarray, np.ndarray]]]
# A module whose `occupancy` is drawn, and the grid's cells along a side.
Grid = tuple[ModuleType, int]


@dataclass
class Golden:
    """A set: its arrays as named by `batch_from_arrays`, the predictions, and the answers."""

    arrays: dict[str, np.ndarray]
    xy: np.ndarray
    answers: dict[str, Any]

    @property
    def batch(self) -> OpenLoopBatch:
        return batch_from_arrays(self.arrays)

    def one(self, i: int) -> Golden:
        return Golden({name: value[i : i + 1] for name, value in self.arrays.items()}, self.xy[i : i + 1], {})

    def moved(self, rng: np.random.Generator) -> Golden:
        """The same set with positions and angles moved by up to four units in the last place of a float32.

        The grids add 50 m to a position before they round it, so its last place is that of such a number.
        """

        def move(value: np.ndarray, least: float) -> np.ndarray:
            return value + rng.uniform(-4, 4, value.shape) * np.spacing(np.maximum(np.abs(value), least).astype(np.float32))

        least = {"gt_traj": 50.0, "agent_xy": 50.0, "boundary": 50.0, "gt_yaw": 1.0, "agent_yaw": 1.0, "agent_wl": 1.0}
        return Golden({**self.arrays, **{n: move(self.arrays[n], m) for n, m in least.items()}}, move(self.xy, 50.0), {})


def load(folder: Path, name: str) -> Golden:
    """A set by name."""
    data = dict(np.load(folder / f"{name}.npz"))
    arrays = {**data, "agent_points": data["agent_npts"], "agent_visibility": data["agent_vis"]}
    return Golden(arrays, arrays.pop("pred_traj"), json.loads((folder / f"{name}.json").read_text()))


def crosses_border(polygons: np.ndarray, cells: int) -> np.ndarray:
    """Which polygons [..., 4, 2] cross the edge of the image, [...]."""
    low, high = polygons.min(-2), polygons.max(-2)
    return ((low < 0) | (high >= cells)).any(-1) & ((high >= 0) & (low < cells)).all(-1)


def refilled(occupancy: Callable[[OpenLoopBatch], Occupancy], cells: int, grown: bool) -> Callable[[OpenLoopBatch], Occupancy]:
    """The same occupancy with the polygons across the border grown by a cell, or left out."""

    def altered(batch: OpenLoopBatch) -> Occupancy:
        whole = occupancy(batch)

        def vertices(n: np.ndarray, a: np.ndarray, k: np.ndarray) -> np.ndarray:
            corners = whole.vertices(n, a, k)
            outwards = np.sign(corners - corners.mean(-2, keepdims=True)).astype(np.int64)
            return np.where(crosses_border(corners, cells)[:, None, None], corners + outwards, corners)

        if grown:
            return Occupancy(whole.drawn, whole.centres, whole.wl, vertices)
        polygons, drawn = whole.everything()
        return Occupancy(drawn & ~crosses_border(polygons, cells), whole.centres, whole.wl, whole.vertices)

    return altered


def causes(one: Golden, flags: Flags, got: np.ndarray, expected: np.ndarray, drawn_by: Grid | None) -> list[str]:
    """Why one sample's flags `got` [F] are not those `expected` [F] (NaN: no answer): "tie", "border", or nothing."""
    rng, found = np.random.default_rng(0), []
    settled = (got == expected) | np.isnan(expected)
    tied = settled.copy()
    for _ in range(TIES):
        moved = one.moved(rng)
        tied |= flags(moved.batch, moved.xy)[0] == expected
    if tied.all():
        found.append("tie")
    if drawn_by is not None:
        on_border = settled.copy()
        for grown in (False, True):
            module, cells = drawn_by
            with mock.patch.object(module, "occupancy", refilled(module.occupancy, cells, grown)):
                on_border |= flags(one.batch, one.xy)[0] == expected
        if on_border.all():
            found.append("border")
    return found


def unexplained(one: Golden, pictures: Pictures, wrong: np.ndarray) -> np.ndarray:
    """Which of the cells `wrong` [K, H, W] of one sample's images never come out otherwise when the inputs are moved as above.

    A vertex that lies half-way between two cells up to the last bit of a float32 may fall either way.
    """
    rng, left = np.random.default_rng(0), wrong.copy()
    (ours, _), *_ = pictures(one.batch)
    for _ in range(TIES):
        if not left.any():
            break
        (moved, _), *_ = pictures(one.moved(rng).batch)
        left &= moved == ours
    return left


def check(golden: Golden, flags: Flags, expected: np.ndarray, drawn_by: Grid | None, name: str, tally: Tally | None = None) -> float:
    """Flags [N, F] equal expected [N, F] (NaN: no answer), except where one of the two causes is found.

    Returns by how much a mean over the samples may differ for these causes.
    """
    got = flags(golden.batch, golden.xy)
    known = ~np.isnan(expected)
    wrong = ((got != expected) & known).any(1)
    listed = []
    for i in np.flatnonzero(wrong):
        why = causes(golden.one(int(i)), flags, got[i], expected[i], drawn_by)
        assert why, f"{name}: sample {i}: got {got[i]}, expected {expected[i]}, and neither a tie nor the border is the cause"
        listed.append(f"sample {i}: {' or '.join(why)}")
    if tally:
        tally(name, int(known.any(1).sum()), int(known.sum()), listed)
    return float(wrong.sum() / max(known.any(1).sum(), 1))


def means(golden: Golden, protocol: str) -> dict[str, float]:
    """The reported numbers of one protocol for the set's predictions."""
    batch = golden.batch
    plans = Plans(golden.xy, np.concatenate([golden.xy, np.zeros((*golden.xy.shape[:2], 1))], -1), np.ones(len(batch), dtype=bool))
    if protocol == "lightemma":
        # The golden was fed positions in the LiDAR frame for both.
        batch.gt_poses[..., :2] = batch.gt_traj
    return {name: result.mean for name, result in PROTOCOLS[protocol].results(batch, plans).items()}


def check_means(golden: Golden, protocol: str, expected: dict[str, dict[str, float]], slack: float = 0.0) -> None:
    """expected: metric stem -> {s1, s2, s3, avg}. slack: what samples with a known cause may shift a rate by.

    A set without a complete sample has no means: NaN, or nothing, on both sides.
    """
    found = means(golden, protocol)
    for stem, values in expected.items():
        for key, value in values.items():
            name = f"{stem}_{key.removeprefix('s')}s" if key.startswith("s") else f"{stem}_avg"
            same_number(found[name], value, L2_TOLERANCE_M + (0.0 if stem == "l2" else slack), f"{protocol} {name}")


def same_number(found: float, expected: float | None, tolerance: float, name: str) -> None:
    """Equal up to the tolerance; a mean over nothing is NaN, which JSON may hold as null."""
    wanted = np.nan if expected is None else expected
    assert abs(found - wanted) <= tolerance or (np.isnan(found) and np.isnan(wanted)), f"{name}: got {found}, expected {expected}"


def stems(answer: dict[str, Any], **names: str) -> dict[str, dict[str, float]]:
    return {stem: answer[key] for stem, key in names.items()}
