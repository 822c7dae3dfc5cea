"""Plain values (as YAML and JSON hold them) <-> configuration dataclasses, checked; unknown keys are refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from drive.words import did_you_mean

T = TypeVar("T")

# Mistakes told in one message, and characters shown of a wrong value.
_TOLD, _SHOWN = 4, 60


def from_values(kind: type[T], values: dict[str, Any], source: str) -> T:
    """Plain values -> a dataclass, checked. Raises ValueError, one line that names source and keys, with the key that was meant
    where one comes near."""
    from pydantic import TypeAdapter, ValidationError

    _be_strict(kind)
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        told = [_mistake(kind, e) for e in error.errors()]
        more = [f"and {len(told) - _TOLD} more"] if len(told) > _TOLD else []
        raise ValueError(f"{source}: " + "; ".join(told[:_TOLD] + more)) from error


def to_json(config: Any) -> str:
    """A configuration dataclass as JSON text."""
    return json.dumps(dataclasses.asdict(config), indent=2)


def to_yaml(config: Any) -> str:
    """A configuration dataclass as YAML text, every value in it; `from_values` of it is equal."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True, width=120)


def plain(config: Any) -> dict[str, Any]:
    """A configuration dataclass as JSON would read it back: lists for tuples."""
    return dict(json.loads(json.dumps(dataclasses.asdict(config))))


def differences(before: Any, now: Any, path: str = "") -> list[str]:
    """Where two trees of plain values differ: "a.b.0: 3 -> 4"."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys: Sequence[Any] = [*before, *(key for key in now if key not in before)]
        pairs = [(key, before.get(key), now.get(key)) for key in keys]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(i, *pair) for i, pair in enumerate(zip(before, now, strict=True))]
    else:
        return [] if before == now else [f"{path}: {_shown(before)} -> {_shown(now)}"]
    return [line for key, a, b in pairs for line in differences(a, b, f"{path}.{key}" if path else str(key))]


def _be_strict(kind: Any) -> None:
    """Tell pydantic to refuse keys that a dataclass, or one it is made of, does not have, and numbers that are none."""
    if dataclasses.is_dataclass(kind):
        kind.__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # type: ignore[attr-defined, union-attr]
        for part in get_type_hints(kind).values():
            _be_strict(part)
    for part in get_args(kind):
        _be_strict(part)


def _mistake(kind: Any, error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    where = "".join(c if c.isprintable() else "?" for c in ".".join(path))[:200]
    if error["type"] == "unexpected_keyword_argument":
        known = _fields(kind, path[:-1])
        return f"unknown key {where}" + (did_you_mean(path[-1], known) or f"; expected {', '.join(known)}")
    if error["type"] == "value_error":  # of a __post_init__, which says what it got
        return f"{where}: {error['ctx']['error']}" if where else str(error["ctx"]["error"])
    return f"{where}: {error['msg']} (got {_shown(error['input'])})"


def _fields(kind: Any, path: Sequence[str]) -> list[str]:
    """The field names of the dataclass at a path below `kind`."""
    for part in path:
        if part.isdigit():  # within a list, of which every entry is of one kind
            continue
        if dataclasses.is_dataclass(kind):
            kind = get_type_hints(kind).get(part)
        if not dataclasses.is_dataclass(kind):
            kind = next((a for a in get_args(kind) if dataclasses.is_dataclass(a)), kind)
    return [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
