"""Asking a planner, and keeping the reason where it gives no answer: the one way of `plan`, `eval`, `view` and the closed loop."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from drive.frames import Array
from drive.progress import SILENT, Progress
from drive.schema import Plan, PlanError, PlannerSpec, SceneSample, Window

T = TypeVar("T")
SAME_TIME_S = 1e-6
PLAN = "plan"  # the task that every planner answers whose `spec` names no others


@dataclass(frozen=True)
class Refusal:
    """No answer: why, and the traceback of what was raised where that was no PlanError (or one that brings another process's)."""

    reason: str
    traceback: str = ""


def asked(answer: Callable[[], T]) -> T | Refusal:
    """What a call gives, or why it gives nothing: whatever somebody's planner raises fails its answer and nothing else."""
    try:
        return answer()
    except PlanError as error:
        return Refusal(str(error), getattr(error, "traceback", ""))
    except (Exception, SystemExit) as error:
        return Refusal(f"raised {type(error).__name__}: {error}", traceback.format_exc())


def as_plan(answer: Any, times_s: Array | None = None) -> Plan:
    """An answer that must be a plan, at the times asked for where these are given. Raises PlanError."""
    if not isinstance(answer, Plan):
        raise PlanError("returned nothing" if answer is None else f"returned {type(answer).__name__}, not a Plan")
    own = answer.times_s
    if times_s is not None and (own.shape != times_s.shape or not np.allclose(own, times_s, rtol=0, atol=SAME_TIME_S)):
        raise PlanError(f"the plan is at times {own.tolist()}, asked for were {times_s.tolist()}")
    return answer


def spec_of(planner: Any) -> PlannerSpec:
    """What a planner says of itself in `spec`; without one, in the attributes that small planners may have: `window`, `pictures` (True:
    needs them, False: uses none), `camera_names`, and `plan_in_world` of a privileged one.

    Raises ValueError where `spec` is something else.
    """
    spec = getattr(planner, "spec", None)
    if spec is None:
        told, privileged = getattr(planner, "pictures", None), hasattr(planner, "plan_in_world")
        pictures: Any = "needed" if told is True else "unused" if told is False or privileged else "taken"
        return PlannerSpec(getattr(planner, "window", None), pictures, tuple(getattr(planner, "camera_names", ())), privileged)
    if not isinstance(spec, PlannerSpec):
        raise ValueError(f"planner {planner.name!r}: spec must be a drive.PlannerSpec, got {type(spec).__name__}")
    return spec


def notes_of(planner: Any) -> tuple[str, ...]:
    """What a planner has to say beside its scores, and did not say before: its `take_notes()`, where it has that."""
    take = getattr(planner, "take_notes", None)
    return tuple(take()) if callable(take) else ()


def gives_plans(planner: Any) -> bool:
    """Whether a planner plans: all do but those whose `spec` names tasks, and no plan among them."""
    told = spec_of(planner).tasks
    return not told or any(request.partition(":")[0] == PLAN for request in told)


def require_plans(planners: Iterable[Any]) -> None:
    """Raises ValueError for the first planner that gives no plans, saying what it does answer."""
    for planner in planners:
        if not gives_plans(planner):
            told = ",".join(spec_of(planner).tasks)
            raise ValueError(f"planner {planner.name} gives no plans; it answers {told}: ask for these with `drive plan --tasks {told}`")


def common_window(planners: Sequence[Any]) -> Window:
    """The window that data must be opened with for these planners; those that take any do not count.

    Raises ValueError where two want different ones.
    """
    windows = {planner.name: window for planner in planners if (window := spec_of(planner).window) is not None}
    if len(set(windows.values())) > 1:
        raise ValueError(f"these planners need different windows, so score them one by one: {windows}")
    return next(iter(windows.values()), Window())


def window_of(planner: Any, horizon_s: float | None = None, rate_hz: float | None = None) -> Window:
    """The window that data must be opened with for a planner: its own, or, where it names none, one of so many seconds and steps a second.

    Raises ValueError where the planner's own window has another horizon or rate, or where there is no such window.
    """
    own = spec_of(planner).window
    window = own or Window()
    steps = (horizon_s or window.future_s) * (rate_hz or window.rate_hz)
    if steps < 1 or abs(steps - round(steps)) > 1e-6:
        raise ValueError(f"--horizon times --rate is how many points a plan has, got {steps:g}, expected a whole number of 1 or more")
    wanted = replace(window, future_s=horizon_s or window.future_s, rate_hz=rate_hz or window.rate_hz)
    if own is not None and wanted != own:
        raise ValueError(
            f"planner {planner.name} plans {_ahead(own)}, asked for were {_ahead(wanted)}: leave out --horizon and --rate, "
            "which are for planners without a window of their own, such as constant-velocity"
        )
    return wanted


def _ahead(window: Window) -> str:
    return f"{window.future_s:g} s at {window.rate_hz:g} Hz"


def plan_all(
    plan_of: Callable[[SceneSample], Plan],
    dataset: Iterable[SceneSample],
    progress: Progress = SILENT,
    tracebacks: dict[str, str] | None = None,
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Plans of every sample -> (token -> Plan, token -> reason why there is none).

    tracebacks: filled with those of errors that are no PlanError, by token.
    """
    plans: dict[str, Plan] = {}
    errors: dict[str, str] = {}
    for sample in dataset:
        plan = asked(lambda: as_plan(plan_of(sample)))  # noqa: B023 - asked at once
        if isinstance(plan, Refusal):
            errors[sample.token] = plan.reason
            if tracebacks is not None and plan.traceback:
                tracebacks[sample.token] = plan.traceback
        else:
            plans[sample.token] = plan
        progress.done()
    return plans, errors
