"""What trainings learn from here, and a run that nothing disturbed, to compare others with."""

from __future__ import annotations

from pathlib import Path

import pytest

from drive.train.loop import train
from tests.analytic import small_set
from tests.train.tiny import config


@pytest.fixture(scope="session")
def mini() -> Path:
    """Two drives and two cameras of the data set with known answers: a run opens it often, and reads all its pictures."""
    return small_set()


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory, mini: Path) -> Path:
    """The folder of a run of six steps."""
    out = tmp_path_factory.mktemp("straight")
    train(config(out, mini))
    return out
