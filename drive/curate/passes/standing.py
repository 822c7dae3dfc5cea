"""A car that stands for long: its first seconds are kept, what follows teaches nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts, scenes_of


@dataclass(frozen=True)
class Standing(Pass):
    """keep_s: of each stand. below_mps: no faster is standing."""

    name: ClassVar[str] = "standing"
    keep_s: float = 4.0
    below_mps: float = 0.3

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in scenes_of(records):
            since = None
            for place in places:
                record = records[place]
                stands = record.speed_mps is not None and record.speed_mps <= self.below_mps
                since = (record.timestamp_us if since is None else since) if stands else None
                if since is not None:
                    found[place] = self._of((record.timestamp_us - since) / 1e6)
        return found

    def _of(self, seconds: float) -> Judged:
        return Judged(f"stands for {seconds:.1f} s" if seconds > self.keep_s else "", scores={"seconds": seconds})
