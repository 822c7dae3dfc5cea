"""Two cameras of a record with the same picture: one of them is not the camera that it is told to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.passes.frozen import change


@dataclass(frozen=True)
class OnePicture(Pass):
    """most_change: as of `Frozen`, between the two cameras. least_std: pictures that show nothing are alike anyway."""

    name: ClassVar[str] = "one_picture"
    most_change: float = 2.0
    least_std: float = 4.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        seen = [name for name, glance in record.glances.items() if glance.std >= self.least_std]
        changes = {pair: change(*(record.glances[name] for name in pair)) for pair in combinations(seen, 2)}
        if not changes:
            return FINE
        one, other = pair = min(changes, key=changes.__getitem__)
        told = f"{one} and {other} show the same picture" if changes[pair] <= self.most_change else ""
        return Judged(told, scores={"change": changes[pair]}, camera=other)
