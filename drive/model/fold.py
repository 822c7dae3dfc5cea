"""Batch norms multiplied into the convolutions before them: the same features in fewer steps. For inference alone."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Largest difference of a feature, as a share of the largest one, by which the folded network may be off.
TOLERANCE = 1e-3


@torch.no_grad()
def folded(backbone: nn.Module, example: Tensor) -> nn.Module:
    """A copy of a backbone in evaluation mode, with every norm that reads a convolution's output folded into it; the backbone itself
    where there is none, or where the copy's features of the example are others (an output that is read elsewhere too)."""
    whole = copy.deepcopy(backbone).eval()
    pairs = _pairs(whole, example)
    if not pairs:
        return backbone
    expected = whole(example)
    for conv, name in pairs:
        _fold(whole, conv, name)
    same = all(_close(a, b) for a, b in zip(whole(example), expected, strict=True))
    return whole if same else backbone


def _pairs(backbone: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, str]]:
    """Convolutions and the names of the norms that read just their output, as seen while the backbone runs."""
    made: dict[int, tuple[Tensor, nn.Conv2d]] = {}  # by identity; tensors are kept, so that no other takes theirs
    read: dict[str, nn.Conv2d] = {}
    calls: Counter[nn.Module] = Counter()
    hooks = []

    def after_conv(conv: Any, _: Any, out: Tensor) -> None:
        made[id(out)] = out, conv
        calls[conv] += 1

    def before_norm(name: str) -> Any:
        def note(norm: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            calls[norm] += 1
            if id(arguments[0]) in made:
                read[name] = made[id(arguments[0])][1]

        return note

    norms = {name: m for name, m in backbone.named_modules() if isinstance(m, nn.BatchNorm2d) and m.running_mean is not None}
    for name, norm in norms.items():
        hooks.append(norm.register_forward_pre_hook(before_norm(name)))
    hooks += [m.register_forward_hook(after_conv) for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    backbone(example)
    for hook in hooks:
        hook.remove()
    return [(conv, name) for name, conv in read.items() if calls[conv] == calls[norms[name]] == 1]


def _fold(backbone: nn.Module, conv: nn.Conv2d, name: str) -> None:
    norm: Any = backbone.get_submodule(name)
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = weight, bias
    parent, _, child = name.rpartition(".")
    # timm's norms hold the activation behind them.
    rest = [getattr(norm, part) for part in ("drop", "act") if isinstance(getattr(norm, part, None), nn.Module)]
    backbone.get_submodule(parent).add_module(child, nn.Sequential(*rest))


def _close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= TOLERANCE * b.abs().max())
