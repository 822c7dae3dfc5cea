"""The page of closed-loop drives: headline, tables in the terminal's units, then the drives with videos, failures first."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from drive.sim.report import ANSWERED, FACTS, SimReport, difference_cells
from drive.sim.scores import EpisodeScore
from drive.viz.page import Block, Cell, Heading, Numbers, Table, Text, Video, write_page

LISTED = 200
UNITS = {"length_m": "route, m"}


def save_page(report: SimReport, folder: Path, videos: dict[tuple[str, str], Path]) -> Path:
    """Writes index.html into folder and returns its path. videos: (planner, episode) -> MP4."""
    header, cells = report.cells()
    names = report.planners
    blocks: list[Block] = [Numbers(_headline(report))]
    told = "Rates in per cent, the NeuroNCAP score in stars of 5" + (f", {ANSWERED}." if report.failures else ".")
    blocks += [Text(told), Table(header, cells, "Means over all drives, [95 % interval]")]
    blocks += [Table(head, rows, title) for title, head, rows in report.extra_tables()]
    blocks += [Table(["", "means"], [[word, means] for word, means in report.legend.items()])] if report.legend else []
    ends: list[list[Cell]] = [[p, end, n] for p in names for end, n in report.outcomes(p).items()]
    blocks.append(Table(["planner", "outcome", "drives"], ends, "How the drives ended"))
    collided: list[list[Cell]] = [[p, kind, n] for p in names for kind, n in report.faults(p).items()]
    blocks.append(Table(["planner", "kind", "drives"], collided, "At-fault collisions by kind"))
    facts: list[list[Cell]] = [[p, *(f"{np.median(report.facts(p, n)):.0f}" for n in FACTS)] for p in names]
    blocks.append(Table(["planner", *(UNITS.get(n, n.replace("_", " ")) for n in FACTS)], facts, "What the drives were like (medians)"))
    differences: list[list[Cell]] = [list(difference_cells(row)) for row in report.comparisons if row["metric"] in report.compared]
    if differences:
        header = ["planner", "minus", "metric", "difference, %", "95 % interval", "episodes"]
        blocks.append(Table(header, differences, "Over the same episodes"))
    blocks += [*_drive_blocks(report, videos), Heading("Settings")]
    settings = [[key.replace("_", " "), str(value)] for key, value in report.settings.items()]
    blocks.append(Table(["setting", "value"], settings))
    episodes = len({s.name for s in report.scores})
    counts = ((len(report.scores), "drive"), (len(names), "planner"), (episodes, "episode"))
    lead = "{} of {} in {}".format(*(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts))
    return write_page(folder / "index.html", "Closed loop", blocks, lead)


def _headline(report: SimReport) -> list[tuple[str, str]]:
    items = []
    rows = {r["planner"]: r for r in report.rows if (r["metric"], r["slice"]) == ("success", "all")}
    for planner, row in rows.items():
        failed = f", {row['failed']} of {row['requested']} failed" if row["failed"] else ""
        items.append(("-" if row["value"] is None else f"{100 * row['value']:.0f} %", f"success of {planner}{failed}"))
    return items


def _drive_blocks(report: SimReport, videos: dict[tuple[str, str], Path]) -> list[Block]:
    order = sorted(report.scores, key=_worst_first)
    worst = [s for s in order if s.values["success"] < 1.0]
    listed: list[list[Cell]] = [
        [s.planner, s.name, s.family, _told(s), ", ".join(s.facts.get("contacts", ())) or None] for s in worst[:LISTED]
    ]
    told = f"Without success: {len(worst)} of {len(order)} drives"
    told += f"; the first {LISTED}, all in report.json" if len(worst) > LISTED else ""
    blocks: list[Block] = [Table(["planner", "episode", "family", "outcome", "contacts"], listed, told)]
    for s in order:
        if (s.planner, s.name) in videos:
            blocks.append(Heading(f"{s.planner}: {s.name}, {s.facts['outcome']}"))
            met = (_counted(s.facts["moving_agents_met"], "moving agent"), _counted(s.facts["junctions"], "junction"))
            words = f"{s.facts['length_m']} m, {', '.join(met)}"
            blocks.append(Video(videos[s.planner, s.name], words))
    return blocks


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _told(score: EpisodeScore) -> str:
    """How a drive ended, and what beside that kept it from success."""
    broken = [name.replace("_", " ") for name in ("off_road", "red_light") if score.values.get(name) == 1.0]
    return ", ".join([str(score.facts["outcome"]), *broken])


def _worst_first(score: EpisodeScore) -> tuple[float, float]:
    """Failures, then drives without success, the shortest first; what has no such value last."""
    success, way = (score.values.get(name, math.nan) for name in ("success", "route_completion"))
    return (-1.0 if score.failed else 1.0 if math.isnan(success) else success, 1.0 if math.isnan(way) else way)
