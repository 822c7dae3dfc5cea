"""One run under every spelling of its configuration, and no other."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drive.config import DatasetConfig, TownData, TownsConfig
from drive.make.recipe import UNUSED
from drive.model.config import ModelConfig
from drive.train.identity import changes, identity
from drive.train.loop import train
from tests.train.tiny import assert_equal, config, interrupted, state_step, weights


def test_a_run_is_what_changes_the_weights_not_the_spelling(
    tmp_path: Path, mini: Path, straight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = config(tmp_path / "run", mini)
    interrupted(monkeypatch, run, 2)
    monkeypatch.chdir(tmp_path)
    stage = run.stages[0]
    assert isinstance(stage.data, DatasetConfig)
    data = replace(stage.data, root=os.path.relpath(mini))
    other = replace(run, out="./run", threads=1, test=stage.data, stages=(replace(stage, name="again", flush_every=5, data=data),))
    assert identity(other) == identity(run)
    changed = replace(stage, learning_rate=1e-3, batch_size=5)
    with pytest.raises(ValueError, match=r"stages.0.batch_size: 4 -> 5; stages.0.learning_rate: 0.003 -> 0.001\); name another"):
        train(replace(other, stages=(changed,)))
    train(other)
    assert_equal(weights(tmp_path / "run"), weights(straight))


def test_towns_are_their_recipe_and_seeds(tmp_path: Path, mini: Path) -> None:
    run = config(tmp_path, mini)
    made = [
        replace(run, stages=(replace(run.stages[0], data=TownsConfig((towns,))),))
        for towns in (TownData(1, 2), TownData(1, 2, "elsewhere", workers=8), TownData(1, 3))
    ]
    assert identity(made[0]) == identity(made[1]) != identity(made[2])


def test_runs_of_before_a_field_came_go_on(tmp_path: Path, mini: Path) -> None:
    run = config(tmp_path, mini)
    towns = replace(run, stages=(replace(run.stages[0], data=TownsConfig((TownData(1, 2),))),))
    told = identity(towns)
    assert not {"geometry", "mixing"} & set(told["model"]["camera"]) and "earlier" not in told["model"]["inputs"]
    recipe = told["stages"][0]["data"][0]["data"]["towns"][0]["recipe"]
    assert not any(recipe.get(name) == unused for name, unused in UNUSED.items())
    recipe |= {"turns": 0.0, "people": False}  # as a version wrote it that knew these, and no others
    assert isinstance(run.model, ModelConfig)
    hidden = replace(towns, model=replace(run.model, camera=replace(run.model.camera, geometry="rays")))
    assert "model.camera.geometry" in changes(told, hidden) and changes(told, towns) == ""


def test_a_finished_run_goes_on_when_asked_for_more_steps(
    tmp_path: Path, mini: Path, straight: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(straight, tmp_path / "run")
    with pytest.raises(ValueError, match="finished run; ask for more"):
        train(config(tmp_path / "run", mini))
    with pytest.raises(ValueError, match="has done 6 steps of stage 0, asked for 5"):
        train(config(tmp_path / "run", mini, steps=5))
    train(config(tmp_path / "run", mini, steps=8))
    assert "going on at step 6" in capsys.readouterr().out and state_step(tmp_path / "run") == 8
