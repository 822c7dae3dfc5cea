"""A language model's weights as a start: Qwen3, Qwen2.5 and Llama, as Hugging Face writes them (config.json, model*.safetensors).

The model's whole vocabulary becomes the range `language` of ours, with its embeddings and, where they differ, the rows of its head; the
matrix of our own head starts as the identity, so that the logits of these ids are the model's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from drive.model.config import LANGUAGE, ModelConfig, TransformerConfig
from drive.model.network import DrivingNetwork
from drive.model.transformer import Transformer
from drive.train.language_config import Found, read_config
from drive.train.language_files import compare, tensors, weight_files

_LAYERS, _EMBEDDING, _HEAD = "model.", "model.embed_tokens.weight", "lm_head.weight"


def resolved(model: Any) -> Any:
    """A network's configuration with the transformer and vocabulary of its `init_from`; others as they are.

    Raises ValueError where the folder's config.json is missing, damaged, of another family or asks for what our layers do not have, where
    its weights are of other names or sizes than it says (nothing of these sizes has been made then), or where `transformer` was given and
    differs.
    """
    if not isinstance(model, ModelConfig) or model.init_from is None:
        return model
    folder = Path(model.init_from)
    found = read_config(folder)
    if model.transformer not in (TransformerConfig(), found.transformer):
        raise ValueError(f"model.transformer is {model.transformer}, {folder} is {found.transformer}: leave model.transformer out")
    compare(weight_files(folder), shapes_of(found), folder)
    return replace(model, transformer=found.transformer, language=found.language)


def shapes_of(found: Found) -> dict[str, tuple[int, ...]]:
    """The tensors that a folder of this configuration has; no memory is taken for them."""
    with torch.device("meta"):
        layers = Transformer(found.transformer).state_dict()
    table = (found.language.tokens, found.transformer.width)
    rows = {_EMBEDDING: table} if found.language.tied else {_EMBEDDING: table, _HEAD: table}
    return {f"{_LAYERS}{name}": tuple(tensor.shape) for name, tensor in layers.items()} | rows


def load_language(network: DrivingNetwork, folder: str | Path) -> None:
    """Fill a network of a `resolved` configuration with a folder's weights; sensors, and the ids of our own, stay as they were made.

    Raises ValueError naming the first tensor that is missing, of another shape, unknown or not finite; values are read only once all names
    and shapes fit.
    """
    files, targets = weight_files(Path(folder)), _targets(network)
    compare(files, {name: tuple(target.shape) for name, target in targets.items()}, Path(folder))
    with torch.no_grad():
        for name, tensor in tensors(files, targets):
            targets[name].copy_(tensor)
        torch.nn.init.eye_(network.head.weight)


def _targets(network: DrivingNetwork) -> dict[str, Tensor]:
    """A network's own tensors under the names of Hugging Face."""
    rows = network.config.vocabulary.ranges[LANGUAGE]
    first = sum(part.size for part in _before(network.config) if part.grid is None)
    targets = {f"{_LAYERS}{name}": tensor for name, tensor in network.transformer.state_dict().items()}
    targets[_EMBEDDING] = network.tokens.words.weight.data[first : first + len(rows)]
    if network.tokens.output is not None:
        targets[_HEAD] = network.tokens.output.weight.data
    return targets


def _before(config: ModelConfig) -> Iterator[Any]:
    for part in config.vocabulary.allotted:
        if part.name == LANGUAGE:
            return
        yield part
