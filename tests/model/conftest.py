"""A tiny network, and observations with any rig made from its own input description."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from drive.cameras import Camera
from drive.frames import EGO_FROM_CAMERA_AXES, rotation_z, se3
from drive.model.config import CameraConfig, ModelConfig, TransformerConfig
from drive.model.inputs import Batch
from drive.model.network import DrivingNetwork
from drive.schema import CameraImage, Frame, Observation, Trajectory, Window

TINY = ModelConfig(
    requests=("plan:bins", "plan:text"),
    window=Window(frames=4),
    camera=CameraConfig(backbone="mobilenetv4_conv_small_035", width=64, height=32, stride=16),
    transformer=TransformerConfig(width=32, depth=2, heads=4, kv_heads=2, head_dim=8, mlp_width=48),
)


def make_camera(name: str, yaw: float, width: int = 96, height: int = 64) -> Camera:
    pose = se3(rotation_z(yaw) @ EGO_FROM_CAMERA_AXES, [1.0 + 0.1 * yaw, 0.2 * yaw, 1.5])
    return Camera(name, width, height, np.array([[0.8 * width, 0, width / 2], [0, 0.8 * width, height / 2], [0, 0, 1]]), pose)


def make_observation(seed: int = 0, cameras: int = 2, frames: int = 1, window: Window | None = None) -> Observation:
    """Random pictures of `cameras` cameras of different sizes in `frames` frames, on a gentle left turn."""
    window = window or TINY.window
    rng = np.random.default_rng(seed)
    times = window.past_times_s
    past = Trajectory(np.stack([8 * times, 0.5 * times**2, 0.1 * times], -1), times, np.ones(len(times), bool))
    rig = [make_camera(f"CAM_{c}", yaw, 96 + 16 * c, 64 + 8 * c) for c, yaw in enumerate(np.linspace(0, 5, cameras))]
    made = tuple(
        Frame(time, tuple(CameraImage(c, time, rng.integers(0, 256, (c.height, c.width, 3), dtype=np.uint8)) for c in rig))
        for time in times[-frames:]
    )
    return Observation(f"token-{seed}", made, past, window.future_times_s, 8.0, 0.1, 0.05, "left")


def make_network(seed: int = 0, **changes: object) -> DrivingNetwork:
    """Random weights, in evaluation mode. Weights are spread wider than for training, so that every input shows."""
    torch.manual_seed(seed)
    network = DrivingNetwork(replace(TINY, **changes)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in network.transformer.parameters():
            if parameter.ndim == 2:
                parameter.mul_(5)
    return network


def whole(network: DrivingNetwork, batch: Batch, ids: Tensor) -> Tensor:
    """Logits [B, S, L, V] of spans [B, S, L] in one go."""
    return network.extend(network.prefix(batch), ids)[0]


@pytest.fixture(scope="session")
def network() -> DrivingNetwork:
    return make_network()
