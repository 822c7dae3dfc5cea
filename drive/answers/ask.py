"""What a question is answered with: a value and its type."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["yes_no", "count", "number", "word", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNITS = ("m", "m/s")
_TYPES: dict[str, tuple[type, ...]] = {"yes_no": (bool,), "count": (int,), "number": (float,), "word": (str,), "words": (str,)}


@dataclass(frozen=True)
class Reply:
    """One answer. kind "yes_no": value True or False; "count": an int from 0 on; "number": a finite float in a unit of `UNITS`;
    "word": one of the words that the task knows; "words": a sentence.

    question: what was asked, where whoever holds the answer knows it; two replies are equal whatever was asked.
    Raises ValueError where value and kind do not fit.
    """

    kind: Kind
    value: bool | int | float | str
    unit: str | None = None
    question: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.kind not in _TYPES:
            raise ValueError(f"a reply's kind is one of {', '.join(KINDS)}, got {self.kind!r}")
        if type(self.value) not in _TYPES[self.kind]:
            raise ValueError(f"a reply of kind {self.kind} holds a {_TYPES[self.kind][0].__name__}, got {self.value!r}")
        if (self.kind == "number") != (self.unit is not None) or (self.unit is not None and self.unit not in UNITS):
            raise ValueError(f"a number, and nothing else, has a unit of {', '.join(UNITS)}; got {self.unit!r} with kind {self.kind}")
        if self.kind in ("count", "number") and not (math.isfinite(self.value) and (self.kind == "number" or self.value >= 0)):  # type: ignore[arg-type,operator]
            raise ValueError(f"a {self.kind} is finite{', 0 or more' if self.kind == 'count' else ''}, got {self.value!r}")

    @property
    def text(self) -> str:
        """As one would say it: "yes", "3", "12.5 m", "red"."""
        if self.kind == "yes_no":
            return "yes" if self.value else "no"
        return f"{self.value:.1f} {self.unit}" if self.kind == "number" else str(self.value)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: kind, value, of a number its unit."""
        return {"kind": self.kind, "value": self.value} | ({"unit": self.unit} if self.unit else {})


def yes_no(value: bool) -> Reply:
    """Yes or no."""
    return Reply("yes_no", bool(value))


def count(value: int) -> Reply:
    """So many."""
    return Reply("count", int(value))


def metres(value: float) -> Reply:
    """A length or distance."""
    return Reply("number", float(value), "m")


def speed(value: float) -> Reply:
    """Metres a second."""
    return Reply("number", float(value), "m/s")


def word(value: str) -> Reply:
    """One word of the task's list."""
    return Reply("word", value)


def words(value: str) -> Reply:
    """A sentence."""
    return Reply("words", value)
