"""What is wrong with an observation for certain: cameras that are not there, times, speed, pictures that stand still while the car moves.

Each check gives reasons, none where nothing is wrong; nothing is learned. What a sensible source never does is wrong, whatever the planner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drive.schema import CameraImage, Frame, Observation
from drive.watch.looks import LEAST_MOVED_M, Pictured, moved_between

# Cameras of nuScenes and Waymo are up to 0.1 s from the frame that they belong to.
LATE_S = 0.25
FASTEST_MPS = 70.0
BLANK, DARK = 1.0, 16.0  # grey values: standard deviation, mean
# A speed may differ from the last step's mean by what accelerating at HARDEST_MPS2 for half a step adds, and by measuring errors.
HARDEST_MPS2, SPEED_ERROR_MPS = 10.0, 1.0


def missing_cameras(observation: Observation, expected: Sequence[str]) -> Iterator[str]:
    """Cameras that are expected, or stand in an earlier frame, and are not in the last one."""
    there = {view.camera.name for frame in observation.frames[-1:] for view in frame.cameras}
    before = [view.camera.name for frame in observation.frames[:-1] for view in frame.cameras]
    gone = [name for name in dict.fromkeys([*expected, *before]) if name not in there]
    if gone:
        yield f"missing: {', '.join(gone)[:200]}"
    elif not there:
        yield "missing: no camera at all"


def wrong_times(observation: Observation) -> Iterator[str]:
    """Frames that do not ascend to t0, and pictures that were not taken at their frame's time."""
    if not observation.frames:
        return
    times = [frame.time_s for frame in observation.frames]
    if not np.isfinite(times).all() or abs(times[-1]) > LATE_S or (np.diff(times) <= 0).any():
        yield f"times: frames at {', '.join(f'{t:.3g}' for t in times)} s, expected ascending to 0"
    for view in observation.frames[-1].cameras:
        late = times[-1] - view.time_s
        if not abs(late) <= LATE_S:
            yield f"times: {view.camera.name[:80]} is {late:.3g} s old"


def wrong_speed(observation: Observation) -> Iterator[str]:
    """A speed that no car has, or that the last poses contradict."""
    told, past = observation.speed_mps, observation.past
    if told is None:
        return
    if not np.isfinite(told) or not -0.5 * FASTEST_MPS <= told <= FASTEST_MPS:
        yield f"speed: {told:.4g} m/s"
        return
    if len(past.valid) < 2 or not past.valid[-2:].all():
        return
    seconds = float(past.times_s[-1] - past.times_s[-2])
    if not np.isfinite(past.poses[-2:]).all() or seconds <= 0:
        yield "speed: the last poses have no sensible times or places"
        return
    mean = float(np.hypot(*(past.poses[-1, :2] - past.poses[-2, :2]))) / seconds
    if abs(abs(told) - mean) > SPEED_ERROR_MPS + 0.5 * HARDEST_MPS2 * seconds:
        yield f"speed: {told:.4g} m/s is told, {mean:.4g} m/s was driven"


def frozen_cameras(observation: Observation, now: Sequence[Pictured], before: Sequence[Pictured]) -> Iterator[str]:
    """Cameras whose picture is the last frame's to the byte though the car has moved."""
    if len(observation.frames) < 2 or not before:
        return
    moved = moved_between(observation.frames[-2], observation.frames[-1], observation.speed_mps)
    earlier = {one.camera.name: one.rgb for one in before}
    if moved is not None and moved >= LEAST_MOVED_M:
        for one in now:
            if one.camera.name in earlier and np.array_equal(one.rgb, earlier[one.camera.name]) and one.rgb.any():
                yield f"frozen: {one.camera.name[:80]}"


def blank_cameras(now: Sequence[Pictured]) -> Iterator[str]:
    """Cameras whose picture is all but one shade."""
    for one in now:
        if float(one.grey.std()) < BLANK:
            yield f"{'black' if float(one.grey.mean()) < DARK else 'blank'}: {one.camera.name[:80]}"


def views_of(frame: Frame, expected: Sequence[str]) -> list[CameraImage]:
    """A frame's views of the cameras that are looked at: those expected, all where none is named."""
    return [view for view in frame.cameras if not expected or view.camera.name in expected]
