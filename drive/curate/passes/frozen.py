"""A camera that goes on showing the same picture though the car moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts, scenes_of
from drive.curate.pictures import PictureFacts


@dataclass(frozen=True)
class Frozen(Pass):
    """moved_m: how far the car must have come since the record before. most_change: of any field of a 16 x 9 thumbnail, grey values.
    least_std: of the grey values of pictures that are compared: what shows next to nothing looks the same from anywhere."""

    name: ClassVar[str] = "frozen"
    moved_m: float = 0.5
    most_change: float = 2.0
    least_std: float = 4.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in scenes_of(records):
            for before, now in zip(places[:-1], places[1:], strict=True):
                found[now] = self._of(records[before], records[now])
        return found

    def _of(self, before: RecordFacts, now: RecordFacts) -> Judged:
        moved = float(np.hypot(*np.subtract(now.xy, before.xy)))
        shared = [n for n, g in now.glances.items() if n in before.glances and min(g.std, before.glances[n].std) >= self.least_std]
        if moved < self.moved_m or not shared:
            return FINE
        changes = {name: change(before.glances[name], now.glances[name]) for name in shared}
        camera = min(changes, key=changes.__getitem__)
        told = f"{camera} is frozen: the car moved {moved:.1f} m, the picture did not change" if changes[camera] <= self.most_change else ""
        return Judged(told, scores={"change": changes[camera]}, camera=camera)


def change(one: PictureFacts, other: PictureFacts) -> float:
    """The largest difference of two thumbnails, grey values; spread, which the same picture keeps, counts too. Sharpness does not: the same
    picture loses up to half of it when it is compressed anew."""
    return max(float(np.abs(one.thumbnail() - other.thumbnail()).max()), abs(one.std - other.std))
