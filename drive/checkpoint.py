"""Checkpoints: a folder with model.safetensors, config.json and provenance.json, complete or absent, never half written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

import drive
from drive.model.config import ModelConfig
from drive.model.ego_mlp import EGO_MLP, EgoMlp, EgoMlpConfig
from drive.model.network import DrivingNetwork
from drive.values import from_values, to_json

WEIGHTS, CONFIG, PROVENANCE = "model.safetensors", "config.json", "provenance.json"


def save_checkpoint(
    folder: str | Path,
    network: DrivingNetwork | EgoMlp,
    provenance: Mapping[str, Any],
    tensors: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> Path:
    """Write a checkpoint; one of that name is replaced only once the new one is whole.

    provenance: where it comes from (run configuration, data, steps, scores), JSON values; versions are added. tensors:
    further files, name -> tensors (a resumed run's optimiser state).
    """
    folder = Path(folder)
    draft = folder.with_name(folder.name + ".writing")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, draft / WEIGHTS)
    for name, group in (tensors or {}).items():
        save_file({k: v.contiguous() for k, v in group.items()}, draft / f"{name}.safetensors")
    (draft / CONFIG).write_text(to_json(network.config))
    versions = {"drive": drive.__version__, "torch": torch.__version__}
    (draft / PROVENANCE).write_text(json.dumps({"versions": versions, **provenance}, indent=2))
    _swap(draft, folder)
    return folder


def load_checkpoint(folder: str | Path, device: torch.device | str = "cpu") -> tuple[DrivingNetwork, dict[str, Any]]:
    """A checkpoint folder -> (network in evaluation mode, provenance).

    Raises ValueError where a file is missing, damaged, or does not fit the configuration beside it.
    """
    folder = recovered(folder)
    config = from_values(ModelConfig, _read_json(folder / CONFIG), str(folder / CONFIG))
    network = DrivingNetwork(unpretrained(config))
    load_weights(network, folder / WEIGHTS)
    return network.to(device).eval(), _read_json(folder / PROVENANCE)


def is_ego_mlp(folder: str | Path) -> bool:
    """Whether a checkpoint folder holds an `EgoMlp`."""
    return _read_json(recovered(folder) / CONFIG).get("kind") == EGO_MLP


def load_ego_mlp(folder: str | Path) -> EgoMlp:
    """An `EgoMlp` in evaluation mode. Raises ValueError as `load_checkpoint`."""
    folder = recovered(folder)
    network = EgoMlp(from_values(EgoMlpConfig, _read_json(folder / CONFIG), str(folder / CONFIG)))
    load_weights(network, folder / WEIGHTS)
    return network.eval()


def load_weights(network: DrivingNetwork | EgoMlp, path: Path) -> None:
    """Fill a network from a safetensors file. Raises ValueError where they do not fit."""
    tensors = load_tensors(path)
    own = network.state_dict()
    wrong = sorted(set(own) ^ set(tensors)) or [name for name in own if own[name].shape != tensors[name].shape]
    if wrong:
        raise ValueError(f"{path} does not fit its config.json: {len(wrong)} tensors differ, the first is {wrong[0]}")
    network.load_state_dict(tensors)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file. Raises ValueError where it is missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: not a checkpoint folder, or an incomplete copy")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def unpretrained(config: ModelConfig) -> ModelConfig:
    """The configuration without `pretrained`: weights come from the checkpoint, so nothing is fetched."""
    from dataclasses import replace

    return replace(config, camera=replace(config.camera, pretrained=False))


def recovered(folder: str | Path) -> Path:
    """The folder, brought back from its backup where a write was cut off between the two renames."""
    folder = Path(folder)
    backup = folder.with_name(folder.name + ".old")
    if not folder.exists() and backup.is_dir():
        backup.rename(folder)
    return folder


def _swap(draft: Path, folder: Path) -> None:
    for path in draft.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    backup = folder.with_name(folder.name + ".old")
    recovered(folder)
    shutil.rmtree(backup, ignore_errors=True)
    if folder.exists():
        folder.rename(backup)
    draft.rename(folder)
    shutil.rmtree(backup, ignore_errors=True)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing: not a checkpoint folder, or an incomplete copy") from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}")
    return values
