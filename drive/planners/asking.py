"""Asking a planner for the plans of many samples, and keeping the reason where there is none."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable

from drive.progress import SILENT, Progress
from drive.schema import Plan, PlanError, SceneSample


def plan_all(
    plan_of: Callable[[SceneSample], Plan],
    dataset: Iterable[SceneSample],
    progress: Progress = SILENT,
    tracebacks: dict[str, str] | None = None,
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Plans of every sample -> (token -> Plan, token -> reason why there is none: whatever a planner raises fails its sample).

    tracebacks: filled with those of errors that are no PlanError, by token.
    """
    plans, errors = {}, {}
    for sample in dataset:
        try:
            plans[sample.token] = plan_of(sample)
        except PlanError as error:
            errors[sample.token] = str(error)
        except Exception as error:
            errors[sample.token] = f"{type(error).__name__}: {error}"
            if tracebacks is not None:
                tracebacks[sample.token] = traceback.format_exc()
        progress.done()
    return plans, errors
