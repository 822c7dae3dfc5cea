"""Pictures between two bars of one colour: films in another format, screens that were taken up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Borders(Pass):
    """most_share: of a picture's height (width) that a bar at the top and one at the bottom (left and right) may take each."""

    name: ClassVar[str] = "borders"
    most_share: float = 0.03

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        if not record.glances:
            return FINE
        camera = max(record.glances, key=lambda name: max(record.glances[name].bars))
        high, wide = record.glances[camera].bars
        share, where = max((high, "top and bottom"), (wide, "left and right"))
        told = f"{camera} has bars at {where}, {share:.0%} of the picture each" if share > self.most_share else ""
        return Judged(told, scores={"share": share}, camera=camera)
