"""Metrics of the tasks, a file each, by the name that a task gives (`Task.metric`); those of answers that belong together in ACROSS."""

from __future__ import annotations

from drive.eval.tasks.ask import ASK
from drive.eval.tasks.base import AcrossMetric, TaskMetric
from drive.eval.tasks.boxes import BOXES
from drive.eval.tasks.consistency import CONSISTENCY
from drive.eval.tasks.decide import DECIDE
from drive.eval.tasks.describe import DESCRIBE
from drive.eval.tasks.plan import PLAN
from drive.eval.tasks.roads import ROADS
from drive.eval.tasks.see import SEE

METRICS: dict[str, TaskMetric] = {
    "exact": PLAN,
    "boxes": BOXES,
    "ask": ASK,
    "describe": DESCRIBE,
    "see": SEE,
    "decide": DECIDE,
    "roads": ROADS,
}
ACROSS: dict[str, AcrossMetric] = {**CONSISTENCY}
