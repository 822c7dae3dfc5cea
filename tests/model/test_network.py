"""What the network must not depend on, what it must, and that every shortcut equals the long way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from drive.frames import rotation_z, se3
from drive.model.config import CameraConfig, Inputs
from drive.model.inputs import Batch, collate, prepare
from drive.model.layers import attend
from drive.model.network import DrivingNetwork
from drive.model.sensors.camera import placed
from drive.model.sensors.pictures import picture_size
from drive.schema import Observation, PlanError
from drive.tokens.sequence import attention_table, may_attend
from tests.model.conftest import TINY, make_camera, make_network, make_observation, whole

TOLERANCE = {"atol": 1e-5, "rtol": 0}


def batch_of(*observations: Observation) -> Batch:
    return collate([prepare(o, TINY) for o in observations])


def spans(network: DrivingNetwork, batch: int, count: int = 2, length: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, TINY.vocabulary.size, (batch, count, length), generator=generator)


def logits(network: DrivingNetwork, *observations: Observation) -> Tensor:
    with torch.inference_mode():
        return whole(network, batch_of(*observations), spans(network, 1).expand(len(observations), -1, -1))


def with_cameras(observation: Observation, change) -> Observation:  # type: ignore[no-untyped-def]
    frames = tuple(replace(frame, cameras=tuple(change(list(frame.cameras)))) for frame in observation.frames)
    return replace(observation, frames=frames)


def test_order_and_names_of_cameras_do_not_matter(network: DrivingNetwork) -> None:
    observation = make_observation(cameras=5, frames=2)
    expected = logits(network, observation)
    shuffled = with_cameras(observation, lambda views: [views[i] for i in (3, 0, 4, 2, 1)])
    torch.testing.assert_close(logits(network, shuffled), expected, **TOLERANCE)
    renamed = with_cameras(observation, lambda views: [replace(v, camera=replace(v.camera, name=f"X{i}")) for i, v in enumerate(views)])
    torch.testing.assert_close(logits(network, renamed), expected, **TOLERANCE)


def test_turning_a_calibration_with_the_same_pixels_matters(network: DrivingNetwork) -> None:
    observation = make_observation()
    turn = se3(rotation_z(np.radians(5)), np.zeros(3))

    def turned(views: list) -> list:
        camera = views[0].camera
        return [replace(views[0], camera=replace(camera, ego_from_camera=turn @ camera.ego_from_camera)), *views[1:]]

    assert (logits(network, with_cameras(observation, turned)) - logits(network, observation)).abs().max() > 1e-3


@pytest.mark.parametrize("field", ["speed_mps", "acceleration_mps2", "yaw_rate_radps", "command"])
def test_each_ego_input_matters_and_can_be_left_out(network: DrivingNetwork, field: str) -> None:
    observation = make_observation()
    unknown = replace(observation, **{field: None})
    assert (logits(network, unknown) - logits(network, observation)).abs().max() > 1e-4
    blind = make_network(inputs=Inputs(history=False, dynamics=False, command=False, motion=False))
    torch.testing.assert_close(logits(blind, unknown), logits(blind, observation), atol=0, rtol=0)


def test_every_camera_keeps_its_shape_and_about_the_patches_of_the_configured_size() -> None:
    config = CameraConfig(width=192, height=96, stride=16)  # 72 patches
    for shape, size in {(1920, 960): (192, 96), (1600, 900): (176, 96), (900, 1600): (96, 176), (640, 640): (128, 128)}.items():
        assert picture_size(make_camera("A", 0.0, *shape), config) == size
        assert picture_size(make_camera("A", 0.0, *shape), replace(config, stretch=True)) == (192, 96)
    for shape in ((1000, 1), (1, 1000)):
        assert 16 * 16 <= np.prod(picture_size(make_camera("A", 0.0, *shape), config)) <= 16 * 16 * 72


@pytest.mark.parametrize(("summary", "peaks", "glance"), [(0, 0, False), (3, 0, False), (0, 2, False), (3, 2, False), (3, 1, True)])
def test_one_network_reads_several_resolutions_in_one_batch_each_as_alone(summary: int, peaks: int, glance: bool) -> None:
    network = make_network(camera=replace(TINY.camera, summary=summary, peaks=peaks, glance=glance))
    configs = [replace(TINY, camera=replace(TINY.camera, width=w, height=h)) for w, h in ((64, 32), (128, 64), (32, 96))]
    prepared = [prepare(make_observation(seed, cameras=2 + seed, frames=2), c) for seed, c in enumerate(configs)]
    ids = spans(network, 1)
    with torch.inference_mode():
        together = whole(network, collate(prepared), ids.expand(3, -1, -1))
        for b, item in enumerate(prepared):
            torch.testing.assert_close(together[b : b + 1], whole(network, collate([item]), ids), **TOLERANCE)


def test_embeddings_of_places_are_exact_at_their_own_size_and_between_at_others() -> None:
    table = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(placed(table, 4), table)
    torch.testing.assert_close(placed(table, 2), torch.stack([table[:2].mean(0), table[2:].mean(0)]))
    torch.testing.assert_close(placed(table, 8)[3], 0.75 * table[1] + 0.25 * table[2])


def test_one_to_eight_cameras_of_mixed_sizes_and_frames_in_one_batch_equal_each_alone(network: DrivingNetwork) -> None:
    observations = [make_observation(seed, cameras=n, frames=f) for seed, (n, f) in enumerate([(1, 1), (8, 2), (3, 4), (6, 1)])]
    together = logits(network, *observations)
    for b, observation in enumerate(observations):
        torch.testing.assert_close(together[b : b + 1], logits(network, observation), **TOLERANCE)


def test_order_of_frames_matters(network: DrivingNetwork) -> None:
    observation = make_observation(frames=3)
    pictures = [frame.cameras for frame in observation.frames][::-1]
    reversed_ = replace(observation, frames=tuple(replace(f, cameras=c) for f, c in zip(observation.frames, pictures, strict=True)))
    assert (logits(network, reversed_) - logits(network, observation)).abs().max() > 1e-3


def test_requests_asked_together_equal_each_asked_alone(network: DrivingNetwork) -> None:
    batch, ids = batch_of(make_observation()), spans(network, 1, count=3)
    with torch.inference_mode():
        together = whole(network, batch, ids)
        for s in range(3):
            torch.testing.assert_close(together[:, s : s + 1], whole(network, batch, ids[:, s : s + 1]), **TOLERANCE)


def test_cached_steps_equal_the_full_forward(network: DrivingNetwork) -> None:
    batch, ids = batch_of(make_observation(frames=2), make_observation(1, cameras=3)), spans(network, 2)
    with torch.inference_mode():
        full = whole(network, batch, ids)
        cache, steps = network.prefix(batch), []
        for t in range(ids.shape[2]):
            out, cache = network.extend(cache, ids[:, :, t : t + 1])
            steps.append(out)
    torch.testing.assert_close(torch.cat(steps, 2), full, **TOLERANCE)


def test_a_frame_appended_to_a_cached_prefix_is_exact(network: DrivingNetwork) -> None:
    batch = batch_of(make_observation(frames=3))
    ids = spans(network, 1)
    with torch.inference_mode():
        frames = network.add_frames(batch.frames(0, 2))
        frames = network.add_frames(batch.frames(2, 3), frames)
        cached = network.extend(network.add_tail(frames, batch), ids)[0]
        torch.testing.assert_close(cached, whole(network, batch, ids), **TOLERANCE)


def test_the_mask_in_use_is_the_table_that_is_drawn(network: DrivingNetwork) -> None:
    observation = make_observation(frames=2)
    cache = network.prefix(batch_of(observation))
    sequence = network.prefix_sequence(prepare(observation, TINY))
    np.testing.assert_array_equal(cache.block.numpy(), sequence.block)
    np.testing.assert_array_equal(cache.position.numpy(), sequence.position)
    used = may_attend(cache.block[:, None], cache.position[:, None], cache.block, cache.position)
    np.testing.assert_array_equal(used.numpy(), attention_table(sequence))


def test_rays_bend_with_the_lens_and_pixels_without_one_are_zeros() -> None:
    plain, fine = make_observation(cameras=1), replace(TINY, camera=replace(TINY.camera, stride=8, stretch=True))
    for lens, share in (((-0.3, 0.05, 0.0, 0.0), 0.0), ((-0.4, 0.0, 0.0, 0.0), 4 / 32)):
        bent = with_cameras(plain, lambda views: [replace(v, camera=replace(v.camera, distortion=lens)) for v in views])  # noqa: B023
        (((here,),), ((there,),)) = (prepare(o, fine).parts["camera"] for o in (plain, bent))
        none = ~there.rays.any(-1)
        assert none.mean() == share and np.isfinite(there.rays).all() and np.abs(there.rays - here.rays).max() > 0.02
        lengths = np.linalg.norm(there.rays[..., :3], axis=-1)
        np.testing.assert_allclose(lengths[~none], 1, atol=1e-6)
        np.testing.assert_array_equal(there.intrinsics, here.intrinsics)


def test_an_unknown_further_sensor_is_named() -> None:
    with pytest.raises(ValueError, match="lidar.*there are camera"):
        make_network(inputs=Inputs(others=("lidar",)))


def test_a_lacking_camera_or_other_times_are_plan_errors() -> None:
    observation = make_observation()
    config = replace(TINY, inputs=Inputs(cameras=("CAM_0", "CAM_9")))
    with pytest.raises(PlanError, match="CAM_9"):
        prepare(observation, config)
    with pytest.raises(PlanError, match="plans at"):
        prepare(replace(observation, future_times_s=np.array([1.0])), TINY)


def test_every_parameter_learns(network: DrivingNetwork) -> None:
    network = make_network().train()
    whole(network, batch_of(make_observation(frames=2), make_observation(1)), spans(network, 2)).logsumexp(-1).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert [name for name in still if "backbone" not in name] == []


def test_attention_of_halves_is_done_in_single_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 40, 8, generator=generator).bfloat16().requires_grad_() for _ in range(3))
    mask = torch.rand(2, 1, 40, 40, generator=generator) < 0.5
    mask[..., 0] = True
    with torch.autocast("cpu", torch.bfloat16):
        out = attend(q, k, v, mask)
    out.sum().backward()
    scores = (q.double() @ k.double().mT / 8**0.5).masked_fill(~mask, -torch.inf)
    whole = scores.softmax(-1) @ v.double()
    assert out.dtype == q.grad.dtype == torch.bfloat16
    torch.testing.assert_close(out.double(), whole, atol=1e-2, rtol=4e-3)  # rounded once, at the end
    torch.testing.assert_close(attend(q.float(), k.float(), v.float(), mask).bfloat16(), out, atol=0, rtol=0)
