"""How the ego moved from frame to frame -> one token a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from drive.frames import Array, compose_se2, invert_se2
from drive.model.config import ModelConfig
from drive.model.sensors.base import POSE_SIZE, Encoded, Part, Sensor, Stacked, embedding, frames_of, pose_features, stacked_frames
from drive.schema import Observation, Trajectory
from drive.tokens.sequence import MAX_FRAMES

# Two past poses are of the same moment when their times differ by less than this (key frames jitter by hundredths).
SAME_TIME_S = 0.1


class MotionSensor(Sensor):
    """Prepared: [F, 5] float32, each frame's pose in the ego frame of the frame before it; unknown for the first.

    The tokens stand in the frames. Where frames are kept apart they stand in the tail, each told its frame: which frame came before
    another depends on where the window begins.
    """

    in_frames = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.layers = embedding(POSE_SIZE, config.transformer.width)
        self.in_frames = not config.inputs.frames_apart
        self.frame = None if self.in_frames else nn.Embedding(MAX_FRAMES, config.transformer.width)
        if self.frame is not None:
            nn.init.normal_(self.frame.weight, std=0.02)

    @classmethod
    def used(cls, config: ModelConfig) -> bool:
        return config.inputs.motion

    @staticmethod
    def prepare(observation: Observation, config: ModelConfig) -> NDArray[np.float32]:
        at = [_past_pose(observation.past, frame.time_s) for frame in frames_of(observation, config)]
        poses, known = np.zeros((len(at), 3)), np.zeros(len(at), bool)
        for f, (before, now) in enumerate(zip(at, at[1:], strict=False), start=1):
            if before is not None and now is not None:
                poses[f], known[f] = compose_se2(invert_se2(before), now), True
        return pose_features(poses, known)

    @staticmethod
    def collate(parts: Sequence[NDArray[np.float32]]) -> Part:
        return stacked_frames(parts)

    def labels(self, prepared: NDArray[np.float32], name: str) -> list[list[str]]:
        return [[name]] * len(prepared) if self.in_frames else [[f"{name} {f}" for f in range(len(prepared))]]

    def forward(self, part: Stacked, first_frame: int = 0) -> Encoded:
        tokens = self.layers(part.values)
        if self.frame is None:
            return Encoded(tokens[:, :, None], part.valid[:, :, None])
        return Encoded(tokens + self.frame.weight[: tokens.shape[1]], part.valid)


def _past_pose(past: Trajectory, time_s: float) -> Array | None:
    index = int(np.abs(past.times_s - time_s).argmin())
    return past.poses[index] if past.valid[index] and abs(past.times_s[index] - time_s) < SAME_TIME_S else None
