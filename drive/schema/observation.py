"""What a planner may see: pictures, how the ego moved, what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera
from drive.frames import Array
from drive.limits import TINY, within
from drive.roads import Navigation

Mask = NDArray[np.bool_]
Command = Literal["left", "straight", "right"]
COMMANDS: tuple[Command, ...] = ("left", "straight", "right")


MOST_FRAMES = 4


@dataclass(frozen=True)
class Window:
    """Which times around t0 a sample covers: past and future in seconds, steps per second, camera frames per sample."""

    past_s: float = 2.0
    future_s: float = 3.0
    rate_hz: float = 2.0
    frames: int = 1

    def __post_init__(self) -> None:
        within(self, past_s=(0, 60), future_s=(TINY, 60), rate_hz=(0.1, 100), frames=(1, MOST_FRAMES))
        if round(self.future_s * self.rate_hz) < 1:
            raise ValueError(f"Window.future_s {self.future_s:g} holds no step of {self.rate_hz:g} Hz; give at least {1 / self.rate_hz:g}")

    @property
    def past_times_s(self) -> Array:
        """Nominal times of the past poses, t0 included, oldest first: [..., -0.5, 0.0]."""
        return np.arange(-round(self.past_s * self.rate_hz), 1) / self.rate_hz

    @property
    def future_times_s(self) -> Array:
        """Nominal times of the future poses: [0.5, 1.0, ...]."""
        return np.arange(1, round(self.future_s * self.rate_hz) + 1) / self.rate_hz


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Poses [T, 3] float64 (x m, y m, heading rad) in the ego frame of t0; times_s [T] relative to t0; valid [T] bool.

    times_s are the times of the record itself, which for key frames differ from the nominal ones by some hundredths of a
    second. Poses and times where valid is False hold zeros and nominal times and mean nothing.
    """

    poses: Array
    times_s: Array
    valid: Mask


@dataclass(frozen=True)
class VideoPicture:
    """One picture of a video file; number counts from 0 in the order they are shown."""

    path: Path
    number: int

    @property
    def name(self) -> str:
        """For messages: the file and the picture's number in it."""
        return f"{self.path.name}:{self.number}"

    def is_file(self) -> bool:
        """Whether the video is on disk."""
        return self.path.is_file()


@dataclass(frozen=True)
class StoredPicture:
    """A picture file's bytes, in memory and not yet decoded; name: for messages."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class CameraImage:
    """A camera and its picture: uint8 [H, W, 3] RGB in memory, or the file, its bytes or the video that holds it (`drive.data.images`).

    time_s: when the picture was taken, relative to t0. mount [4, 4]: the camera's pose on the car, `ego_from_camera`
    without the ego's motion between time_s and the frame's time (which tells the speed to whoever looks); None where the
    two are the same.
    """

    camera: Camera
    time_s: float
    image: NDArray[np.uint8] | Path | VideoPicture | StoredPicture
    mount: Array | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """All cameras of one moment. time_s <= 0 relative to t0. Every `ego_from_camera` is in the ego frame of this
    frame's own reference time, the motion between that time and the camera's own included."""

    time_s: float
    cameras: tuple[CameraImage, ...]


@dataclass(frozen=True, eq=False)
class Observation:
    """All that a planner may see. Nothing in it depends on anything after t0, except `command` (see below).

    frames: oldest first, the last one is t0's; fewer than configured where a scene starts.
    past: ego poses up to t0, oldest first, t0 (the origin) last.
    speed_mps, acceleration_mps2, yaw_rate_radps: backward differences of poses, or CAN, at or before t0; None where unknown.
    command: route command. Data sets without a route derive it from the recorded future (VAD's rule), so it peeks;
    None where left out.
    navigation: what a navigator says of the next junction, for planners that understand more than the three words; None where there
    is no route or no junction ahead on it.
    future_times_s [T]: the times at which a plan is asked for.
    """

    token: str
    frames: tuple[Frame, ...]
    past: Trajectory
    future_times_s: Array
    speed_mps: float | None = None
    acceleration_mps2: float | None = None
    yaw_rate_radps: float | None = None
    command: Command | None = None
    navigation: Navigation | None = None
