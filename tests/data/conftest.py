"""A one-scene copy of the synthetic set that a test may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.analytic.part import write_part

SCENE = "left-40m"


@pytest.fixture(scope="session")
def _one_scene(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_part(mini, tmp_path_factory.mktemp("data") / "one", [SCENE])


@pytest.fixture
def one_scene(_one_scene: Path, tmp_path: Path) -> Path:
    """The scene left-40m as a data set of its own: 14 key frames, six cameras and a LiDAR."""
    return Path(shutil.copytree(_one_scene, tmp_path / "one"))
