"""Boxes that no sensor hit: labels of another moment, or of things that were guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class BoxesPass(Pass):
    """most_unseen: the share of boxes without a LiDAR or radar point, where there are at_least boxes whose points are known."""

    name: ClassVar[str] = "boxes"
    most_unseen: float = 0.8
    at_least: int = 5

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        if record.boxes < self.at_least:
            return FINE
        share = record.unseen / record.boxes
        return Judged(f"{share:.0%} of {record.boxes} boxes hold no point" if share > self.most_unseen else "", scores={"unseen": share})
