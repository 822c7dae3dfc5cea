"""What patches are told of their cameras: which changes of a calibration show in a frame's tokens, and how cameras stand to one another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from drive.cameras import Camera
from drive.frames import rotation_z, se3
from drive.model.config import CameraConfig, ModelConfig
from drive.model.inputs import Batch, collate, prepare
from drive.model.mixing import PatchPlaces, placed_attention, standing
from drive.model.network import DrivingNetwork
from drive.model.sensors.base import Encoded
from drive.schema import CameraImage, Observation
from drive.values import plain
from tests.model.conftest import TINY, make_observation

GEOMETRIES = ("none", "intrinsics", "rays", "both", "relative")
MOTION = se3(rotation_z(0.7), [12.0, -3.0, 0.4])


def config_of(geometry: Any) -> ModelConfig:
    return replace(TINY, camera=replace(TINY.camera, geometry=geometry, mixing=2))


def network_of(geometry: str) -> DrivingNetwork:
    """Weights are spread wider than for training, so that what is told shows."""
    torch.manual_seed(3)
    network = DrivingNetwork(config_of(geometry)).eval()
    with torch.no_grad():
        for parameter in network.sensors["camera"].mixing.parameters():  # type: ignore[union-attr]
            if parameter.ndim == 2:
                parameter.mul_(8)
    return network


@torch.inference_mode()
def tokens(network: DrivingNetwork, *observations: Observation) -> Tensor:
    batch: Batch = collate([prepare(one, network.config) for one in observations])
    encoded: Encoded = network.sensors["camera"](batch.parts["camera"])
    return torch.where(encoded.valid[..., None], encoded.tokens, 0.0)


def with_cameras(observation: Observation, change: Any) -> Observation:
    """change: (place in the list, camera) -> camera."""

    def changed(k: int, view: CameraImage) -> CameraImage:
        return replace(view, camera=change(k, view.camera))

    frames = [replace(f, cameras=tuple(changed(k, view) for k, view in enumerate(f.cameras))) for f in observation.frames]
    return replace(observation, frames=tuple(frames))


def moved(camera: Camera, by: Any = MOTION) -> Camera:
    return replace(camera, ego_from_camera=by @ camera.ego_from_camera)


def longer(camera: Camera) -> Camera:
    return replace(camera, K=camera.K * [1.3, 1.3, 1.0])


CHANGES = {
    "rig moved": lambda k, camera: moved(camera),
    "one camera moved": lambda k, camera: moved(camera, se3(np.eye(3), [0.5, 0.0, 0.0])) if k == 0 else camera,
    "one lens longer": lambda k, camera: longer(camera) if k == 0 else camera,
}
# Which change shows in which geometry.
SHOWS = {
    "none": set(),
    "intrinsics": {"one lens longer"},
    "rays": set(CHANGES),
    "both": set(CHANGES),
    "relative": {"one camera moved", "one lens longer"},
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_tokens_react_to_what_is_told_and_to_nothing_else(geometry: str) -> None:
    network, observation = network_of(geometry), make_observation(cameras=3)
    before = tokens(network, observation)
    for name, change in CHANGES.items():
        away = float((tokens(network, with_cameras(observation, change)) - before).abs().max())
        assert (away > 1e-2) == (name in SHOWS[geometry]), (name, away)
        assert away > 1e-2 or away < 2e-4, (name, away)


def test_networks_of_all_geometries_begin_alike() -> None:
    first = network_of("none").state_dict()
    for geometry in GEOMETRIES[1:]:
        other = network_of(geometry).state_dict()
        assert other.keys() == first.keys() and all(torch.equal(other[name], value) for name, value in first.items())


@pytest.mark.parametrize("geometry", ["none", "relative"])
def test_neither_order_of_cameras_nor_others_of_the_batch_matter(geometry: str) -> None:
    network, one, other = network_of(geometry), make_observation(1, cameras=3), make_observation(2, cameras=1, frames=2)
    alone = tokens(network, one)
    together = tokens(network, other, one)[1:, :1, : alone.shape[2]]
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    turned = replace(one, frames=tuple(replace(f, cameras=f.cameras[::-1]) for f in one.frames))
    there = {tuple(np.round(row, 2)) for row in tokens(network, turned)[0, 0].numpy()}
    assert len(there & {tuple(np.round(row, 2)) for row in alone[0, 0].numpy()}) > 0.8 * len(there)


def drawn(seed: int, same: bool) -> tuple[Tensor, Tensor]:
    """q, k, v [3, 2, 12, 2, 16] and projections of two cameras [2, 2, 4, 4] (one camera twice where same) of 2 x 3 patches."""
    generator = torch.Generator().manual_seed(seed)
    P = torch.eye(4) + 0.3 * torch.randn(2, 4, 4, generator=generator)
    P = P[:1].expand(2, -1, -1) if same else P
    return torch.randn(3, 2, 12, 2, 16, generator=generator), torch.stack([P, torch.linalg.inv(P)], 1)


def placed(qkv: Tensor, projections: Tensor, relative: bool) -> Tensor:
    told = standing((2, 3), projections, relative).flatten(0, 1).expand(2, -1, -1)
    q, k, v = qkv
    return placed_attention(q, k, v, PatchPlaces.of(told, 16), torch.ones(2, 12, 12, dtype=torch.bool))


def slow(qkv: Tensor, projections: Tensor) -> Tensor:
    """One query and key after the other, by the paper's D = (P, ..., P, turn by row, turn by column) of each patch."""
    D = []
    for n in range(12):
        camera, row, column = n // 6, (n % 6) // 3, n % 3
        matrix = torch.zeros(16, 16)
        for k in (0, 4):
            matrix[k : k + 4, k : k + 4] = projections[camera, 0]
        for w, angle in enumerate((row, row * 0.1, column, column * 0.1)):  # 100 ** (0, -1/2)
            c, s = np.cos(angle), np.sin(angle)
            pair = [8 + w, 12 + w]
            matrix[np.ix_(pair, pair)] = torch.tensor([[c, -s], [s, c]], dtype=torch.float32)
        D.append(matrix)
    q, k, v = qkv
    out = torch.zeros_like(q)
    for s in range(2):
        for h in range(2):
            for i in range(12):
                between = [D[i] @ torch.linalg.inv(D[j]) for j in range(12)]
                weights = torch.stack([q[s, i, h] @ between[j] @ k[s, j, h] / 4 for j in range(12)]).softmax(0)
                out[s, i, h] = sum(weights[j] * (between[j] @ v[s, j, h]) for j in range(12))
    return out


def test_attention_is_the_papers() -> None:
    qkv, projections = drawn(0, same=False)
    torch.testing.assert_close(placed(qkv, projections, relative=True), slow(qkv, projections), atol=1e-4, rtol=1e-4)
    assert (placed(qkv, projections, relative=True) - placed(qkv, projections, relative=False)).abs().max() > 0.1


def test_one_camera_for_all_is_attention_without_cameras() -> None:
    qkv, projections = drawn(1, same=True)
    torch.testing.assert_close(placed(qkv, projections, True), placed(qkv, projections, False), atol=1e-4, rtol=1e-4)


def test_configurations_that_cannot_be_are_refused_and_old_ones_stay() -> None:
    for wrong, why in (
        ({"geometry": "relative"}, "camera.mixing"),
        ({"mixing": 1, "summary": 2}, "summary"),
        ({"geometry": "none", "things": 3}, "things"),
        ({"mixing": -1}, "mixing"),
    ):
        with pytest.raises(ValueError, match=why):
            CameraConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="multiple of 8"):
        replace(TINY, camera=replace(TINY.camera, mixing=1), transformer=replace(TINY.transformer, head_dim=12))
    assert plain(CameraConfig())["geometry"] == "both" and plain(CameraConfig())["mixing"] == 0
    assert not any("mixing" in name for name in DrivingNetwork(TINY).state_dict())
