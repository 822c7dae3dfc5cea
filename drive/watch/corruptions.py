"""Observations with something wrong: eight kinds, and one that the shipped judgement has never been shown, at three strengths each.

What is random (where dirt lies) follows from a seed alone, so that it stays where it is from one observation to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.data.images import read_image
from drive.schema import CameraImage, Frame, Observation

Picture = NDArray[np.uint8]
Held = Mapping[str, Any]  # a picture, as `CameraImage.image` is one
STRENGTHS = (1, 2, 3)
LIGHT_LEFT = (0.0, 0.05, 0.0)  # black: strength 1 is one camera alone
SENSOR_NOISE = 2.0  # grey values, of pictures that stand still but are read out anew
BLUR_SHARE = (0.004, 0.010, 0.025)  # standard deviation over the picture's width
DIRT_SHARE = (0.10, 0.25, 0.50)
STALE_S = (0.4, 1.0, 3.0)
TOLD_MPS = (8.0, 25.0, 1000.0)  # above the true speed
GAIN = (2.0, 4.0, 10.0)
DIRT_COLOUR = np.array([70.0, 58.0, 42.0], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Wrong:
    """How an observation is made wrong. held: by camera, what a frozen or stale camera goes on showing."""

    strength: int
    seed: int
    held: Held

    @property
    def at(self) -> int:
        """Index of the strength's value."""
        return self.strength - 1


def corrupted(observation: Observation, kind: str, strength: int, seed: int = 0, held: Held | None = None) -> Observation:
    """The observation with one of `KINDS` wrong, everything else as it was. held: by camera, the pictures that frozen and stale cameras
    show; by default those of the frame before, where there is one.

    Raises ValueError for another kind or strength, and where nothing is known that a frozen camera could show.
    """
    if kind not in KINDS or strength not in STRENGTHS:
        raise ValueError(f"a corruption is one of {', '.join(KINDS)} with a strength of 1 to 3, got {kind!r}, {strength!r}")
    if held is None:
        held = {view.camera.name: view.image for frame in observation.frames[-2:-1] for view in frame.cameras}
    return KINDS[kind](observation, Wrong(strength, seed, held))


def _pixels(view: CameraImage) -> Picture:
    return read_image(view)[1]


def _each(observation: Observation, change: Callable[[Picture, int], Picture], first_alone: bool = False) -> Observation:
    """Every picture changed, given the number of its camera; first_alone: those of each frame's first camera."""

    def changed(view: CameraImage, number: int) -> CameraImage:
        return view if first_alone and number else replace(view, image=change(_pixels(view), number))

    frames = [replace(frame, cameras=tuple(changed(view, n) for n, view in enumerate(frame.cameras))) for frame in observation.frames]
    return replace(observation, frames=tuple(frames))


def _last(observation: Observation, change: Callable[[Frame], Frame]) -> Observation:
    return replace(observation, frames=(*observation.frames[:-1], *map(change, observation.frames[-1:])))


def black(observation: Observation, wrong: Wrong) -> Observation:
    """1: the first camera black; 2: all at a twentieth of the light; 3: all black."""
    return _each(observation, lambda picture, _: _bytes(picture * np.float32(LIGHT_LEFT[wrong.at])), wrong.strength == 1)


def frozen(observation: Observation, wrong: Wrong) -> Observation:
    """The last frame shows what is held. 1: the first camera; 2: all, with the sensor's noise; 3: all, to the byte."""
    rng, count = np.random.default_rng(wrong.seed), 1 if wrong.strength == 1 else None

    def again(view: CameraImage) -> CameraImage:
        if view.camera.name not in wrong.held:
            raise ValueError(f"{observation.token}: no earlier picture of {view.camera.name} is known to freeze at; give two frames")
        shown = replace(view, image=wrong.held[view.camera.name])
        return replace(view, image=_noisy(_pixels(shown), rng)) if wrong.strength == 2 else shown

    def changed(frame: Frame) -> Frame:
        untouched = frame.cameras[count:] if count else ()
        return replace(frame, cameras=(*map(again, frame.cameras[:count]), *untouched))

    return _last(observation, changed)


def _noisy(picture: Picture, rng: np.random.Generator) -> Picture:
    return _bytes(picture + rng.normal(0.0, SENSOR_NOISE, picture.shape).astype(np.float32))


def blurred(observation: Observation, wrong: Wrong) -> Observation:
    """All cameras out of focus."""

    def change(picture: Picture, _: int) -> Picture:
        return cv2.GaussianBlur(picture, (0, 0), BLUR_SHARE[wrong.at] * picture.shape[1]).astype(np.uint8, copy=False)

    return _each(observation, change)


def dirty(observation: Observation, wrong: Wrong) -> Observation:
    """Mud on all lenses, in blots with soft edges that cover `DIRT_SHARE` of each picture."""

    def change(picture: Picture, number: int) -> Picture:
        cover = _blots(picture.shape[0], picture.shape[1], DIRT_SHARE[wrong.at], wrong.seed * 64 + number)[..., None]
        return _bytes(picture * (1 - cover) + DIRT_COLOUR * cover)

    return _each(observation, change)


def _blots(height: int, width: int, share: float, seed: int) -> NDArray[np.float32]:
    """How opaque the dirt is, [height, width] from 0 to 1: smooth noise above the level that leaves `share` covered."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((48, 96)).astype(np.float32), (0, 0), 3.0)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    level, spread = np.quantile(noise, 1 - share), max(float(noise.std()), 1e-6)
    return np.clip(0.5 + (noise - level) / (0.2 * spread), 0, 1).astype(np.float32)


def swapped(observation: Observation, wrong: Wrong) -> Observation:
    """Pictures under other cameras' names. 1: the second camera shows the first one's too; 2: the two exchanged; 3: all moved on by one,
    and upside down. A single camera is upside down at every strength."""

    def changed(frame: Frame) -> Frame:
        pictures = [_pixels(view) for view in frame.cameras]
        if len(pictures) < 2:
            order, turned = list(range(len(pictures))), True
        else:
            order = [[0, 0], [1, 0]][wrong.at] + list(range(2, len(pictures))) if wrong.strength < 3 else [*range(1, len(pictures)), 0]
            turned = wrong.strength == 3
        views = [replace(view, image=_fitted(pictures[k], view, turned)) for view, k in zip(frame.cameras, order, strict=True)]
        return replace(frame, cameras=tuple(views))

    return replace(observation, frames=tuple(map(changed, observation.frames)))


def _fitted(picture: Picture, view: CameraImage, turned: bool) -> Picture:
    size = (view.camera.width, view.camera.height)
    whole = picture if picture.shape[1::-1] == size else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(whole[::-1, ::-1] if turned else whole).astype(np.uint8, copy=False)


def missing(observation: Observation, wrong: Wrong) -> Observation:
    """1: the last camera is not in the last frame; 2: in no frame; 3: no camera is."""
    if wrong.strength == 1:
        return _last(observation, lambda frame: replace(frame, cameras=frame.cameras[:-1]))
    kept = -1 if wrong.strength == 2 else 0
    return replace(observation, frames=tuple(replace(frame, cameras=frame.cameras[:kept]) for frame in observation.frames))


def stale(observation: Observation, wrong: Wrong) -> Observation:
    """All cameras of the last frame show what is held (their own picture where nothing is) and say that it is `STALE_S` old."""

    def changed(frame: Frame) -> Frame:
        when = frame.time_s - STALE_S[wrong.at]
        views = [replace(view, time_s=when, image=wrong.held.get(view.camera.name, view.image)) for view in frame.cameras]
        return replace(frame, cameras=tuple(views))

    return _last(observation, changed)


def speed(observation: Observation, wrong: Wrong) -> Observation:
    """The speed that is told is too high by `TOLD_MPS`."""
    return replace(observation, speed_mps=(observation.speed_mps or 0.0) + TOLD_MPS[wrong.at])


def glared(observation: Observation, wrong: Wrong) -> Observation:
    """All pictures overexposed."""
    return _each(observation, lambda picture, _: _bytes(picture * np.float32(GAIN[wrong.at])))


def _bytes(values: NDArray[Any]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


KINDS: dict[str, Callable[[Observation, Wrong], Observation]] = {
    one.__name__: one for one in (black, frozen, blurred, dirty, swapped, missing, stale, speed, glared)
}
# Never shown to the shipped judgement while it was fitted.
KEPT_OUT = "glared"
