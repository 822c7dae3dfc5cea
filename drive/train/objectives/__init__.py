"""The objectives, one file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from drive.train.objectives.base import STUDENT, Objective
from drive.train.objectives.next_token import NextToken
from drive.train.objectives.regression import Regression

__all__ = ["OBJECTIVES", "STUDENT", "NextToken", "Objective", "Regression", "make_objective"]

OBJECTIVES: dict[str, Callable[[Any, Any, torch.device], Objective]] = {
    "next-token": NextToken,
    "regression": Regression,
}


def make_objective(config: Any, model: Any, device: torch.device) -> Objective:
    """The objective of a configuration, for the network of another. Raises ValueError where they do not go together."""
    return OBJECTIVES[config.kind](config, model, device)
