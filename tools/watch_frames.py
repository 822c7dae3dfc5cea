"""Clean moments of drives through rendered towns, two frames each, as a planner in the simulator would see them; kept on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.make.demonstrations import drive_by_lane
from drive.render.rigs import load_rig
from drive.schema import CameraImage, Frame, Observation, Trajectory, Window
from drive.sim.sight import Eyes, Sight
from drive.world.observe import observe
from drive.world.state import DT_S
from drive.world.town.populate import EMPTY, TrafficConfig, town_world

TWO_FRAMES = Window(frames=2)
OWN_RIG, WIDTH = "first-drive", 384


def drawn(seed: int, every_s: float, most: int) -> Iterator[Observation]:
    """Moments of a drive as traffic drives, `every_s` apart, at most so many, in random weather; every other town has traffic."""
    world = town_world(seed, traffic=TrafficConfig() if seed % 2 else EMPTY)
    states, sight = drive_by_lane(world), Sight(OWN_RIG, WIDTH, "random")
    eyes, first = Eyes(world, sight), round(1 / TWO_FRAMES.rate_hz / DT_S)
    for step in list(range(first, len(states), round(every_s / DT_S)))[:most]:
        history = np.stack([state.ego for state in states[: step + 1]])
        yield observe(world, history, TWO_FRAMES, eyes.frames(states[: step + 1], TWO_FRAMES))


def kept(folder: Path, seed: int, every_s: float, most: int) -> list[Observation]:
    """The moments of a town from their file, which is made where it is missing."""
    path = folder / f"{OWN_RIG}-{seed:05d}.npz"
    if not path.exists():
        _save(path, list(drawn(seed, every_s, most)))
    return list(_load(path, load_rig(OWN_RIG, 0, WIDTH)))


def _save(path: Path, moments: list[Observation]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for c in range(len(moments[0].frames[0].cameras)):
        arrays[f"images{c}"] = np.array([[frame.cameras[c].image for frame in one.frames] for one in moments], dtype=np.uint8)
    speed = np.array([[one.speed_mps, one.acceleration_mps2, one.yaw_rate_radps] for one in moments], dtype=np.float64)
    told = {"speed": speed, "past": np.stack([one.past.poses for one in moments]), "token": np.array([one.token for one in moments])}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays, **told)
    partial.replace(path)


def _load(path: Path, rig: tuple[Camera, ...]) -> Iterator[Observation]:
    with np.load(path, allow_pickle=False) as arrays:
        images = [arrays[f"images{c}"] for c in range(len(rig))]
        speed, past, tokens, w = arrays["speed"], arrays["past"], arrays["token"], TWO_FRAMES
    times, valid = w.past_times_s, np.ones(len(w.past_times_s), dtype=bool)
    for i, token in enumerate(tokens):
        now = tuple(float(v) for v in speed[i])
        frames = [Frame(t, tuple(CameraImage(c, t, p[i][k]) for c, p in zip(rig, images, strict=True))) for k, t in enumerate((-0.5, 0.0))]
        yield Observation(str(token), tuple(frames), Trajectory(past[i], times, valid), w.future_times_s, now[0], now[1], now[2])
