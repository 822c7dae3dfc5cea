"""Common situations less often, rare ones more often: weights by 1/sqrt of how often what the car does next is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Situations(Pass):
    """least, most: bounds of a weight. The decision of `decide` is the situation; records that have none keep their weight. Within the
    bounds, weights are 1 on average."""

    name: ClassVar[str] = "situations"
    weighs: ClassVar[bool] = True
    least: float = 0.25
    most: float = 4.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        counts = Counter(record.decision for record in records if record.decision)
        scale = sum(counts.values()) / sum(count**0.5 for count in counts.values()) if counts else 1.0
        weights = {name: min(max(scale * count**-0.5, self.least), self.most) for name, count in counts.items()}
        return [Judged(weight=weights[r.decision], scores={"records": float(counts[r.decision])}) if r.decision else FINE for r in records]
