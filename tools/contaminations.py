"""What `tools.contaminate` does to records: each kind of fault a function of a sample, sizes drawn from a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from drive.cameras import Camera
from drive.data.images import read_image
from drive.frames import rotation_z, se3
from drive.schema import COMMANDS, CameraImage, SceneSample, StoredPicture

MOVED_M = 1.0  # a car that moves at least so far from one record to the next
DIFFERENT_M = 2.0  # labels that differ by less are not wrong


def seen_anew(view: CameraImage, gain: float, noise: float, quality: int, rng: np.random.Generator) -> CameraImage:
    """The picture brighter or darker, with noise, compressed again."""
    pixels = read_image(view)[1]
    changed = np.clip(gain * pixels + rng.normal(0, noise, pixels.shape), 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", changed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return replace(view, image=StoredPicture("again.jpg", data))


def taken_anew(view: CameraImage, rng: np.random.Generator) -> CameraImage:
    """The picture much brighter or darker, blurred, noisy, poorly compressed, and cut by up to 5 % of its sides: another copy of a film."""
    pixels = read_image(view)[1]
    height, width = pixels.shape[:2]
    dx, dy = (int(rng.uniform(0.0, 0.05) * side) for side in (width, height))
    x, y = int(rng.integers(dx + 1)), int(rng.integers(dy + 1))
    cut = cv2.resize(pixels[y : y + height - dy, x : x + width - dx], (width, height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(cut, (0, 0), rng.uniform(0.3, 1.5)).astype(np.uint8)
    changed = replace(view, image=soft)
    return seen_anew(changed, rng.uniform(0.7, 1.3), rng.uniform(0.0, 8.0), int(rng.integers(25, 60)), rng)


def with_views(sample: SceneSample, views: Sequence[CameraImage]) -> SceneSample:
    """The sample with other pictures at t0."""
    frames = sample.observation.frames
    last = replace(frames[-1], cameras=tuple(views))
    return replace(sample, observation=replace(sample.observation, frames=(*frames[:-1], last)))


def renamed(sample: SceneSample, token: str, scene: str) -> SceneSample:
    """The sample under another name."""
    return replace(sample, token=token, scene=scene, observation=replace(sample.observation, token=token))


def duplicate(sample: SceneSample, number: int, rng: np.random.Generator, hard: bool = False) -> SceneSample:
    """The same moment again under another name: half of them to the byte, half brighter or darker, noisy, compressed anew; hard: all of
    them as of `taken_anew`."""
    views = sample.observation.frames[-1].cameras
    if hard:
        views = tuple(taken_anew(view, rng) for view in views)
    elif rng.random() < 0.5:
        gain, noise, quality = rng.uniform(0.9, 1.1), rng.uniform(0.0, 3.0), int(rng.integers(50, 95))
        views = tuple(seen_anew(view, gain, noise, quality, rng) for view in views)
    return renamed(with_views(sample, views), f"again{number}-{sample.token}", f"again-{sample.scene}")


def frozen(sample: SceneSample, before: SceneSample, rng: np.random.Generator) -> SceneSample:
    """One camera, or all, shows what it showed a record before, compressed anew in half of them."""
    held, one = before.observation.frames[-1].cameras, rng.random() < 0.5
    views = list(sample.observation.frames[-1].cameras)
    for k in [int(rng.integers(len(views)))] if one else range(len(views)):
        views[k] = replace(views[k], image=held[k].image)
        views[k] = seen_anew(views[k], 1.0, rng.uniform(0, 1.0), int(rng.integers(80, 95)), rng) if rng.random() < 0.5 else views[k]
    return with_views(sample, views)


def shifted(sample: SceneSample, other: SceneSample) -> SceneSample | None:
    """The sample with the future of another moment; None where that is hardly another one."""
    own, future = sample.target.future, other.target.future
    if not own.valid.all() or not future.valid.all() or np.hypot(*(own.poses - future.poses)[-1, :2]) < DIFFERENT_M:
        return None
    return replace(sample, target=replace(sample.target, future=future))


def commanded(sample: SceneSample, rng: np.random.Generator) -> SceneSample:
    """Another command."""
    others = [command for command in COMMANDS if command != sample.observation.command]
    return replace(sample, observation=replace(sample.observation, command=others[int(rng.integers(len(others)))]))


def miscalibrated(sample: SceneSample, wrong: tuple[str, float, int]) -> SceneSample:
    """A camera (the third of wrong is its number) that is told to be turned, moved or zoomed, by wrong's kind and size."""
    kind, size, number = wrong
    views = list(sample.observation.frames[-1].cameras)
    view = views[number % len(views)]
    views[number % len(views)] = replace(view, camera=_off(view.camera, kind, size), mount=_moved(view.mount, kind, size))
    return with_views(sample, views)


def drawn_calibration(rng: np.random.Generator) -> tuple[str, float, int]:
    """A kind and a size that somebody would notice in what is driven: degrees, metres, a factor."""
    kind = ("yaw", "pitch", "shift", "zoom")[int(rng.integers(4))]
    low, high = {"yaw": (2.0, 10.0), "pitch": (2.0, 6.0), "shift": (0.2, 1.0), "zoom": (0.1, 0.3)}[kind]
    return kind, float(rng.uniform(low, high) * rng.choice([-1, 1])), int(rng.integers(8))


def _off(camera: Camera, kind: str, size: float) -> Camera:
    if kind == "zoom":
        return replace(
            camera,
            K=np.diag([1 + size, 1 + size, 1.0]) @ camera.K + [[0, 0, -size * camera.K[0, 2]], [0, 0, -size * camera.K[1, 2]], [0, 0, 0]],
        )
    pose = _moved(camera.ego_from_camera, kind, size)
    assert pose is not None
    return replace(camera, ego_from_camera=pose)


def _moved(pose: np.ndarray | None, kind: str, size: float) -> np.ndarray | None:
    if pose is None or kind == "zoom":
        return pose
    if kind == "shift":
        return pose + np.array([[0, 0, 0, 0], [0, 0, 0, size], [0, 0, 0, 0], [0, 0, 0, 0]])
    turn = rotation_z(np.radians(size)) if kind == "yaw" else _pitch(np.radians(size))
    return se3(turn @ pose[:3, :3], pose[:3, 3])


def _pitch(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def is_dull(sample: SceneSample) -> bool:
    """Straight on at an even speed for the whole future, with nobody who moves within 30 m and no junction within 30 m ahead."""
    speed, future, agents = sample.observation.speed_mps, sample.target.future, sample.target.agents
    if speed is None or speed < 3.0 or not future.valid.all() or agents is None:
        return False
    moving = np.hypot(*agents.velocities[:, agents.now].T) > 0.3
    near = moving & agents.valid[:, agents.now] & (np.hypot(*agents.centres[:, agents.now, :2].T) < 30.0)
    last, seconds = future.poses[-1], float(future.times_s[-1])
    even = abs(last[0] / seconds - speed) < 0.4 and abs(last[1]) < 0.5
    return bool(even and not near.any() and _no_junction(sample))


def _no_junction(sample: SceneSample) -> bool:
    said, lanes = sample.observation.navigation, sample.target.lanes
    if said is not None:
        return said.distance_m > 30.0
    inside = [] if lanes is None else [line[:, :2] for line, there in zip(lanes.lines, lanes.in_junction, strict=True) if there]
    points = np.concatenate([np.zeros((0, 2)), *inside])
    return lanes is not None and not ((points[:, 0] > 0) & (points[:, 0] < 30.0) & (np.abs(points[:, 1]) < 10.0)).any()
