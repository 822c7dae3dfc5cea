"""Makers tell that the simulator has to be compiled, once and before the first town."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from drive.make.nuscenes.make import make_dataset
from drive.make.nuscenes.take import Spec
from drive.make.recipe import Recipe
from drive.make.shards import make_shards, shard_path
from drive.planners.load import load_planner
from drive.progress import Progress
from drive.render.rigs import load_rig
from drive.sim import warm

TOLD = "compiling the simulator and its cameras, once: about a minute"


class Stop(Exception):
    """Ends the work where compiling would begin."""


@pytest.fixture
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise Stop

    monkeypatch.setattr(warm, "is_compiled", lambda drawing: False)
    monkeypatch.setattr(warm, "compile_all", stop)


@pytest.mark.usefixtures("_nothing_is_compiled")
def test_a_data_set(tmp_path: Path) -> None:
    stream = io.StringIO()
    with pytest.raises(Stop):
        make_dataset(Spec(tmp_path / "set", load_rig("first-drive"), 0), 2, progress=Progress(stream))
    assert stream.getvalue().splitlines() == [TOLD]


@pytest.mark.usefixtures("_nothing_is_compiled")
def test_towns_for_training_where_some_are_missing(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(Stop):
        make_shards(tmp_path, Recipe(), range(10_000, 10_002), 1, load_planner, say=told.append)
    assert told == [TOLD]
    for seed in (10_000, 10_001):
        shard_path(tmp_path, seed).touch()
    make_shards(tmp_path, Recipe(), range(10_000, 10_002), 1, load_planner, say=told.append)
    assert told == [TOLD]
