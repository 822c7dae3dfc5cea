"""What a network makes of a record's pictures, in SIZE numbers: how much two records look alike to who has learned to look.

A backbone's feature map of each picture, its brightness and contrast taken out, pooled to FIELDS; the roots of all cameras', each along
random directions of its own, summed up (Johnson and Lindenstrauss 1984: distances stay as they are, but for some per cent).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from drive.checkpoint import load_checkpoint
from drive.curate.looker import FIELDS, SIZE, Network
from drive.data.images import read_image
from drive.model.backbone import create_backbone
from drive.model.config import CameraConfig
from drive.model.fold import folded
from drive.schema import CameraImage, MissingImage
from drive.tensors import fill_backbone

LEAST_STD = 4.0  # grey values; what varies by less is not made to vary as much as others


@lru_cache(maxsize=1)
def _loaded(network: Network) -> tuple[nn.Module, tuple[int, int]]:
    """A backbone ready to look, and the size (width, height) of its pictures."""
    if network.weights:
        config = CameraConfig(network.name)
        backbone = create_backbone(config)
        fill_backbone(backbone, network.file, network.name)
    else:
        whole, _ = load_checkpoint(network.file.parent)
        config, backbone = whole.config.camera, whole.sensors["camera"].backbone  # type: ignore[assignment]
    example = torch.randn(1, 3, config.height, config.width, generator=torch.Generator().manual_seed(0))
    return folded(backbone.eval(), example), (config.width, config.height)


def embedding(views: Sequence[CameraImage], network: Network) -> str:
    """The pictures' SIZE numbers as float16 in hex, "" where none decodes. Raises ValueError where there is no such network."""
    read = {view.camera.name: picture for view in views if (picture := _read(view, _loaded(network)[1])) is not None}
    if not read:
        return ""
    features = _features(np.stack(list(read.values())), _loaded(network)[0])
    summed = sum(_directions(name, row.size) @ row for name, row in zip(read, features, strict=True))
    return np.asarray(summed, dtype="<f2").tobytes().hex()


def _read(view: CameraImage, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    try:
        return read_image(view, *size)[1]
    except MissingImage:
        return None


def _features(pictures: NDArray[np.uint8], backbone: nn.Module) -> NDArray[np.float32]:
    """Pictures [V, H, W, 3] of one size -> their feature maps' FIELDS, [V, channels x fields]."""
    mean, std = pictures.mean((1, 2, 3), keepdims=True), pictures.std((1, 2, 3), keepdims=True)
    pixels = torch.from_numpy(((pictures - mean) / np.maximum(std, LEAST_STD)).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        maps = backbone(pixels.contiguous(memory_format=torch.channels_last))[-1]
        pooled = nn.functional.adaptive_avg_pool2d(maps, FIELDS)
        levelled = pooled.sign() * pooled.abs().sqrt()
    return np.asarray(levelled.flatten(1).numpy(), dtype=np.float32)


@lru_cache(maxsize=16)
def _directions(camera: str, columns: int) -> NDArray[np.float32]:
    """[SIZE, columns], the same wherever it is drawn."""
    drawn = np.random.default_rng([zlib.crc32(camera.encode()), columns]).normal(size=(SIZE, columns))
    return np.asarray(drawn / SIZE**0.5, dtype=np.float32)
