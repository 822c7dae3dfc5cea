"""Pictures without light, and over-exposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Exposure(Pass):
    """dark_p99: a picture is dark where 99 % of it are below this grey value; the lamps of a night drive are above. bright_share: it is
    over-exposed where more of it than this share is white."""

    name: ClassVar[str] = "exposure"
    dark_p99: float = 40.0
    bright_share: float = 0.6

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        if not record.glances:
            return FINE
        dark = min(record.glances, key=lambda name: record.glances[name].p99)
        bright = max(record.glances, key=lambda name: record.glances[name].bright)
        p99, share = record.glances[dark].p99, record.glances[bright].bright
        scores = {"p99": p99, "bright": share}
        if p99 < self.dark_p99:
            return Judged(f"{dark} is dark: 99 % of it are below {p99:.0f} of 255", scores=scores, camera=dark)
        told = f"{bright} is over-exposed: {share:.0%} of it are white" if share > self.bright_share else ""
        return Judged(told, scores=scores, camera=bright)
