"""A part of a report as a table of metrics by planners, values as they are: of benchmarks and tasks."""

from __future__ import annotations

from typing import Any

from drive.eval.benchmarks import Benchmark
from drive.eval.report import Report
from drive.eval.rules import Rules
from drive.eval.tasks.base import TaskRules

DIGITS = 4


def benchmark_legend(rules: Rules, failed: bool) -> str:
    """What the numbers are."""
    if isinstance(rules, TaskRules):
        return f"{rules.legend}; [95 % interval]{', (over the answered alone)' if failed else ''}"
    assert isinstance(rules, Benchmark)
    told = ", (over the answered cases; a failed one counts as the worst in the first number)" if failed else ""
    return f"{rules.asks}; {rules.scale}; [95 % interval]{told}"


def benchmark_rows(report: Report, protocol: str) -> tuple[list[str], list[list[str]]]:
    """Header and cells, the main metrics first, with their intervals; the counts last."""
    rows = [r for r in report.rows if r["protocol"] == protocol and r["slice"] == "all"]
    planners, main = [*dict.fromkeys(r["planner"] for r in rows)], report.rules(protocol).main
    found = {(r["metric"], r["planner"]): r for r in rows}
    held = dict.fromkeys(r["metric"] for r in rows)
    metrics = [*(m for m in main if m in held), *(m for m in held if m not in main)]
    lines = [[_label(metric, rows), *(_cell(found.get((metric, p)), metric in main) for p in planners)] for metric in metrics]
    firsts = [next(r for r in rows if r["planner"] == p) for p in planners]
    return ["metric", *planners], lines + [
        [key, *(str(first[key]) for first in firsts)]
        for key in ("requested", "scored", "failed", *(["unknown"] if firsts and "unknown" in firsts[0] else []))
    ]


def _label(metric: str, rows: list[dict[str, Any]]) -> str:
    unit = next((r["unit"] for r in rows if r["metric"] == metric), "")
    return f"{metric}, {unit}" if unit else metric


def _cell(row: dict[str, Any] | None, interval: bool) -> str:
    if row is None or row["value"] is None:
        return "-"
    text = f"{row['value']:.{DIGITS}f}"
    if interval and row["low"] is not None:
        text += f" [{row['low']:.{DIGITS - 1}f}, {row['high']:.{DIGITS - 1}f}]"
    if row["failed"] and not row["unit"]:
        text += f" ({'-' if row['answered'] is None else format(row['answered'], f'.{DIGITS}f')})"
    return text
