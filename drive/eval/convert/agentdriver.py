"""Agent-Driver, GPT-Driver and their kin: `pred_trajs_dict.pkl`. USC-GVL/Agent-Driver, `planning/motion_planning.py`, `evaluation.py`.

A dict of sample token -> path [6, 2] or [1, 6, 2], x to the right and y forward in the LiDAR's frame at t0, as its prompt says; with an
odd number of points the first is t0's. An answer that was kept as text counts by the points in its first square brackets.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.convert.base import Converted, ResultSource, first_steps, pickled
from drive.eval.convert.known import Known
from drive.eval.plan_json import shown
from drive.frames import Array
from drive.schema import PlanError

# Bounded, so that a search takes time in proportion to the text.
NUMBER = r"([-+.\deE]{1,32})"
PAIR = rf"[\(\[]\s{{0,9}}{NUMBER}\s{{0,9}},\s{{0,9}}{NUMBER}\s{{0,9}}[\)\]]"
LIST = re.compile(rf"\[\s{{0,9}}{PAIR}(?:\s{{0,9}},\s{{0,9}}{PAIR})*,?\s{{0,9}}\]")
FIRST = re.compile(rf"\[\s{{0,9}}{PAIR}")
LONGEST_ANSWER, TRIED = 100_000, 10


def read(path: Path, known: Known | None) -> Converted:
    """As `ResultSource.read`."""
    data = pickled(path, "Agent-Driver")
    if not isinstance(data, dict) or not data:
        raise ValueError(f"{path} holds no dict of token -> path, as Agent-Driver's pred_trajs_dict.pkl")
    converted = Converted("lidar")
    for token, value in data.items():
        converted.add(token, path_of, value)
    return converted


def path_of(value: Any, steps: int) -> Array:
    """One entry -> path [steps, 2]. Raises PlanError where it is none."""
    if isinstance(value, str):
        value = np.array(points_in(value))
    elif isinstance(value, list | tuple):
        try:
            value = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise PlanError(f"the plan is no regular list of numbers but {shown(value, 40)}") from None
    if isinstance(value, np.ndarray) and value.ndim >= 2 and value.shape[-2] % 2:
        value = value[..., 1:, :]
    return first_steps(value, steps)


def points_in(text: str) -> list[list[float]]:
    """The points of the first list [(x, y), ...] in an answer. Raises PlanError where there is none."""
    starts = islice(FIRST.finditer(text, 0, LONGEST_ANSWER), TRIED)
    found = next((match for start in starts if (match := LIST.match(text, start.start(), LONGEST_ANSWER))), None)
    try:
        if found is not None:
            return [[float(x), float(y)] for x, y in re.findall(PAIR, found.group())]
    except ValueError:  # "1.2.3" is no number
        pass
    raise PlanError("the answer holds no list of points")


SOURCE = ResultSource("Agent-Driver", "pred_trajs_dict.pkl", read)
