"""A dirty lens: parts of a camera's picture that stay as they are while the car moves, and show less than the camera usually does there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.runs import cameras_of, detail_of, moved_m, moving_runs, thumbs_of

LEAST_DRIVES = 4


@dataclass(frozen=True)
class Dirty(Pass):
    """Of a 16 x 9 grid, over `over` records of one drive in each of which the car has moved by 0.5 m, and by far_m in all: a field is dirty
    whose grey values stay within most_change, and whose detail is below least_detail of what nearly all drives show there (a tenth of the
    drives, and at least one, may show less: skies, walls), which must be at least some. most_share: of the fields that may be dirty, more
    than are in the record's cleanest other camera: fog and night show in all. Of fewer than four drives of a camera nothing is told."""

    name: ClassVar[str] = "dirty"
    over: int = 8
    far_m: float = 20.0
    most_change: float = 8.0
    least_detail: float = 0.33
    most_share: float = 0.08

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        usual = {key: _usual(records, key[1], places) for key, places in cameras_of(records).items()}
        for places in moving_runs(records, self.over):
            own = [records[i] for i in places]
            cameras = list(own[0].glances)
            shares = np.array([self._shares(own, camera, usual[own[0].source, camera]) for camera in cameras])
            for place, column in zip(places, shares.T, strict=True):
                found[place] = self._of(cameras, column)
        return found

    def _of(self, cameras: list[str], shares: np.ndarray) -> Judged:
        worst = int(shares.argmax())
        more = float(shares[worst] - (np.delete(shares, worst).min() if len(shares) > 1 else 0.0))
        told = f"{cameras[worst]} is dirty: {shares[worst]:.0%} of it stay as they are and show little" if more > self.most_share else ""
        return Judged(told, scores={"share": more}, camera=cameras[worst])

    def _shares(self, records: Sequence[RecordFacts], camera: str, usual: np.ndarray) -> list[float]:
        """Of each record, the dirty share in the run of `over` around it."""
        thumbs = np.array([thumbs_of(record, camera) for record in records])
        detail = np.array([detail_of(record, camera) for record in records])
        shares = []
        for k in range(len(records)):
            first = min(max(k - self.over // 2, 0), len(records) - self.over)
            own = slice(first, first + self.over)
            still = np.ptp(thumbs[own], 0) <= self.most_change
            plain = (detail[own].mean(0) < self.least_detail * usual) & (usual >= 8)
            far = moved_m(records[first], records[first + self.over - 1]) >= self.far_m
            shares.append(float((still & plain).mean()) if far else 0.0)
        return shares


def _usual(records: Sequence[RecordFacts], camera: str, places: Sequence[int]) -> np.ndarray:
    """[144]: the detail that nearly all drives show; 0 where there are too few."""
    drives: dict[str, list[np.ndarray]] = defaultdict(list)
    for i in places:
        drives[records[i].scene].append(detail_of(records[i], camera))
    if len(drives) < LEAST_DRIVES:
        return np.zeros(144)
    medians = np.sort([np.median(own, 0) for own in drives.values()], axis=0)
    return np.asarray(medians[max(1, len(medians) // 10)])
