"""A dirty lens: parts of a camera's picture that stay as they are while the car moves, and show less than the camera usually does there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.runs import cameras_of, detail_of, moving_runs, thumbs_of


@dataclass(frozen=True)
class Dirty(Pass):
    """Of a 16 x 9 grid, over `over` records of one drive in each of which the car has moved by 0.5 m: a field is dirty whose grey values
    stay within most_change, and whose detail is below least_detail of what it is in the median over all records of the camera, which
    must be at least some. most_share: of the fields that may be dirty. A camera that is dirty in half of all records is not found."""

    name: ClassVar[str] = "dirty"
    over: int = 8
    most_change: float = 8.0
    least_detail: float = 0.5
    most_share: float = 0.05

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        usual = {key: np.median([detail_of(records[i], key[1]) for i in places], 0) for key, places in cameras_of(records).items()}
        for places in moving_runs(records, self.over):
            for camera in records[places[0]].glances:
                shares = self._shares([records[i] for i in places], camera, usual[records[places[0]].source, camera])
                for place, share in zip(places, shares, strict=True):
                    if share > found[place].scores.get("share", -1.0):
                        told = f"{camera} is dirty: {share:.0%} of it stay as they are and show little" if share > self.most_share else ""
                        found[place] = Judged(told, scores={"share": share}, camera=camera)
        return found

    def _shares(self, records: Sequence[RecordFacts], camera: str, usual: np.ndarray) -> list[float]:
        """Of each record of a run, the dirty share in the run of `over` around it that has least of it."""
        thumbs = np.array([thumbs_of(record, camera) for record in records])
        detail = np.array([detail_of(record, camera) for record in records])
        ends = [min(max(k - self.over // 2, 0), len(records) - self.over) for k in range(len(records))]
        shares = []
        for first in ends:
            own = slice(first, first + self.over)
            still = np.ptp(thumbs[own], 0) <= self.most_change
            plain = (detail[own].mean(0) < self.least_detail * usual) & (usual >= 8)
            shares.append(float((still & plain).mean()))
        return shares
