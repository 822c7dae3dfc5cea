"""VAD: `tools/test.py --out results.pkl`. hustvl/VAD, `VAD/VAD.py`.

A list of one dict a sample, without names, in the order of the info file: by time stamp. `pts_bbox.ego_fut_preds` [3, 6, 2] are steps of
the LiDAR in its frame at t0 for the three commands, `ego_fut_cmd` [..., 3] says which counts; both are added up here as in its evaluation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.convert.base import Converted, ResultSource, entry, first_steps, results_list
from drive.eval.convert.known import Known
from drive.frames import Array
from drive.schema import PlanError


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    assert known is not None
    converted = Converted("lidar")
    for token, result in known.paired(results_list(path, "VAD"), "VAD"):
        converted.add(token, chosen, result)
    return converted


def chosen(result: Any, steps: int) -> Array:
    """The path [steps, 2] of the command that was given. Raises PlanError."""
    boxes = entry(result, "pts_bbox")
    paths, command = entry(boxes, "ego_fut_preds"), entry(boxes, "ego_fut_cmd")
    if not isinstance(command, np.ndarray) or command.dtype.kind not in "fiub" or not command.size or np.count_nonzero(command) != 1:
        raise PlanError("ego_fut_cmd does not name one command")
    which = int(np.flatnonzero(command)[0])
    if not isinstance(paths, np.ndarray) or paths.ndim != 3 or len(paths) != command.size:
        raise PlanError(f"ego_fut_preds is not one path for each of {command.size} commands")
    return np.cumsum(first_steps(paths[which], steps), axis=0)


SOURCE = ResultSource("VAD", "results.pkl of its tools/test.py", read, needs="order")
