"""A hand-made sample whose geometry is known: any rig, one car ahead, one pedestrian to the left, the ego driving straight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from known_scene import TIMES, make_agents, straight

from drive.cameras import Camera
from drive.schema import CameraImage, Frame, MapPatch, Observation, Plan, SceneSample, Target, Trajectory


@pytest.fixture
def make_sample() -> Callable[..., SceneSample]:
    """make_sample(cameras, images=None, scene=..., index=...) -> a sample; images: pictures or paths, else plain grey."""

    def make(cameras: list[Camera], images: list[np.ndarray | Path] | None = None, scene: str = "scene-a", index: int = 0) -> SceneSample:
        pictures = images or [np.full((c.height, c.width, 3), 90, dtype=np.uint8) for c in cameras]
        frame = Frame(0.0, tuple(CameraImage(c, 0.0, p) for c, p in zip(cameras, pictures, strict=True)))
        past = Trajectory(np.column_stack([np.arange(-4, 1) * 2.5, np.zeros((5, 2))]), np.arange(-4, 1) / 2, np.ones(5, dtype=bool))
        future = Trajectory(straight(5.0), TIMES, np.ones(6, dtype=bool))
        observation = Observation(f"{scene}-{index}", (frame,), past, TIMES, speed_mps=5.0, command="straight")
        road = MapPatch({"drivable_area": (np.array([[-60.0, -4.0], [60, -4], [60, 4], [-60, 4]]),)})
        target = Target(future, make_agents(), road)
        return SceneSample(observation.token, scene, index, 500_000 * index, np.eye(4), observation, target)

    return make


@pytest.fixture
def plan() -> Plan:
    """Two samples: 6 m/s straight, and one that drifts left."""
    drift = straight(6.0)
    drift[:, 1] = 0.2 * TIMES**2
    return Plan(np.stack([straight(6.0), drift]), TIMES)
