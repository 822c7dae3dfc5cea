"""What an evaluation says: tidy rows for machines, a text table for people."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from drive.eval.intervals import scene_interval
from drive.eval.planning.protocol import Protocol
from drive.eval.result import MetricResult

HORIZONS = ("1s", "2s", "3s", "avg")
MAIN = [*(f"l2_{h}" for h in HORIZONS), *(f"collision_{h}" for h in HORIZONS)]


@dataclass(frozen=True, eq=False)
class Scores:
    """One planner under one protocol, sample by sample: tokens and scenes [N] of the selected samples, metrics over them."""

    planner: str
    protocol: Protocol
    metrics: dict[str, MetricResult]
    tokens: tuple[str, ...]
    scenes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """scores: one per planner and protocol. failures: {planner, token, reason}. asked: planners other than the rows that
    are always there."""

    scores: list[Scores]
    failures: list[dict[str, str]]
    asked: list[str]
    settings: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One row per planner, protocol and metric: value with its 95 % interval and the counts behind it."""
        return [row for scores in self.scores for row in _rows(scores)]

    @property
    def failed(self) -> bool:
        """Whether a planner that was asked for failed on a sample."""
        return any(failure["planner"] in self.asked for failure in self.failures)

    def save(self, folder: str | Path) -> Path:
        """Writes report.json into folder (made if need be) and returns its path."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        data = {"schema": 1, "command": "eval", "settings": self.settings, "rows": self.rows, "failures": self.failures}
        partial = folder / "report.json.partial"
        partial.write_text(json.dumps(data, indent=1, allow_nan=False))
        os.replace(partial, folder / "report.json")
        return folder / "report.json"

    def table(self) -> str:
        """Tables of the main metrics, a protocol each, planners as rows, and why samples failed."""
        protocols = dict.fromkeys(scores.protocol.name for scores in self.scores)
        return "\n\n".join([*(self._table(name) for name in protocols), *self._failure_lines()])

    def _table(self, protocol: str) -> str:
        scores = [s for s in self.scores if s.protocol.name == protocol]
        rows = [_cells(s) for s in scores]
        head = ["planner", *(m.replace("_", " ") for m in MAIN), "requested", "scored", "failed"]
        first = scores[0].protocol
        return f"{protocol} (settings {first.settings_hash}); L2 in m, collision in %\n{_aligned([head, *rows])}"

    def _failure_lines(self) -> list[str]:
        reasons: dict[tuple[str, str], list[str]] = {}
        for failure in self.failures:
            reasons.setdefault((failure["planner"], failure["reason"]), []).append(failure["token"])
        lines = [f"failed: {name}: {len(tokens)} x {reason} ({tokens[0]}{', ...' if len(tokens) > 1 else ''})"
                 for (name, reason), tokens in reasons.items()]  # fmt: skip
        return ["\n".join(lines)] if lines else []


def _rows(scores: Scores) -> list[dict[str, Any]]:
    rows = []
    for name, result in scores.metrics.items():
        low, high = scene_interval(result.values, result.valid, scores.scenes)
        failed = int(result.failed.sum())
        rows.append({
            "planner": scores.planner, "protocol": scores.protocol.name, "version": scores.protocol.version,
            "settings_hash": scores.protocol.settings_hash, "metric": name, "value": _number(result.mean),
            "low": _number(low), "high": _number(high), "unit": result.unit, "requested": len(result.values),
            "scored": len(result.values) - failed, "failed": failed, "slice": "all",
        })  # fmt: skip
    return rows


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _cells(scores: Scores) -> list[str]:
    def cell(name: str) -> str:
        result = scores.metrics.get(name)
        if result is None or math.isnan(result.mean):
            return "-"
        return f"{result.mean:.3f}" if result.unit else f"{100 * result.mean:.2f}"

    failed = int(next(iter(scores.metrics.values())).failed.sum()) if scores.metrics else 0
    n = len(scores.tokens)
    return [scores.planner, *map(cell, MAIN), str(n), str(n - failed), str(failed)]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [[row[0].ljust(widths[0]), *(v.rjust(w) for v, w in zip(row[1:], widths[1:], strict=True))] for row in rows]
    return "\n".join("  ".join(line) for line in lines)
