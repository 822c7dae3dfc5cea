"""LightEMMA: the folder of a run, with `output/SCENE.json`. michigan-traffic-lab/LightEMMA, `predict.py`, `utils.py`.

Each frame has its `sample_token` and `predictions.trajectory`: points every half second in the ego frame of the front camera's picture
(x forward, y left), integrated from the speeds and curvatures that the model answered. Of more than six points its evaluation takes the
first six. Where an answer could not be parsed, the frame has `pred_actions_str` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.convert.base import Converted, ResultSource, first_steps
from drive.eval.convert.known import Known
from drive.eval.plan_json import numbers, read_json
from drive.frames import Array
from drive.schema import PlanError


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    files = [path] if path.is_file() else sorted(path.glob("output/*.json")) or sorted(path.glob("*.json"))
    if not files:
        raise ValueError(f"{path} holds no output/SCENE.json, as LightEMMA's predict.py writes them")
    converted = Converted("ego")
    for file in files:
        data = read_json(file)
        frames = data.get("frames") if isinstance(data, dict) else None
        if not isinstance(frames, list):
            raise ValueError(f"{file} has no list of frames, as LightEMMA's predict.py writes them")
        for frame in frames:
            token = frame.get("sample_token") if isinstance(frame, dict) else None
            converted.add(token, path_of, frame)
    return converted


def path_of(frame: dict[str, Any], steps: int) -> Array:
    """One frame -> path [steps, 2]. Raises PlanError where there is none."""
    said = frame.get("predictions")
    if not isinstance(said, dict):
        raise PlanError("the frame has no predictions: its inference failed")
    if "trajectory" not in said:
        raise PlanError("the answer could not be parsed as speeds and curvatures")
    points = numbers(said["trajectory"], "the trajectory")
    if points.ndim == 1 and not len(points):
        raise PlanError("the trajectory is empty")
    return first_steps(np.atleast_2d(points), steps)


SOURCE = ResultSource("LightEMMA", "the folder of a run (output/SCENE.json)", read)
