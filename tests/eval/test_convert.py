"""Others' results, written by somebody else in their own layouts, converted and scored: drives as recorded have no error."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign_results as foreign
import numpy as np
import pytest
import torch

from drive.cli import main
from drive.data.dataset import open_dataset
from drive.eval.convert import SOURCES, convert
from drive.eval.convert.agentdriver import points_in
from drive.eval.convert.base import NO_ANSWER
from drive.eval.convert.known import Known, known_from_dataset, known_from_file
from drive.eval.evaluate import evaluate
from drive.eval.plans import load_plans
from drive.schema import PlanError

MINI = Path("data/mini")
WRITERS: dict[str, Callable[..., None]] = {
    "uniad": foreign.write_uniad,
    "vad": foreign.write_vad,
    "sparsedrive": foreign.write_sparsedrive,
    "agentdriver": foreign.write_agentdriver,
}


@pytest.fixture(scope="module")
def paths() -> dict[str, np.ndarray]:
    return foreign.lidar_paths(MINI)


@pytest.fixture(scope="module")
def known() -> Known:
    return known_from_dataset(open_dataset(MINI, maps=False))


def l2(report: Any, protocol: str) -> list[float]:
    return [row["value"] for row in report.rows if row["protocol"] == protocol and row["metric"].startswith("l2") and row["planner"] == "p"]


@pytest.mark.parametrize("source", WRITERS)
def test_recorded_drives_have_no_error(tmp_path: Path, paths: dict[str, np.ndarray], known: Known, source: str) -> None:
    WRITERS[source](tmp_path / "results.pkl", paths)
    converted = convert(tmp_path / "results.pkl", source, known)
    assert not converted.errors and set(converted.results) == set(paths)
    converted.save(tmp_path / "plans.json", "p", source)
    report = evaluate(open_dataset(MINI, maps=False), plans=[tmp_path / "plans.json"], protocols=["uniad", "vad", "sparsedrive", "exact"])
    for protocol in ("uniad", "vad", "sparsedrive", "exact"):
        values = l2(report, protocol)
        # The axle's path behind the LiDAR's is fitted where no headings are given.
        assert len(values) == 4 and max(values) < (1e-2 if protocol == "exact" else 1e-3), (protocol, values)


@pytest.mark.parametrize("protocol", [0, 3, 5])
def test_any_protocol_of_pickles_gives_the_same_plans(tmp_path: Path, paths: dict[str, np.ndarray], protocol: int) -> None:
    few = dict(list(paths.items())[:3])
    foreign.write_uniad(tmp_path / "a.pkl", few)
    foreign.write_uniad(tmp_path / "b.pkl", few, protocol)
    assert convert(tmp_path / "a.pkl", "uniad").results == convert(tmp_path / "b.pkl", "uniad").results


def test_a_lightemma_run_is_in_the_cameras_ego_frame(tmp_path: Path) -> None:
    tokens = foreign.write_lightemma(tmp_path / "run", MINI)
    converted = convert(tmp_path / "run", "lightemma")
    assert sorted(converted.results) == sorted(tokens) and not converted.errors
    dataset = open_dataset(MINI, maps=False)
    for token in tokens:
        # The front camera looks some hundredths of a second off the LiDAR's time.
        recorded = dataset.sample(token).target.future.poses[:, :2]
        assert np.abs(np.array(converted.results[token]) - recorded).max() < 1.0


def test_a_lightemma_answer_that_cannot_be_parsed_is_counted_by_reason(tmp_path: Path) -> None:
    foreign.write_lightemma(tmp_path / "run", MINI)
    file, other = sorted((tmp_path / "run" / "output").glob("*.json"))[:2]
    data = json.loads(file.read_text())
    data["frames"] += json.loads(other.read_text())["frames"]
    data["frames"][0]["predictions"] = {"pred_actions_str": "I cannot help with that."}
    del data["frames"][1]["predictions"]
    file.write_text(json.dumps(data))
    converted = convert(file, "lightemma")
    unparsed, failed = sorted(set(converted.errors.values()))
    assert unparsed == "the answer could not be parsed as speeds and curvatures"
    assert failed == "the frame has no predictions: its inference failed"
    data["frames"][1] = {**data["frames"][1], "predictions": {"trajectory": [[1.0, 0.0]] * 4}}
    file.write_text(json.dumps(data))
    assert "the plan has shape [4, 2], expected [6, 2] or more" in convert(file, "lightemma").errors.values()


def test_an_openemma_run_is_turned_into_the_ego_frame(tmp_path: Path, real_data: Path) -> None:
    """On nuScenes mini: the embedded set's scenes are too short for OpenEMMA."""
    root = real_data / "nuscenes-mini"
    tokens = foreign.write_openemma(tmp_path / "run", root)
    dataset = open_dataset(root, maps=False)
    lost = tmp_path / "run" / f"{dataset.scenes[0]}_3_pred_traj.npy"
    lost.unlink()
    converted = convert(tmp_path / "run", "openemma", known_from_dataset(dataset))
    assert sorted([*converted.results, *converted.errors]) == sorted(tokens) and len(converted.errors) == 1
    errors = []
    for token in list(converted.results)[::25]:
        sample = dataset.sample(token)
        # The picture is taken some hundredths of a second before t0: the path begins a little behind, and is shifted along itself.
        errors.append(np.array(converted.results[token]) - sample.target.future.poses[:, :2])
        assert np.abs(errors[-1]).max() < 0.06 * max(sample.observation.speed_mps or 0, 5) + 0.1
    assert np.abs(np.array(errors)[..., 1]).mean() < 0.1


def test_results_without_names_need_the_split_that_was_tested(tmp_path: Path, paths: dict[str, np.ndarray], known: Known) -> None:
    foreign.write_vad(tmp_path / "results.pkl", dict(list(paths.items())[:-1]))
    with pytest.raises(ValueError, match="names no samples.*--data"):
        convert(tmp_path / "results.pkl", "vad")
    with pytest.raises(ValueError, match="hold 111 samples, mini has 112.*--split"):
        convert(tmp_path / "results.pkl", "vad", known)
    with pytest.raises(ValueError, match="is in the world's frame: give --data"):
        convert(tmp_path, "openemma", Known(("a",), "names.txt"))


def test_names_of_samples_come_from_any_list(tmp_path: Path) -> None:
    tokens = ["c", "a", "b"]
    (tmp_path / "t.txt").write_text("c\na\nb\n")
    (tmp_path / "t.json").write_text(json.dumps(tokens))
    infos = [{"token": t, "timestamp": k, "gt_names": np.array(["car"])} for k, t in [(2, "a"), (1, "c"), (3, "b")]]
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"infos": infos, "metadata": {"version": "v1.0-mini"}}, 4))
    for name in ("t.txt", "t.json", "t.pkl"):
        assert known_from_file(tmp_path / name).tokens == ("c", "a", "b")
    (tmp_path / "frames.json").write_text(json.dumps({"0a1b": 45, "2c": "7"}))
    assert known_from_file(tmp_path / "frames.json").tokens == ("0a1b-045", "2c-007")
    for bad, told in (("[]", "no list of names, got"), ('["a", "a"]', "'a' twice"), ("[1]", "got"), ("{}", "got"), ('{"a": "x"}', "got")):
        (tmp_path / "bad.json").write_text(bad)
        with pytest.raises(ValueError, match=rf"bad\.json .*{told}.*; expected a name a line, a JSON list"):
            known_from_file(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_text(json.dumps({"scene-1": ["a", "b"]}))
    with pytest.raises(ValueError, match=r"got \{'scene-1': \['a', 'b'\]\}; expected a name a line"):
        known_from_file(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json is no list of names"):
        known_from_file(tmp_path / "bad.json")


def test_failures_are_counted_by_reason(tmp_path: Path, known: Known, paths: dict[str, np.ndarray]) -> None:
    tokens = list(paths)
    value = {
        tokens[0]: np.zeros((1, 6, 2)),
        tokens[1]: np.zeros((7, 2)),  # t0 comes first
        tokens[2]: "Planned Trajectory:\n[(0.1,1.0), (0.2,2.0), (.3,3.0), (0.4,4), (0.5,5.0), (-0.6,6.0)]",
        tokens[3]: "I am sorry",
        tokens[4]: np.full((6, 2), np.nan),
        tokens[5]: np.zeros((4, 2)),
        tokens[6]: [[1, 2], [3]],
        tokens[7]: np.full((6, 2), 1e9),
        tokens[8]: {"x": 1},
    }
    (tmp_path / "pred_trajs_dict.pkl").write_bytes(pickle.dumps(value))
    converted = convert(tmp_path / "pred_trajs_dict.pkl", "agentdriver", known)
    assert set(converted.results) == set(tokens[:3]) and converted.results[tokens[2]][-1] == [-0.6, 6.0]
    assert list(converted.errors.values()).count(NO_ANSWER) == len(tokens) - 9
    assert {converted.errors[t].split(" (")[0] for t in tokens[3:9]} == {
        "the answer holds no list of points",
        "the plan holds NaN or infinity",
        "the plan has shape [4, 2], expected [6, 2] or more",
        "the plan is no regular list of numbers but [[1, 2], [3]]",
        "the plan leaves the range of 1000 m around the ego",
        "the plan is no array of numbers but {'x': 1}",
    }


NO_POINTS = ["", "[1, 2]", "[(1, 2), (3)]", "(1, 2), (3, 4)", "[(a, b)]", "[[1,2],", "[(1,2) (3,4)]", "[(1.2.3, 4)]", "[(e, 1)]"]


@pytest.mark.parametrize("text", NO_POINTS)
def test_answers_without_points_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="no list of points"):
        points_in(text)


@pytest.mark.timeout(10)
def test_hostile_answers_take_no_time() -> None:
    for text in ("[" * 200_000, "[(1,2)," * 30_000, "[(" + "1" * 200_000, "[(1,2)" + ", " * 100_000):
        with pytest.raises(PlanError):
            points_in(text)


def test_uniad_results_of_odd_kinds(tmp_path: Path) -> None:
    path = tmp_path / "results.pkl"
    good = {"token": "a", "planning_traj": torch.zeros(1, 6, 3)}
    path.write_bytes(pickle.dumps([good, {"token": "b"}, {"token": "c", "planning_traj": torch.zeros(2, 6, 2)}, good]))
    converted = convert(path, "uniad")
    assert converted.errors == {
        "a": "the results hold this sample more than once",
        "b": "the result has no planning_traj",
        "c": "the plan has shape [2, 6, 2], expected [6, 2] or more",
    }
    for value, why in (({}, "no list of results"), ([{"pts_bbox": {}}], "--from vad"), ([{"token": 3}], "no token")):
        path.write_bytes(pickle.dumps(value))
        with pytest.raises(ValueError, match=why):
            convert(path, "uniad")
    with pytest.raises(ValueError, match="no file or folder"):
        convert(tmp_path / "none", "uniad")
    with pytest.raises(ValueError, match="perhaps|did you mean"):
        convert(path, "uniat")


def test_vad_commands_must_be_one(tmp_path: Path) -> None:
    path = tmp_path / "results.pkl"
    boxes = [{"ego_fut_preds": torch.ones(3, 6, 2), "ego_fut_cmd": c} for c in (torch.zeros(3), torch.ones(3), torch.tensor([0.0, 1.0]))]
    path.write_bytes(pickle.dumps([{"pts_bbox": b} for b in boxes]))
    converted = convert(path, "vad", Known(("a", "b", "c"), "names.txt"))
    assert not converted.results and "one command" in converted.errors["a"] and "one command" in converted.errors["b"]
    assert "one path for each of 2 commands" in converted.errors["c"]


def test_the_command_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str], paths: dict[str, np.ndarray]) -> None:
    foreign.write_uniad(tmp_path / "results.pkl", dict(list(paths.items())[:100]))
    words = ["convert", str(tmp_path / "results.pkl"), "--from", "uniad", "--out", str(tmp_path / "p.json"), "-q"]
    assert main(words) == 0
    assert f"UniAD: 100 of 100 samples have a plan (lidar frame), written: {tmp_path / 'p.json'}" in capsys.readouterr().out
    assert main([*words, "--data", str(MINI), "--name", "mine"]) == 1
    assert "mine: 100 of 112" in (told := capsys.readouterr().out) and f"12 without: {NO_ANSWER}" in told
    file = load_plans(tmp_path / "p.json")
    assert file.planner == "mine" and file.frame == "lidar" and len(file.errors) == 12
    assert main(["convert", str(tmp_path / "results.pkl"), "--from", "vad", "-q"]) == 2
    assert "--tokens" in capsys.readouterr().err


SORTS = ("uniad", "vad", "sparsedrive")


@pytest.mark.parametrize(("whose", "taken_for"), [(a, b) for a in SORTS for b in (*SORTS, "agentdriver", "navsim") if a != b])
def test_results_of_another_project_are_refused_by_name(
    tmp_path: Path, paths: dict[str, np.ndarray], whose: str, taken_for: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few, path, out, names = dict(list(paths.items())[:3]), tmp_path / "r.pkl", tmp_path / "plans.json", tmp_path / "names.txt"
    WRITERS[whose](path, few)
    out.write_text("mine")
    names.write_text("\n".join(few))
    assert main(["convert", str(path), "--from", taken_for, "--tokens", str(names), "--out", str(out), "-q"]) == 2
    told, project = capsys.readouterr().err, {"uniad": "UniAD", "vad": "VAD", "sparsedrive": "SparseDrive"}[whose]
    assert f"looks like {project}'s results, not {SOURCES[taken_for].planner.split()[0]}'s: --from {whose}" in told
    assert out.read_text() == "mine"


def test_answers_none_of_which_can_be_used_are_failures_that_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "r.pkl", tmp_path / "plans.json"
    path.write_bytes(pickle.dumps({token: np.zeros((steps, 2)) for token, steps in (("a", 4), ("b", 2), ("c", 2))}))
    assert main(["convert", str(path), "--from", "agentdriver", "--out", str(out), "-q"]) == 1
    told = capsys.readouterr().out
    assert "0 of 3 samples have a plan" in told and "3 without: the plan has shape [4, 2]" in told
    assert set(load_plans(out).errors) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b' {"a": 1}', "it looks like JSON text"),
        (b'["a"]', "it looks like JSON text"),
        (b"PK\x03\x04rest", "it looks like a ZIP archive (numpy's .npz, a checkpoint of torch)"),
        (b"\x93NUMPY", "it looks like an array of numpy"),
        (b"hello there", "it is no pickle, or a damaged one"),
        (b"\xff\xff", "it is no pickle, or a damaged one: byte 255 is no instruction"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "r.pkl").write_bytes(content)
    with pytest.raises(ValueError, match=f"{re.escape(kind)}.*; expected the pickle of results that UniAD writes"):
        convert(tmp_path / "r.pkl", "uniad")
    with pytest.raises(ValueError, match=r"r\.pkl is no submission of WOD-E2E .*; expected a submission: \.tar\.gz, or one of its shards"):
        convert(tmp_path / "r.pkl", "wod-e2e")


def test_every_source_of_the_command_is_there() -> None:
    from drive.cli.convert import FROM

    assert set(FROM) == set(SOURCES)
