"""Does it look? One planner over the same episodes with other pictures: success and stops must follow what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.sim.report import SimReport
from drive.sim.shown import MEANING, SHOWN

SHOWN_METRICS = ("success", "red_stops", "red_passes")
AS_IS = "as they are"


class ProbeReport(SimReport):
    """The drives of one planner, as they are first, then with each of the others of `drive.sim.shown.SHOWN`, in that order."""

    compared = ()  # its own table holds the differences

    @property
    def shown(self) -> dict[str, str]:
        """What each of `planners` was shown, in words for tables."""
        return {planner: name or AS_IS for planner, name in zip(self.planners, SHOWN, strict=False)}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """As a report's, with what was `shown`; over all families also the `difference` from the pictures as they are, paired episode by
        episode, with the ends of its interval."""
        shown, differences = self.shown, {(row["against"], row["metric"]): _turned(row) for row in self.comparisons}
        return [
            row | {"shown": shown[row["planner"]]} | (differences.get((row["planner"], row["metric"]), {}) if row["slice"] == "all" else {})
            for row in super().rows
        ]

    @property
    def legend(self) -> dict[str, str]:
        """What each row means."""
        meaning = {name or AS_IS: told for name, told in MEANING.items()}
        counts = {
            "stood at red": "red lights on the route that the ego stood at, all drives together",
            "passed red": "stop lines that it passed while they were red, all drives together",
            "difference": "this row minus the pictures as they are, over the same episodes, [95 % interval]",
            "videos": "show what is there, not what the planner was shown",
        }
        return {told: meaning[told] for told in self.shown.values()} | counts

    def extra_tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """The table of the probe: success, and what it did at red lights."""
        header = ["shown", "success, %", "stood at red", "passed red"]
        header += ["difference: success", "stood, a drive", "passed, a drive", "drives"]
        own = {(row["planner"], row["metric"]): row for row in self.rows if row["slice"] == "all"}
        lines = []
        for planner, told in self.shown.items():
            success, *_ = rows = [own[planner, metric] for metric in SHOWN_METRICS]
            counts = [f"{np.nansum([s.values[metric] for s in self.of(planner)]):.0f}" for metric in SHOWN_METRICS[1:]]
            differences = [_difference(row, 100.0 if row is success else 1.0) for row in rows]
            lines.append([told, _success(success), *counts, *differences, str(success["requested"])])
        return [("does it look?", header, lines)]


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """A comparison's first minus other as other minus first."""
    low, high = (None if row[key] is None else 0.0 - row[key] for key in ("high", "low"))
    return {"difference": 0.0 - row["difference"], "difference_low": low, "difference_high": high}


def _success(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    return f"{100 * row['value']:.1f}" + ("" if row["low"] is None else f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]")


def _difference(row: dict[str, Any], scale: float) -> str:
    if "difference" not in row:
        return "-"
    digits = 1 if scale == 100.0 else 2
    ends = [row[key] for key in ("difference_low", "difference_high")]
    told = "" if None in ends else f" [{scale * ends[0]:+.{digits}f}, {scale * ends[1]:+.{digits}f}]"
    return f"{scale * row['difference']:+.{digits}f}{told}"
