"""Backbones traced where they are called often: the same bits, never after a change of what they are made of."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from drive.model.backbone import create_backbone
from drive.model.config import CameraConfig
from drive.model.trace import OFTEN, Traced
from tests.model.test_fold import lived_in


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["mobilenetv4_conv_small_035", "resnet10t"])
def test_a_trace_gives_the_same_bits_and_sees_changed_weights(name: str) -> None:
    backbone = lived_in(create_backbone(CameraConfig(backbone=name, width=64, height=64, stride=16)))
    traced = Traced(backbone)
    with torch.inference_mode():
        for x in (pictures(2, 3, 64, 96), pictures(3, 3, 32, 64)):
            for _ in range(OFTEN + 2):
                assert torch.equal(traced(x)[-1], backbone(x)[-1])
        assert len(traced._traces) == 2 and all(trace is not backbone for trace in traced._traces.values())
    with torch.no_grad():
        next(backbone.parameters()).mul_(1.5)
    with torch.inference_mode():
        assert torch.equal(traced(x)[-1], backbone(x)[-1])


def test_other_tensors_and_copies_start_afresh() -> None:
    traced = Traced(nn.Sequential(nn.Conv2d(3, 3, 1), _Listed()).eval())
    x = pictures(1, 3, 4, 4)
    with torch.inference_mode():
        for _ in range(OFTEN):
            traced(x)
        other = copy.deepcopy(traced)
        assert traced._traces and not other._traces and other.module is not traced.module
    traced.module[0].weight = nn.Parameter(torch.zeros(3, 3, 1, 1))  # type: ignore[index]
    with torch.inference_mode():
        assert torch.equal(traced(x)[0], traced.module(x)[0]) and not traced._traces
    assert traced(x)[0].requires_grad  # outside inference it is the module itself


def test_a_trace_that_answers_otherwise_is_not_used() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            self.calls += 1
            return [x + self.calls]

    module = Counting().eval()
    traced, x = Traced(module), torch.zeros(2)
    with torch.inference_mode():
        for _ in range(OFTEN):
            traced(x)
        before = module.calls
        assert float(traced(x)[0][0]) == before + 1


class _Listed(nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x]
