"""A backbone's weights from a file of timm's names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from drive.checkpoint import save_checkpoint
from drive.model.config import CameraConfig
from drive.model.torchvision_shim import import_timm
from drive.train.vision import BACKBONE, load_vision
from tests.model.conftest import make_network


@pytest.mark.parametrize("name", ["mobilenetv4_conv_small_035", "resnet10t", "convnext_atto"])
def test_features_are_those_of_the_whole_model(name: str, tmp_path: Path) -> None:
    whole = import_timm().create_model(name, pretrained=False).eval()
    save_file(whole.state_dict(), tmp_path / "weights.safetensors")
    network = make_network(camera=CameraConfig(backbone=name, width=64, height=32, stride=32))
    load_vision(network, tmp_path / "weights.safetensors")
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        last = network.sensors["camera"].backbone(picture)[-1]  # type: ignore[index, operator]
        expected = whole.forward_intermediates(picture, intermediates_only=True)[-1]
        torch.testing.assert_close(last, expected, atol=1e-4, rtol=1e-4)  # weights lie in another order


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    network = make_network()
    own = network.sensors["camera"].backbone.state_dict()  # type: ignore[union-attr, index]
    state = {key: value.contiguous() for key, value in own.items()}
    file, name = tmp_path / "weights.safetensors", next(iter(state))
    for value, message in ((None, f"has no {name}"), (torch.zeros(3), r"is \[3\], expected"), (state[name] * torch.nan, "not finite")):
        save_file({k: v for k, v in (state | {name: value}).items() if v is not None}, file)
        with pytest.raises(ValueError, match=message):
            load_vision(network, file)


def test_the_backbone_of_another_network_is_a_start(tmp_path: Path) -> None:
    learned, network = make_network(), make_network(camera=replace(make_network().config.camera, summary=2))
    with torch.no_grad():
        for weight in learned.parameters():
            weight.add_(0.25)
    folder = save_checkpoint(tmp_path / "learned", learned, {})
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    load_vision(network, folder)
    given, own = learned.state_dict(), network.state_dict()
    assert all(torch.equal(own[name], given[name] if name.startswith(BACKBONE) else kept[name]) for name in own)
    with pytest.raises(ValueError, match="no-such-planner is missing"):
        load_vision(network, "no-such-planner")
    with pytest.raises(ValueError, match=r"first-drive.*, expected \["):
        load_vision(network, "first-drive")
