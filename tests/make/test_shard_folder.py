"""A folder of demonstrations as a data set to score on; its files are written by hand, no town is drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.answers.roads import LaneLines
from drive.around import lanes_around
from drive.cli import main
from drive.data.dataset import Dataset
from drive.make.recipe import UNUSED, Displacement, Recipe
from drive.make.shard_samples import ShardFolder, is_shard_folder
from drive.make.shards import TARGET, make_shards, open_folder, read_recipe, rig_cameras, shard_path
from drive.make.target_arrays import pack
from drive.maps import Lane
from drive.planners.load import load_planner
from drive.schema import Agents, Answers, Observation, Plan, PlanError, SceneSample, Target, Trajectory, Window

RECIPE = Recipe(width=32, height=16, target=True)


def write_town(folder: Path, seed: int, states: int) -> None:
    rng = np.random.default_rng(seed)
    steps, cameras = len(RECIPE.window.future_times_s), len(rig_cameras(RECIPE))
    future = Trajectory(np.zeros((steps, 3)), RECIPE.window.future_times_s, np.ones(steps, dtype=bool))
    lanes = lanes_around([Lane("l", np.array([[0.0, seed % 10], [40.0, seed % 10]]), 3.5, 10.0)], np.zeros(3))
    columns = pack([Target(future, lanes=lanes)] * states)
    np.savez(
        shard_path(folder, seed),
        images=rng.integers(0, 255, (states, cameras, 16, 32, 3), dtype=np.uint8),
        dynamics=rng.normal(size=(states, 3)),
        commands=np.zeros(states, dtype=np.int64),
        futures=np.zeros((states, steps, 3)),
        traffic=np.array(True),
        navigation=np.zeros((states, 3)),
        navigated=np.zeros(states, dtype=bool),
        **{TARGET + name: column for name, column in columns.items()},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_folder(tmp_path, RECIPE)
    for seed, states in ((900_001, 3), (10_002, 2)):
        write_town(tmp_path, seed, states)
    return tmp_path


def test_states_come_town_by_town_with_what_is_around(folder: Path) -> None:
    assert is_shard_folder(folder) and not is_shard_folder(folder / "nowhere")
    data = ShardFolder(folder)
    assert len(data) == 5 and data.scenes == ("town-010002", "town-900001") and data.trained == 1
    assert [sample.token for sample in data] == [f"town-010002:{i}" for i in range(2)] + [f"town-900001:{i}" for i in range(3)]
    sample = data[4]
    assert sample.scene == "town-900001" and len(sample.observation.frames[0].cameras) == len(rig_cameras(RECIPE))
    assert sample.target.lanes is not None and sample.target.lanes.lines[0][0, 1] == 1.0
    assert len(ShardFolder(folder, limit=3)) == 3 and len({s.token for s in data}) == 5


def test_a_folder_is_a_data_set_whose_states_are_found_by_name(folder: Path) -> None:
    data = ShardFolder(folder)
    assert isinstance(data, Dataset) and data.tokens == tuple(sample.token for sample in data)
    assert data.sample("town-900001:2").token == "town-900001:2"
    with pytest.raises(ValueError, match="named like town-010002:0"):
        data.sample("town-900001:3")
    chosen = ShardFolder(folder, split="town-900001")
    assert chosen.scenes == ("town-900001",) and len(chosen) == 3 and chosen.trained == 0
    for split in ("town-1", "town-900001,mini_val", ","):
        with pytest.raises(ValueError, match="has no town"):
            ShardFolder(folder, split=split)


@pytest.mark.parametrize("verb", ["plan", "plan --tasks roads", "ask", "view", "view --tasks roads", "tokens", "eval --tasks roads"])
def test_every_verb_reads_towns(folder: Path, tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *options = verb.split()
    options += ["--planner", "constant-velocity" if name == "plan" and not options else "tests.make.test_shard_folder:Straight"]
    words = {"ask": ["may I go?", "--planner", "log"], "tokens": ["town-900001:0", "--tasks", "roads"]}
    words["view"] = [*options, "--limit", "2"]
    out = ["--out", str(tmp_path / "out")] if name in ("plan", "view") else []
    status = main([name, str(folder), *words.get(name, options), *out, "-q"])
    told = capsys.readouterr()
    assert status in (0, 1) and not told.err, told.err
    assert (tmp_path / "out").exists() == bool(out)


def test_packing_towns_says_what_to_do(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(folder), "--tasks", "plan", "--out", str(tmp_path / "out"), "-q"]) == 2
    assert "drive make OUT --tasks" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_single_states_make_no_video(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(folder), "--video", "--out", str(tmp_path / "out"), "-q"]) == 2
    assert "no drives" in capsys.readouterr().err


def test_other_windows_and_empty_folders_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    ShardFolder(folder, RECIPE.window)
    with pytest.raises(ValueError, match="the planner wants"):
        ShardFolder(folder, Window(future_s=4.0))
    empty = tmp_path_factory.mktemp("empty")
    open_folder(empty, RECIPE)
    with pytest.raises(ValueError, match="holds a recipe, but no town"):
        ShardFolder(empty)


def test_recipes_come_back_with_what_came_later(folder: Path) -> None:
    assert read_recipe(folder) == RECIPE
    old = replace(RECIPE, **UNUSED)
    assert not set(UNUSED) & set(old.to_json()) and Recipe.from_json(json.loads(json.dumps(old.to_json()))) == old
    near = replace(RECIPE, displacement=Displacement(close=0.5))
    assert "close" not in RECIPE.to_json()["displacement"] and Recipe.from_json(json.loads(json.dumps(near.to_json()))) == near
    for values in ({}, RECIPE.to_json() | {"wings": 2}):
        with pytest.raises(ValueError, match="no recipe of demonstrations"):
            Recipe.from_json(values)


def test_training_and_test_towns_are_kept_apart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="towns from 900000 on are for tests"):
        make_shards(tmp_path, RECIPE, range(899_999, 900_001), 1, load_planner)
    with pytest.raises(ValueError, match="towns below 900000 are for training"):
        make_shards(tmp_path, RECIPE, range(899_999, 900_001), 1, load_planner, tests=True)
    assert not list(tmp_path.iterdir())


class Straight:
    """Answers roads with a straight lane, whatever it sees."""

    name = "straight"

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        raise PlanError("asked for roads alone")

    def answer(self, observation: Observation, requests: Sequence[str], samples: int = 1) -> Answers:
        lane = LaneLines((np.array([[0.0, 1.0], [40.0, 1.0]]),), np.ones(1))
        return Answers({"roads": (lane,)}, failures={name: "roads alone" for name in requests if name != "roads"})


def test_the_verb_scores_answers_on_towns(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    options = ["--planner", "tests.make.test_shard_folder:Straight", "--tasks", "roads,boxes", "--out", str(out)]
    assert main(["eval", str(folder), *options]) == 1  # boxes failed
    text = capsys.readouterr().out
    assert "always a straight road" in text and "roads alone" in text and "boxes:16" in text
    report = json.loads((out / "report.json").read_text())
    rows = {(r["planner"], r["protocol"], r["metric"]): r for r in report["rows"]}
    assert rows["straight", "roads", "beside_f1"]["value"] == pytest.approx(3 / 5)  # town 900001's lane is at y = 1, town 10002's at 2
    assert rows["straight", "boxes:16", "map"]["unknown"] == 5 and report["settings"]["training_towns"] == 1
    assert (out / "index.html").is_file()
    assert main(["eval", str(folder), "--tasks", "roads"]) == 2 and "give --planner" in capsys.readouterr().err


def nobody(times_s: np.ndarray, now: int) -> Agents:
    """That nobody is around."""
    steps = len(times_s)
    flags, whole = np.zeros((0, steps), dtype=bool), np.zeros((0, steps), dtype=np.int64)
    vectors = np.zeros((0, steps, 3)), np.zeros((0, steps)), np.zeros((0, 3)), np.zeros((0, steps, 2))
    return Agents(*vectors, flags, flags, whole, whole, (), (), times_s, now)


def test_the_verb_scores_plans_on_towns(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a past constant velocity goes by the speed told; the report says how many towns configurations may learn from."""
    options = ["eval", str(folder), "--planner", "stand-still", "--out", str(tmp_path / "out")]
    assert main(options) == 2 and "does not know its agents" in capsys.readouterr().err
    read = ShardFolder.__getitem__

    def known(self: ShardFolder, index: int) -> SceneSample:
        sample = read(self, index)
        times = np.concatenate([sample.observation.past.times_s, sample.observation.future_times_s])
        return replace(sample, target=replace(sample.target, agents=nobody(times, len(sample.observation.past.times_s) - 1)))

    monkeypatch.setattr(ShardFolder, "__getitem__", known)
    assert main(options) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = {(r["planner"], r["metric"]): r for r in report["rows"]}
    assert rows["log", "l2_avg"]["value"] == 0 and rows["constant-velocity", "l2_avg"]["failed"] == 0
    assert report["settings"]["training_towns"] == 1 and report["settings"]["towns"] == 2
