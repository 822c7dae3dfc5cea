"""Moments of drives through two rendered test towns, two frames of the two cameras that the shipped judgement knows."""

from __future__ import annotations

import pytest

from drive.schema import Observation
from tools.watch_frames import drawn

TOWNS, EVERY_S, MOST = (910_010, 910_011), 5.0, 6


@pytest.fixture(scope="session")
def moments() -> list[Observation]:
    """Of both towns; the car moves in most of them."""
    return [moment for town in TOWNS for moment in drawn(town, EVERY_S, MOST)]
