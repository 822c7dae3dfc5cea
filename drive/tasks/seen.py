"""A `Seen` taken apart: every part as a word and numbers, for tokens, and as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from drive.answers.see import WHO, LanePlace, LeadSeen, LightSeen, LineSeen, Seen, SeenPart
from drive.roads import COLOURS
from drive.tasks.truths.line import OVER_M
from drive.tasks.truths.way import LINE_REACH_M, REACH_M, STRETCHES_M
from drive.tokens.ranges import ANGLE, CURVATURE, METRE, SPEED

# A part of these begins with a token that says what there is, the first that there is nothing; numbers follow where there is something.
STATES: dict[SeenPart, tuple[str, ...]] = {
    "lane": ("none", "here"),
    "lead": ("none", *WHO),
    "light": ("none", *COLOURS),
    "line": ("none", "enter", "wait"),
}
# Range and bounds of each number. A line that the bumper is over is a little behind it; the lane's heading may be turned (`turned`).
_DISTANCE = (METRE, -OVER_M, LINE_REACH_M)
NUMBERS: dict[SeenPart, tuple[tuple[str, float, float], ...]] = {
    "lane": ((METRE, -6.0, 6.0), (ANGLE, -1.5, 1.5)),
    "bends": ((CURVATURE, -0.25, 0.25),) * len(STRETCHES_M),
    "cap": ((SPEED, 0.0, 45.0),),
    "lead": ((METRE, 0.0, REACH_M), (SPEED, -20.0, 45.0)),
    "light": (_DISTANCE,),
    "line": (_DISTANCE,),
}
Flat = tuple[str, tuple[float, ...]]  # a part as its state ("" where it has none) and its numbers


FIELDS: dict[str, str] = {"cap": "cap_mps"}  # where a part's field has another name
KINDS: dict[SeenPart, Any] = {"lane": LanePlace, "lead": LeadSeen, "light": LightSeen, "line": LineSeen}
_NUMBER = {"type": "number"}
_TYPES: dict[str, dict[str, Any]] = {
    "who": {"enum": list(WHO)},
    "colour": {"enum": list(COLOURS)},
    "may_enter": {"type": "boolean"},
}


def _object(part: SeenPart) -> dict[str, Any]:
    names = [field.name for field in fields(KINDS[part])]
    own = {name: _TYPES.get(name, _NUMBER) for name in names}
    return {"type": ["object", "null"], "properties": own, "required": names, "additionalProperties": False}


SCHEMAS: dict[SeenPart, dict[str, Any]] = {
    "bends": {"type": "array", "items": _NUMBER, "minItems": len(STRETCHES_M), "maxItems": len(STRETCHES_M)},
    "cap": _NUMBER,
    **{part: _object(part) for part in KINDS},
}


def seen_of(told: Mapping[SeenPart, Any]) -> Seen:
    """The answer with these parts, in their order."""
    return Seen(tuple(told), **{FIELDS.get(part, part): value for part, value in told.items()})


def flat(seen: Seen) -> dict[SeenPart, Flat]:
    """Every answered part as its word and numbers."""
    return {part: _flat(part, getattr(seen, FIELDS.get(part, part))) for part in seen.parts}


def _flat(part: SeenPart, value: Any) -> Flat:
    if part == "bends":
        return "", tuple(value)
    if part == "cap":
        return "", (value,)
    if value is None:
        return "none", ()
    match value:
        case LanePlace():
            return "here", (value.offset_m, value.heading_rad)
        case LeadSeen():
            return value.who, (value.gap_m, value.speed_mps)
        case LightSeen():
            return value.colour, (value.distance_m,)
    return "enter" if value.may_enter else "wait", (value.distance_m,)


def numbered(part: SeenPart, count: int) -> list[str]:
    """Where in the JSON form the numbers of a part with `count` of them stand: `lead.gap_m`, `bends[0]`, `cap`."""
    if part in KINDS:
        return [f"{part}.{field.name}" for field in fields(KINDS[part])[-count:]] if count else []
    return [f"{part}[{k}]" for k in range(count)] if part == "bends" else [part] * count


def from_flat(told: Mapping[SeenPart, Flat]) -> Seen:
    """The inverse of `flat`."""
    return seen_of({part: _value(part, *one) for part, one in told.items()})


def _value(part: SeenPart, word: str, numbers: tuple[float, ...]) -> Any:
    if part == "bends":
        return numbers
    if part == "cap":
        return numbers[0]
    if word == "none":
        return None
    if part == "line":
        return LineSeen(word == "enter", *numbers)
    return KINDS[part](*numbers) if part == "lane" else KINDS[part](word, *numbers)


def plain(seen: Seen, part: SeenPart) -> Any:
    """A part as JSON values, None where there is nothing."""
    value = getattr(seen, FIELDS.get(part, part))
    return list(value) if part == "bends" else asdict(value) if part in KINDS and value is not None else value


def read(part: SeenPart, value: Any) -> Any:
    """The inverse of `plain`. Raises ValueError, TypeError or KeyError where it is none."""
    if part == "bends":
        if not isinstance(value, list | tuple) or len(value) != len(STRETCHES_M):
            raise ValueError(f"bends are {len(STRETCHES_M)} numbers")
        return tuple(_number(part, n) for n in value)
    if part == "cap":
        return _number(part, value)
    if value is None:
        return None
    names = [field.name for field in fields(KINDS[part])]
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"{part} has {', '.join(names)}")
    return KINDS[part](**{name: _checked(name, value[name]) for name in names})


def _checked(name: str, value: Any) -> Any:
    if name == "may_enter":
        if not isinstance(value, bool):
            raise ValueError("may_enter is true or false")
        return value
    if name in _TYPES:
        if value not in _TYPES[name]["enum"]:
            raise ValueError(f"{name} is one of {', '.join(_TYPES[name]['enum'])}")
        return value
    return _number(name, value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name} is a finite number")
    return float(value)
