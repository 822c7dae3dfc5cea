"""WOD-E2E frames -> samples: each tells its own past, future, speed and command."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from drive.data.by_token import SamplesByToken
from drive.data.layouts import Wanted
from drive.data.motion import Motion
from drive.data.scenes import trajectory, window_steps
from drive.data.sources import chosen_names
from drive.data.wod_e2e.clusters import read_clusters
from drive.data.wod_e2e.messages import E2ERecord, EgoStates, read_e2e
from drive.data.wod_e2e.shards import FramePlace, read_index
from drive.poses import axle_poses, past_poses
from drive.schema import CameraImage, Frame, Observation, Ratings, SceneSample, Target, Trajectory, Window

# Frames follow each other at 10 Hz (waymo.com/open/data/e2e); their records tell no times. States are 4 Hz (the schema says so).
FRAME_S, STATE_S = 0.1, 0.25
# So many read records are kept, for windows of several frames; pictures stay in their files.
KEPT = 16


class WodE2EDataset(SamplesByToken):
    """A `drive.data.dataset.Dataset` of WOD-E2E's frames, segment by segment. A token is a frame's own name, SEGMENT-NUMBER.

    The heads of all records are read once. `command` is the route's, as told. Raises ValueError as `read_index`, and for a split that
    is none.
    """

    def __init__(self, root: Path, choice: Wanted) -> None:
        if choice.motion != "poses" or choice.version is not None:
            raise ValueError(f"{root}: version and motion='can' are of nuScenes tables alone; leave them out")
        self.root, self.window, self.name = root, choice.window, root.resolve().name
        index = read_index(root)
        self._segments = {name: frames for segments in index.values() for name, frames in segments.items()}
        chosen = chosen_names(root, {split: tuple(segments) for split, segments in index.items()}, choice.split)
        places = [(name, k) for name in chosen for k in range(len(self._segments[name]))][: choice.limit]
        self.place(places, [self._segments[name][k].name for name, k in places])
        self.all_tokens: tuple[str, ...] = tuple(frame.name for frames in self._segments.values() for frame in frames)
        self._command = choice.command

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside, ValueError where its record is impossible."""
        segment, k = self._places[i]
        frames = self._segments[segment]
        record, window = read_place(frames[k]), self.window
        past, future = trajectories(record, window)
        observation = Observation(
            token=frames[k].name,
            frames=tuple(_frame(frames[j], frames[k].number) for j in range(max(0, k - window.frames + 1), k + 1)),
            past=past,
            future_times_s=window.future_times_s,
            command=record.intent if self._command else None,
            **vars(motion_of(record.past)),
        )
        target = Target(future, ratings=ratings_of(record.rated))
        return SceneSample(frames[k].name, segment, k, record.timestamp_us, np.eye(4), observation, target, len(frames) - 1 - k)

    @cached_property
    def clusters(self) -> dict[str, str]:
        """Segment -> its cluster of scenarios, of the file of clusters beside the shards; empty where that is not there."""
        return read_clusters(self.root)

    def without_maps(self) -> WodE2EDataset:
        """Itself: there are no maps."""
        return self


@lru_cache(maxsize=KEPT)
def read_place(frame: FramePlace) -> E2ERecord:
    """The record of a frame. Raises ValueError where it is damaged or impossible."""
    return read_e2e(frame.path, frame.place, frame.name)


def trajectories(record: E2ERecord, window: Window) -> tuple[Trajectory, Trajectory]:
    """Past and future of a window from a record's states at 4 Hz: steps of other rates are interpolated, those outside not valid.

    Positions are the record's. Headings, which it does not tell, are those of a bicycle's drive from t0 (`drive.poses`).
    """
    past, future = record.past.positions, record.future.positions
    poses = np.concatenate([past_poses(past), axle_poses(future) if len(future) else np.zeros((0, 3))])
    times, now = STATE_S * np.arange(1 - len(past), 1 + len(future)), len(past) - 1
    both = (window_steps(times, now, nominal, window.rate_hz, STATE_S) for nominal in (window.past_times_s, window.future_times_s))
    before, after = (trajectory(poses, steps) for steps in both)
    return before, after


def motion_of(past: EgoStates) -> Motion:
    """Speed and acceleration at t0 as the record tells them; the yaw rate is not told."""
    if not len(past.velocities):
        return Motion()
    vx, vy = past.velocities[-1].tolist()
    acceleration = float(past.accelerations[-1, 0]) if len(past.accelerations) else None
    return Motion(float(np.copysign(np.hypot(vx, vy), vx)), acceleration)


def ratings_of(rated: Sequence[EgoStates]) -> Ratings | None:
    """Those paths that raters gave a score; None where there is none."""
    scored = [(one.positions, one.score) for one in rated if one.score is not None and len(one.positions)]
    if not scored:
        return None
    longest = max(len(path) for path, _ in scored)
    return Ratings(tuple(path for path, _ in scored), np.array([score for _, score in scored]), STATE_S * np.arange(1, longest + 1))


def _frame(frame: FramePlace, now: int) -> Frame:
    """A frame's pictures, as seen from the frame numbered `now`."""
    time_s = FRAME_S * (frame.number - now)
    return Frame(time_s, tuple(CameraImage(r.camera, time_s, r.path) for r in read_place(frame).cameras))
