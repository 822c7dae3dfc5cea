"""Metric of `plan` as one task among others: its distance from the recorded future. Collisions are told by `--protocol exact`."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.eval.result import MetricResult, Result
from drive.eval.tasks.base import Answered, TaskMetric, Truths, failed, known
from drive.frames import Array


def score(answers: Answered, truths: Truths) -> list[Result]:
    """Poses [T, 3] against poses [T, 3]: ade and fde, the distance in metres on average over the steps and at the last one."""
    there = known(truths) & ~failed(answers, truths)
    distances = [_distances(a, t) if ok else np.zeros(1) for a, t, ok in zip(answers, truths, there, strict=True)]
    values = {"ade": np.array([d.mean() for d in distances]), "fde": np.array([d[-1] for d in distances])}
    return [MetricResult(name, rows.astype(np.float64), there, failed(answers, truths), "m") for name, rows in values.items()]


def baselines(truths: Truths) -> dict[str, Answered]:
    """The mean of all right plans."""
    told = [truth for truth in truths if truth is not None]
    return {"always the mean": [np.mean(told, axis=0)] * len(truths)} if told else {}


def _distances(answer: Any, truth: Any) -> Array:
    return np.asarray(np.hypot(*(answer[:, :2] - truth[:, :2]).T))


PLAN = TaskMetric(score, ("ade", "fde"), "mean and last distance to the recorded future", {}, baselines, "metres")
