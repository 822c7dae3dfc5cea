"""Plans that leave the road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Road(Pass):
    """most_m: how far the recorded future's way may lie outside the drivable area, further than the car does now."""

    name: ClassVar[str] = "road"
    most_m: float = 1.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        off = record.scores.get("off_road_m")
        if off is None:
            return FINE
        return Judged(f"its future leaves the road by {off:.1f} m" if off > self.most_m else "", scores={"off_road_m": off})
