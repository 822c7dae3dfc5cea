"""Intervals: they cover the truth as often as they say, and know that frames of one scene are not independent."""

from __future__ import annotations

import numpy as np
import pytest

from drive.eval.intervals import scene_interval


@pytest.mark.parametrize(("scenes", "spread"), [(10, 1.0), (30, 1.0), (100, 0.3)])
def test_covers_the_truth(scenes: int, spread: float) -> None:
    """Errors with a scene's own mean: the truth, 2, lies inside in 92 to 98 of 100 simulated data sets."""
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(scenes) for _ in range(20)]
    valid = np.ones(len(names), dtype=bool)
    trials, covered = 500, 0
    for _ in range(trials):
        values = 2 + np.repeat(rng.normal(0, spread, scenes), 20) + rng.normal(0, 1, len(names))
        low, high = scene_interval(values, valid, names)
        covered += low <= 2 <= high
    assert 0.92 <= covered / trials <= 0.98


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_covers_the_truth_of_rare_events(rate: float) -> None:
    """Collisions in some of 150 scenes, many in few of them: plain percentiles cover the truth in 90 of 100 at most."""
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(150) for _ in range(34)]
    valid = np.ones(len(names), dtype=bool)
    trials, covered = 500, 0
    for _ in range(trials):
        values = (rng.random(len(names)) < np.repeat(rng.beta(10 * rate, 10 * (1 - rate), 150), 34)).astype(np.float64)
        low, high = scene_interval(values, valid, names)
        assert 0 <= low <= values.mean() <= high <= 1
        covered += low <= rate <= high
    assert 0.92 <= covered / trials <= 0.98


def test_one_scene_says_nothing_and_invalid_values_do_not_count() -> None:
    assert np.isnan(scene_interval(np.arange(5.0), np.ones(5, dtype=bool), ["a"] * 5)).all()
    values, names = np.array([1.0, 1, 1, 1e9]), ["a", "a", "b", "c"]
    assert scene_interval(values, np.array([True, True, True, False]), names) == (1.0, 1.0)
