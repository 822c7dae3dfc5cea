"""The training proofs on real pixels. Minutes long: `pytest -m slow tests/train` runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.config import load_config
from drive.planners.load import load_planner
from drive.train.loop import train
from drive.train.mix import open_mix
from drive.train.networks import kind_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def real_root(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVE_REAL", str(real_data))


def test_ten_real_windows_are_learned_from_pictures_alone(real_root: None, tmp_path: Path) -> None:
    config = replace(load_config(CONFIGS / "overfit-real.yaml"), out=str(tmp_path / "seeing"))
    after = train(config).after
    assert after is not None and after.l2_average <= 0.05


def test_black_pictures_teach_nothing(real_root: None, tmp_path: Path) -> None:
    config = load_config(CONFIGS / "overfit-real.yaml", ["--stages.0.data.black", "true", "--out", str(tmp_path / "blind")])
    after = train(config).after
    assert after is not None and after.l2_average >= 2.0


def test_plans_turn_with_pictures_at_angles_never_trained_on(real_root: None, tmp_path: Path) -> None:
    config = load_config(CONFIGS / "warp-real.yaml", ["--out", str(tmp_path / "warp")])
    run = train(config)
    fit = run.after
    assert fit is not None
    far = np.isfinite(fit.bearing_errors_deg)
    assert np.abs(fit.bearing_errors_deg[far]).mean() <= 1.0
    bearings = np.degrees(np.arctan2(fit.planned[far, -1, 1], fit.planned[far, -1, 0]))
    assert np.polyfit(fit.turns[far], bearings, 1)[0] == pytest.approx(1.0, abs=0.1)
    # The pictures alone do it: an observation that is given those of another angle gets the plan of that angle.
    assert config.test is not None
    planner, samples = load_planner(run.checkpoint), open_mix(config.test, kind_of(config.model).needs(config.model))
    left, right = (samples[int(np.flatnonzero(far & (fit.turns == turn))[0])].observation for turn in (6, -6))
    views = zip(left.frames[0].cameras, right.frames[0].cameras, strict=True)
    swapped = replace(left.frames[0], cameras=tuple(replace(to, image=from_.image) for to, from_ in views))
    plan = planner.plan(replace(left, frames=(swapped,)))
    np.testing.assert_array_equal(plan.best, planner.plan(right).best)
    assert plan.best[-1, 1] < planner.plan(left).best[-1, 1] - 0.5
