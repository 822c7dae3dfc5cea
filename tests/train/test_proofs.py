"""The training proofs on real pixels. Minutes long: `pytest -m slow tests/train` runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.config import load_config
from drive.train.loop import train

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def real_root(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVE_REAL", str(real_data))


def test_ten_real_windows_are_learned_from_pictures_alone(real_root: None, tmp_path: Path) -> None:
    config = replace(load_config(CONFIGS / "overfit-real.yaml"), out=str(tmp_path / "seeing"))
    assert train(config).after.l2_average <= 0.05


def test_black_pictures_teach_nothing(real_root: None, tmp_path: Path) -> None:
    config = load_config(CONFIGS / "overfit-real.yaml", ["--stages.0.data.black", "true", "--out", str(tmp_path / "blind")])
    assert train(config).after.l2_average >= 2.0


def test_plans_turn_with_pictures_at_angles_never_trained_on(real_root: None, tmp_path: Path) -> None:
    fit = train(load_config(CONFIGS / "warp-real.yaml", ["--out", str(tmp_path / "warp")])).after
    assert np.nanmean(np.abs(fit.bearing_errors_deg)) <= 1.0
