"""`drive eval FILE`: every benchmark reached by the verb, its horizon, what does not go together, and hostile files."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_files import ARRAYS, moment_arrays, navsim_arrays, records, run_arrays, waymo_arrays, write_plans
from goldens import FOLDER, Tally, set_names

import drive
from drive.cli import main
from drive.eval.bench2drive import ROUTES
from drive.eval.benchmarks import BENCHMARKS
from drive.eval.openloop.registry import PROTOCOLS
from drive.schema import Observation, Plan

NAVSIM_TIMES, WAYMO_TIMES = 0.5 * np.arange(1, 9), 0.25 * np.arange(1, 21)


def values(out: Path, planner: str) -> dict[str, float]:
    """protocol/metric -> value of one planner's rows of a report."""
    rows = json.loads((out / "report.json").read_text())["rows"]
    return {f"{r['protocol']}/{r['metric']}": r["value"] for r in rows if r["planner"] == planner}


def scored(out: Path, planner: str, *words: object) -> dict[str, float]:
    """The values of one planner after a run of the verb that ends well."""
    assert main(["eval", *map(str, words), "--out", str(out), "-q"]) == 0
    assert (out / "index.html").is_file()
    return values(out, planner)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that a refused run says."""
    assert main(["eval", *map(str, words), "-q"]) == 2
    said = capsys.readouterr()
    assert not said.out and "Traceback" not in said.err
    (line,) = said.err.splitlines()
    return line


def test_protocols_state_their_own_times() -> None:
    asked = {name: rules.asks for name, rules in {**PROTOCOLS, **BENCHMARKS}.items()}
    assert {asked[name] for name in PROTOCOLS} == {"plans of 3 s at 2 Hz"}
    assert asked["navsim1"] == asked["navsim2"] == "plans of 4 s at 2 Hz" and asked["wod-e2e"] == "plans of 5 s at 4 Hz"
    assert {asked[name] for name in ("neuroncap", "neuroncap-moments", "bench2drive", "bench2drive-comfort")} == {"drives that were made"}
    np.testing.assert_array_equal(BENCHMARKS["navsim1"].window.future_times_s, NAVSIM_TIMES)
    np.testing.assert_array_equal(BENCHMARKS["wod-e2e"].window.future_times_s, WAYMO_TIMES)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no goldens in {FOLDER}; set DRIVE_GOLDEN")
def test_golden_navsim_by_the_verb(tmp_path: Path, tally: Tally) -> None:
    for name in set_names("nav*.npz"):
        arrays = np.load(FOLDER / f"{name}.npz")
        count = int(arrays["n"])
        plans = write_plans(tmp_path / "plans.json", {f"{name}-{i}": arrays[f"s{i}_pred"] for i in range(count)}, NAVSIM_TIMES)
        got = scored(tmp_path / name, "mine", FOLDER / f"{name}.npz", "--protocol", "navsim1,navsim2", "--plans", plans)
        one, two = (json.loads((FOLDER / f"{name}.{kind}.json").read_text())["scenes"] for kind in ("navsim1", "navsim2"))
        expected = {f"navsim1/{k}": np.mean([s[k] for s in one]) for k in one[0] if f"navsim1/{k}" in got}
        expected |= {"navsim1/pdm_score": np.mean([s["score"] for s in one])}
        expected |= {f"navsim2/{k}": np.mean([s["filter_on"][k] for s in two]) for k in two[0]["filter_on"] if f"navsim2/{k}" in got}
        assert len(expected) == 7 + 9
        assert {key: got[key] for key in expected} == pytest.approx(expected, abs=1e-5)
        assert values(tmp_path / name, "pred") == got  # the plans that the file itself brings
        tally("navsim by the verb", count, len(expected), [])


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no goldens in {FOLDER}; set DRIVE_GOLDEN")
def test_golden_others_by_the_verb(tmp_path: Path, tally: Tally) -> None:
    answers = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("waymo_rfs", "neuroncap", "bench2drive")}
    pred = np.load(FOLDER / "waymo_rfs.npz")["pred"]
    plans = write_plans(tmp_path / "plans.json", {f"waymo_rfs-{i}": path for i, path in enumerate(pred)}, WAYMO_TIMES)
    waymo = scored(tmp_path / "w", "mine", FOLDER / "waymo_rfs.npz", "--protocol", "wod-e2e", "--plans", plans)
    assert waymo["wod-e2e/rfs"] == pytest.approx(answers["waymo_rfs"]["mean"], abs=1e-5)
    ncap = scored(tmp_path / "n", "neuroncap", FOLDER / "neuroncap.npz", "--protocol", "neuroncap-moments")
    touched, speed, stars = np.array(answers["neuroncap"]["out"], dtype=float).T
    wanted = {"collision": touched.mean(), "ncap_score": stars.mean(), "impact_mps": speed[touched == 1].mean()}
    assert ncap == pytest.approx({f"neuroncap-moments/{name}": value for name, value in wanted.items()}, abs=1e-5)
    b2d = scored(tmp_path / "b", "bench2drive", FOLDER / "bench2drive.json", "--protocol", "bench2drive")
    assert b2d["bench2drive/driving_score"] == pytest.approx(answers["bench2drive"]["driving_score"], abs=1e-5)
    assert b2d["bench2drive/success"] == pytest.approx(answers["bench2drive"]["success_rate"], abs=1e-9)
    comfort = scored(tmp_path / "c", "b2d_comfort", FOLDER / "b2d_comfort.npz", "--protocol", "bench2drive-comfort")
    assert comfort["bench2drive-comfort/comfort"] == pytest.approx(answers["bench2drive"]["comfort_mean"], abs=1e-5)
    tally("other benchmarks by the verb", 4, 7, [])


def test_known_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever drives as the record and the rater did gets all points; who runs into the parked car at the reference's speed none."""
    np.savez(tmp_path / "nav.npz", **navsim_arrays())
    two = "constant-velocity,stand-still"
    got = scored(tmp_path / "a", "constant-velocity", tmp_path / "nav.npz", "--protocol", "all", "--planner", two)
    assert got["navsim1/pdm_score"] == pytest.approx(1.0, abs=1e-6) and got["navsim2/epdms"] == pytest.approx(1.0, abs=1e-6)
    assert values(tmp_path / "a", "stand-still")["navsim1/ego_progress"] < 0.7
    np.savez(tmp_path / "way.npz", **waymo_arrays())
    got = scored(tmp_path / "b", "constant-velocity", tmp_path / "way.npz", "--protocol", "wod-e2e", "--planner", "constant-velocity")
    assert got == pytest.approx({"wod-e2e/rfs": 8.0, "wod-e2e/ade_3s": 0.0, "wod-e2e/ade_5s": 0.0}, abs=1e-9)
    np.savez(tmp_path / "runs.npz", **run_arrays())
    capsys.readouterr()
    assert scored(tmp_path / "c", "runs", tmp_path / "runs.npz", "--protocol", "neuroncap") == {
        "neuroncap/ncap_score": 2.5, "neuroncap/collision": 0.5,
    }  # fmt: skip
    assert "published mean of ncap_score (over runs, then sequences, then scenarios): frontal 2.5, overall 2.5" in capsys.readouterr().out
    (tmp_path / "merged.json").write_text(json.dumps(records()))
    got = scored(tmp_path / "d", "merged", tmp_path / "merged.json", "--protocol", "bench2drive")
    assert got == {"bench2drive/driving_score": 100.0, "bench2drive/success": 1.0, "bench2drive/efficiency": None}


def test_missing_routes_and_plans_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "some.json").write_text(json.dumps(records(11)))
    assert main(["eval", str(tmp_path / "some.json"), "--protocol", "bench2drive", "--out", str(tmp_path / "a"), "-q"]) == 1
    assert values(tmp_path / "a", "some")["bench2drive/driving_score"] == pytest.approx(5.0)
    np.savez(tmp_path / "nav.npz", **navsim_arrays())
    path = np.stack([8 * NAVSIM_TIMES, 0 * NAVSIM_TIMES], -1)
    plans = write_plans(tmp_path / "plans.json", {"nav-0": path, "nav-7": path}, NAVSIM_TIMES)
    words = [tmp_path / "nav.npz", "--protocol", "navsim1", "--plans", plans, "--out", tmp_path / "b"]
    assert main(["eval", *map(str, words), "-q"]) == 1
    assert values(tmp_path / "b", "mine")["navsim1/pdm_score"] == pytest.approx(0.5, abs=1e-6)
    said = capsys.readouterr().out
    assert "no plan for this sample in the file (nav-1)" in said and "not a case of this file (nav-7)" in said


def test_other_rates_are_taken_at_the_protocol_s_times(tmp_path: Path) -> None:
    """A plan at 4 Hz answers NAVSIM's 2 Hz with its points there; one that ends before 4 s answers nothing."""
    np.savez(tmp_path / "nav.npz", **navsim_arrays())
    tokens, fast = ("nav-0", "nav-1"), np.stack([8 * WAYMO_TIMES, 0 * WAYMO_TIMES, 0 * WAYMO_TIMES], -1)
    plans = write_plans(tmp_path / "plans.json", dict.fromkeys(tokens, fast), WAYMO_TIMES)
    assert scored(tmp_path / "a", "mine", tmp_path / "nav.npz", "--protocol", "navsim1", "--plans", plans)["navsim1/pdm_score"] > 0.999


class Ahead:
    name = "ahead"

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        assert observation.speed_mps is not None and not observation.frames
        times = observation.future_times_s
        return Plan(np.stack([observation.speed_mps * times, 0 * times, 0 * times], -1)[None], times)


def test_from_python_a_planner_is_asked_at_the_protocol_s_times(tmp_path: Path) -> None:
    np.savez(tmp_path / "nav.npz", **navsim_arrays(3))
    report = drive.evaluate(tmp_path / "nav.npz", planners=[Ahead()], protocols=["navsim1"], limit=2)
    row = next(r for r in report.rows if (r["planner"], r["metric"]) == ("ahead", "pdm_score"))
    assert row["value"] == pytest.approx(1.0, abs=1e-6) and row["requested"] == 2
    with pytest.raises(ValueError, match="drive.open_dataset"):
        drive.evaluate(tmp_path)


def test_a_planner_s_name_is_no_planner(mini: Path) -> None:
    with pytest.raises(TypeError, match=r"give drive.load_planner\('stand-still'\)"):
        drive.evaluate(drive.open_dataset(mini, limit=2), planners=["stand-still"])  # type: ignore[list-item]


def test_what_does_not_go_together_is_one_line(tmp_path: Path, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nav, way, runs = (tmp_path / f"{name}.npz" for name in ("nav", "way", "runs"))
    np.savez(nav, **navsim_arrays())
    np.savez(way, **waymo_arrays())
    np.savez(runs, **run_arrays())
    short = write_plans(tmp_path / "short.json", {"nav-0": np.zeros((6, 2))}, 0.5 * np.arange(1, 7))
    lidar = write_plans(tmp_path / "lidar.json", {"nav-0": np.zeros((8, 2))}, NAVSIM_TIMES, frame="lidar")
    for words, said in (
        ((nav,), "exact takes a nuScenes-format data set (the folder that holds v1.0-*)"),
        ((nav,), "looks like an .npz of NAVSIM scenes: --protocol navsim1,navsim2"),
        ((nav, "--protocol", "wod-e2e"), "wod-e2e takes an .npz of rated WOD-E2E moments"),
        ((mini, "--protocol", "neuroncap"), "neuroncap takes an .npz of NeuroNCAP runs, not a data set"),
        ((nav, "--protocol", "navsim1,wod-e2e"), "score them one by one: navsim1 takes an .npz of NAVSIM scenes, wod-e2e takes"),
        ((nav, "--protocol", "navsim3"), "did you mean navsim"),
        ((nav, "--protocol", "navsim1"), "brings no plans (pred): give --plans, or --planner; navsim1 scores plans of 4 s at 2 Hz"),
        ((nav, "--protocol", "navsim1", "--plans", short), "no points within 0.25 s on both sides of 3.5 s"),
        ((nav, "--protocol", "navsim1", "--plans", lidar), "meta.frame is 'lidar', but navsim1 scores plans in the frame 'ego'"),
        ((nav, "--protocol", "navsim1", "--planner", "constant-velocity", "--split", "val"), "--split chooses scenes of a data set"),
        ((runs, "--protocol", "neuroncap", "--planner", "stand-still"), "scores drives that were made: no planner is asked"),
        ((runs, "--protocol", "neuroncap", "--plans", short), "scores drives that were made, no plans"),
        ((tmp_path / "none.npz", "--protocol", "navsim1"), "no file "),
    ):
        assert said in refused(capsys, *words)


def test_planners_that_look_or_plan_otherwise_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "nav.npz", **navsim_arrays())
    looking, short = Ahead(), Ahead()
    looking.pictures, short.window = True, drive.schema.Window()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="its file holds no pictures"):
        drive.evaluate(tmp_path / "nav.npz", planners=[looking], protocols=["navsim1"])
    with pytest.raises(ValueError, match="ahead plans 3 s at 2 Hz"):
        drive.evaluate(tmp_path / "nav.npz", planners=[short], protocols=["navsim1"])


@pytest.mark.parametrize("protocol", ARRAYS)
def test_every_array_is_checked(protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each array in turn missing, of a wrong shape, of text, of objects: a line that names it, or an optional one that is missed."""
    good = ARRAYS[protocol]()
    planner = ["--planner", "stand-still"] if BENCHMARKS[protocol].window else []
    optional = {"past", "human", "future", "scenario", "sequence"}
    for name in good:
        for kind, value in hostile(good[name]):
            if kind == "missing" and name.split("_", 1)[-1] in optional:
                continue
            np.savez(tmp_path / "bad.npz", **{k: v for k, v in {**good, name: value}.items() if v is not None})
            status = main(["eval", str(tmp_path / "bad.npz"), "--protocol", protocol, *planner, "-q"])
            said = capsys.readouterr()
            # A drive that cannot be used is a failed one; everything else is the file's fault.
            failed = protocol == "bench2drive-comfort" and kind == "shape" or (protocol, name[3:]) == ("neuroncap", "times")
            assert status == (1 if failed and not said.err else 2), (name, kind, said)
            assert failed or (len(said.err.splitlines()) == 1 and "Traceback" not in said.err), (name, kind, said.err)


def hostile(value: Any) -> list[tuple[str, Any]]:
    array = np.asarray(value)
    wrong = np.array(["x"]) if array.dtype.kind != "U" else np.zeros(array.shape)
    odd = np.zeros((*array.shape, 2)) if array.dtype.kind != "U" else np.full((*array.shape, 2), "x")
    return [("missing", None), ("shape", odd), ("kind", wrong), ("objects", np.array([{}, None], dtype=object))]


def damaged_files(folder: Path) -> dict[str, Path]:
    np.savez(folder / "whole.npz", **moment_arrays())
    whole = (folder / "whole.npz").read_bytes()
    files = {"truncated": whole[:-40], "half": whole[: len(whole) // 2], "empty": b"", "text": b"hello", "flipped": _flip(whole)}
    paths = {}
    for name, content in files.items():
        paths[name] = folder / f"{name}.npz"
        paths[name].write_bytes(content)
    header = np.lib.format
    huge = io.BytesIO()
    header.write_array_header_1_0(huge, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 11)})
    for name, members in {
        "claims": [("rows.npy", huge.getvalue())],
        "no array": [("rows.npy", b"not an array")],
        "other member": [("rows.npy", _npy(np.zeros((1, 11)))), ("run.py", b"print(1)")],
        "twice": [("rows.npy", _npy(np.zeros((1, 11)))), ("rows.npy", _npy(np.zeros((1, 11))))],
    }.items():
        paths[name] = folder / f"{name.replace(' ', '-')}.npz"
        with zipfile.ZipFile(paths[name], "w") as archive:
            for member, content in members:
                archive.writestr(member, content)
    return paths


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _flip(content: bytes) -> bytes:
    middle = bytearray(content)
    middle[100] ^= 255
    return bytes(middle)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damaged_files_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, path in damaged_files(tmp_path).items():
        line = refused(capsys, path, "--protocol", "neuroncap-moments")
        assert str(path) in line and "Error" not in line.replace("UnicodeDecodeError", ""), (name, line)
    for text in ("", "[]", "{}", '{"_checkpoint": 3}', '{"records": [1]}', "[" * 10_000, '{"records": {}}', "\xff"):
        (tmp_path / "bad.json").write_text(text)
        assert "bad.json" in refused(capsys, tmp_path / "bad.json", "--protocol", "bench2drive")


def test_a_file_too_large_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive.arrays.LARGEST_BYTES", 1000)
    np.savez_compressed(tmp_path / "bomb.npz", rows=np.zeros((10_000, 11)))
    with pytest.raises(ValueError, match="GiB"):
        drive.evaluate(tmp_path / "bomb.npz", protocols=["neuroncap-moments"])


def test_a_folder_of_leaderboard_files_is_one_result(tmp_path: Path) -> None:
    """One file a worker, their merged file beside, and the motion of a drive where the records say it lies."""
    every = records()["_checkpoint"]["records"]
    every[0]["save_name"] = "route_0"
    for k, part in enumerate((every[:100], every[100:])):
        (tmp_path / f"worker_{k}.json").write_text(json.dumps({"_checkpoint": {"records": part}}))
    (tmp_path / "merged.json").write_text(json.dumps({"_checkpoint": {"records": every}}))
    got = scored(tmp_path / "a", tmp_path.name, tmp_path, "--protocol", "bench2drive")
    assert got == {"bench2drive/driving_score": 100.0, "bench2drive/success": 1.0, "bench2drive/efficiency": None}
    step = {"acceleration": [0, 0, 0], "angular_velocity": [0, 0, 0], "forward_vector": [1, 0, 0], "right_vector": [0, 1, 0]}
    (tmp_path / "route_0").mkdir()
    (tmp_path / "route_0" / "metric_info.json").write_text(json.dumps({str(k): step for k in range(40)}))
    report = drive.evaluate(tmp_path, protocols=["bench2drive"])
    comfort = next(row for row in report.rows if row["metric"] == "comfort")
    assert comfort["value"] == pytest.approx(1 / ROUTES) and comfort["failed"] == ROUTES - 1  # no motion of the others
    (tmp_path / "route_0" / "metric_info.json").write_text(json.dumps({"0": {"acceleration": [0, 0]}}))
    with pytest.raises(ValueError, match=r"metric_info.json must hold steps with acceleration"):
        drive.evaluate(tmp_path, protocols=["bench2drive"])


def test_neuroncaps_own_results_are_averaged_as_published(tmp_path: Path) -> None:
    runs = {
        "frontal-0103/0": {"ncap_score": 5.0, "any_collide@0.0s": False},
        "frontal-0103/1": {"ncap_score": 1.0, "any_collide@0.0s": True},
        "frontal-0106/0": {"ncap_score": 2.0, "any_collide@0.0s": True},
        "side-0108/0": {"ncap_score": 4.5, "any_collide@0.0s": True},  # more than a collision can get
        "side-0108/1": None,  # cut off
    }
    for name, told in runs.items():
        (tmp_path / name).mkdir(parents=True)
        if told is not None:
            (tmp_path / name / "metrics.json").write_text(json.dumps(told))
    report = drive.evaluate(tmp_path, protocols=["neuroncap-results"])
    (score,) = (row for row in report.rows if row["metric"] == "ncap_score")
    assert (score["value"], score["answered"], score["failed"]) == (pytest.approx(8 / 5), pytest.approx(8 / 3), 2)
    notes = report.scores[0].notes
    assert "frontal 2.5, side 0, overall 1.25" in notes[0] and notes[2].startswith(
        "17 of the original's sequences are missing: stationary-"
    )
    assert {failure["token"] for failure in report.failures} == {"side-0108/0", "side-0108/1"}
    assert main(["eval", str(tmp_path), "--protocol", "neuroncap-results", "-q"]) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="drive.open_dataset"):
        drive.evaluate(tmp_path / "empty", protocols=["neuroncap-results"])
