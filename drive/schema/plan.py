"""What a planner gives: plans, other answers, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from drive.frames import Array
from drive.schema.errors import PlanError
from drive.schema.observation import Observation, Window

Fallback = Literal["none", "slow", "stop"]
FALLBACKS: tuple[Fallback, ...] = ("none", "slow", "stop")
MOST_REASONS, LONGEST_REASON = 100, 300


@dataclass(frozen=True)
class Degraded:
    """Whether a planner could trust what it was shown (docs/degraded.md). probability, 0 to 1: that pictures, times or speed are not what
    they should be. reasons: what is wrong, worst first, such as "blurred: CAM_FRONT"; () where nothing seems to be. fallback: what the
    trajectories were replaced by. Raises ValueError for anything else.
    """

    probability: float
    reasons: tuple[str, ...] = ()
    fallback: Fallback = "none"

    def __post_init__(self) -> None:
        number = isinstance(self.probability, int | float | np.floating) and not isinstance(self.probability, bool)
        if not number or not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"degraded: probability is a number from 0 to 1, got {str(self.probability)[:40]}")
        told = self.reasons
        if not isinstance(told, list | tuple) or len(told) > MOST_REASONS or not all(map(_is_reason, told)):
            raise ValueError(f"degraded: reasons are at most {MOST_REASONS} texts of 1 to {LONGEST_REASON} letters, got {str(told)[:80]}")
        if self.fallback not in FALLBACKS:
            raise ValueError(f"degraded: fallback is one of {', '.join(FALLBACKS)}, got {str(self.fallback)[:40]!r}")
        object.__setattr__(self, "probability", float(self.probability))
        object.__setattr__(self, "reasons", tuple(told))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"probability": self.probability, "reasons": list(self.reasons), "fallback": self.fallback}

    @staticmethod
    def from_json(told: Any) -> Degraded:
        """The inverse of `to_json`; reasons and fallback may be left out. Raises ValueError for what is none."""
        if not isinstance(told, dict) or "probability" not in told or set(told) - {"probability", "reasons", "fallback"}:
            raise ValueError(f"degraded is an object of probability, reasons and fallback, got {str(told)[:80]}")
        return Degraded(told["probability"], told.get("reasons", ()), told.get("fallback", "none"))


def _is_reason(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_REASON


@dataclass(frozen=True, eq=False)
class Plan:
    """A planner's answer: trajectories [K, T, 3] float64 (x, y, heading) in the ego frame of t0, best first; times_s [T].

    log_probs [K]: natural log-probability of each sample, None where the planner has none. text: the decoded answer as
    written, where it is text, or what was thought before the plan, in words, a line each. degraded: whether the planner could see,
    None where it does not tell. Raises ValueError where shapes disagree or a value is not finite.
    """

    trajectories: Array
    times_s: Array
    log_probs: Array | None = None
    text: str | None = None
    degraded: Degraded | None = None

    def __post_init__(self) -> None:
        trajectories, times = np.asarray(self.trajectories, dtype=np.float64), np.asarray(self.times_s, dtype=np.float64)
        object.__setattr__(self, "trajectories", trajectories)
        object.__setattr__(self, "times_s", times)
        if trajectories.ndim != 3 or trajectories.shape[0] < 1 or trajectories.shape[2] != 3:
            raise ValueError(f"trajectories must be [K >= 1, T, 3] (x, y, heading), got shape {trajectories.shape}")
        if times.shape != trajectories.shape[1:2]:
            raise ValueError(f"times_s must have one entry per step, got {times.shape} for {trajectories.shape[1]} steps")
        if not np.isfinite(trajectories).all():
            raise ValueError("trajectories hold NaN or infinity; raise PlanError where there is no answer")
        if self.log_probs is not None and np.shape(self.log_probs) != trajectories.shape[:1]:
            raise ValueError(f"log_probs must be [{trajectories.shape[0]}], got shape {np.shape(self.log_probs)}")
        if self.degraded is not None and not isinstance(self.degraded, Degraded):
            raise ValueError(f"degraded must be a drive.Degraded or None, got {type(self.degraded).__name__}")

    @property
    def best(self) -> Array:
        """The first trajectory, [T, 3]."""
        return self.trajectories[0]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a planner answered to several requests, each told apart by its name with its parameter (`plan:bins`).

    values: request -> its K answers, of the task's type, the one to use first. log_probs: request -> [K] natural log-probabilities.
    failures: request -> why there is no answer; a request stands in values or here.
    """

    values: dict[str, tuple[Any, ...]]
    log_probs: dict[str, Array] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def best(self, request: str) -> Any:
        """The answer to use. Raises PlanError with the reason where there is none, KeyError where it was not asked for."""
        if request in self.failures:
            raise PlanError(self.failures[request])
        return self.values[request][0]


@dataclass(frozen=True)
class PlannerSpec:
    """What a planner takes and gives, said once (`drive.asking.spec_of`).

    window: the times and frames that it wants; None: any. pictures: whether it needs them, takes them where there are any, or makes no
    use of them (then none are drawn for it). cameras: names of those it looks at, () = whatever there is. privileged: it is shown the
    world itself (`plan_in_world`), which benchmarks refuse. tasks: the requests it answers; () = plans alone; without a plan among them
    it is never asked for one. deterministic: the same observation gets the same answer, whatever came between.
    """

    window: Window | None = None
    pictures: Literal["needed", "taken", "unused"] = "taken"
    cameras: tuple[str, ...] = ()
    privileged: bool = False
    tasks: tuple[str, ...] = ()
    deterministic: bool = True


@runtime_checkable
class Planner(Protocol):
    """Anything with a name and a `plan`. `drive.check_planner` tests the whole contract.

    plan returns K = samples trajectories at `observation.future_times_s`, and raises PlanError where it cannot answer.
    It keeps no state between calls: the same observation gets the same plan.

    It may say more of itself in `spec`, a `PlannerSpec`, and answer other requests in `answer(observation, requests, samples)`.
    """

    name: str

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """One observation -> a plan of `samples` trajectories."""
        ...
