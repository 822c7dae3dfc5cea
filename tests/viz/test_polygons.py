"""Many polygons at once are drawn where each would be alone."""

from __future__ import annotations

import numpy as np
import pytest

from drive.render.rigs import load_rig
from drive.viz.cameras import project_polygon, project_polygons


@pytest.mark.parametrize("rig", ["first-drive", "fisheye4"])
def test_many_polygons_are_each_one(rig: str) -> None:
    rng = np.random.default_rng(0)
    centres = rng.uniform([-20, -20, -1], [40, 20, 1], (60, 3))
    rings = centres[:, None] + np.array([[0, 0, 0], [3, 0, 0], [3, 1, 0], [0, 1, 0]])
    for camera in load_rig(rig, 0):
        together = project_polygons(camera, rings)
        alone = [project_polygon(camera, ring) for ring in rings]
        assert [len(ring) for ring in together] == [len(ring) for ring in alone]
        assert len({len(ring) for ring in alone}) > 1  # some whole, some cut, some out of sight
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    assert project_polygons(camera, np.zeros((0, 4, 3))) == []
