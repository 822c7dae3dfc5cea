"""Parity with what each project's own code answered, sample by sample, on every planning set in the golden folder.

The folder is DRIVE_GOLDEN, by default ../shared/golden beside the repository, else the copy in tests/golden. Its sets are
found by file name. A flag may differ for two causes only, both found by computing again, never by name:

* a float32 tie: the golden's flag comes out when the inputs are moved by a few units in the last place;
* a polygon that crosses the image border near the ego: OpenCV 5.0, which drew the goldens, fills those otherwise than 4.11.

Samples with such a cause are listed in the test's output.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from drive.eval.planning import admlp, bevplanner, sparsedrive, stp3, uniad, vad
from drive.eval.planning.batch import Batch, Plans, batch_from_arrays
from drive.eval.planning.occupied import Occupancy
from drive.eval.planning.registry import PROTOCOLS
from drive.frames import rotation_2d

HERE = Path(__file__).resolve()
SHARED = HERE.parents[3] / "shared" / "golden"
FOLDER = Path(os.environ.get("DRIVE_GOLDEN") or (SHARED if SHARED.is_dir() else HERE.parents[1] / "golden"))
SETS = sorted(p.name.removesuffix(".npz") for p in FOLDER.glob("s*_*.npz") if not p.name.endswith(".rasters.npz"))
L2_TOLERANCE_M = 1e-5
Flags = Callable[[Batch, np.ndarray], np.ndarray]
Border = Callable[["Golden"], bool]

pytestmark = pytest.mark.skipif(not SETS, reason=f"no planning sets (s*_*.npz) in {FOLDER}; set DRIVE_GOLDEN")


@dataclass
class Golden:
    """A set: its arrays as named by `batch_from_arrays`, the predictions, and the answers."""

    arrays: dict[str, np.ndarray]
    xy: np.ndarray
    answers: dict

    @property
    def batch(self) -> Batch:
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


@pytest.fixture(params=SETS or ["none"])
def golden(request: pytest.FixtureRequest) -> Golden:
    data = dict(np.load(FOLDER / f"{request.param}.npz"))
    arrays = {**data, "agent_points": data["agent_npts"], "agent_visibility": data["agent_vis"]}
    return Golden(arrays, arrays.pop("pred_traj"), json.loads((FOLDER / f"{request.param}.json").read_text()))


def crosses_border(polygons: np.ndarray, drawn: np.ndarray, cells: int) -> np.ndarray:
    """Which drawn polygons [1, A, 6, 4, 2] of one sample cross the edge of the image, [A, 6]."""
    low, high = polygons[0].min(-2), polygons[0].max(-2)
    across = ((low < 0) | (high >= cells)).any(-1) & ((high >= 0) & (low < cells)).all(-1)
    return across & drawn[0]


def border_near_ego(polygons: np.ndarray, drawn: np.ndarray, cells: int, columns_rows: list[np.ndarray], reach: int) -> bool:
    """Whether a polygon that crosses the border comes within `reach` cells of one of the ego's paths [6, 2] (column, row)."""
    low, high = polygons[0].min(-2) - reach, polygons[0].max(-2) + reach
    at = [np.clip(path, 0, cells - 1) for path in columns_rows]
    near = np.any([((low <= path) & (path <= high)).all(-1) for path in at], axis=0)
    return bool((crosses_border(polygons, drawn, cells) & near).any())


def half_metre_border(occupancy: Callable[[Batch], Occupancy], signs: tuple[int, int]) -> Border:
    """For grids of half a metre: signs of column and row against x and y of L."""

    def border(one: Golden) -> bool:
        paths = [100 + 2 * np.array(signs) * path[0] for path in (one.xy, one.arrays["gt_traj"])]
        return border_near_ego(*occupancy(one.batch).everything(), 200, paths, 12)

    return border


def warped_border(one: Golden) -> bool:
    """For ST-P3, whose frames are drawn around their own ego: the plan is moved there."""
    batch = one.batch
    plan = np.stack([one.xy[0, :, 1], -one.xy[0, :, 0]], -1)
    own = ((plan - batch.gt_poses[0, :, :2])[:, None] @ rotation_2d(batch.gt_poses[0, :, 2]))[:, 0]
    paths = [100 + 2 * np.stack([side * own[:, 1], own[:, 0]], -1) for side in (1, -1)]
    return border_near_ego(*stp3.occupancy(batch).everything(), 200, [*paths, np.full((6, 2), 100)], 14)


def fine_border(one: Golden) -> bool:
    paths = [500 + 10 * np.stack([path[0, :, 1], -path[0, :, 0]], -1) for path in (one.xy, one.arrays["gt_traj"])]
    return border_near_ego(*bevplanner.occupancy(one.batch).everything(), 1000, paths, 45)


def check(golden: Golden, flags: Flags, expected: np.ndarray, border: Border | None, name: str) -> float:
    """Flags [N, F] equal expected [N, F] (NaN: no answer), except where one of the two causes is found.

    Returns by how much a mean over the samples may differ for these causes.
    """
    got = flags(golden.batch, golden.xy)
    known = ~np.isnan(expected)
    wrong = (got != expected) & known
    print(f"{name}: {int(known.any(1).sum())} samples, {int(known.sum())} flags, {int(wrong.sum())} differ")
    rng = np.random.default_rng(0)
    for i in np.flatnonzero(wrong.any(1)):
        one = golden.one(int(i))
        tied = np.zeros(got.shape[1], dtype=bool)
        for _ in range(300):
            moved = one.moved(rng)
            tied |= flags(moved.batch, moved.xy)[0] == expected[i]
        causes = ["tie"] * bool((tied | ~wrong[i]).all()) + ["border"] * bool(border and border(one))
        print(f"{name}: sample {i} differs for {' or '.join(causes) or 'no cause that is known'}")
        assert causes, f"{name}: sample {i}: got {got[i]}, expected {expected[i]}"
    return float(wrong.any(1).sum() / max(known.any(1).sum(), 1))


def horizons(answers: list, keys: list[str], complete: Callable[[dict | None], bool]) -> np.ndarray:
    """[N, K]: one column per key; NaN where a sample has no answer."""
    return np.array([[a[k] for k in keys] if complete(a) else [np.nan] * len(keys) for a in answers], dtype=np.float64)


def means(golden: Golden, protocol: str) -> dict[str, float]:
    """The reported numbers of one protocol for the set's predictions."""
    batch = golden.batch
    plans = Plans(golden.xy, np.concatenate([golden.xy, np.zeros((*golden.xy.shape[:2], 1))], -1), np.ones(len(batch), dtype=bool))
    if protocol == "lightemma":
        # The golden was fed positions in the LiDAR frame for both.
        batch.gt_poses[..., :2] = batch.gt_traj
    return {name: result.mean for name, result in PROTOCOLS[protocol].results(batch, plans).items()}


def check_means(golden: Golden, protocol: str, expected: dict[str, dict[str, float]], slack: float = 0.0) -> None:
    """expected: metric stem -> {s1, s2, s3, avg}. slack: what samples with a known cause may shift a rate by."""
    found = means(golden, protocol)
    for stem, values in expected.items():
        for key, value in values.items():
            name = f"{stem}_{key.removeprefix('s')}s" if key.startswith("s") else f"{stem}_avg"
            tolerance = L2_TOLERANCE_M + (0.0 if stem == "l2" else slack)
            assert found[name] == pytest.approx(value, abs=tolerance), f"{protocol} {name}"


def stems(answer: dict, **names: str) -> dict[str, dict[str, float]]:
    return {stem: answer[key] for stem, key in names.items()}


def check_uniad(golden: Golden) -> float:
    """UniAD's flags at every step; returns the slack of means."""
    answer = golden.answers["uniad"]["per_sample"]

    def flags(batch: Batch, xy: np.ndarray) -> np.ndarray:
        steps = uniad.per_step(batch, xy)
        return np.concatenate([steps.box, steps.point], 1).astype(np.float64)

    expected = np.concatenate([answer["box"], answer["pt"]], 1).astype(np.float64)
    return check(golden, flags, expected, half_metre_border(uniad.occupancy, (1, 1)), "uniad")


def test_golden_uniad(golden: Golden) -> None:
    answer = golden.answers["uniad"]
    np.testing.assert_allclose(uniad.per_step(golden.batch, golden.xy).l2, answer["per_sample"]["l2"], atol=L2_TOLERANCE_M)
    slack = check_uniad(golden)
    for protocol, key in (("uniad", "uniad_strategy"), ("uniad-stp3", "stp3_strategy")):
        check_means(golden, protocol, stems(answer[key], l2="L2", collision="obj_box_col", point_collision="obj_col"), slack)


@pytest.mark.parametrize(("rear_m", "tie"), [(2.25, True), (2.0, False)])
def test_golden_check_itself_accepts_only_known_causes(golden: Golden, rear_m: float, tie: bool) -> None:
    """A car ahead that is hit, against an answer of "not hit": accepted only where the hit hangs on the last bit.

    The ego, 0.1 m from where it was, fills rows up to 104, and a rear at 2.25 m lies half-way between rows 104 and 105.
    """
    one = golden.one(0)
    for name in ("agent_valid", "agent_npts", "agent_xy", "agent_yaw"):
        one.arrays[name] = np.zeros_like(one.arrays[name])
    one.arrays["gt_mask"] = np.ones_like(one.arrays["gt_mask"])
    one.arrays["gt_traj"] = np.full_like(one.arrays["gt_traj"], -30.0)
    one.arrays["agent_valid"][0, 0], one.arrays["agent_raw"][0, 0], one.arrays["agent_wl"][0, 0] = 1, 17, (2.0, 3.5)
    one.arrays["agent_xy"][0, 0], one.arrays["agent_yaw"][0, 0] = (0.0, rear_m + 1.75), np.pi / 2
    one.xy[:] = 0.1

    def flags(batch: Batch, xy: np.ndarray) -> np.ndarray:
        return uniad.per_step(batch, xy).box.astype(np.float64)

    assert check(one, flags, np.ones((1, 6)), None, "as it is") == 0
    if tie:
        assert check(one, flags, np.zeros((1, 6)), None, "tie") == 1
    else:
        with pytest.raises(AssertionError, match="expected"):
            check(one, flags, np.zeros((1, 6)), None, "no cause")


def cumulative_flags(per_step: Callable[[Batch, np.ndarray], object]) -> Flags:
    def flags(batch: Batch, xy: np.ndarray) -> np.ndarray:
        steps = per_step(batch, xy)
        counts = [v[:, : 2 * s].sum(1) for v in (steps.box, steps.point) for s in (1, 2, 3)]  # type: ignore[attr-defined]
        return np.stack(counts, 1).astype(np.float64)

    return flags


def test_golden_vad(golden: Golden) -> None:
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
    slack = check(golden, cumulative_flags(vad.per_step), expected, half_metre_border(vad.occupancy, (1, -1)), "vad")
    check_means(golden, "vad", stems(golden.answers["vad"], l2="L2", collision="obj_box_col"), slack)


def test_golden_bevplanner(golden: Golden) -> None:
    answers = golden.answers["bevplanner"]["per_sample"]

    def valid(a: dict | None) -> bool:
        return bool(a and a["valid"])

    np.testing.assert_array_equal([valid(a) for a in answers], golden.batch.complete)
    objects, _ = bevplanner.per_step(golden.batch, golden.xy)
    for s in (1, 2, 3):
        expected = horizons(answers, [f"plan_L2_{s}s"], valid)[:, 0]
        keep = ~np.isnan(expected)
        np.testing.assert_allclose(objects.l2[keep, : 2 * s].mean(1), expected[keep], atol=L2_TOLERANCE_M)

    def flags(batch: Batch, xy: np.ndarray) -> np.ndarray:
        objects, boundary = bevplanner.per_step(batch, xy)
        values = [v[:, : 2 * s].max(1) for v in (objects.box, objects.point, boundary.box) for s in (1, 2, 3)]
        # The point test against the boundary is the one value that the original averages over steps.
        values += [boundary.point[:, : 2 * s].sum(1) for s in (1, 2, 3)]
        return np.stack(values, 1).astype(np.float64)

    kinds = ("obj_box_col", "obj_col", "obj_box_col_plus", "obj_col_plus")
    expected = horizons(answers, [f"plan_{kind}_{s}s" for kind in kinds for s in (1, 2, 3)], valid)
    expected[:, 9:] = np.round(expected[:, 9:] * [2, 4, 6], 4)
    slack = check(golden, flags, expected, fine_border, "bevplanner")
    names = stems(golden.answers["bevplanner"], l2="L2", collision="obj_box_col", ccr="boundary_box")
    check_means(golden, "bevplanner", names, slack)


def by_horizon(answers: list) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Horizon s, and L2, box and point answers [N, 2 s] of it; NaN where a sample has none."""
    for s in (1, 2, 3):
        empty = {"L2": [np.nan] * 2 * s, "obj_box_col": [np.nan] * 2 * s, "obj_col": [np.nan] * 2 * s}
        rows = [a[f"{s}s"] if a else empty for a in answers]
        l2, box, point = (np.array([r[k] for r in rows], dtype=np.float64) for k in ("L2", "obj_box_col", "obj_col"))
        yield s, l2, box, point


def check_stp3(golden: Golden) -> float:
    """ST-P3's flags for every horizon; returns the slack of means."""
    slack = 0.0
    for s, _, box, point in by_horizon(golden.answers["stp3"]["per_sample"]):

        def flags(batch: Batch, xy: np.ndarray, s: int = s) -> np.ndarray:
            steps = stp3.per_step(batch, xy)
            return np.concatenate([steps.box[:, : 2 * s], steps.point[:, : 2 * s]], 1).astype(np.float64)

        slack = max(slack, check(golden, flags, np.concatenate([box, point], 1), warped_border, f"stp3 {s} s"))
    return slack


def test_golden_stp3(golden: Golden) -> None:
    answers = golden.answers["stp3"]["per_sample"]
    np.testing.assert_array_equal([a is not None for a in answers], golden.batch.complete)
    steps = stp3.per_step(golden.batch, golden.xy)
    for s, l2, _, _ in by_horizon(answers):
        keep = ~np.isnan(l2[:, 0])
        np.testing.assert_allclose(steps.l2[keep, : 2 * s], l2[keep], atol=L2_TOLERANCE_M)
    names = stems(golden.answers["stp3"], l2="L2", collision="obj_box_col", point_collision="obj_col")
    check_means(golden, "stp3", names, check_stp3(golden))


@pytest.mark.parametrize(("name", "mirrored"), [("verbatim", False), ("colflip", True)])
def test_golden_admlp(golden: Golden, name: str, mirrored: bool) -> None:
    answer, slack = golden.answers[f"admlp_{name}"], 0.0
    for s, l2, box, _ in by_horizon(answer["per_sample"]):
        keep = ~np.isnan(l2[:, 0])
        steps = admlp.per_step(golden.batch, golden.xy, s, mirrored)
        np.testing.assert_allclose(steps.l2[keep, : 2 * s], l2[keep], atol=L2_TOLERANCE_M)

        def flags(batch: Batch, xy: np.ndarray, s: int = s) -> np.ndarray:
            return admlp.per_step(batch, xy, s, mirrored).box[:, : 2 * s].astype(np.float64)

        slack = max(slack, check(golden, flags, box, warped_border, f"admlp {name} {s} s"))
    check_means(golden, "admlp" if mirrored else "admlp-verbatim", stems(answer, l2="L2", collision="obj_box_col"), slack)


def test_golden_agentdriver(golden: Golden) -> None:
    """The goldens have means only; the flags behind them are those of `uniad` and `stp3`."""
    for protocol, slack in (("uniad", check_uniad(golden)), ("stp3", check_stp3(golden))):
        answer = golden.answers[f"agentdriver_{protocol}"]
        names = {"l2": "L2", "collision": "obj_box_col", "point_collision": "obj_col"}
        check_means(golden, f"agentdriver-{protocol}", stems(answer, **names), slack)


def test_golden_sparsedrive(golden: Golden) -> None:
    answer = golden.answers["sparsedrive"]

    def flags(batch: Batch, xy: np.ndarray) -> np.ndarray:
        _, box, record = sparsedrive.per_step(batch, xy)
        return np.concatenate([box, record], 1).astype(np.float64)

    empty = [np.nan] * 6
    pairs = zip(answer["per_sample"]["box"], answer["per_sample"]["gt"], strict=True)
    expected = np.array([[*(box or empty), *(record or empty)] for box, record in pairs], dtype=np.float64)
    np.testing.assert_array_equal(~np.isnan(expected[:, 0]), golden.batch.complete)
    slack = check(golden, flags, expected, None, "sparsedrive")
    check_means(golden, "sparsedrive", stems(answer, l2="L2", collision="obj_box_col"), slack)


def test_golden_lightemma(golden: Golden) -> None:
    answer = golden.answers["lightemma"]
    found = means(golden, "lightemma")
    names = {"l2_1s": "L2_1s", "l2_2s": "L2_2s", "l2_3s": "L2_3s", "ade": "ADE", "fde": "FDE", "miss_rate": "missRate_2"}
    for name, key in names.items():
        assert found[name] == pytest.approx(answer[key], abs=L2_TOLERANCE_M), name


def test_golden_rasters_are_those_of_uniad(golden: Golden, request: pytest.FixtureRequest) -> None:
    """Where a set has rasters: every cell of UniAD's occupancy, drawn with the installed OpenCV from our polygons."""
    import cv2

    path = FOLDER / f"{request.node.callspec.params['golden']}.rasters.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {FOLDER}")
    expected = np.unpackbits(np.load(path)["uniad"], axis=-1)[:, 1:].astype(bool)
    polygons, drawn = uniad.occupancy(golden.batch).everything()
    for i in range(len(expected)):
        for k in np.flatnonzero(golden.batch.gt_mask[i]):
            image = np.zeros((200, 200), dtype=np.uint8)
            for a in np.flatnonzero(drawn[i, :, k]):
                cv2.fillPoly(image, [polygons[i, a, k].astype(np.int32)], 1)
            if (image.astype(bool) != expected[i, k]).any():
                one = golden.one(i).batch
                assert crosses_border(*uniad.occupancy(one).everything(), 200)[:, k].any(), f"sample {i}, step {k}"
