"""drive: cameras in, trajectory tokens out; evaluation, closed loop, pictures. See README.md for the verbs."""

from __future__ import annotations

import importlib
from typing import Any

from drive.sim.registration import register_when_imported

__version__ = "0.1.0"

# Public names and the modules that hold them, imported on first use: `import drive` stays fast and free of torch.
_PUBLIC = {
    "open_dataset": "drive.data.dataset",
    "load_planner": "drive.planners.load",
    "check_planner": "drive.planners.check",
    "evaluate": "drive.eval.evaluate",
    "simulate": "drive.planners.closed_loop",
    "Observation": "drive.schema",
    "Target": "drive.schema",
    "SceneSample": "drive.schema",
    "Plan": "drive.schema",
    "Degraded": "drive.schema",
    "PlanError": "drive.schema",
    "Planner": "drive.schema",
    "PlannerSpec": "drive.schema",
    "Answers": "drive.schema",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'drive' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


register_when_imported()
