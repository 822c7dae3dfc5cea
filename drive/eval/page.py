"""A report as one self-contained page: tables and plots per protocol, the protocols side by side, differences, failures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drive.eval.openloop.batch import HORIZONS_S
from drive.eval.report import LOG, Report
from drive.eval.table import protocol_notes, protocol_rows
from drive.viz.page import Block, Heading, Image, Numbers, Table, Text, write_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that people who do not tell red from green tell apart (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c00", "#000000")
LOG_COLOUR = "#8a8a8a"
SHOWN_FAILURES = 50


def write_report(report: Report, folder: str | Path) -> Path:
    """Writes index.html into folder and returns its path."""
    data = report.settings.get("data", "")
    protocols = list(dict.fromkeys(s.protocol.name for s in report.scores))
    lead = f"{report.settings.get('samples', 0)} samples; 95 % intervals from resampled scenes; every number with its protocol and settings"
    blocks: list[Block] = [Numbers(_headline(report, protocols[0]))] if protocols else []
    if len(protocols) > 1:
        blocks += [Heading("The same plans under every protocol"), Image(_png(_overview(report, protocols)), _OVERVIEW_CAPTION)]
    for name in protocols:
        blocks += _protocol_blocks(report, name)
    blocks += [*_comparison_blocks(report), *_failure_blocks(report)]
    return write_page(Path(folder) / "index.html", f"Evaluation on {data}" if data else "Evaluation", blocks, lead)


_OVERVIEW_CAPTION = (
    "Mean L2 and mean collision rate of each planner, a protocol per row. The protocols average over other samples, steps and"
    " objects: compare planners within a row, never across rows."
)


def _headline(report: Report, protocol: str) -> list[tuple[str, str]]:
    items = []
    for planner in list(dict.fromkeys([*report.asked, "constant-velocity"]))[:3]:
        rows = {r["metric"]: r for r in report.rows if (r["planner"], r["protocol"], r["slice"]) == (planner, protocol, "all")}
        l2, collision = rows.get("l2_avg"), rows.get("collision_avg")
        if l2 and l2["value"] is not None:
            items.append((f"{l2['value']:.2f} m", f"{planner}: mean L2, {protocol}, {l2['failed']} of {l2['requested']} failed"))
        if collision and collision["value"] is not None:
            items.append((f"{100 * collision['value']:.2f} %", f"{planner}: collision rate, {protocol}"))
    return items


def _protocol_blocks(report: Report, protocol: str) -> list[Block]:
    found = next(s.protocol for s in report.scores if s.protocol.name == protocol)
    header, rows = protocol_rows(report, protocol)
    settings = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in found.settings.items())
    text = f"{found.source}, settings {found.settings_hash}. {settings}. L2 in metres, rates in per cent."
    text = "\n\n".join([text, *protocol_notes(report, protocol)])
    unbroken = [[cell.replace(" ", "\u00a0") if "[" in cell else cell for cell in row] for row in rows]
    blocks: list[Block] = [Heading(protocol), Text(text), Table(header, unbroken)]
    stems = [s for s in ("l2", "collision", "ccr") if any(r["metric"] == f"{s}_1s" and r["protocol"] == protocol for r in report.rows)]
    if stems:
        blocks.append(Image(_png(_horizons(report, protocol, stems)), f"{protocol}: values at 1, 2 and 3 s with their intervals"))
    return blocks


def _comparison_blocks(report: Report) -> list[Block]:
    rows = [r for r in report.comparisons if r["metric"] in ("l2_avg", "collision_avg") and r["difference"] is not None]
    if not rows:
        return []
    keys = ("protocol", "metric", "difference", "low", "high", "samples", "left_out")
    cells = [[f"{r['planner']} - {r['against']}", *(r[key] for key in keys)] for r in rows]
    header = ["pair", *(key.replace("_", " ") for key in keys)]
    note = (
        "Differences on the same samples: L2 where both planners answered, rates (as fractions) everywhere, a failure counting 1."
        " An interval without 0 is a difference."
    )
    return [Heading("Paired differences"), Text(note), Table(header, cells, digits=4)]


def _failure_blocks(report: Report) -> list[Block]:
    if not report.failures:
        return []
    cells = [[f["planner"], f["token"], f["reason"]] for f in report.failures[:SHOWN_FAILURES]]
    rest = len(report.failures) - len(cells)
    caption = f"and {rest} more, in report.json" if rest > 0 else ""
    return [Heading("Failed samples"), Table(["planner", "token", "reason"], cells, caption)]


def _colours(report: Report) -> dict[str, str]:
    names = [n for n in dict.fromkeys(s.planner for s in report.scores) if n != LOG]
    return {LOG: LOG_COLOUR, **{name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}}


def _horizons(report: Report, protocol: str, stems: list[str]) -> Figure:
    """One panel per metric: value against horizon, a line per planner, its interval as a bar."""
    fig, axes = _figure(4.6 * len(stems), 3.1, 1, len(stems))
    for ax, stem in zip(axes, stems, strict=True):
        for i, (planner, colour) in enumerate(_colours(report).items()):
            rows = [_find(report, planner, protocol, f"{stem}_{s}s") for s in HORIZONS_S]
            points = [(s + 0.05 * i, r) for s, r in zip(HORIZONS_S, rows, strict=True) if r and r["value"] is not None]
            failed = f" ({points[0][1]['failed']} failed)" if points and points[0][1]["failed"] else ""
            _with_intervals(ax, [x for x, _ in points], [r for _, r in points], colour, planner + failed, "-")
        ax.set_xticks(HORIZONS_S)
        ax.set_xlabel("seconds ahead")
        ax.set_ylabel({"l2": "L2 (m)", "collision": "collisions (%)", "ccr": "road boundary crossed (%)"}[stem])
        ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])  # marks at 0 whole
    return _with_legend(fig, axes[0])


def _overview(report: Report, protocols: list[str]) -> Figure:
    """Two panels: mean L2 and mean collision rate, a row per protocol, a mark per planner."""
    fig, axes = _figure(9.2, 0.42 * len(protocols) + 1.5, 1, 2)
    for ax, metric in zip(axes, ("l2_avg", "collision_avg"), strict=True):
        for i, (planner, colour) in enumerate(_colours(report).items()):
            rows = [(k + 0.14 * (i - 1), _find(report, planner, name, metric)) for k, name in enumerate(protocols)]
            found = [(y, r) for y, r in rows if r and r["value"] is not None]
            _with_intervals(ax, [y for y, _ in found], [r for _, r in found], colour, planner, "", flipped=True)
            if metric == "l2_avg":
                _say_failed(ax, found, colour)
        ax.set_yticks(range(len(protocols)), protocols if metric == "l2_avg" else [""] * len(protocols))
        ax.set_ylim(len(protocols) - 0.5, -0.5)
        ax.set_xlabel("mean L2 (m)" if metric == "l2_avg" else "mean collision rate (%)")
        ax.set_xlim(left=-0.02 * ax.get_xlim()[1])  # marks at 0 whole
    return _with_legend(fig, axes[0])


def _say_failed(ax: Axes, found: list[tuple[float, dict[str, Any]]], colour: str) -> None:
    """Beside a mean L2, which leaves failures out, how many there are."""
    for y, row in found:
        if row["failed"]:
            right = row["value"] if row["high"] is None else row["high"]
            ax.annotate(f"{row['failed']} failed", (right, y), (5, 0), textcoords="offset points", va="center", fontsize=7, color=colour)


def _with_intervals(
    ax: Axes, at: list[float], rows: list[dict[str, Any]], colour: str, label: str, line: str, flipped: bool = False
) -> None:
    if not rows:
        return
    scale = 1 if rows[0]["unit"] == "m" else 100
    values = [scale * r["value"] for r in rows]
    below = [scale * (r["value"] - (r["value"] if r["low"] is None else r["low"])) for r in rows]
    above = [scale * ((r["value"] if r["high"] is None else r["high"]) - r["value"]) for r in rows]
    bars = [[max(v, 0.0) for v in below], [max(v, 0.0) for v in above]]
    style: dict[str, Any] = {"fmt": f"o{line}", "color": colour, "label": label, "markersize": 4, "capsize": 2, "linewidth": 1.4}
    if flipped:
        ax.errorbar(values, at, xerr=bars, **style)
    else:
        ax.errorbar(at, values, yerr=bars, **style)


def _find(report: Report, planner: str, protocol: str, metric: str) -> dict[str, Any] | None:
    wanted = (planner, protocol, metric, "all")
    return next((r for r in report.rows if (r["planner"], r["protocol"], r["metric"], r["slice"]) == wanted), None)


def _figure(width: float, height: float, rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), dpi=130, layout="constrained", facecolor="white")
    axes = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#e4e4e4", linewidth=0.7)
        ax.set_axisbelow(True)
    return fig, axes


def _with_legend(fig: Figure, ax: Axes) -> Figure:
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False, fontsize=9)
    return fig


def _png(fig: Figure) -> bytes:
    data = io.BytesIO()
    fig.savefig(data, format="png")
    return data.getvalue()
