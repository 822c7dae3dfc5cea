"""Fixtures that many tests share: the embedded synthetic data set, and the real ones where they are present."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two OpenMP threads on shared cores are slower than one; torch is not imported for those who do not use it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds nuscenes-mini and pandaset-002: DRIVE_REAL, by default ../shared/data."""
    folder = Path(os.environ.get("DRIVE_REAL") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "nuscenes-mini").is_dir() or not (folder / "pandaset-002").is_dir():
        pytest.skip(f"no real data: {folder} does not hold nuscenes-mini and pandaset-002; set DRIVE_REAL")
    return folder


@pytest.fixture(scope="session")
def mini() -> Path:
    """The embedded synthetic data set, made by tools/make_mini.py."""
    return REPOSITORY / "data" / "mini"
