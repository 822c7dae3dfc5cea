"""Calibration against pictures: boxes that, over a drive, fit what a camera shows better when they are all moved to one side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.rigs import ACROSS, DOWN


@dataclass(frozen=True)
class BoxFit(Pass):
    """A camera is off in a drive where at_least boxes tell apart from what is around them by `better` (a share) more when they are moved by
    most_px or more of 320 across (180 down) than where they are, less again further on, and by `alone` (a share, over the root of the
    boxes' number) more than at any shift that is most_px from there: few boxes fit as well in several places, by chance. All of the drive's
    records are then dropped."""

    name: ClassVar[str] = "box_fit"
    at_least: int = 40
    most_px: float = 6.0
    better: float = 0.3
    alone: float = 1.3

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        drives: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for i, record in enumerate(records):
            for camera in record.glances:
                drives[record.source, record.scene, camera].append(i)
        for (_, _, camera), places in drives.items():
            fits = [records[i].fit[camera] for i in places if camera in records[i].fit]
            if not fits:
                continue
            boxes = sum(fit[0] for fit in fits)
            sums = [np.sum([fit[k] for fit in fits], 0) for k in (1, 2)]
            off = [self._peak(one, shifts, boxes) for one, shifts in zip(sums, (ACROSS, DOWN), strict=True)]
            worst, way = max(zip(map(abs, off), ("across", "down"), strict=True))
            wrong = boxes >= self.at_least and worst >= self.most_px
            told = f"{boxes} boxes in {camera} fit its pictures of the drive {worst:.0f} px further {way}" if wrong else ""
            for i in places:
                if told and not found[i].reason:
                    found[i] = Judged(told, scores={"px": worst}, camera=camera)
                elif not found[i].scores:
                    found[i] = Judged(scores={"px": worst})
        return found

    def _peak(self, sums: np.ndarray, shifts: Sequence[int], boxes: int) -> float:
        """The shift at which boxes fit best; 0 where that is not clearly better than where they are or elsewhere, or at the end."""
        best = int(np.argmax(sums))
        here = max(float(sums[shifts.index(0)]), 1e-9)
        others = sums[np.abs(np.subtract(shifts, shifts[best])) >= self.most_px]
        clear = sums[best] > (1 + self.better) * here and sums[best] > (1 + self.alone / np.sqrt(max(boxes, 1))) * max(others, default=0.0)
        return float(shifts[best]) if clear and 0 < best < len(sums) - 1 else 0.0
