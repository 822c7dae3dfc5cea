"""A small recorded drive with known geometry, in any world frame, cut into samples by the data layer itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drive.data.motion import motion_from_poses
from drive.data.scenes import SceneLog, Tracks, make_sample
from drive.frames import Array, rotation_z, se2_to_se3, se3
from drive.schema import SceneSample, Window

LIDAR = se3(rotation_z(-np.pi / 2 + 0.002), [0.94, 0.0, 1.84])
CATEGORIES = ("vehicle.car", "human.pedestrian.adult", "vehicle.truck", "movable_object.trafficcone", "vehicle.bicycle", "vehicle.car")
SIZES = ((4.6, 1.9, 1.7), (0.7, 0.7, 1.8), (9.0, 2.6, 3.2), (0.4, 0.4, 1.0), (1.8, 0.6, 1.4), (4.4, 1.8, 1.6))


def make_samples(
    scenes: int = 2, frames: int = 12, world: Array | None = None, seed: int = 0, agents: int = 6, lidar: Array | None = LIDAR
) -> list[SceneSample]:
    """Samples of `scenes` drives: the ego turns slowly at 6 m/s at 2 Hz among agents that hold their speed.

    world [4, 4]: pose of the drives in the world frame. Tokens are "<scene>-<frame>".
    """
    world = np.eye(4) if world is None else world
    rng = np.random.default_rng(seed)
    return [sample for s in range(scenes) for sample in _scene(f"scene-{s}", frames, world, rng, agents, lidar)]


def _scene(name: str, frames: int, world: Array, rng: np.random.Generator, agents: int, lidar: Array | None) -> list[SceneSample]:
    times = np.arange(frames) * 0.5
    rate = rng.uniform(-0.08, 0.08)
    heading = rate * times
    ego = np.stack([6 / rate * np.sin(heading), 6 / rate * (1 - np.cos(heading)), heading], -1)
    poses = world @ se2_to_se3(ego)
    kinds = np.arange(agents) % len(CATEGORIES)
    start, speed = rng.uniform([-15, -15], [45, 15], (agents, 2)), rng.normal(0, 2, (agents, 2))
    angle = np.arctan2(speed[:, 1], speed[:, 0])
    centres = np.concatenate([start[:, None] + speed[:, None] * times[:, None], np.full((agents, frames, 1), 0.9)], -1)
    forward = np.stack([np.cos(angle), np.sin(angle), np.zeros(agents)], -1)[:, None].repeat(frames, 1)
    tracks = Tracks(
        instances=tuple(f"{name}-{a}" for a in range(agents)),
        categories=tuple(CATEGORIES[k] for k in kinds),
        centres=centres @ world[:3, :3].T + world[:3, 3],
        forward=forward @ world[:3, :3].T,
        sizes=np.array(SIZES)[kinds][:, None].repeat(frames, 1),
        velocities=np.zeros((agents, frames, 3)),
        velocity_valid=np.ones((agents, frames), dtype=bool),
        valid=rng.random((agents, frames)) < 0.95,
        points=np.full((agents, frames), 9),
        visibility=np.full((agents, frames), 4),
    )
    stamps = (times * 1e6).astype(np.int64) + 1_600_000_000_000_000
    tokens = tuple(f"{name}-{i}" for i in range(frames))
    log = SceneLog(
        name=name,
        location="nowhere",
        map_file="",
        tokens=tokens,
        timestamps_us=stamps,
        spacing_s=0.5,
        world_from_ego=poses,
        cameras=((),) * frames,
        ego_from_lidar=(lidar,) * frames,
        tracks=tracks,
    )
    motions = [motion_from_poses(stamps[: i + 1], poses[: i + 1]) for i in range(frames)]
    return [make_sample(log, i, Window(), motions[i], True, None) for i in range(frames)]


@pytest.fixture(scope="session")
def drives() -> Callable[..., list[SceneSample]]:
    """`make_samples` of this file."""
    return make_samples
