"""Frames kept apart: a sliding window of frames equals the window computed afresh, for ever and in bounded memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from drive.model.config import Inputs, ModelConfig
from drive.model.inputs import Batch, collate, prepare
from drive.model.network import Cache, DrivingNetwork
from drive.model.ring import FrameRing
from drive.model.sensors import Encoded
from tests.model.conftest import TINY, make_network, make_observation, whole

APART = replace(TINY, inputs=Inputs(frames_apart=True))
FRAMES = TINY.window.frames


@torch.inference_mode()
def logits(network: DrivingNetwork, cache: Cache) -> Tensor:
    ids = torch.arange(10).view(1, 2, 5)
    return network.extend(cache, ids)[0]


def batch_of(frames: int, config: ModelConfig, names: tuple[str, ...] | None = None, last: int = 4) -> Batch:
    """Frames `last` - `frames` to `last` of one drive of seven frames."""
    observation = make_observation(frames=5)
    made = make_observation(3, cameras=3, frames=5).frames[:2] + observation.frames
    kept = made[last - frames : last]
    return collate([prepare(replace(observation, frames=kept), config, names)])


def test_the_ring_equals_the_window_computed_afresh() -> None:
    network = make_network(inputs=APART.inputs)
    ring = FrameRing(network, tokens=3 * 8)
    for last in range(1, 8):
        ring.push(batch_of(1, APART, ("camera",), last))
        window = min(last, FRAMES)
        with torch.inference_mode():
            afresh = logits(network, network.prefix(batch_of(window, APART, last=last)))
        tail = batch_of(window, APART, ("motion", "history", "dynamics", "command"), last)
        torch.testing.assert_close(logits(network, ring.prefix(tail)), afresh, atol=1e-5, rtol=0)


@pytest.mark.parametrize("frames", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_frames_in_bounded_memory(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(inputs=Inputs(frames_apart=True, motion=False), transformer=replace(TINY.transformer, depth=1))
    bank = torch.randn(61, 3, 32, generator=torch.Generator().manual_seed(0))  # tokens of frames, as if from cameras

    def frame_parts(times: list[int], first: int = 0) -> dict[str, Encoded]:
        return {"camera": Encoded(bank[[t % 61 for t in times]][None], torch.ones(1, len(times), 3, dtype=torch.bool))}

    monkeypatch.setattr(network, "frame_parts", frame_parts)
    ring, tail = FrameRing(network), batch_of(1, replace(TINY, inputs=network.config.inputs))
    places = None
    for t in range(frames):
        ring.push([t])  # type: ignore[arg-type]
        places = places or [memory.data_ptr() for layer in ring._layers for memory in layer]
        if t in (0, 1, 4, 5, 234, frames - 2, frames - 1):
            window = list(range(max(0, t - FRAMES + 1), t + 1))
            with torch.inference_mode():
                expected = logits(network, network.add_tail(network.add_frames(window), tail))  # type: ignore[arg-type]
            torch.testing.assert_close(logits(network, ring.prefix(tail)), expected, atol=1e-5, rtol=0)
    kept = [memory for layer in ring._layers for memory in layer]
    assert [memory.data_ptr() for memory in kept] == places
    assert sum(memory.numel() for memory in kept) == 2 * TINY.transformer.kv_heads * FRAMES * 3 * TINY.transformer.head_dim


def test_a_frame_kept_apart_does_not_see_the_one_before(network: DrivingNetwork) -> None:
    apart = make_network(inputs=APART.inputs)
    for net, config, seen in ((network, TINY, True), (apart, APART, False)):
        both, alone = (net.add_frames(batch_of(frames, config)) for frames in (2, 1))
        count = alone.length
        values = both.layers[1][1][:, :, -count:] - alone.layers[1][1]
        assert bool(values.abs().max() > 1e-3) == seen


def test_a_ring_refuses_what_does_not_fit(network: DrivingNetwork) -> None:
    with pytest.raises(ValueError, match="frames_apart"):
        FrameRing(network)
    ring = FrameRing(make_network(inputs=APART.inputs), tokens=2)
    with pytest.raises(ValueError, match="no frame yet"):
        ring.frames()
    with pytest.raises(ValueError, match="at most 2 tokens"):
        ring.push(batch_of(1, APART))
    with pytest.raises(ValueError, match="got 2 frames"):
        FrameRing(make_network(inputs=APART.inputs)).push(batch_of(2, APART))


def test_every_parameter_learns_with_frames_kept_apart() -> None:
    network = make_network(inputs=APART.inputs).train()
    whole(network, batch_of(3, APART), torch.arange(10).view(1, 2, 5)).logsumexp(-1).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert [name for name in still if "backbone" not in name] == []
