"""The compiled mixing of colours, beside what it means."""

from __future__ import annotations

import numpy as np
import pytest

from drive.viz.mix import mix


@pytest.mark.parametrize("alpha", [0.0, 0.35, 0.62, 1.0])
@pytest.mark.parametrize("colour", [np.array((64, 255, 208)), None])
def test_mixing_is_a_weighted_mean_within_a_level(alpha: float, colour: np.ndarray | None) -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (50, 70, 3)).astype(np.uint8)
    before, below = whole.copy(), whole[5:-5, 3:-7]
    above = rng.integers(0, 256, below.shape).astype(np.uint8) if colour is None else colour
    mask = (rng.integers(0, 256, below.shape[:2]) * (rng.random(below.shape[:2]) < 0.5)).astype(np.uint8)
    weight = alpha * mask[..., None] / 255
    right = below + (above.astype(float) - below) * weight
    mix(below, above, mask, alpha)
    assert np.abs(below - right).max() <= 0.51
    np.testing.assert_array_equal(below[mask == 0], before[5:-5, 3:-7][mask == 0])
    whole[5:-5, 3:-7] = before[5:-5, 3:-7]
    np.testing.assert_array_equal(whole, before)  # nothing beside the part
