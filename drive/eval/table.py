"""A report as text for a terminal."""

from __future__ import annotations

from typing import Any

from drive.eval.aligned import SOURCE, aligned
from drive.eval.benchmark_table import benchmark_legend, benchmark_rows
from drive.eval.openloop.batch import HORIZONS_S
from drive.eval.openloop.protocol import Protocol
from drive.eval.reasons import grouped
from drive.eval.report import Report
from drive.viz.printable import printable

HORIZONS = (*(f"{s}s" for s in HORIZONS_S), "avg")
STEMS = ("l2", "collision", "ccr")
ANSWERED = "(over the answered samples; a failed one counts as a collision in the first number)"
SHOWN_CATEGORIES = 12
SHOWN_REASONS = 3  # of each planner; a missing picture's reason names its file, so every sample has its own


def text_table(report: Report) -> str:
    """One table per protocol, planners as rows, then paired differences, what is unknown in the data, and failures."""
    protocols = dict.fromkeys(scores.protocol.name for scores in report.scores)
    notes = [_comparisons(report), _unknown(report), _interpolated(report), _failures(report)]
    parts = [*(protocol_table(report, name) for name in protocols), *notes]
    return "\n\n".join(part for part in parts if part)


def protocol_table(report: Report, protocol: str) -> str:
    """L2 in metres and rates in per cent at 1, 2, 3 s and their mean, the mean with its interval, and the counts."""
    header, rows = protocol_rows(report, protocol)
    found = report.rules(protocol)
    title = f"{protocol} ({found.source}; settings {found.settings_hash})  {legend(report, protocol)}"
    return "\n".join([title, aligned([header, *rows]), *protocol_notes(report, protocol)])


def legend(report: Report, protocol: str) -> str:
    """What the numbers of a protocol's table are."""
    found, failed = report.rules(protocol), any(r["failed"] for r in report.rows if r["protocol"] == protocol)
    if found.tall:
        return benchmark_legend(found, failed)
    return f"L2 in m, rates in %, [95 % interval]{f', {ANSWERED}' if failed else ''}"


def protocol_notes(report: Report, protocol: str) -> list[str]:
    """What one must know to read the table."""
    found = next(s for s in report.scores if s.protocol.name == protocol)
    own = [s for s in report.scores if s.protocol.name == protocol]
    shared = [note for note in own[0].notes if len(own) > 1 and all(note in s.notes for s in own)]
    notes = shared + [f"{s.planner}: {note}" for s in own for note in s.notes if note not in shared]
    if isinstance(found.protocol, Protocol) and found.protocol.uses_map and not any(name.startswith("ccr") for name in found.metrics):
        notes.append("no road-boundary rate (ccr): not every sample has a map")
    excused = report.settings.get("excused_steps", {}).get(protocol)
    if excused:
        notes.append(f"excused: {excused['excused']} of {excused['steps']} steps, where the record itself collides; none counts there")
    dropped = report.settings.get("dropped_categories", {}).get(protocol, {})
    if dropped:
        names = ", ".join(f"{name} {count}" for name, count in list(dropped.items())[:SHOWN_CATEGORIES])
        rest = len(dropped) - SHOWN_CATEGORIES
        names += f" and {rest} more, in report.json" if rest > 0 else ""
        notes.append(f"dropped: {sum(dropped.values())} annotations at t0 whose category nuScenes does not have: {names}")
    if any(r["protocol"] == protocol for r in report.published):
        notes.append("published: as reported by the source named, on the whole of nuScenes val, not on these samples")
    return notes


def protocol_rows(report: Report, protocol: str) -> tuple[list[str], list[list[str]]]:
    """Header and cells of one protocol's table; published rows last, with their source."""
    if report.rules(protocol).tall:
        return benchmark_rows(report, protocol)
    rows = [r for r in report.rows if r["protocol"] == protocol]
    stems = [stem for stem in STEMS if any(r["metric"].startswith(f"{stem}_") for r in rows)]
    metrics = [f"{stem}_{h}" for stem in stems for h in HORIZONS]
    metrics += [m for m in ("ade", "fde", "miss_rate") if any(r["metric"] == m for r in rows)]
    header = ["planner", *(m.replace("_", " ") for m in metrics), "requested", "scored", "failed"]
    lines = []
    for name, part in dict.fromkeys((r["planner"], r["slice"]) for r in rows):
        own = {r["metric"]: r for r in rows if (r["planner"], r["slice"]) == (name, part)}
        first = next(iter(own.values()))
        label = name if part == "all" else f"{name} ({part})"
        counts = [str(first[key]) for key in ("requested", "scored", "failed")]
        lines.append([label, *(_cell(own.get(m), m.endswith("_avg")) for m in metrics), *counts])
    published = _published(report, protocol, metrics)
    if published:
        header, lines = [*header, SOURCE], [[*line, ""] for line in lines]
    return header, lines + published


def _published(report: Report, protocol: str, metrics: list[str]) -> list[list[str]]:
    rows = [r for r in report.published if r["protocol"] == protocol]
    lines = []
    for name, note, source in dict.fromkeys((r["planner"], r["note"], r["source"]) for r in rows):
        own = {r["metric"]: r for r in rows if (r["planner"], r["note"], r["source"]) == (name, note, source)}
        said = f"{source} ({note})" if note else source
        lines.append([f"published: {name}", *(_cell(own.get(m), False) for m in metrics), "", "", "", said])
    return lines


def _cell(row: dict[str, Any] | None, interval: bool) -> str:
    """A value, with its interval where asked for, and with the value over the answered samples where others failed."""
    if row is None or row["value"] is None:
        return "-"
    scale, digits = (1, 3) if row["unit"] == "m" else (100, 2)
    text = f"{scale * row['value']:.{digits}f}"
    if interval and row["low"] is not None:
        text += f" [{scale * row['low']:.{digits - 1}f}, {scale * row['high']:.{digits - 1}f}]"
    if row["unit"] != "m" and row.get("failed"):
        text += f" ({'-' if row['answered'] is None else format(scale * row['answered'], f'.{digits}f')})"
    return text


def comparison_rows(report: Report) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the paired differences: L2 in metres, rates in per cent, beside them those over what both answered."""
    lines = []
    for r in report.comparisons:
        rules = report.rules(r["protocol"])
        if r["metric"] not in rules.main or r["difference"] is None:
            continue
        scale, unit = (1, r["unit"]) if r["unit"] or rules.tall else (100, "%")
        interval = "-" if r["low"] is None else f"[{scale * r['low']:+.3f}, {scale * r['high']:+.3f}]"
        difference = f"{scale * r['difference']:+.3f} {unit}".rstrip()
        if r["samples_answered"] < r["samples"]:
            difference += f" ({'-' if r['answered'] is None else format(scale * r['answered'], '+.3f')})"
        pair = f"{r['planner']} - {r['against']}"
        lines.append([pair, r["protocol"], r["metric"], difference, interval, str(r["samples"]), str(r["left_out"])])
    return ["paired difference", "protocol", "metric", "difference", "95 % interval", "samples", "left out"], lines


def _comparisons(report: Report) -> str:
    header, lines = comparison_rows(report)
    return aligned([header, *lines]) if lines else ""


def _unknown(report: Report) -> str:
    found = report.settings.get("unknown", {})
    total = found.get("annotations", 0)
    notes = {
        "visibility": "unknown visibility, counted as visible",
        "points": "an unknown number of points, counted as having some",
        "category": "a category that nuScenes does not have; each protocol's notes say what it dropped",
    }
    return "\n".join(f"{found[key]} of {total} annotations have {text}" for key, text in notes.items() if found.get(key))


def _interpolated(report: Report) -> str:
    """Which plans files have no point at a time asked for."""
    found = report.settings.get("interpolated_s", {})
    text = "interpolated between points of the plan within 0.25 s"
    return "\n".join(f"{name}: the points at {', '.join(f'{t:g}' for t in times)} s are {text}" for name, times in found.items())


def _failures(report: Report) -> str:
    """Each planner's most frequent reasons, a line each, and how many samples have others."""
    lines = []
    for name in dict.fromkeys(failure["planner"] for failure in report.failures):
        ranked = grouped((failure["token"], failure["reason"]) for failure in report.failures if failure["planner"] == name)
        for reason, tokens in ranked[:SHOWN_REASONS]:
            told = f"failed: {name}: {len(tokens)} x {reason} ({tokens[0]}{', ...' if len(tokens) > 1 else ''})"
            lines.append(printable(told))
        rest = [len(tokens) for _, tokens in ranked[SHOWN_REASONS:]]
        if rest:
            told = f"failed: {name}: {sum(rest)} more samples for {len(rest)} other reasons, all in report.json (--out FOLDER)"
            lines.append(printable(told))
    return "\n".join(lines)
