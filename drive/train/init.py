"""A run's first weights, from a checkpoint: of the same network, which may know fewer requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drive.checkpoint import CONFIG, WEIGHTS, load_weights, read_json, recovered, unpretrained
from drive.model.config import ModelConfig
from drive.model.network import DrivingNetwork
from drive.shipped import shipped_checkpoint
from drive.tensors import load_tensors
from drive.tokens.vocab import Vocabulary
from drive.values import from_values

_WORDS, _NUMBERS = "tokens.words.weight", "tokens.numbers."


def start_from(network: Any, folder: str | Path) -> None:
    """Fill a network from a checkpoint folder, or the shipped planner of that name. Where its vocabulary holds more than the
    checkpoint's, rows are copied by what they stand for, and the others stay as they were made.

    Raises ValueError where they do not fit; the network is then as it was.
    """
    path, config = _found(folder), network.config
    if not isinstance(config, ModelConfig):
        return load_weights(network, path / WEIGHTS)
    before = unpretrained(from_values(ModelConfig, read_json(path / CONFIG), str(path / CONFIG)))
    if before.vocabulary == config.vocabulary:
        load_weights(network, path / WEIGHTS)
    else:
        with torch.device("meta"):
            shapes = DrivingNetwork(before).state_dict()
        _fill(network, load_tensors(path / WEIGHTS, shapes), before.vocabulary, path)
    _newer_frames(network, before.window.frames)
    return None


def _newer_frames(network: DrivingNetwork, known: int) -> None:
    """Frames that the checkpoint never had begin as its newest: t0 then looks to a network of two frames as it did to one of one."""
    frame = getattr(network.sensors["camera"], "frame", None)
    if frame is not None:
        with torch.no_grad():
            frame.weight[known : network.config.window.frames] = frame.weight[known - 1]


def _found(folder: str | Path) -> Path:
    """The folder; where there is none, the shipped planner of that name (as `load_planner` looks for one)."""
    path = recovered(folder)
    return path if path.exists() else shipped_checkpoint(str(folder)) or path


def rows(before: Vocabulary, now: Vocabulary) -> dict[int, int]:
    """Row of the table of words now -> its row before, of everything that both have. Raises ValueError where a range has changed."""
    sizes, found = {part.name: part for part in before.allotted}, {}
    for part in now.allotted:
        if (was := sizes.get(part.name, part)) != part:
            raise ValueError(f"the checkpoint's ids of {part.name!r} are {was}, this run's {part}: give both the same numbers")
    first, own = _first_rows(before), _first_rows(now)
    for name in own.keys() & first.keys() - {"request"}:
        found.update({own[name] + i: first[name] + i for i in range(sizes[name].size)})
    for request in set(before.requests) & set(now.requests):
        found[own["request"] + now.requests.index(request)] = first["request"] + before.requests.index(request)
    return found


def _first_rows(vocabulary: Vocabulary) -> dict[str, int]:
    first, at = {}, 0
    for part in vocabulary.allotted:
        if part.grid is None:
            first[part.name] = at
            at += part.size
    return first


def _fill(network: nn.Module, tensors: dict[str, Tensor], before: Vocabulary, path: Path) -> None:
    own = network.state_dict()
    found = rows(before, network.config.vocabulary)  # type: ignore[arg-type, union-attr]
    words = own[_WORDS].clone()
    words[list(found)] = tensors[_WORDS].to(words)[list(found.values())]
    kept = {name: tensor for name, tensor in own.items() if name.startswith(_NUMBERS)}
    filled = {**kept, **{name: tensor for name, tensor in tensors.items() if name in own or not name.startswith(_NUMBERS)}, _WORDS: words}
    wrong = sorted(own.keys() ^ filled.keys()) or [name for name in own if own[name].shape != filled[name].shape]
    if wrong:
        raise ValueError(f"{path} is of another network: {wrong[0]} differs; --init takes a checkpoint that differs in its requests alone")
    network.load_state_dict(filled)
