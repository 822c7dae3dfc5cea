"""A report as one self-contained page: tables and plots per protocol, the protocols side by side, differences, failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drive.eval.benchmarks import Benchmark
from drive.eval.benchmarks.base import FRACTIONS
from drive.eval.openloop.batch import HORIZONS_S
from drive.eval.report import LOG, Report
from drive.eval.table import comparison_rows, legend, protocol_notes, protocol_rows
from drive.viz.chart import GREY, Line, Mark, line_chart, row_chart
from drive.viz.page import Block, Charts, Heading, Numbers, Table, Text, write_page

Y_TITLES = {"l2": "L2, m", "collision": "collisions, %", "ccr": "road boundary crossed, %"}
SHOWN_FAILURES = 50
_Rows = dict[tuple[str, str, str], dict[str, Any]]  # (planner, protocol, metric) -> the row over all samples, where it has a value


def write_report(report: Report, folder: str | Path) -> Path:
    """Writes index.html into folder and returns its path."""
    data = report.settings.get("data", "")
    lead = f"{report.settings.get('samples', 0)} samples; 95 % intervals from resampled scenes; every number with its protocol and settings"
    return write_page(Path(folder) / "index.html", f"Evaluation on {data}" if data else "Evaluation", _blocks(report), lead)


def _blocks(report: Report) -> Iterator[Block]:
    protocols, found = list(dict.fromkeys(s.protocol.name for s in report.scores)), _found(report)
    if protocols:
        yield Numbers(_headline(report, found, protocols[0]))
    if len(protocols) > 1 and not report.rules(protocols[0]).tall:
        yield from (Heading("The same plans under every protocol"), _overview(report, found, protocols))
    for name in protocols:
        yield from _protocol_blocks(report, found, name)
    yield from _comparison_blocks(report)
    yield from _failure_blocks(report)


_OVERVIEW_CAPTION = (
    "Mean L2 and mean collision rate of each planner, a protocol per row. The protocols average over other samples, steps and"
    " objects: compare planners within a row, never across rows. Rings: over the answered samples alone."
)


def _headline(report: Report, found: _Rows, protocol: str) -> list[tuple[str, str]]:
    items: list[tuple[str, str]] = []
    if report.rules(protocol).tall:
        return _main_numbers(report, found, protocol)
    for planner in list(dict.fromkeys([*report.asked, "constant-velocity"]))[:3]:
        l2, collision = (found.get((planner, protocol, metric)) for metric in ("l2_avg", "collision_avg"))
        if l2:
            items.append((f"{l2['value']:.2f} m", f"{planner}: mean L2, {protocol}, {l2['failed']} of {l2['requested']} failed"))
        if collision:
            over = "" if collision["answered"] is None else f"; {100 * collision['answered']:.2f} % of those answered"
            told = f"{planner}: collision rate, {protocol}{over if collision['failed'] else ''}"
            items.append((f"{100 * collision['value']:.2f} %", told))
    return items


def _main_numbers(report: Report, found: _Rows, protocol: str) -> list[tuple[str, str]]:
    """The first main metric of a benchmark or a task, of each planner that was asked for."""
    metric, items = report.rules(protocol).main[0], []
    for planner in report.asked[:3]:
        if row := found.get((planner, protocol, metric)):
            items.append((f"{row['value']:.4f}", f"{planner}: {metric}, {protocol}, {row['failed']} of {row['requested']} failed"))
    return items


def _protocol_blocks(report: Report, found: _Rows, protocol: str) -> list[Block]:
    own = report.rules(protocol)
    header, rows = protocol_rows(report, protocol)
    settings = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in own.settings.items())
    text = f"{own.source}, settings {own.settings_hash}. {settings}. {legend(report, protocol)}."
    text = "\n\n".join([text, *protocol_notes(report, protocol)])
    blocks: list[Block] = [Heading(protocol), Text(text), Table(header, rows)]
    if own.tall:
        return [*blocks, _parts(report, found, protocol)] if isinstance(own, Benchmark) and own.scale == FRACTIONS else blocks
    stems = [stem for stem in Y_TITLES if any((s.planner, protocol, f"{stem}_1s") in found for s in report.scores)]
    return [*blocks, _horizons(report, found, protocol, stems)] if stems else blocks


def _comparison_blocks(report: Report) -> list[Block]:
    header, rows = comparison_rows(report)
    if not rows:
        return []
    note = (
        "Differences on the same samples: L2 where both planners answered, rates everywhere, a failure counting as a collision; in"
        " round brackets over what both answered. An interval without 0 is a difference."
    )
    return [Heading("Paired differences"), Text(note), Table(header, rows)]


def _failure_blocks(report: Report) -> list[Block]:
    if not report.failures:
        return []
    cells = [[f["planner"], f["token"], f["reason"]] for f in report.failures[:SHOWN_FAILURES]]
    rest = len(report.failures) - len(cells)
    caption = f"and {rest} more, in report.json" if rest > 0 else ""
    return [Heading("Failed samples"), Table(["planner", "token", "reason"], cells, caption)]


def _names(report: Report) -> list[tuple[str, int]]:
    """Planners with their numbers in the charts; the recorded drive is grey."""
    names = dict.fromkeys(s.planner for s in report.scores)
    return [(LOG, GREY)] * (LOG in names) + [(name, i) for i, name in enumerate(n for n in names if n != LOG)]


def _horizons(report: Report, found: _Rows, protocol: str, stems: list[str]) -> Charts:
    """One panel per metric: value against horizon, a line per planner, its interval as a bar."""
    names, panels = _names(report), []
    for stem in stems:
        lines = [Line(n, k, [_mark(s, row) for s in HORIZONS_S if (row := found.get((n, protocol, f"{stem}_{s}s")))]) for n, k in names]
        panels.append(line_chart(lines, HORIZONS_S, "seconds ahead", Y_TITLES[stem]))
    hollow = any(row["failed"] for (_, p, _), row in found.items() if p == protocol)
    told = f"{protocol}: values at 1, 2 and 3 s with their intervals" + ("; rings: over the answered samples alone" if hollow else "")
    return Charts(panels, names, told)


def _parts(report: Report, found: _Rows, protocol: str) -> Charts:
    """One panel: a row per metric of a benchmark whose scores are fractions, a mark per planner."""
    metrics = list(dict.fromkeys(metric for _, p, metric in found if p == protocol))
    names = [(n, k) for n, k in _names(report) if any((n, protocol, m) in found for m in metrics)]
    rows = {(n, k): [(i, found.get((n, protocol, m))) for i, m in enumerate(metrics)] for n, k in names}
    lines = [Line(n, k, [Mark(i, r["value"], r["low"], r["high"], None, "") for i, r in of if r]) for (n, k), of in rows.items()]
    return Charts([row_chart(lines, [m.replace("_", " ") for m in metrics], f"{protocol}, {FRACTIONS}")], names, f"{protocol}: all scores")


def _overview(report: Report, found: _Rows, protocols: list[str]) -> Charts:
    """Two panels: mean L2 and mean collision rate, a row per protocol, a mark per planner."""
    names, panels = _names(report), []
    for metric, title in (("l2_avg", "mean L2, m"), ("collision_avg", "mean collision rate, %")):
        rows = {(n, k): [(i, found.get((n, p, metric))) for i, p in enumerate(protocols)] for n, k in names}
        lines = [Line(n, k, [_mark(i, row, metric == "l2_avg") for i, row in of if row]) for (n, k), of in rows.items()]
        panels.append(row_chart(lines, protocols, title))
    return Charts(panels, names, _OVERVIEW_CAPTION)


def _mark(at: float, row: dict[str, Any], count: bool = False) -> Mark:
    """A row's value with its interval; count: say beside it how many samples failed, which a mean L2 leaves out."""
    scale = 1.0 if row["unit"] == "m" else 100.0
    value, low, high, answered = (None if row[k] is None else scale * row[k] for k in ("value", "low", "high", "answered"))
    hollow = answered if row["failed"] and row["unit"] != "m" else None
    return Mark(at, value or 0.0, low, high, hollow, f"{row['failed']} failed" if count and row["failed"] else "")


def _found(report: Report) -> _Rows:
    keys = ("planner", "protocol", "metric")
    return {(r[keys[0]], r[keys[1]], r[keys[2]]): r for r in report.rows if r["slice"] == "all" and r["value"] is not None}
