"""WOD-E2E shards by protobuf's own library and tensorboard's record writer: two segments, their frames shuffled over two files.

Segment STRAIGHT goes ahead at SPEED; segment CURVE turns left on a circle of RADIUS, and has one rated frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.data.made import FOCAL, HEIGHT, WIDTH, jpeg, turn
from tests.data.made.waymo import LENS, MESSAGES, transform, write_records

STRAIGHT, CURVE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a4938271605f4e3d2c1b0a"
FIRST, FRAMES, RATED = 12, 6, 15  # numbers of frames do not begin at 0
SPEED, RADIUS, ACCELERATION = 8.0, 40.0, 0.25
SCORES = (9.0, 5.0, 6.0)
# CameraName -> yaw in degrees, left above 0.
YAWS = {1: 0, 2: 45, 3: -45, 4: 90, 5: -90, 6: 135, 7: 180, 8: -135}


def place(segment: str, seconds: float) -> tuple[float, float, float]:
    """Where the ego is relative to t0: x, y, heading."""
    if segment == STRAIGHT:
        return SPEED * seconds, 0.0, 0.0
    angle = SPEED * seconds / RADIUS
    return RADIUS * np.sin(angle), RADIUS * (1 - np.cos(angle)), angle


def states(segment: str, steps: range, **more: Any) -> Any:
    """Positions at 4 Hz."""
    x, y, _ = np.array([place(segment, 0.25 * k) for k in steps]).T
    return MESSAGES["EgoTrajectoryStates"](pos_x=x.tolist(), pos_y=y.tolist(), **more)


def e2e_frame(segment: str, number: int, rated: bool = False, future: bool = True) -> Any:
    """A frame with eight cameras that stand in a ring; its time stamp is 0 and its pictures' pose is the identity, as published."""
    cameras = []
    for name, yaw in YAWS.items():
        way = turn(np.radians(yaw))
        mount = transform(np.array([1.5, 0.0, 2.1]) + way @ [0.4, 0.0, 0.0], way)
        intrinsic = [FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, *LENS]
        cameras.append(MESSAGES["CameraCalibration"](name=name, intrinsic=intrinsic, extrinsic=mount, width=WIDTH, height=HEIGHT))
    still = transform(np.zeros(3), np.eye(3))
    # Cameras and pictures stand in different orders in published files.
    images = [MESSAGES["CameraImage"](name=name, image=jpeg(20 * name), pose=still) for name in reversed(YAWS)]
    context = MESSAGES["Context"](name=f"{segment}-{number:03d}", camera_calibrations=cameras)
    speeds = {"vel_x": [SPEED] * 16, "vel_y": [0.0] * 16, "accel_x": [ACCELERATION] * 16, "accel_y": [0.0] * 16}
    made = MESSAGES["E2EDFrame"](
        frame=MESSAGES["Frame"](context=context, timestamp_micros=0, images=images),
        past_states=states(segment, range(-15, 1), **speeds),
        intent=1 if segment == STRAIGHT else 2,
    )
    if future:
        made.future_states.CopyFrom(states(segment, range(1, 21)))
        made.future_states.pos_z.extend([0.0] * 20)
    # Whoever was not asked gives -1.
    ways = ((CURVE, 21), (STRAIGHT, 21), (CURVE, 18)) if rated else ((CURVE, 21),) * 3
    scores = SCORES if rated else (-1.0,) * 3
    made.preference_trajectories.extend(states(way, range(1, end), preference_score=s) for (way, end), s in zip(ways, scores, strict=True))
    return made


def write_e2e(root: Path, split: str = "val", future: bool = True) -> Path:
    """Two shards, named as published."""
    names = [(segment, FIRST + k) for segment in (STRAIGHT, CURVE) for k in range(FRAMES)]
    order = np.random.default_rng(3).permutation(len(names))
    for shard in range(2):
        own = [names[int(i)] for i in order[shard::2]]
        messages = [e2e_frame(segment, number, (segment, number) == (CURVE, RATED), future) for segment, number in own]
        write_records(root / f"{split}_202504211836-202504220845.tfrecord-{shard:05d}-of-00002", messages)
    return root
