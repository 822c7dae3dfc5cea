"""A folder of own pictures -> samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.data.conventions import Finding
from drive.data.layouts import Wanted
from drive.data.motion import Motion, motion_from_poses
from drive.data.pictures.find import find_streams
from drive.data.pictures.judged import pose_findings, refuse_findings
from drive.data.pictures.key_frames import key_frames, times_of
from drive.data.pictures.tables import MotionTable, Poses, read_motion, read_poses
from drive.data.pictures.told import NOTHING, ToldBeside
from drive.data.rig_files import RigFile, read_rig_file
from drive.data.scenes import planar_poses, route_command
from drive.frames import Array, invert_se3
from drive.schema import CameraImage, Command, Frame, Observation, SceneSample, Target, Trajectory, Window
from drive.words import did_you_mean

DEFAULT_WINDOW = Window()


class PicturesDataset(Sequence[SceneSample]):
    """A `drive.data.dataset.Dataset` of one scene: a key frame each 1 / window.rate_hz seconds, the pictures nearest to that time.

    command: where nobody tells one, derive it from the recorded future, where poses tell this (`route_command`).
    Raises ValueError where rig, pictures, times or tables do not hold together.
    """

    def __init__(
        self, root: str | Path, told: ToldBeside = NOTHING, window: Window = DEFAULT_WINDOW, limit: int | None = None, command: bool = True
    ) -> None:
        self.root, self.window = Path(root), window
        if not self.root.is_dir():
            raise ValueError(f"no pictures at {self.root}: no such folder")
        self.name = self.root.resolve().name
        self.scenes: tuple[str, ...] = (self.name,)
        self.rig: RigFile = read_rig_file(told.rig_of(self.root))
        self.streams = find_streams(self.root, self.rig)
        self.times_us, self.stamped = times_of(self.streams, told.hz or self.rig.hz, told.hz is not None)
        start = int(self.times_us[0][0])
        self.poses, self._table = _tables(self.root, told, start if self.stamped else None)
        self._told, self._command = told, command
        self.key_frames = key_frames(self.times_us, 1 / window.rate_hz)
        self.all_tokens = tuple(self.streams[0].names[row[0]] for row in self.key_frames)
        self.tokens = self.all_tokens[:limit]
        self._index = {token: i for i, token in enumerate(self.tokens)}
        self._start_us = start
        if self.poses is not None:
            self._require_poses(self.poses)

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside."""
        index = range(len(self))[i]
        t0 = self._time_s(0, self.key_frames[index][0])
        future = self._trajectory(t0, self.window.future_times_s)
        observation = Observation(
            token=self.tokens[index],
            frames=tuple(self._frame(k, t0) for k in range(max(0, index - self.window.frames + 1), index + 1)),
            past=self._trajectory(t0, self.window.past_times_s),
            future_times_s=self.window.future_times_s,
            command=self._command_at(t0, future),
            **vars(self._motion_at(t0)),
        )
        stamp = int(self.times_us[0][self.key_frames[index][0]])
        after = len(self.all_tokens) - 1 - index
        return SceneSample(self.tokens[index], self.name, index, stamp, self._pose(t0), observation, Target(future), after)

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        if token not in self._index:
            near = did_you_mean(token, self._index)
            raise ValueError(f"sample {token!r} is not among the {len(self)} key frames of {self.name}, named like {self.tokens[0]}{near}")
        return self[self._index[token]]

    def without_maps(self) -> PicturesDataset:
        """Itself: there are no maps."""
        return self

    def findings(self) -> list[Finding]:
        """What in the poses looks like another convention."""
        path = self._told.poses_of(self.root)
        return [] if self.poses is None or path is None else pose_findings(self.poses, path.name)

    def _time_s(self, camera: int, picture: int) -> float:
        return float(self.times_us[camera][picture] - self._start_us) / 1e6

    def _pose(self, time_s: float) -> Array:
        return np.eye(4) if self.poses is None else np.array(self.poses.at(np.array(time_s)))

    def _frame(self, index: int, t0: float) -> Frame:
        """The pictures of a key frame: with poses, cameras in the ego frame of the first one's time, the motion in between included."""
        row = self.key_frames[index]
        then = self._time_s(0, row[0])
        views = []
        for c, (stream, picture) in enumerate(zip(self.streams, row, strict=True)):
            time, mount = self._time_s(c, picture), stream.camera.ego_from_camera
            moved = mount if self.poses is None else invert_se3(self._pose(then)) @ self._pose(time) @ mount
            camera: Camera = replace(stream.camera, ego_from_camera=moved)
            views.append(CameraImage(camera, time - t0, stream.images[picture], None if self.poses is None else mount))
        return Frame(then - t0, tuple(views))

    def _trajectory(self, t0: float, times_s: Array) -> Trajectory:
        """Poses at times relative to t0; not valid where they are not known, which they are at t0."""
        poses, valid = np.zeros((len(times_s), 3)), np.abs(times_s) < 1e-9
        if self.poses is not None:
            valid = self.poses.known(t0 + times_s)
            world = self.poses.at(t0 + np.concatenate([[0.0], times_s[valid]]))
            poses[valid] = planar_poses(world, 0)[1:]
        return Trajectory(poses, np.asarray(times_s, dtype=np.float64), valid)

    def _motion_at(self, t0: float) -> Motion:
        """What is told; else differences of poses at or before t0; else unknown. Each value by itself."""
        found = Motion()
        if self.poses is not None and (last := self.poses.last_before(t0)) is not None:
            times = last + np.arange(-2, 1) / self.window.rate_hz
            times = times[np.cumprod(self.poses.known(times)[::-1])[::-1].astype(bool)]
            found = motion_from_poses(np.round(times * 1e6).astype(np.int64), self.poses.at(times))
        row = Motion() if self._table is None else self._table.motion(t0)
        found = replace(found, **{name: value for name, value in vars(row).items() if value is not None})
        return found if self._told.speed_mps is None else replace(found, speed_mps=self._told.speed_mps)

    def _command_at(self, t0: float, future: Trajectory) -> Command | None:
        told = self._told.command or (self._table.command(t0) if self._table is not None else None)
        return told or (route_command(future) if self._command else None)

    def _require_poses(self, poses: Poses) -> None:
        """Raises ValueError for the first picture of a key frame at whose time no pose is known."""
        for c, stream in enumerate(self.streams):
            times = (self.times_us[c][self.key_frames[:, c]] - self._start_us) / 1e6
            lacking = np.flatnonzero(~poses.known(times))
            if len(lacking):
                k = int(lacking[0])
                reach = f"the poses reach from {poses.times_s[0]:.3f} to {poses.times_s[-1]:.3f} s"
                name = stream.names[self.key_frames[k, c]]
                at = f"{name} of {stream.camera.name}, {times[k]:.3f} s after the first picture"
                raise ValueError(f"no pose for {at}: {reach}, and are not looked for in gaps longer than 1 s")


def open_pictures(root: Path, choice: Wanted) -> PicturesDataset:
    """As `drive.data.dataset.open_dataset`, which calls it. Raises ValueError for what own pictures do not have, and for poses that are in
    another convention."""
    if any(root.glob("v1.0-*")):
        raise ValueError(f"{root} holds tables, which tell its cameras and poses: --rig and what else is told are for own pictures")
    if choice.version is not None or choice.motion != "poses":
        raise ValueError(f"{root} holds own pictures: a version or motion={choice.motion!r} are for data sets with tables")
    dataset = PicturesDataset(root, choice.told or NOTHING, choice.window, choice.limit, choice.command)
    refuse_findings(dataset.findings())
    names = choice.split.split(",") if isinstance(choice.split, str) else choice.split
    if names is not None and [name.strip() for name in names] != [dataset.name]:
        raise ValueError(f"{root} holds one drive, {dataset.name}: leave out the split {choice.split!r}")
    return dataset


def _tables(root: Path, told: ToldBeside, start_us: int | None) -> tuple[Poses | None, MotionTable | None]:
    poses, motion = told.poses_of(root), told.motion_of(root)
    return (read_poses(poses, start_us) if poses else None), (read_motion(motion, start_us) if motion else None)
