"""A one-scene copy of the synthetic set that a test may damage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from edit_tables import VERSION, edit

SCENE = "left-40m"


def _keep(root: Path, table: str, wanted: Callable[[dict], bool]) -> set[str]:
    with edit(root, table) as rows:
        rows[:] = [row for row in rows if wanted(row)]
        return {row["token"] for row in rows}


@pytest.fixture(scope="session")
def _one_scene(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "one"
    shutil.copytree(mini, root, ignore=shutil.ignore_patterns("samples"))
    scenes = _keep(root, "scene", lambda row: row["name"] == SCENE)
    samples = _keep(root, "sample", lambda row: row["scene_token"] in scenes)
    data = _keep(root, "sample_data", lambda row: row["sample_token"] in samples)
    _keep(root, "ego_pose", lambda row: row["token"] in data)
    annotations = _keep(root, "sample_annotation", lambda row: row["sample_token"] in samples)
    _keep(root, "instance", lambda row: row["first_annotation_token"] in annotations)
    for row in json.loads((root / VERSION / "sample_data.json").read_text()):
        (root / row["filename"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mini / row["filename"], root / row["filename"])
    return root


@pytest.fixture
def one_scene(_one_scene: Path, tmp_path: Path) -> Path:
    """The scene left-40m as a data set of its own: 14 key frames, six cameras and a LiDAR."""
    return Path(shutil.copytree(_one_scene, tmp_path / "one"))
