"""What a run of episodes says: tidy rows with intervals, paired differences, a text table."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drive.eval.aligned import aligned
from drive.eval.intervals import scene_interval
from drive.eval.report_file import write_json
from drive.sim.scores import METRICS, ZERO_WHERE_FAILED, EpisodeScore, metric_results
from drive.viz.printable import printable

SHOWN = ("success", "route_completion", "at_fault_collision", "off_road", "red_light", "pdm_score", "driving_score", "neuroncap_score")
ANSWERED = "(without the failed drives: they count as 0 in success, route completion, PDM and driving score, and not at all elsewhere)"
SHOWN_FAILURES = 5
COMPARED = ("success", "pdm_score")
FACTS = ("length_m", "agents_met", "moving_agents_met", "junctions", "lights")


class SimReport:
    """scores: every episode of every planner, in order. settings: what was run, distribution name and hash included.

    compared: metrics whose differences its tables show.
    """

    compared: tuple[str, ...] = COMPARED

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
        """The first planner minus each of the others, episode by episode over the same worlds."""
        first, *others = self.planners or [""]
        return [row for other in others for row in _differences(first, other, self.of(first), self.of(other))]

    @property
    def failures(self) -> list[dict[str, str]]:
        """Episodes in which a planner gave no usable answer."""
        return [{"planner": s.planner, "episode": s.name, "reason": str(s.facts["outcome"])} for s in self.scores if s.failed]

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the worlds, each note once with the episodes that it is of."""
        said: dict[str, list[str]] = {}
        for s in self.scores:
            for note in s.facts.get("notes", ()):
                said.setdefault(note, []).append(s.name)
        listed = {note: list(dict.fromkeys(names)) for note, names in said.items()}
        return [f"{', '.join(n[:5])}{f' and {len(n) - 5} more' if len(n) > 5 else ''}: {note}" for note, n in listed.items()]

    @property
    def legend(self) -> dict[str, str]:
        """Words of its tables that need one, and what they mean."""
        return {}

    def extra_tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Tables beside the means: title, header, cells."""
        return []

    def faults(self, planner: str) -> dict[str, int]:
        """How many episodes ended in each kind of at-fault collision (`drive.world.state.CONTACT_NAMES`)."""
        kinds = [str(s.facts["fault"]) for s in self.of(planner) if s.facts["fault"] != "none"]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def outcomes(self, planner: str) -> dict[str, int]:
        """How many drives ended in which way, the most frequent first; failed ones are of a kind of their own, whatever the reason."""
        ends = Counter(str(s.facts["outcome"]).split(":")[0] if s.failed else str(s.facts["outcome"]) for s in self.of(planner))
        return dict(ends.most_common())

    def table(self) -> str:
        """For a terminal: the means (over the answered drives in brackets), how the drives ended, and what they were like."""
        header, lines = self.cells()
        told = [f"rates in %, [95 % interval]{f', {ANSWERED}' if self.failures else ''}\n{aligned([header, *lines])}"]
        told += [f"{title}\n{aligned([head, *cells])}" for title, head, cells in self.extra_tables()]
        told += ["\n".join(printable(f"{word}: {means}") for word, means in self.legend.items())] if self.legend else []
        told.append("how the drives ended\n" + "\n".join(printable(self._told_outcomes(p)) for p in self.planners))
        told += [*(printable(self._told_faults(p)) for p in self.planners), self.what_it_was_like()]
        told += [_told_difference(row) for row in self.comparisons if row["metric"] in self.compared]
        told += [printable(note) for note in self.notes]
        told += [printable(f"failed: {f['planner']} in {f['episode']}: {f['reason']}") for f in self.failures[:SHOWN_FAILURES]]
        rest = len(self.failures) - SHOWN_FAILURES
        return "\n\n".join([*told, *([f"and {rest} more failed drives, in report.json (--out FOLDER)"] if rest > 0 else [])])

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Header and cells of the table: per cent (the NeuroNCAP score in stars), a row per planner and family."""
        lines = []
        rows = self.rows
        for planner, family in dict.fromkeys((r["planner"], r["slice"]) for r in rows):
            own = {r["metric"]: r for r in rows if (r["planner"], r["slice"]) == (planner, family)}
            counts = [str(own["success"]["requested"]), str(own["success"]["failed"])]
            lines.append([planner, family, *(_cell(own.get(m), m == "success") for m in SHOWN), *counts])
        return ["planner", "family", *(m.replace("_", " ") for m in SHOWN), "drives", "failed"], lines

    def _told_outcomes(self, planner: str) -> str:
        return f"{planner}: " + ", ".join(f"{n} {end}" for end, n in self.outcomes(planner).items())

    def _told_faults(self, planner: str) -> str:
        return f"at-fault collisions of {planner}: " + (", ".join(f"{n} {k}" for k, n in self.faults(planner).items()) or "none")

    def what_it_was_like(self) -> str:
        """Length, agents, junctions and lights of the episodes, by planner (median, least, greatest)."""
        lines = [["planner", *FACTS]]
        for planner in self.planners:
            facts = [self.facts(planner, name) for name in FACTS]
            lines.append([planner, *(f"{np.median(v):.0f} ({min(v):.0f}-{max(v):.0f})" for v in facts)])
        return "episodes, median (least-greatest)\n" + aligned(lines)

    def facts(self, planner: str, name: str) -> list[float]:
        """Of the episodes that a planner drove, [0] where it drove none."""
        return [float(s.facts[name]) for s in self.of(planner) if name in s.facts] or [0.0]

    def save(self, folder: Path) -> Path:
        """Writes report.json."""
        names = {"name": "episode", "family": "family", "planner": "planner", "failed": "failed", "values": "values", "facts": "facts"}
        data = {
            "settings": self.settings,
            "rows": self.rows,
            "outcomes": {planner: self.outcomes(planner) for planner in self.planners},
            "at_fault_collisions": {planner: self.faults(planner) for planner in self.planners},
            "comparisons": self.comparisons,
            "failures": self.failures,
            "notes": self.notes,
            "episodes": [{key: getattr(s, name) for name, key in names.items()} for s in self.scores],
        }
        return write_json(folder, "sim", data)


def _rows(planner: str, family: str, scores: list[EpisodeScore]) -> list[dict[str, Any]]:
    rows = []
    for metric, result in metric_results(scores).items():
        low, high = scene_interval(result.values, result.valid, [s.name for s in scores])
        answered = dataclasses.replace(result, valid=result.valid & ~result.failed)
        row = {"planner": planner, "protocol": "closed-loop", "metric": metric, "value": result.mean, "low": low, "high": high}
        row = {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        failed = int(result.failed.sum())
        counts = {"requested": len(scores), "scored": int(answered.valid.sum()), "failed": failed}
        mean = None if np.isnan(answered.mean) else answered.mean
        rows.append(row | {"answered": mean, "unit": METRICS[metric], **counts, "slice": family})
    return rows


def _differences(a: str, b: str, first: list[EpisodeScore], second: list[EpisodeScore]) -> list[dict[str, Any]]:
    """Over the episodes that both drove and that have a value for both; `answered`: those of them that neither failed."""
    other = {s.name: s for s in second}
    pairs = [(s, other[s.name]) for s in first if s.name in other]
    mine, theirs = metric_results([x for x, _ in pairs]), metric_results([y for _, y in pairs])
    rows = []
    for metric in METRICS if pairs else ():
        x, y = mine[metric], theirs[metric]
        both = x.valid & y.valid
        if not both.any():
            continue
        answered = both & ~x.failed & ~y.failed
        values = np.where(both, x.values - y.values, 0.0)
        low, high = scene_interval(values, both, [s.name for s, _ in pairs])
        bounds = {"low": None if np.isnan(low) else low, "high": None if np.isnan(high) else high}
        mean = float(values[answered].mean()) if answered.any() else None
        counts = {"answered": mean, "samples": int(both.sum()), "samples_answered": int(answered.sum())}
        rows.append({"planner": a, "against": b, "metric": metric, "difference": float(values[both].mean()), **bounds, **counts})
    return rows


def difference_cells(row: dict[str, Any]) -> list[str]:
    """A comparison for a table: planners, metric, difference and its interval in per cent, episodes."""
    bounds = f"[{_points(row['low'])}, {_points(row['high'])}]"
    return [row["planner"], row["against"], row["metric"].replace("_", " "), _points(row["difference"]), bounds, str(row["samples"])]


def _told_difference(row: dict[str, Any]) -> str:
    told = f"{row['planner']} - {row['against']}: {row['metric']} {_points(row['difference'])} % "
    told += f"[{_points(row['low'])}, {_points(row['high'])}] over {row['samples']} same episodes"
    if row["samples_answered"] < row["samples"]:
        both = f"{_points(row['answered'])} % over the {row['samples_answered']} that both answered"
        told += f" ({both if row['samples_answered'] else 'none that both answered'})"
    return printable(told)


def _cell(row: dict[str, Any] | None, interval: bool) -> str:
    """A value, with its interval where asked for, and with the value over the answered drives where others failed."""
    if row is None or row["value"] is None:
        return "-"
    scale, digits = (1.0, 2) if row["metric"] == "neuroncap_score" else (100.0, 1)
    text = f"{scale * row['value']:.{digits}f}"
    if interval and row["low"] is not None:
        text += f" [{scale * row['low']:.1f}, {scale * row['high']:.1f}]"
    if row["failed"] and row["metric"] in ZERO_WHERE_FAILED:
        text += f" ({'-' if row['answered'] is None else format(scale * row['answered'], f'.{digits}f')})"
    return text


def _points(value: float | None) -> str:
    """A difference of fractions in per cent."""
    return "-" if value is None else f"{100 * value:+.1f}"
