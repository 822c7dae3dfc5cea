"""The kinds of networks that are trained: what each needs of its samples, and the planner that it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from drive.checkpoint import is_ego_mlp, load_checkpoint, load_ego_mlp
from drive.model.config import EgoMlpConfig, ModelConfig
from drive.model.ego_mlp import FEATURES, EgoMlp
from drive.model.network import DrivingNetwork
from drive.planners.ego_mlp import EgoMlpPlanner
from drive.planners.network import NetworkPlanner
from drive.train.sources import Needs


@dataclass(frozen=True)
class Kind:
    """build: configuration -> network. needs: what it asks of samples. weights: how many, before any is made. planner: of a network
    in evaluation mode. sizes: where the configuration says how large it is."""

    build: Callable[[Any], Any]
    needs: Callable[[Any], Needs]
    weights: Callable[[Any], int]
    planner: Callable[[Any], Any]
    sizes: str


def _needs(model: ModelConfig) -> Needs:
    size, past = (model.camera.width, model.camera.height), model.inputs.history or model.inputs.motion
    return Needs(model.window, size, past, "navigation" in model.inputs.others)


KINDS: dict[type, Kind] = {
    ModelConfig: Kind(DrivingNetwork, _needs, lambda model: model.least_numbers, NetworkPlanner, "model.transformer"),
    EgoMlpConfig: Kind(
        EgoMlp,
        lambda model: Needs(model.window),
        lambda model: model.width * (FEATURES + model.depth * model.width),
        EgoMlpPlanner,
        "model",
    ),
}


def kind_of(model: Any) -> Kind:
    """The kind of network that a configuration is of."""
    return KINDS[type(model)]


def frozen_network(folder: str | Path, device: torch.device) -> nn.Module:
    """The network of a checkpoint folder, in evaluation mode, none of whose weights will change. Raises ValueError as `load_checkpoint`."""
    network: nn.Module = load_ego_mlp(folder) if is_ego_mlp(folder) else load_checkpoint(folder)[0]
    return network.to(device).eval().requires_grad_(False)
