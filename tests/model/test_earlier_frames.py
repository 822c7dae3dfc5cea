"""A second picture of some cameras: which are read, what hides them, and where a network that never had one begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from drive.checkpoint import save_checkpoint
from drive.model.config import Inputs
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.schema import PlanError, Window
from drive.train.init import start_from
from tests.model.conftest import TINY, make_network, make_observation

FAR = Inputs(earlier=("CAM_1",), history=False, motion=False)
TWO = replace(TINY, window=Window(frames=2), inputs=FAR)


def test_of_earlier_frames_only_the_named_cameras_are_read() -> None:
    read = prepare(make_observation(frames=2), TWO).parts["camera"]
    assert [[view.camera.name for view in views] for views in read] == [["CAM_1"], ["CAM_0", "CAM_1"]]
    alone = prepare(make_observation(frames=1), TWO).parts["camera"]
    assert [[view.camera.name for view in views] for views in alone] == [["CAM_0", "CAM_1"]]


def test_an_earlier_picture_is_looked_at_and_another_cameras_is_not() -> None:
    network, seen, other = make_network(window=TWO.window, inputs=FAR), make_observation(frames=2), make_observation(1, frames=2)
    before, now = seen.frames
    unread = replace(before, cameras=(other.frames[0].cameras[0], before.cameras[1]))
    changed = replace(before, cameras=(before.cameras[0], other.frames[0].cameras[1]))
    first, same, different = (_tail(network, replace(seen, frames=(frame, now))) for frame in (before, unread, changed))
    assert torch.equal(first, same) and not torch.allclose(first, different, atol=1e-4)


def test_earlier_cameras_that_are_not_there_are_named() -> None:
    with pytest.raises(PlanError, match="lacks CAM_9"):
        prepare(make_observation(frames=2), replace(TWO, inputs=replace(FAR, earlier=("CAM_9",))))


def test_a_network_of_one_frame_goes_on_with_two(tmp_path: Path) -> None:
    """On one picture it is the network that it was; the newest of two is told to be what the only one was."""
    one = make_network(window=Window(frames=1), inputs=replace(FAR, earlier=()))
    save_checkpoint(tmp_path / "one", one, {})
    two = DrivingNetwork(TWO).eval()
    start_from(two, tmp_path / "one")
    alone = make_observation(frames=1)
    assert torch.equal(_tail(one, alone), _tail(two, alone))
    told = two.sensors["camera"].frame.weight  # type: ignore[union-attr]
    assert torch.equal(told[1], told[0])


def _tail(network: DrivingNetwork, observation) -> torch.Tensor:  # type: ignore[no-untyped-def]
    """Keys of the tokens behind the pictures, which look at all of them."""
    cache = network.prefix(collate([prepare(observation, network.config)]))
    return cache.layers[-1][0][:, :, -2:].detach()
