"""Plain values (as YAML and JSON hold them) <-> configuration dataclasses, checked; unknown keys are refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

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
    path, at = _walk(kind, error["loc"])
    where = "".join(c if c.isprintable() else "?" for c in ".".join(path))[:200]
    if error["type"] == "unexpected_keyword_argument":
        known = _fields(_walk(kind, error["loc"][:-1])[1])
        return f"unknown key {where}" + (did_you_mean(path[-1], known) or f"; expected {', '.join(known)}")
    if error["type"] == "union_tag_invalid":
        tag, tags = str(error["ctx"]["tag"]), [str(getattr(a, "kind", "")) for a in _dataclasses(at)]
        known = [name for name in tags if name]
        return f"{where}.kind: no {_shown(tag)}" + (did_you_mean(tag, known) or f"; expected {', '.join(known)}")
    if error["type"] == "value_error":  # of a __post_init__, which says what it got
        return f"{where}: {error['ctx']['error']}" if where else str(error["ctx"]["error"])
    return f"{where}: {error['msg']} (got {_shown(error['input'])})"


def kind_or(default: str) -> Any:
    """For unions of configurations: a value's `kind`, or what it is of where it says none."""

    def kind(value: Any) -> str:
        return str(value.get("kind", default) if isinstance(value, dict) else getattr(value, "kind", default))

    return kind


def is_text(kind: Any, path: Sequence[str]) -> bool:
    """Whether a dataclass holds text at a path of keys, whichever kind of a union is meant on the way."""
    kinds = [kind]
    for part in path:
        kinds = [inner for outer in kinds for inner in _inner(outer, part)]
    return bool(kinds) and all(set(get_args(kind) or (kind,)) <= {str, type(None)} for kind in kinds)


def _walk(kind: Any, loc: Sequence[Any]) -> tuple[list[str], Any]:
    """Where a mistake is: its keys without the tags by which pydantic tells a union's parts apart, and what belongs there."""
    path = []
    for part in loc:
        members = _dataclasses(kind)
        if len(members) > 1 and get_origin(kind) not in (tuple, list, dict):
            untagged = next((m for m in members if not hasattr(m, "kind")), None)
            kind = next((m for m in members if getattr(m, "kind", None) == part), untagged)
        else:
            path.append(str(part))
            kind = next(iter(_inner(kind, str(part))), None)
    return path, kind


def _inner(kind: Any, part: str) -> list[Any]:
    """What may stand at a key or index of a value."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (tuple, list):
        return [parts[0]]
    if origin is dict:
        return [parts[1]]
    return [hint for member in _dataclasses(kind) if (hint := get_type_hints(member).get(part)) is not None]


def _dataclasses(kind: Any) -> list[Any]:
    """The dataclasses that a type is, or is a union of."""
    return [member for member in (kind, *get_args(kind)) if dataclasses.is_dataclass(member)]


def _fields(kind: Any) -> list[str]:
    return [field.name for member in _dataclasses(kind) for field in dataclasses.fields(member)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
