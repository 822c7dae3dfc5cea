"""Checkpoints: a folder with model.safetensors, config.json and provenance.json, complete or absent, never half written; and with rig.yaml
(`drive.data.rig_files`) where the network learned on one rig alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import drive
from drive.cameras import Camera
from drive.data.rig_files import read_rig, rig_text
from drive.model.config import ModelConfig
from drive.model.ego_mlp import EGO_MLP, EgoMlp, EgoMlpConfig
from drive.model.network import DrivingNetwork
from drive.outputs import recovered, whole_folder
from drive.tensors import load_tensors, require_numbers, write_tensors
from drive.values import from_values, to_json

WEIGHTS, CONFIG, PROVENANCE, DIGESTS, RIG = "model.safetensors", "config.json", "provenance.json", "sha256.json", "rig.yaml"
# JSON beside the weights is small; a larger file is something else.
_MAX_JSON_BYTES = 10_000_000


class Unfilled(TorchFunctionMode):
    """Within it, networks are made without first values, which a checkpoint's replace. Memory that nobody writes to is not taken up.
    (The device "meta" would take none either, but brings in torch's compiler: half the time of loading.)"""

    FILLING = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_", "xavier_uniform_", "erfinv_"})

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        if getattr(function, "__name__", "") in self.FILLING:
            return arguments[0] if arguments else options["tensor"]
        return function(*arguments, **(options or {}))


def save_checkpoint(
    folder: str | Path,
    network: DrivingNetwork | EgoMlp,
    provenance: Mapping[str, Any],
    tensors: Mapping[str, Mapping[str, Tensor]] | None = None,
    keep: bool = False,
    rig: Sequence[Camera] = (),
) -> Path:
    """Write a checkpoint; one of that name is replaced only once the new one is whole. keep: the one before stays, as NAME.old.

    provenance: where it comes from (run configuration, data, steps, scores), JSON values; versions are added. tensors:
    further files, name -> tensors (a resumed run's optimiser state). rig: that the network learned on, and no other. Raises
    OutputError where the disk is full or refuses; the old checkpoint is then as it was.
    """
    folder = Path(folder)
    versions = {"drive": drive.__version__, "torch": torch.__version__}
    with whole_folder(folder, keep) as draft:
        write_tensors(draft / WEIGHTS, network.state_dict())
        for name, group in (tensors or {}).items():
            write_tensors(draft / f"{name}.safetensors", group)
        (draft / CONFIG).write_text(to_json(network.config))
        (draft / PROVENANCE).write_text(json.dumps({"versions": versions, **provenance}, indent=2))
        if rig:
            (draft / RIG).write_text(rig_text(rig, note="The rig that it learned on: others' pictures are resampled into these views."))
        (draft / DIGESTS).write_text(json.dumps({path.name: _digest(path) for path in sorted(draft.iterdir())}, indent=2))
    return folder


def load_checkpoint(folder: str | Path, device: torch.device | str = "cpu") -> tuple[DrivingNetwork, dict[str, Any]]:
    """A checkpoint folder -> (network in evaluation mode, provenance).

    Raises ValueError where a file is missing, damaged, or does not fit the configuration beside it.
    """
    folder = recovered(folder)
    config = unpretrained(from_values(ModelConfig, read_json(folder / CONFIG), str(folder / CONFIG)))
    require_numbers(folder / WEIGHTS, config.least_numbers)
    with Unfilled():
        network = DrivingNetwork(config)
    _fill(network, folder)
    return network.to(device).eval(), read_json(folder / PROVENANCE)


def load_rig_of(folder: str | Path) -> tuple[Camera, ...]:
    """The one rig that a checkpoint's network knows; () where its folder names none. Raises ValueError where that file is none."""
    path = recovered(folder) / RIG
    return read_rig(path) if path.exists() else ()


def is_ego_mlp(folder: str | Path) -> bool:
    """Whether a checkpoint folder holds an `EgoMlp`."""
    return read_json(recovered(folder) / CONFIG).get("kind") == EGO_MLP


def load_ego_mlp(folder: str | Path) -> EgoMlp:
    """An `EgoMlp` in evaluation mode. Raises ValueError as `load_checkpoint`."""
    folder = recovered(folder)
    config = from_values(EgoMlpConfig, read_json(folder / CONFIG), str(folder / CONFIG))
    require_numbers(folder / WEIGHTS, (config.depth - 1) * config.width**2)
    with Unfilled():
        network = EgoMlp(config)
    _fill(network, folder)
    return network.eval()


def _fill(network: DrivingNetwork | EgoMlp, folder: Path) -> None:
    tensors = load_tensors(folder / WEIGHTS, network.state_dict())
    refuse_changed(folder, [WEIGHTS])
    network.load_state_dict(tensors)


def load_weights(network: DrivingNetwork | EgoMlp, path: Path) -> None:
    """Fill a network from a safetensors file. Raises ValueError where they do not fit; the network is then as it was."""
    network.load_state_dict(load_tensors(path, network.state_dict()))


def unpretrained(config: ModelConfig) -> ModelConfig:
    """The configuration without `pretrained`: weights come from the checkpoint, so nothing is fetched."""
    return replace(config, camera=replace(config.camera, pretrained=False))


def refuse_changed(folder: Path, names: Sequence[str] | None = None) -> None:
    """Compare files (all that are listed where names is None) with the digests written beside them, where there are any.

    Raises ValueError naming the first that is missing or differs.
    """
    if not (folder / DIGESTS).is_file():
        return
    digests = read_json(folder / DIGESTS)
    for name in names or sorted(digests):
        if Path(name).name != name or not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing: an incomplete copy")
        if name in digests and _digest(folder / name) != digests[name]:
            raise ValueError(f"{folder / name} is damaged: it is not what was written (see {DIGESTS}); take another copy")


def read_json(path: Path) -> dict[str, Any]:
    """A mapping out of a small JSON file. Raises ValueError where it is missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: not a checkpoint folder, or an incomplete copy")
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise ValueError(f"{path} is damaged: larger than {_MAX_JSON_BYTES:,} bytes")
    try:
        values = json.loads(path.read_text(), parse_constant=_refuse_constant)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path} is damaged: nested too deep") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
