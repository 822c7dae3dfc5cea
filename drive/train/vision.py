"""A backbone's weights as a start: from a local file of timm's names, or those that another network has learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drive.checkpoint import WEIGHTS, recovered
from drive.shipped import shipped_checkpoint
from drive.tensors import fill_backbone

BACKBONE = "sensors.camera.backbone."  # what a network's weights call it


def load_vision(network: Any, source: str | Path) -> None:
    """Fill the camera backbone of a network. source: a safetensors file of timm's names, a checkpoint folder, or a shipped planner's name.
    Raises ValueError as `fill_backbone`; the network is then as it was."""
    path = recovered(source)
    path = path if path.exists() else shipped_checkpoint(str(source)) or path
    file, prefix = (path / WEIGHTS, BACKBONE) if path.is_dir() else (path, "")
    fill_backbone(network.sensors["camera"].backbone, file, network.config.camera.backbone, prefix)
