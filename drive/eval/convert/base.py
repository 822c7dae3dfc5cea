"""What a converter is: others' results in their own layout -> plans by sample, and reasons where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from drive.eval.convert.known import Known
from drive.eval.plan_json import objects_in, shown
from drive.eval.plans import check_range, write_plans
from drive.frames import Array
from drive.pickles import read_pickle
from drive.pickles.results import NAMES
from drive.schema import PlanError

# Results of a whole data set are larger than a scenario.
PICKLE_SCALE = 10
# Keys that no other project's pickle has.
MARKS = {
    "UniAD": {"token", "planning_traj"},
    "VAD": {"ego_fut_preds", "ego_fut_cmd"},
    "SparseDrive": {"final_planning"},
    "NAVSIM": {"team_name", "country / region"},
}
NO_ANSWER = "no answer in the results"
NUSCENES_TIMES_S = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


@dataclass(eq=False)
class Converted:
    """Plans out of somebody's results. frame: "ego" or "lidar", as in plans files; times_s [T].

    results: sample token -> [T, columns] numbers; errors: token -> why there is no plan. A token that comes twice is an error.
    """

    frame: Literal["ego", "lidar"]
    times_s: tuple[float, ...] = NUSCENES_TIMES_S
    columns: tuple[str, ...] = ("x", "y")
    results: dict[str, list[list[float]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def add(self, token: Any, plan: Callable[..., Any], *args: Any) -> None:
        """The plan of a sample, as `plan(*args, steps)` makes it, or why it does not."""
        if not isinstance(token, str) or not token:
            raise ValueError(f"a sample is named {shown(token, 40)!r}, which is no token")
        if token in self.results or token in self.errors:
            self.results.pop(token, None)
            self.errors[token] = "the results hold this sample more than once"
            return
        try:
            self.results[token] = checked_path(plan(*args, len(self.times_s)), len(self.times_s), len(self.columns)).tolist()
        except PlanError as error:
            self.errors[token] = str(error)

    def with_missing(self, tokens: Iterable[str]) -> Converted:
        """The same with an error for each of these tokens that the results do not speak of."""
        spoken = {**self.results, **self.errors}
        return replace(self, errors={**self.errors, **{token: NO_ANSWER for token in tokens if token not in spoken}})

    def save(self, path: Path, planner: str, source: str) -> None:
        """A plans file."""
        meta = {"planner": planner, "frame": self.frame, "times_s": list(self.times_s), "columns": list(self.columns), "source": source}
        write_plans(path, meta, {token: {"trajectory": rows} for token, rows in self.results.items()}, self.errors)


@dataclass(frozen=True)
class ResultSource:
    """A project's results. told: what RESULTS is. read(path, known) -> Converted; needs: what `known` has to tell, besides tokens to
    look for: "order" (the results name no samples), "poses" (they are in the world's frame) or "" (nothing)."""

    planner: str
    told: str
    read: Callable[[Path, Known | None], Converted]
    needs: Literal["", "order", "poses"] = ""


def checked_path(value: Any, steps: int, columns: int) -> Array:
    """Somebody's array or lists -> float64 [steps, columns]. Raises PlanError for any other shape, and values that are no plan."""
    try:
        path = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise PlanError(f"the plan is no regular array of numbers but {type(value).__name__}") from None
    if path.shape != (steps, columns):
        raise PlanError(f"the plan has shape {list(path.shape)}, expected {[steps, columns]}")
    check_range(path, "the plan")
    return path


def first_steps(value: Any, steps: int, columns: int = 2) -> Array:
    """The first steps and columns of an array [..., >= steps, >= columns] whose leading sizes are 1, as the projects' own evaluations
    take them. Raises PlanError where there are fewer."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise PlanError(f"the plan is no array of numbers but {shown(value, 40)}")
    while value.ndim > 2 and len(value) == 1:
        value = value[0]
    if value.ndim != 2 or len(value) < steps or value.shape[1] < columns:
        raise PlanError(f"the plan has shape {list(value.shape)}, expected {[steps, columns]} or more")
    return value[:steps, :columns].astype(np.float64)


def pickled(path: Path, project: str) -> Any:
    """What a pickle of a project's results holds. Raises ValueError in one line where it is none, or clearly another project's."""
    try:
        data = read_pickle(path, "results", NAMES, PICKLE_SCALE)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{error}; expected the pickle of results that {project} writes") from error
    found = [name for name, keys in MARKS.items() if any(keys <= set(inner) for inner in objects_in(data))]
    if found and project not in found:
        raise ValueError(f"{path} looks like {found[0]}'s results, not {project}'s: --from {found[0].lower()}")
    return data


def results_list(path: Path, project: str) -> list[Any]:
    """The list of one dict a sample that MMDetection3D's test scripts write, in itself or as `bbox_results`."""
    data = pickled(path, project)
    found = data.get("bbox_results") if isinstance(data, dict) else data
    if not isinstance(found, list) or not found:
        raise ValueError(f"{path} holds no list of results, one a sample, as {project}'s `tools/test.py --out` writes")
    return found


def entry(value: Any, *keys: str) -> Any:
    """value[key][key]... Raises PlanError where one is not there."""
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise PlanError(f"the result has no {key}")
        value = value[key]
    return value
