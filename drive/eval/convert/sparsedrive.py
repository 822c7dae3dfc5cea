"""SparseDrive (and DiffusionDrive's nuScenes branch): `tools/test.py --out results.pkl`. swc-17/SparseDrive, `models/motion/decoder.py`.

A list of one dict a sample, without names, in the order of the info file: by time stamp. `img_bbox.final_planning` [6, 2] is the chosen
path of the LiDAR in its frame at t0, added up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drive.eval.convert.base import Converted, ResultSource, entry, first_steps, results_list
from drive.eval.convert.known import Known
from drive.frames import Array


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    assert known is not None
    converted = Converted("lidar")
    for token, result in known.paired(results_list(path, "SparseDrive"), "SparseDrive"):
        converted.add(token, path_of, result)
    return converted


def path_of(result: Any, steps: int) -> Array:
    """One result -> path [steps, 2]. Raises PlanError where there is none."""
    return first_steps(entry(result, "img_bbox", "final_planning"), steps)


SOURCE = ResultSource("SparseDrive", "results.pkl of its tools/test.py", read, needs="order")
