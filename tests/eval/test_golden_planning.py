"""Parity with what each project's own code answered, sample by sample, on every planning set in the golden folder.

Samples whose flags may differ (`planning_goldens`) are listed behind the counts at the end of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from goldens import PLANNING_FOLDER, Tally, set_names
from planning_goldens import L2_TOLERANCE_M, Flags, Golden, Pictures, check, check_means, load, means, same_number, stems, unexplained

from drive.eval.openloop import admlp, bevplanner, halfmetre, sparsedrive, stp3, uniad, vad
from drive.eval.openloop.batch import OpenLoopBatch
from drive.eval.openloop.occupied import Occupancy
from drive.eval.openloop.plain import images

SETS = set_names("s*_*.npz", PLANNING_FOLDER)

pytestmark = pytest.mark.skipif(not SETS, reason=f"no planning sets (s*_*.npz) in {PLANNING_FOLDER}; set DRIVE_GOLDEN")


@pytest.fixture(params=SETS or ["none"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return load(PLANNING_FOLDER, request.param)


def horizons(answers: list, keys: list[str], complete: Callable[[dict | None], bool]) -> np.ndarray:
    """[N, K]: one column per key; NaN where a sample has no answer."""
    return np.array([[a[k] for k in keys] if complete(a) else [np.nan] * len(keys) for a in answers], dtype=np.float64)


def check_uniad(golden: Golden, tally: Tally | None = None) -> float:
    """UniAD's flags at every step; returns the slack of means."""
    answer = golden.answers["uniad"]["per_sample"]

    def flags(batch: OpenLoopBatch, xy: np.ndarray) -> np.ndarray:
        steps = uniad.per_step(batch, xy)
        return np.concatenate([steps.box, steps.point], 1).astype(np.float64)

    expected = np.concatenate([answer["box"], answer["pt"]], 1).astype(np.float64)
    return check(golden, flags, expected, (uniad, halfmetre.CELLS), "uniad", tally)


def test_golden_uniad(golden: Golden, tally: Tally) -> None:
    answer = golden.answers["uniad"]
    np.testing.assert_allclose(uniad.per_step(golden.batch, golden.xy).l2, answer["per_sample"]["l2"], atol=L2_TOLERANCE_M)
    slack = check_uniad(golden, tally)
    for protocol, key in (("uniad", "uniad_strategy"), ("uniad-stp3", "stp3_strategy")):
        check_means(golden, protocol, stems(answer[key], l2="L2", collision="obj_box_col", point_collision="obj_col"), slack)


def cumulative_flags(per_step: Callable[[OpenLoopBatch, np.ndarray], object]) -> Flags:
    def flags(batch: OpenLoopBatch, xy: np.ndarray) -> np.ndarray:
        steps = per_step(batch, xy)
        counts = [v[:, : 2 * s].sum(1) for v in (steps.box, steps.point) for s in (1, 2, 3)]  # type: ignore[attr-defined]
        return np.stack(counts, 1).astype(np.float64)

    return flags


def test_golden_vad(golden: Golden, tally: Tally) -> None:
    answers = golden.answers["vad"]["per_sample"]

    def valid(a: dict | None) -> bool:
        return bool(a and a.get("fut_valid_flag"))

    np.testing.assert_array_equal([valid(a) for a in answers], golden.batch.complete)
    l2 = vad.per_step(golden.batch, golden.xy).l2
    for s in (1, 2, 3):
        expected = horizons(answers, [f"plan_L2_{s}s"], valid)[:, 0]
        keep = ~np.isnan(expected)
        np.testing.assert_allclose(l2[keep, : 2 * s].mean(1), expected[keep], atol=L2_TOLERANCE_M)
    keys = [f"plan_{kind}_{s}s" for kind in ("obj_box_col", "obj_col") for s in (1, 2, 3)]
    expected = np.round(horizons(answers, keys, valid) * np.array([2, 4, 6, 2, 4, 6]), 4)
    slack = check(golden, cumulative_flags(vad.per_step), expected, (vad, halfmetre.CELLS), "vad", tally)
    check_means(golden, "vad", stems(golden.answers["vad"], l2="L2", collision="obj_box_col"), slack)


def test_golden_bevplanner(golden: Golden, tally: Tally) -> None:
    answers = golden.answers["bevplanner"]["per_sample"]

    def valid(a: dict | None) -> bool:
        return bool(a and a["valid"])

    np.testing.assert_array_equal([valid(a) for a in answers], golden.batch.complete)
    objects, _ = bevplanner.per_step(golden.batch, golden.xy)
    for s in (1, 2, 3):
        expected = horizons(answers, [f"plan_L2_{s}s"], valid)[:, 0]
        keep = ~np.isnan(expected)
        np.testing.assert_allclose(objects.l2[keep, : 2 * s].mean(1), expected[keep], atol=L2_TOLERANCE_M)

    def flags(batch: OpenLoopBatch, xy: np.ndarray) -> np.ndarray:
        objects, boundary = bevplanner.per_step(batch, xy)
        values = [v[:, : 2 * s].max(1) for v in (objects.box, objects.point, boundary.box) for s in (1, 2, 3)]
        # The point test against the boundary is the one value that the original averages over steps.
        values += [boundary.point[:, : 2 * s].sum(1) for s in (1, 2, 3)]
        return np.stack(values, 1).astype(np.float64)

    kinds = ("obj_box_col", "obj_col", "obj_box_col_plus", "obj_col_plus")
    expected = horizons(answers, [f"plan_{kind}_{s}s" for kind in kinds for s in (1, 2, 3)], valid)
    expected[:, 9:] = np.round(expected[:, 9:] * [2, 4, 6], 4)
    slack = check(golden, flags, expected, (bevplanner, bevplanner.CELLS), "bevplanner", tally)
    names = stems(golden.answers["bevplanner"], l2="L2", collision="obj_box_col", ccr="boundary_box")
    check_means(golden, "bevplanner", names, slack)


def by_horizon(answers: list) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Horizon s, and L2, box and point answers [N, 2 s] of it; NaN where a sample has none."""
    for s in (1, 2, 3):
        empty = {"L2": [np.nan] * 2 * s, "obj_box_col": [np.nan] * 2 * s, "obj_col": [np.nan] * 2 * s}
        rows = [a[f"{s}s"] if a else empty for a in answers]
        l2, box, point = (np.array([r[k] for r in rows], dtype=np.float64) for k in ("L2", "obj_box_col", "obj_col"))
        yield s, l2, box, point


def check_stp3(golden: Golden, tally: Tally | None = None) -> float:
    """ST-P3's flags for every horizon; returns the slack of means."""
    slack = 0.0
    for s, _, box, point in by_horizon(golden.answers["stp3"]["per_sample"]):

        def flags(batch: OpenLoopBatch, xy: np.ndarray, s: int = s) -> np.ndarray:
            steps = stp3.per_step(batch, xy)
            return np.concatenate([steps.box[:, : 2 * s], steps.point[:, : 2 * s]], 1).astype(np.float64)

        slack = max(slack, check(golden, flags, np.concatenate([box, point], 1), (stp3, halfmetre.CELLS), f"stp3 up to {s} s", tally))
    return slack


def test_golden_stp3(golden: Golden, tally: Tally) -> None:
    answers = golden.answers["stp3"]["per_sample"]
    np.testing.assert_array_equal([a is not None for a in answers], golden.batch.complete)
    steps = stp3.per_step(golden.batch, golden.xy)
    for s, l2, _, _ in by_horizon(answers):
        keep = ~np.isnan(l2[:, 0])
        np.testing.assert_allclose(steps.l2[keep, : 2 * s], l2[keep], atol=L2_TOLERANCE_M)
    names = stems(golden.answers["stp3"], l2="L2", collision="obj_box_col", point_collision="obj_col")
    check_means(golden, "stp3", names, check_stp3(golden, tally))


@pytest.mark.parametrize(("name", "mirrored"), [("verbatim", False), ("colflip", True)])
def test_golden_admlp(golden: Golden, tally: Tally, name: str, mirrored: bool) -> None:
    answer, slack, protocol = golden.answers[f"admlp_{name}"], 0.0, "admlp" if mirrored else "admlp-verbatim"
    for s, l2, box, _ in by_horizon(answer["per_sample"]):
        keep = ~np.isnan(l2[:, 0])
        steps = admlp.per_step(golden.batch, golden.xy, s, mirrored)
        np.testing.assert_allclose(steps.l2[keep, : 2 * s], l2[keep], atol=L2_TOLERANCE_M)

        def flags(batch: OpenLoopBatch, xy: np.ndarray, s: int = s) -> np.ndarray:
            return admlp.per_step(batch, xy, s, mirrored).box[:, : 2 * s].astype(np.float64)

        slack = max(slack, check(golden, flags, box, (stp3, halfmetre.CELLS), f"{protocol} up to {s} s", tally))
    check_means(golden, protocol, stems(answer, l2="L2", collision="obj_box_col"), slack)


def test_golden_agentdriver(golden: Golden, tally: Tally) -> None:
    """The goldens have means only; the flags behind them are those of `uniad` and `stp3`."""
    for protocol, slack in (("uniad", check_uniad(golden)), ("stp3", check_stp3(golden))):
        answer = golden.answers[f"agentdriver_{protocol}"]
        names = {"l2": "L2", "collision": "obj_box_col", "point_collision": "obj_col"}
        check_means(golden, f"agentdriver-{protocol}", stems(answer, **names), slack)
        tally(f"agentdriver-{protocol} (means)", len(golden.xy), 12, [])


def test_golden_sparsedrive(golden: Golden, tally: Tally) -> None:
    answer = golden.answers["sparsedrive"]

    def flags(batch: OpenLoopBatch, xy: np.ndarray) -> np.ndarray:
        _, box, record = sparsedrive.per_step(batch, xy)
        return np.concatenate([box, record], 1).astype(np.float64)

    empty = [np.nan] * 6
    pairs = zip(answer["per_sample"]["box"], answer["per_sample"]["gt"], strict=True)
    expected = np.array([[*(box or empty), *(record or empty)] for box, record in pairs], dtype=np.float64)
    np.testing.assert_array_equal(~np.isnan(expected[:, 0]), golden.batch.complete)
    slack = check(golden, flags, expected, None, "sparsedrive", tally)
    check_means(golden, "sparsedrive", stems(answer, l2="L2", collision="obj_box_col"), slack)


def test_golden_lightemma(golden: Golden, tally: Tally) -> None:
    answer = golden.answers["lightemma"]
    ours = means(golden, "lightemma")
    names = {"l2_1s": "L2_1s", "l2_2s": "L2_2s", "l2_3s": "L2_3s", "ade": "ADE", "fde": "FDE", "miss_rate": "missRate_2"}
    for name, key in names.items():
        same_number(ours[name], answer[key], L2_TOLERANCE_M, name)
    tally("lightemma (means)", int(golden.batch.complete.sum()), len(names), [])


Images = Iterator[tuple[np.ndarray, np.ndarray]]


def drawn(occupancy: Callable[[OpenLoopBatch], Occupancy], batch: OpenLoopBatch, cells: int) -> Images:
    """Per sample six images [6, cells, cells] bool, drawn with the installed OpenCV from our polygons; no cell is in doubt."""
    polygons, there = occupancy(batch).everything()
    for i in range(len(batch)):
        yield images(polygons[i].astype(np.int32), there[i], cells).astype(bool), np.False_


def warped(batch: OpenLoopBatch) -> Images:
    """ST-P3's images [6, 200, 200] bool after its warp to t0, every cell looked up by itself, and which lie between two."""
    for (filled, _), warps in zip(drawn(stp3.occupancy, batch, halfmetre.CELLS), stp3.warp(batch), strict=True):
        pairs = [looked_up_warped(filled[k], warps[k]) for k in range(len(filled))]
        yield np.stack([image for image, _ in pairs]), np.stack([tie for _, tie in pairs])


def looked_up_warped(filled: np.ndarray, warp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, one = np.float32(halfmetre.CELLS), np.float32(1)
    y, x = ((2 * v.astype(np.float32) + one) / n - one for v in np.indices(filled.shape))
    exact = [((r[0] * x + r[1] * y + r[2] + one) * n - one) / 2 for r in (warp[1], warp[0])]
    at = [np.rint(v).astype(np.int64) for v in exact]
    inside = np.all([(v >= 0) & (v < halfmetre.CELLS) for v in at], axis=0)
    image = filled[np.where(inside, at[0], 0), np.where(inside, at[1], 0)] & inside
    return image, np.any([np.abs(np.abs(v - np.rint(v)) - 0.5) < 1e-4 for v in exact], axis=0)


def boundaries(batch: OpenLoopBatch) -> Images:
    """BEV-Planner's image [1, 1000, 1000] bool of road boundaries."""
    lines = bevplanner.boundary_lines(batch).astype(np.int32)
    for i in range(len(batch)):
        image = np.zeros((1, bevplanner.CELLS, bevplanner.CELLS), dtype=np.uint8)
        cv2.polylines(image[0], list(lines[i, : batch.n_boundary[i]]), isClosed=False, color=(1,))
        yield image.astype(bool), np.False_


RASTERS: dict[str, Pictures] = {
    "uniad": lambda batch: drawn(uniad.occupancy, batch, halfmetre.CELLS),
    "vad": lambda batch: drawn(vad.occupancy, batch, halfmetre.CELLS),
    "stp3": warped,
    "bevplanner": lambda batch: drawn(bevplanner.occupancy, batch, bevplanner.CELLS),
    "bevplanner_boundary": boundaries,
}


@pytest.mark.parametrize("name", RASTERS)
def test_golden_rasters(golden: Golden, name: str, request: pytest.FixtureRequest, tally: Tally) -> None:
    """Where a set has rasters: every cell of them, but for those that ST-P3's warp takes from between two cells, and those that hang on
    a vertex half-way between two up to the last bit (found by drawing again, `unexplained`)."""
    path = PLANNING_FOLDER / f"{request.node.callspec.params['golden']}.rasters.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {PLANNING_FOLDER}")
    packed, batch = np.load(path)[name], golden.batch
    compared, differ = 0, []
    for i, (ours, doubtful) in enumerate(RASTERS[name](batch)):
        # UniAD's first image is that of t0, and its steps without a future are filled with 255; the others skip such samples.
        theirs = np.unpackbits(packed[i], axis=-1)[-len(ours) :].astype(bool)
        keep = batch.gt_mask[i] if name == "uniad" else np.full(len(ours), batch.complete[i])
        wrong = (ours != theirs) & keep[:, None, None]
        left = unexplained(golden.one(i), RASTERS[name], wrong & ~doubtful) if (wrong & ~doubtful).any() else wrong & False
        assert not left.any(), f"sample {i}: {int(left.sum())} cells, and no tie of a vertex is the cause"
        compared += int(keep.sum())
        differ += [f"sample {i}: {int(wrong.sum())} cells between two"] * bool(wrong.any())
    tally(f"raster {name} (images)", len(batch), compared, differ)
