"""Norms folded into convolutions: the same features, and no norm left that could be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from drive.model.backbone import create_backbone
from drive.model.config import CameraConfig
from drive.model.fold import folded
from drive.model.network import DrivingNetwork
from tests.model.conftest import make_network, make_observation, whole
from tests.model.test_network import batch_of, spans


def norms(module: nn.Module) -> int:
    return sum(isinstance(m, nn.BatchNorm2d) for m in module.modules())


def lived_in(module: nn.Module) -> nn.Module:
    """Statistics and weights of norms as after training."""
    generator = torch.Generator().manual_seed(0)
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d):
            for tensor in (m.running_mean, m.bias):
                tensor.data.normal_(0, 0.2, generator=generator)  # type: ignore[union-attr]
            for tensor in (m.running_var, m.weight):
                tensor.data.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]
    return module.eval()


@pytest.mark.parametrize("name", ["mobilenetv4_conv_small_035", "resnet10t", "efficientnet_lite0", "densenet121"])
def test_features_are_the_same(name: str) -> None:
    backbone = lived_in(create_backbone(CameraConfig(backbone=name, width=64, height=64, stride=16)))
    pictures = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    fast = folded(backbone, pictures[:1])
    assert norms(backbone) and norms(fast) <= (norms(backbone) + 1) // 2
    with torch.no_grad():
        expected = backbone(pictures)[-1]
        torch.testing.assert_close(fast(pictures)[-1], expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


class _Shared(nn.Module):
    """A convolution whose output the norm does not have for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        made = self.conv(x)
        return [self.norm(made) + made]


def test_what_cannot_be_folded_is_left_alone() -> None:
    shared, plain = lived_in(_Shared()), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert folded(shared, torch.randn(1, 3, 8, 8)) is shared and norms(shared) == 1
    assert folded(plain, torch.randn(1, 3, 8, 8)) is plain


def test_a_network_for_inference_answers_the_same_and_leaves_the_other_as_it_was(network: DrivingNetwork) -> None:
    network = make_network()
    lived_in(network)
    names, batch, ids = list(network.state_dict()), batch_of(make_observation(cameras=3, frames=2)), spans(network, 1)
    fast = network.for_inference()
    with torch.inference_mode():
        torch.testing.assert_close(whole(fast, batch, ids), whole(network, batch, ids), atol=1e-4, rtol=1e-4)
    assert norms(fast) == 0 and list(network.state_dict()) == names
