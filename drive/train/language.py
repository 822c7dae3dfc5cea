"""A language model's weights as a start: Qwen3, Qwen2.5 and Llama, as Hugging Face writes them (config.json, model*.safetensors).

The model's whole vocabulary becomes the range `language` of ours, with its embeddings and, where they differ, the rows of its head; the
matrix of our own head starts as the identity, so that the logits of these ids are the model's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from drive.checkpoint import read_json
from drive.limits import HUGE
from drive.model.config import LANGUAGE, Language, ModelConfig, RopeScaling, TransformerConfig
from drive.model.network import DrivingNetwork
from drive.tensors import load_tensors
from drive.words import did_you_mean

FAMILIES = ("qwen3", "qwen2", "llama")
_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
# What our transformer has in one way only.
_FIXED = {"hidden_act": "silu", "use_sliding_window": False, "mlp_bias": False, "attention_bias": False, "partial_rotary_factor": 1.0}
# Stored by some, computed by us.
_IGNORED = ("rotary_emb.inv_freq",)


@dataclass(frozen=True)
class Found:
    """What a folder's config.json says."""

    transformer: TransformerConfig
    language: Language


def resolved(model: Any) -> Any:
    """A network's configuration with the transformer and vocabulary of its `init_from`; others as they are.

    Raises ValueError where the folder's config.json is missing, damaged, of another family or asks for what our layers do not have, or
    where `transformer` was given and differs.
    """
    if not isinstance(model, ModelConfig) or model.init_from is None:
        return model
    found = read_config(model.init_from)
    if model.transformer not in (TransformerConfig(), found.transformer):
        raise ValueError(f"model.transformer is {model.transformer}, {model.init_from} is {found.transformer}: leave model.transformer out")
    return replace(model, transformer=found.transformer, language=found.language)


def read_config(folder: str | Path) -> Found:
    """A folder's config.json -> our configuration. Raises ValueError as `resolved`."""
    path = Path(folder) / "config.json"
    values = read_json(path)
    family = values.get("model_type")
    if family not in FAMILIES:
        raise ValueError(f"{path}: model_type is {family!r}, expected one of {', '.join(FAMILIES)}{did_you_mean(str(family), FAMILIES)}")
    for key, only in _FIXED.items():
        if values.get(key, only) not in (only, None):
            raise ValueError(f"{path}: {key} is {values[key]!r}; our layers know {only!r} alone")
    try:
        transformer = _transformer(values, family)
        return Found(transformer, Language(_whole(values, "vocab_size"), _flag(values, "tie_word_embeddings")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _transformer(values: dict[str, Any], family: str) -> TransformerConfig:
    width, heads = _whole(values, "hidden_size"), _whole(values, "num_attention_heads")
    theta, scaling = _rope(values)
    return TransformerConfig(
        width=width,
        depth=_whole(values, "num_hidden_layers"),
        heads=heads,
        kv_heads=_whole(values, "num_key_value_heads", heads),
        head_dim=_whole(values, "head_dim", width // heads),
        mlp_width=_whole(values, "intermediate_size"),
        rope_theta=theta,
        norm_eps=_number(values, "rms_norm_eps", 1e-6),
        qk_norm=family == "qwen3",
        qkv_bias=family == "qwen2",
        rope_scaling=scaling,
    )


def _rope(values: dict[str, Any]) -> tuple[float, RopeScaling | None]:
    """The base and stretching of rotary embeddings, from the new key or the two old ones."""
    given = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if not isinstance(given, dict):
        raise ValueError(f"rope_parameters is {given!r}, expected a mapping")
    theta = _number(given if "rope_theta" in given else values, "rope_theta", 10_000.0)
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind != "llama3":
        raise ValueError(f"rope_type is {kind!r}, expected default or llama3")
    original = _whole(given, "original_max_position_embeddings")
    factor, low, high = (_number(given, key) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    return theta, RopeScaling(factor, low, high, original)


def _whole(values: dict[str, Any], key: str, default: int | None = None) -> int:
    value = values.get(key)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise ValueError(f"{key} is {value!r}, expected a whole number above 0")
    return value


def _number(values: dict[str, Any], key: str, default: float | None = None) -> float:
    value = values.get(key)
    value = default if value is None else value
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= HUGE:
        raise ValueError(f"{key} is {str(value)[:40]!r}, expected a number up to {HUGE:g}")
    return float(value)


def _flag(values: dict[str, Any], key: str) -> bool:
    value = values.get(key)
    if value not in (None, False, True) or isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{key} is {value!r}, expected true or false")
    return bool(value)


def load_language(network: DrivingNetwork, folder: str | Path) -> None:
    """Fill a network of a `resolved` configuration with a folder's weights; sensors, and the ids of our own, stay as they were made.

    Raises ValueError naming the first tensor that is missing, of another shape, unknown or not finite; values are read only once all names
    and shapes fit.
    """
    files = weight_files(folder)
    rows, own = network.config.vocabulary.ranges[LANGUAGE], network.transformer.state_dict()
    words = network.tokens.words.weight
    first = sum(part.size for part in _before(network.config) if part.grid is None)
    targets = {f"model.{name}": tensor for name, tensor in own.items()}
    targets["model.embed_tokens.weight"] = words.data[first : first + len(rows)]
    if network.tokens.output is not None:
        targets["lm_head.weight"] = network.tokens.output.weight.data
    _compare(files, targets, Path(folder))
    with torch.no_grad():
        for file in files:
            for name, tensor in load_tensors(file).items():
                if name in targets:
                    targets[name].copy_(tensor)
        torch.nn.init.eye_(network.head.weight)


def _before(config: ModelConfig) -> Iterator[Any]:
    for part in config.vocabulary.allotted:
        if part.name == LANGUAGE:
            return
        yield part


def weight_files(folder: str | Path) -> list[Path]:
    """The files of a folder's weights: model.safetensors, or those that its index names. Raises ValueError where there are none."""
    folder = Path(folder)
    if (folder / _INDEX).is_file():
        named = read_json(folder / _INDEX).get("weight_map") or {}
        names = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
        strange = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
        if strange or not names:
            raise ValueError(f"{folder / _INDEX}: weight_map must name files of the folder, got {strange[0] if strange else named!r}")
        files = [folder / name for name in names]
    else:
        files = [folder / _SINGLE]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing: init_from takes a folder with config.json and model*.safetensors")
    return files


def _compare(files: list[Path], targets: dict[str, Tensor], folder: Path) -> None:
    shapes: dict[str, list[int]] = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                shapes.update({name: list(opened.get_slice(name).get_shape()) for name in opened.keys()})  # noqa: SIM118 - no mapping
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{file} is damaged: {' '.join(str(error).split())[:200]}") from error
    if "lm_head.weight" not in targets:
        shapes.pop("lm_head.weight", None)  # tied: a copy of the embeddings
    missing = [name for name in targets if name not in shapes]
    strange = [name for name in shapes if name not in targets and not name.endswith(_IGNORED)]
    if missing or strange:
        problem = f"has no {missing[0]}" if missing else f"has {strange[0]}, which our layers do not"
        raise ValueError(f"{folder} does not fit its config.json: it {problem} ({len(missing)} missing, {len(strange)} unknown)")
    for name, target in targets.items():
        if shapes[name] != list(target.shape):
            raise ValueError(f"{folder} does not fit its config.json: {name} is {shapes[name]}, expected {list(target.shape)}")
