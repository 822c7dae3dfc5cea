"""What the config.json of a language model's folder says: Qwen3, Qwen2.5 and Llama, as Hugging Face writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drive.checkpoint import read_json
from drive.limits import HUGE
from drive.model.config import Language, RopeScaling, TransformerConfig
from drive.train.language_files import part_of, told
from drive.words import did_you_mean

CONFIG = "config.json"
FAMILIES = ("qwen3", "qwen2", "llama")
# What our transformer has in one way only.
_FIXED = {"hidden_act": "silu", "use_sliding_window": False, "mlp_bias": False, "attention_bias": False, "partial_rotary_factor": 1.0}


@dataclass(frozen=True)
class Found:
    """What a folder's config.json says."""

    transformer: TransformerConfig
    language: Language


def read_config(folder: str | Path) -> Found:
    """A folder's config.json -> our configuration. Raises ValueError as `resolved`."""
    path = part_of(Path(folder), CONFIG)
    values = read_json(path)
    family = values.get("model_type")
    if family not in FAMILIES:
        near = did_you_mean(told(family)[1:-1], FAMILIES)
        raise ValueError(f"{path}: model_type is {told(family)}, expected one of {', '.join(FAMILIES)}{near}")
    for key, only in _FIXED.items():
        if values.get(key, only) not in (only, None):
            raise ValueError(f"{path}: {key} is {told(values[key])}; our layers know {only!r} alone")
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
        raise ValueError(f"rope_parameters is {told(given)}, expected a mapping")
    theta = _number(given if "rope_theta" in given else values, "rope_theta", 10_000.0)
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind != "llama3":
        raise ValueError(f"rope_type is {told(kind)}, expected default or llama3")
    original = _whole(given, "original_max_position_embeddings")
    factor, low, high = (_number(given, key) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    return theta, RopeScaling(factor, low, high, original)


def _whole(values: dict[str, Any], key: str, default: int | None = None) -> int:
    value = values.get(key)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise ValueError(f"{key} is {told(value)}, expected a whole number above 0")
    return value


def _number(values: dict[str, Any], key: str, default: float | None = None) -> float:
    value = values.get(key)
    value = default if value is None else value
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= HUGE:
        raise ValueError(f"{key} is {told(value)}, expected a number up to {HUGE:g}")
    return float(value)


def _flag(values: dict[str, Any], key: str) -> bool:
    value = values.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{key} is {told(value)}, expected true or false")
    return bool(value)
