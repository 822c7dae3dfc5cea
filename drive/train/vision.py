"""A backbone's weights from a local file of timm's names, as a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drive.tensors import fill_backbone


def load_vision(network: Any, file: str | Path) -> None:
    """Fill the camera backbone of a network. Raises ValueError as `fill_backbone`; the network is then as it was."""
    fill_backbone(network.sensors["camera"].backbone, Path(file), network.config.camera.backbone)
