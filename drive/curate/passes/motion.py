"""Motion that no car makes: poses that jump or do not fit the speed, accelerations beyond tyres, clocks that go back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts, scenes_of


@dataclass(frozen=True)
class MotionPass(Pass):
    """Between two records of a scene. most_mps2: change of speed. off_mps: how far the way between their poses may be off the speeds told.
    most_step_s: of two records that are compared; further apart, anything may have happened. most_radps: yaw rate told."""

    name: ClassVar[str] = "motion"
    most_mps2: float = 12.0
    off_mps: float = 8.0
    most_step_s: float = 1.5
    most_radps: float = 1.6

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [self._alone(record) for record in records]
        for places in scenes_of(records):
            for before, now in zip(places[:-1], places[1:], strict=True):
                both = self._of(records[before], records[now])
                found[now] = found[now] if found[now].reason else both
        return found

    def _alone(self, record: RecordFacts) -> Judged:
        rate = abs(record.yaw_rate_radps or 0.0)
        return Judged(f"turns at {rate:.1f} rad/s", scores={"radps": rate}) if rate > self.most_radps else FINE

    def _of(self, before: RecordFacts, now: RecordFacts) -> Judged:
        step = (now.timestamp_us - before.timestamp_us) / 1e6
        if step <= 0:
            return Judged(f"its clock goes back by {-step:.2f} s", scores={"step_s": step})
        if step > self.most_step_s or before.speed_mps is None or now.speed_mps is None:
            return FINE
        change = abs(now.speed_mps - before.speed_mps) / step
        way = float(np.hypot(*np.subtract(now.xy, before.xy))) / step
        off = max(0.0, way - max(now.speed_mps, before.speed_mps), min(now.speed_mps, before.speed_mps) - way)
        scores = {"mps2": change, "off_mps": off}
        if off > self.off_mps:
            told = f"its pose moves at {way:.0f} m/s, its speed is {before.speed_mps:.0f} to {now.speed_mps:.0f} m/s"
            return Judged(told, scores=scores)
        return Judged(f"its speed changes by {change:.0f} m/s2" if change > self.most_mps2 else "", scores=scores)
