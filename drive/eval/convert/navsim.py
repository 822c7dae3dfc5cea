"""NAVSIM: `submission.pkl`. autonomousvision/navsim, `planning/script/run_create_submission_pickle*.py`.

A dict with the team's data and `predictions` (v1) or `first_stage_predictions` and `second_stage_predictions` (v2): lists of one dict
token -> Trajectory, whose poses [N, 3] (x, y, heading) are in the ego frame (rear axle) and whose sampling says the times.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.convert.base import Converted, ResultSource, pickled
from drive.eval.convert.known import Known
from drive.frames import Array
from drive.pickles.standins import Instance
from drive.schema import PlanError

STAGES = ("predictions", "first_stage_predictions", "second_stage_predictions")
MOST_STEPS = 1000


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    data = pickled(path, "NAVSIM")
    stages = [data[stage] for stage in STAGES if stage in data] if isinstance(data, dict) else []
    if not stages:
        raise ValueError(f"{path} has none of {', '.join(STAGES)}, as NAVSIM's submissions")
    if not all(isinstance(stage, list) and len(stage) == 1 and isinstance(stage[0], dict) for stage in stages):
        raise ValueError(f"{path} holds several sets of predictions, or none; a set for each stage was expected")
    entries = [pair for stage in stages for pair in stage[0].items()]
    samplings = Counter(sampling for _, value in entries if (sampling := sampling_of(value)) is not None)
    if not samplings:
        raise ValueError(f"{path} holds no Trajectory of NAVSIM")
    (steps, spacing_s), _ = samplings.most_common(1)[0]
    times = tuple(float(t) for t in np.round(spacing_s * np.arange(1, steps + 1), 6))
    converted = Converted("ego", times, ("x", "y", "heading"))
    for token, value in entries:
        converted.add(token, poses_of, value, (steps, spacing_s))
    return converted


def sampling_of(value: Any) -> tuple[int, float] | None:
    """Number of poses and seconds between them; None where it is no trajectory."""
    state = value.state if isinstance(value, Instance) and isinstance(value.state, dict) else {}
    sampling = state.get("trajectory_sampling")
    about = sampling.state if isinstance(sampling, Instance) and isinstance(sampling.state, dict) else {}
    count, spacing = about.get("num_poses"), about.get("interval_length")
    if not isinstance(count, int) or not isinstance(spacing, int | float) or not 0 < count <= MOST_STEPS or not 0 < spacing < 60:
        return None
    return count, float(spacing)


def poses_of(value: Any, expected: tuple[int, float], steps: int) -> Array:
    """The poses [steps, 3] of a trajectory. Raises PlanError where it is none, or of other times than most."""
    found = sampling_of(value)
    if found is None:
        raise PlanError("the prediction is no Trajectory with its sampling")
    if found != expected:
        raise PlanError(f"{found[0]} poses {found[1]:g} s apart, most have {expected[0]} poses {expected[1]:g} s apart")
    poses: Array = value.state.get("poses")
    return poses


SOURCE = ResultSource("NAVSIM submission", "submission.pkl", read)
