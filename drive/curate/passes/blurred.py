"""Pictures that are much less sharp than their camera's usually are: dirt, rain on the lens, lost focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Blurred(Pass):
    """least_share: of the sharpness that is the camera's median over all records."""

    name: ClassVar[str] = "blurred"
    least_share: float = 0.1

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        cameras = {name for record in records for name in record.glances}
        usual = {name: float(np.median([r.glances[name].sharp for r in records if name in r.glances])) for name in cameras}
        return [self._of(record, usual) for record in records]

    def _of(self, record: RecordFacts, usual: dict[str, float]) -> Judged:
        shares = {name: glance.sharp / usual[name] for name, glance in record.glances.items() if usual[name] > 0}
        if not shares:
            return FINE
        camera = min(shares, key=shares.__getitem__)
        told = f"{camera} is blurred: {shares[camera]:.0%} of its usual sharpness" if shares[camera] < self.least_share else ""
        return Judged(told, scores={"sharpness": shares[camera]}, camera=camera)
