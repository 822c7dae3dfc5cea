"""Dull cruising: on and on, straight, with nobody around. A share of it is kept, spread over the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Cruising(Pass):
    """A record is dull where the car goes straight on, faster than above_mps, no slower or faster later, with nobody in sight near and no
    light, junction or bend ahead. most_share: of all records that may be dull; those above are dropped."""

    name: ClassVar[str] = "cruising"
    above_mps: float = 2.0
    most_share: float = 0.05

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        dull = [i for i, record in enumerate(records) if self._dull(record)]
        most = int(self.most_share * len(records))
        kept = {dull[int(k)] for k in np.linspace(0, len(dull) - 1, min(most, len(dull)))}
        for i in dull:
            told = "" if i in kept else f"one of {len(dull)} where nothing happens"
            found[i] = Judged(told, scores={"dull": 1.0})
        return found

    def _dull(self, record: RecordFacts) -> bool:
        return record.decision == "steady straight" and record.around == ("calm",) and (record.speed_mps or 0.0) > self.above_mps
