"""The golden comparison itself: it finds sets by name, lists known causes, and excuses no wrong kernel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import goldens
import numpy as np
import pytest
from planning_goldens import Golden, check, load, refilled, unexplained

from drive.eval.openloop import admlp, bevplanner, halfmetre, sparsedrive, stp3, uniad, vad
from drive.eval.openloop.batch import OpenLoopBatch
from drive.eval.openloop.occupied import Occupancy
from drive.frames import Array

COPIED = goldens.set_names("s*_*.npz", goldens.COPIES)


def car(xy: tuple[float, float], yaw: float, ego: tuple[float, float]) -> Golden:
    """One sample: a car of 2.0 x 3.5 m at one place for all six steps, a plan that stays at `ego`, a record elsewhere."""
    one = load(goldens.COPIES, COPIED[0]).one(0)
    for name in ("agent_valid", "agent_npts", "agent_xy", "agent_yaw"):
        one.arrays[name] = np.zeros_like(one.arrays[name])
    one.arrays["gt_mask"] = np.ones_like(one.arrays["gt_mask"])
    one.arrays["gt_traj"] = np.full_like(one.arrays["gt_traj"], -30.0)
    one.arrays["agent_valid"][0, 0], one.arrays["agent_raw"][0, 0], one.arrays["agent_wl"][0, 0] = 1, 17, (2.0, 3.5)
    one.arrays["agent_xy"][0, 0], one.arrays["agent_yaw"][0, 0] = xy, yaw
    one.xy[:] = ego
    return one


def boxes(batch: OpenLoopBatch, xy: np.ndarray) -> np.ndarray:
    return uniad.per_step(batch, xy).box.astype(np.float64)


@pytest.mark.parametrize(("rear_m", "tie"), [(2.25, True), (2.0, False)])
def test_golden_check_excuses_a_tie_alone(rear_m: float, tie: bool) -> None:
    """A car ahead that is hit, against an answer of "not hit": excused only where the hit hangs on the last bit.

    The ego, 0.1 m from where it was, fills rows up to 104, and a rear at 2.25 m lies half-way between rows 104 and 105.
    """
    one = car((0.0, rear_m + 1.75), np.pi / 2, (0.1, 0.1))
    listed: list[str] = []
    assert check(one, boxes, np.ones((1, 6)), None, "as it is") == 0
    if tie:
        assert check(one, boxes, np.zeros((1, 6)), None, "tie", lambda *note: listed.extend(note[3])) == 1
        assert listed == ["sample 0: tie"]
    else:
        with pytest.raises(AssertionError, match="neither a tie nor the border"):
            check(one, boxes, np.zeros((1, 6)), None, "no cause")


@pytest.mark.parametrize(("rear_m", "moved_m", "tie"), [(2.25, 8e-6, True), (2.25, 0.3, False), (2.0, 0.3, False), (2.2499, 2e-4, False)])
@pytest.mark.parametrize("yaw", [np.pi / 2, -np.pi / 2])
def test_golden_rasters_excuse_a_vertex_half_way_between_two_cells_alone(rear_m: float, moved_m: float, tie: bool, yaw: float) -> None:
    """A car drawn a row nearer than in the answer: excused where its rear lies half-way between two rows up to the last bit."""
    import test_golden_planning as tests

    ahead, behind = (car((0.0, rear_m + 1.75 + side * moved_m), yaw, (0.1, 0.1)) for side in (1, -1))
    draw = tests.RASTERS["uniad"]
    (ours, _), *_ = draw(ahead.batch)
    (theirs, _), *_ = draw(behind.batch)
    wrong = ours != theirs
    assert wrong.any()
    assert unexplained(ahead, draw, wrong).any() != tie


@pytest.mark.parametrize(("forward_m", "border"), [(50.5, True), (47.0, False)])
def test_golden_check_excuses_the_border_alone(forward_m: float, border: bool) -> None:
    """A car that is hit, against an answer of "not hit": excused only where the car sticks out of the image."""
    one = car((0.0, forward_m), np.pi / 2, (0.1, 48.6))
    grid, listed = (uniad, halfmetre.CELLS), []
    assert check(one, boxes, np.ones((1, 6)), grid, "as it is") == 0
    if border:
        assert check(one, boxes, np.zeros((1, 6)), grid, "border", lambda *note: listed.extend(note[3])) == 1
        assert listed == ["sample 0: border"]
    else:
        with pytest.raises(AssertionError, match="neither a tie nor the border"):
            check(one, boxes, np.zeros((1, 6)), grid, "no cause")


def forgetful(occupancy: Callable[[OpenLoopBatch], Occupancy]) -> Callable[[OpenLoopBatch], Occupancy]:
    """The same agents without those that cross the border: wrong where the border excuse applies, too."""
    return refilled(occupancy, halfmetre.CELLS, grown=False)


def shifted(occupancy: Callable[[OpenLoopBatch], Occupancy]) -> Callable[[OpenLoopBatch], Occupancy]:
    """The same agents a cell further along the columns."""

    def altered(batch: OpenLoopBatch) -> Occupancy:
        whole = occupancy(batch)
        return Occupancy(whole.drawn, whole.centres, whole.wl, lambda n, a, k: whole.vertices(n, a, k) + [1, 0])

    return altered


def unturned(batch: OpenLoopBatch, warp: Callable[[OpenLoopBatch], Array] = stp3.warp) -> Array:
    return np.broadcast_to(np.eye(2, 3, dtype=np.float32), warp(batch).shape).copy()


# What is broken, and how: module, attribute, wrong value or a function of the right one; which golden test must notice.
MUTANTS = {
    "uniad counts pedestrians": (uniad, "VEHICLE_CLASSES", (0, 1, 2, 3, 4, 6, 7, 8), "uniad"),
    "uniad rounds vertices down": (uniad, "rounded", lambda c: np.floor((c + 50) / np.float32(0.5)).astype(np.int64), "uniad"),
    "uniad's agents a cell further": (uniad, "occupancy", shifted, "uniad"),
    "uniad forgets agents at the border": (uniad, "occupancy", forgetful, "uniad"),
    "the ego a row further": (halfmetre, "FOOTPRINT_ROWS", (98, 105), "uniad"),
    "vad looks 30 m to the side": (vad, "RANGE_X_M", 30.0, "vad"),
    "vad's rows as uniad's": (vad, "truncated", lambda v: halfmetre.truncated(np.ceil(v)), "vad"),
    "vad's agents a cell further": (vad, "occupancy", shifted, "vad"),
    "stp3 without its warp": (stp3, "warp", unturned, "stp3"),
    "stp3's agents a cell further": (stp3, "occupancy", shifted, "stp3"),
    "admlp does not snap": (admlp, "SNAP_M", np.float32(0), "admlp"),
    "bevplanner's ego 0.1 m back": (bevplanner, "LIDAR_AHEAD_M", 1.085793, "bevplanner"),
    "bevplanner turns in slow steps": (bevplanner, "LEAST_STEP_M", 0.5, "bevplanner"),
    "bevplanner's agents a cell further": (bevplanner, "occupancy", shifted, "bevplanner"),
    "sparsedrive's ego 0.1 m back": (sparsedrive, "AHEAD_M", np.float32(0.4), "sparsedrive"),
    "sparsedrive turns while standing": (sparsedrive, "STANDING_M", np.float32(0.0), "sparsedrive"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_golden_check_excuses_no_wrong_kernel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import test_golden_planning as tests

    module, attribute, wrong, protocol = MUTANTS[name]
    replaced = wrong(getattr(module, attribute)) if wrong in (shifted, forgetful) else wrong
    monkeypatch.setattr(module, attribute, replaced)
    with pytest.raises(AssertionError):
        for golden in (load(goldens.COPIES, found) for found in COPIED):
            run_golden(tests, protocol, golden)


def run_golden(tests: object, protocol: str, golden: Golden) -> None:
    """The golden test of one protocol, as it runs on a set of the folder."""
    if protocol == "admlp":
        tests.test_golden_admlp(golden, lambda *note: None, "colflip", True)  # type: ignore[attr-defined]
    else:
        getattr(tests, f"test_golden_{protocol}")(golden, lambda *note: None)


def test_golden_sets_are_found_by_name(tmp_path: Path) -> None:
    for name in ("s9_new.npz", "s9_new.rasters.npz", "s9_new.json", "s1_urban.npz", "nav3.npz", "stray.npz", "nusc_det.npz"):
        shutil.copy(goldens.COPIES / f"{COPIED[0]}.npz", tmp_path / name)
    assert goldens.set_names("s*_*.npz", tmp_path) == ["s1_urban", "s9_new"]
    assert goldens.set_names("nav*.npz", tmp_path) == ["nav3"]
    assert goldens.set_names("nav*.npz", tmp_path / "absent") == []
