"""Optimiser, learning rate, and the state a resumed run needs."""

from __future__ import annotations

import math
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn

from drive.config import Stage


def make_optimizer(network: nn.Module, stage: Stage) -> torch.optim.AdamW:
    """AdamW on the stage's trainable parameters; matrices decay, vectors (norms, biases) and embeddings do not.

    Raises ValueError where the patterns match nothing.
    """
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(any(fnmatch(name, pattern) for pattern in stage.trainable))
        if parameter.requires_grad:
            (decayed if parameter.ndim > 1 and "tokens." not in name else kept).append(parameter)
    if not decayed + kept:
        raise ValueError(f"stage {stage.name!r}: no parameter matches trainable = {list(stage.trainable)}")
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": stage.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=stage.learning_rate, betas=(0.9, 0.95))


def learning_rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then a cosine that reaches zero behind the last step."""
    if step < stage.warmup_steps:
        return stage.learning_rate * (step + 1) / stage.warmup_steps
    progress = (step - stage.warmup_steps) / max(1, stage.steps - stage.warmup_steps)
    return stage.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def optimizer_tensors(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """The optimiser's state as tensors named by their parameter: `tokens.words.weight.exp_avg`."""
    names = _names(optimizer, network)
    state = optimizer.state_dict()["state"]
    return {f"{names[index]}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def expected_tensors(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """Names, shapes and types of what `optimizer_tensors` gives once every parameter had a gradient; the values mean nothing."""
    parameters, count = dict(network.named_parameters()), torch.zeros(())
    return {
        f"{name}.{key}": count if key == "step" else parameters[name].detach()
        for name in _names(optimizer, network)
        for key in ("step", "exp_avg", "exp_avg_sq")
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Inverse of `optimizer_tensors`."""
    index_of = {name: index for index, name in enumerate(_names(optimizer, network))}
    state: dict[int, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        name, _, key = full.rpartition(".")
        state.setdefault(index_of[name], {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _names(optimizer: torch.optim.Optimizer, network: nn.Module) -> list[str]:
    """The names of an optimiser's parameters, in its own order."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in network.named_parameters()}
    return [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
