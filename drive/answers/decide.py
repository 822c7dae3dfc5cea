"""The answer of task `decide`: one of twelve meta-decisions, what the car does lengthways and sideways over the next three seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Longitudinal = Literal["stop", "slower", "steady", "faster"]
Lateral = Literal["left", "straight", "right"]
LONGITUDINAL: tuple[Longitudinal, ...] = get_args(Longitudinal)
LATERAL: tuple[Lateral, ...] = get_args(Lateral)


@dataclass(frozen=True)
class Decision:
    """longitudinal, lateral: as `drive.tasks.decide.decision_of` defines them. Raises ValueError for other words."""

    longitudinal: Longitudinal
    lateral: Lateral

    def __post_init__(self) -> None:
        if self.longitudinal not in LONGITUDINAL or self.lateral not in LATERAL:
            told = f"one of {', '.join(LONGITUDINAL)} and one of {', '.join(LATERAL)}"
            raise ValueError(f"a decision is {told}, got {self.longitudinal!r}, {self.lateral!r}")

    def __str__(self) -> str:
        return f"{self.longitudinal} {self.lateral}"


DECISIONS: tuple[Decision, ...] = tuple(Decision(along, aside) for along in LONGITUDINAL for aside in LATERAL)
