"""What a run of episodes says: tidy rows with intervals, paired differences, a text table, a page with the failures first."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.intervals import scene_interval
from drive.eval.table import aligned
from drive.sim.scores import METRICS, EpisodeScore, metric_results

SCHEMA = 1
SHOWN = ("success", "route_completion", "at_fault_collision", "off_road", "red_light", "pdm_score", "driving_score", "neuroncap_score")
FACTS = ("length_m", "agents_met", "moving_agents_met", "junctions", "lights")


class SimReport:
    """scores: every episode of every planner, in order. settings: what was run, distribution name and hash included."""

    def __init__(self, scores: Sequence[EpisodeScore], settings: dict[str, Any]) -> None:
        self.scores, self.settings = list(scores), settings

    @property
    def planners(self) -> list[str]:
        """In the order given."""
        return list(dict.fromkeys(s.planner for s in self.scores))

    def of(self, planner: str, family: str = "all") -> list[EpisodeScore]:
        """The episodes of a planner."""
        return [s for s in self.scores if s.planner == planner and family in ("all", s.family)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per planner, metric and family."""
        rows = []
        families = list(dict.fromkeys(s.family for s in self.scores))
        for planner in self.planners:
            for family in ["all", *(families if len(families) > 1 else [])]:
                rows += _rows(planner, family, self.of(planner, family))
        return rows

    @property
    def comparisons(self) -> list[dict[str, Any]]:
        """Planner minus planner, episode by episode over the same worlds."""
        return [row for a, b in combinations(self.planners, 2) for row in _differences(a, b, self.of(a), self.of(b))]

    @property
    def failures(self) -> list[dict[str, str]]:
        """Episodes in which a planner gave no usable answer."""
        return [{"planner": s.planner, "episode": s.name, "reason": str(s.facts["outcome"])} for s in self.scores if s.failed]

    def faults(self, planner: str) -> dict[str, int]:
        """How many episodes ended in each kind of at-fault collision (`drive.world.state.CONTACT_NAMES`)."""
        kinds = [str(s.facts["fault"]) for s in self.of(planner) if s.facts["fault"] != "none"]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def table(self) -> str:
        """For a terminal."""
        shown = ["planner", "family", *SHOWN, "episodes", "failed"]
        lines = []
        rows = self.rows
        for planner, family in dict.fromkeys((r["planner"], r["slice"]) for r in rows):
            own = {r["metric"]: r for r in rows if (r["planner"], r["slice"]) == (planner, family)}
            counts = [str(own["success"]["requested"]), str(own["success"]["failed"])]
            lines.append([planner, family, *(_cell(own[m], m == "success") for m in SHOWN), *counts])
        text = [aligned([shown, *lines]), *map(self._told_faults, self.planners), self.what_it_was_like()]
        for row in self.comparisons:
            if row["metric"] in ("success", "pdm_score"):
                text.append(
                    f"{row['planner']} - {row['against']}: {row['metric']} {row['difference']:+.3f} "
                    f"[{_plain(row['low'])}, {_plain(row['high'])}] over {row['samples']} same episodes"
                )
        for failure in self.failures[:5]:
            text.append(f"failed: {failure['planner']} in {failure['episode']}: {failure['reason']}")
        return "\n\n".join(text)

    def _told_faults(self, planner: str) -> str:
        return f"at-fault collisions of {planner}: " + (", ".join(f"{n} {k}" for k, n in self.faults(planner).items()) or "none")

    def what_it_was_like(self) -> str:
        """Length, agents, junctions and lights of the episodes, by planner (median, least, greatest)."""
        lines = [["planner", *FACTS]]
        for planner in self.planners:
            facts = [self._facts(planner, name) for name in FACTS]
            lines.append([planner, *(f"{np.median(v):.0f} ({min(v):.0f}-{max(v):.0f})" for v in facts)])
        return "episodes, median (least-greatest)\n" + aligned(lines)

    def _facts(self, planner: str, name: str) -> list[float]:
        """Of the episodes that a planner drove."""
        return [float(s.facts[name]) for s in self.of(planner) if name in s.facts] or [0.0]

    def save(self, folder: Path) -> Path:
        """Writes report.json."""
        folder.mkdir(parents=True, exist_ok=True)
        names = {"name": "episode", "family": "family", "planner": "planner", "values": "values", "facts": "facts"}
        episodes: list[dict[str, Any]] = [{key: getattr(s, name) for name, key in names.items()} for s in self.scores]
        for episode in episodes:
            episode["values"] = {name: None if np.isnan(value) else value for name, value in episode["values"].items()}
        data = {
            "schema": SCHEMA,
            "command": "sim",
            "settings": self.settings,
            "rows": self.rows,
            "at_fault_collisions": {planner: self.faults(planner) for planner in self.planners},
            "comparisons": self.comparisons,
            "failures": self.failures,
            "episodes": episodes,
        }
        partial = folder / "report.json.partial"
        partial.write_text(json.dumps(data, indent=1, allow_nan=False))
        os.replace(partial, folder / "report.json")
        return folder / "report.json"

    def save_page(self, folder: Path, videos: dict[tuple[str, str], Path]) -> Path:
        """Writes index.html: headline, tables, then the drives with videos, failures first. videos: (planner, episode) -> MP4."""
        from drive.viz.page import Block, Heading, Numbers, Table, Video, write_page

        rows = {(r["planner"], r["metric"]): r for r in self.rows if r["slice"] == "all"}
        blocks: list[Block] = [Numbers([(_cell(rows[p, "success"], True) + " %", f"success of {p}") for p in self.planners])]
        header = ["planner", *SHOWN]
        blocks.append(Table(header, [[p, *(rows[p, m]["value"] for m in SHOWN)] for p in self.planners], "Means over all episodes"))
        facts: list[list[Any]] = [[p, *(float(np.median(self._facts(p, n))) for n in FACTS)] for p in self.planners]
        collided: list[list[Any]] = [[p, kind, n] for p in self.planners for kind, n in self.faults(p).items()]
        blocks.append(Table(["planner", "kind", "episodes"], collided, "At-fault collisions by kind", 0))
        blocks.append(Table(["planner", *FACTS], facts, "What the episodes were like (medians)", 0))
        order = sorted(self.scores, key=lambda s: (s.values["success"], s.values["route_completion"]))
        worst = [s for s in order if s.values["success"] < 1.0]
        listed = [[s.planner, s.name, s.family, str(s.facts["outcome"]), ", ".join(s.facts["contacts"])] for s in worst[:200]]
        told = f"Without success: {len(worst)} of {len(order)}"
        blocks.append(Table(["planner", "episode", "family", "outcome", "contacts"], listed, told))
        for s in order:
            if (s.planner, s.name) in videos:
                blocks.append(Heading(f"{s.planner}: {s.name}, {s.facts['outcome']}"))
                words = f"{s.facts['length_m']} m, {s.facts['moving_agents_met']} moving agents, {s.facts['junctions']} junctions"
                blocks.append(Video(videos[s.planner, s.name].read_bytes(), words))
        told = ", ".join(f"{key} {value}" for key, value in self.settings.items())
        return write_page(folder / "index.html", "Closed loop", blocks, told)


def _rows(planner: str, family: str, scores: list[EpisodeScore]) -> list[dict[str, Any]]:
    rows = []
    for metric, result in metric_results(scores).items():
        low, high = scene_interval(result.values, result.valid, [s.name for s in scores])
        row = {"planner": planner, "protocol": "closed-loop", "metric": metric, "value": result.mean, "low": low, "high": high}
        row = {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        failed = int(result.failed.sum())
        counts = {"requested": len(scores), "scored": len(scores) - failed, "failed": failed}
        rows.append(row | {"unit": METRICS[metric], **counts, "slice": family})
    return rows


def _differences(a: str, b: str, first: list[EpisodeScore], second: list[EpisodeScore]) -> list[dict[str, Any]]:
    other = {s.name: s for s in second}
    pairs = [(s, other[s.name]) for s in first if s.name in other]
    rows = []
    for metric in METRICS if pairs else ():
        values = np.array([x.values[metric] - y.values[metric] for x, y in pairs])
        defined = ~np.isnan(values)
        if not defined.any():
            continue
        low, high = scene_interval(values, defined, [x.name for x, _ in pairs])
        bounds = {"low": None if np.isnan(low) else low, "high": None if np.isnan(high) else high}
        row = {"planner": a, "against": b, "metric": metric, "difference": float(values[defined].mean())}
        rows.append(row | bounds | {"samples": int(defined.sum())})
    return rows


def _cell(row: dict[str, Any], interval: bool) -> str:
    if row["value"] is None:
        return "-"
    scale = 1.0 if row["metric"] == "neuroncap_score" else 100.0
    text = f"{scale * row['value']:.{2 if scale == 1.0 else 1}f}"
    return f"{text} [{scale * row['low']:.1f}, {scale * row['high']:.1f}]" if interval and row["low"] is not None else text


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
