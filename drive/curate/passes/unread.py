"""Pictures that are missing or do not decode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Unread(Pass):
    """most: cameras of a record that may lack their picture."""

    name: ClassVar[str] = "unread"
    most: int = 0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        lacking = len(record.unread)
        told = f"{', '.join(record.unread)}: no picture that decodes" if lacking > self.most else ""
        return Judged(told, scores={"cameras": float(lacking)})
