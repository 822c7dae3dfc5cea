"""A backbone's weights from a local file of timm's names, as a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from drive.tensors import load_tensors


def load_vision(network: Any, file: str | Path) -> None:
    """Fill the camera backbone of a network from a safetensors file of the whole timm model, or of the backbone alone; what the backbone
    does not have (a classifier, later stages) is left out.

    Raises ValueError naming the first tensor that is missing, of another shape or not finite; the network is then as it was.
    """
    backbone = network.sensors["camera"].backbone
    own, given = backbone.state_dict(), load_tensors(Path(file))
    found: dict[str, Tensor] = {}
    for name, tensor in own.items():
        # timm's lists of features call the module `stages.0` `stages_0`.
        first, dot, rest = name.partition(".")
        stored = given.get(name, given.get(first.replace("_", ".") + dot + rest))
        if stored is None and name.endswith("num_batches_tracked"):
            stored = tensor
        if stored is None:
            raise ValueError(f"{file} has no {name}: expected the weights of {network.config.camera.backbone} under timm's names")
        if stored.shape != tensor.shape:
            raise ValueError(f"{file}: {name} is {list(stored.shape)}, expected {list(tensor.shape)}")
        found[name] = stored
    with torch.no_grad():
        backbone.load_state_dict(found)
