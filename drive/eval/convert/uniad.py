"""UniAD: `tools/test.py --out results.pkl`. OpenDriveLab/UniAD, `uniad/apis/test.py`.

A dict whose `bbox_results` is a list of one dict a sample, each with its `token` and `planning_traj` [1, 6, 2]: positions of the LiDAR
in its frame at t0, added up, x right and y forward, every half second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drive.eval.convert.base import Converted, ResultSource, entry, first_steps, results_list
from drive.eval.convert.known import Known
from drive.frames import Array


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    converted = Converted("lidar")
    for result in results_list(path, "UniAD"):
        if not isinstance(result, dict) or "token" not in result:
            raise ValueError(f"{path} has a result without token: not UniAD's (VAD's and SparseDrive's have none: --from vad, sparsedrive)")
        converted.add(result["token"], path_of, result)
    return converted


def path_of(result: dict[str, Any], steps: int) -> Array:
    """One result -> path [steps, 2]. Raises PlanError where there is none."""
    return first_steps(entry(result, "planning_traj"), steps)


SOURCE = ResultSource("UniAD", "results.pkl of its tools/test.py", read)
