"""A YAML file and the command line -> a run's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drive.config.run import RunConfig
from drive.data.plain_yaml import MAX_DEPTH, parse_yaml, read_yaml
from drive.values import from_values, is_text


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """A YAML file and overrides such as ["--model.camera.width", "448", "--stages.0.steps", "100"] -> configuration.

    Raises ValueError naming file and key where a key is unknown or a value has the wrong type, FileNotFoundError where
    there is no such file.
    """
    values = read_yaml(path) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}")
    for key, value in _pairs(overrides):
        keys = key.split(".", MAX_DEPTH)
        _assign(values, keys, _value(keys, value, key), key)
    return from_values(RunConfig, values, str(path))


def _value(path: Sequence[str], text: str, key: str) -> Any:
    """What a text on the command line means: YAML; but where the configuration holds text, 2024 and 1.50 are text too."""
    value = parse_yaml(text, f"--{key}")
    return text if value is not None and not isinstance(value, str) and is_text(RunConfig, path) else value


def _pairs(overrides: Sequence[str]) -> list[tuple[str, str]]:
    """--key value and --key=value, as (key, value)."""
    pairs, words = [], list(overrides)
    while words:
        key, joined, value = words.pop(0).partition("=")
        if not key.startswith("--"):
            raise ValueError(f"what is {key!r}? Values of the configuration come as --key value, as in --seed 3")
        if not joined:
            if not words or words[0].startswith("--"):
                raise ValueError(f"{key} has no value; values of the configuration come as --key value, as in --seed 3")
            value = words.pop(0)
        pairs.append((key[2:], value))
    return pairs


def _assign(values: Any, path: list[str], value: Any, key: str) -> None:
    """values.a.0.b = value, making mappings on the way; a list is only indexed where it is there."""
    head, *rest = path
    if isinstance(values, list):
        if not head.isdigit() or int(head) >= len(values):
            raise ValueError(f"--{key}: {head!r} is no index of a list of {len(values)}")
        index: Any = int(head)
    elif isinstance(values, dict):
        index = head
    else:
        raise ValueError(f"--{key}: nothing lies below {values!r}, so there is no {head!r}")
    if not rest:
        values[index] = value
        return
    if isinstance(values, dict):
        values.setdefault(index, {})
    _assign(values[index], rest, value, key)
