"""Pictures that are much less sharp than they usually are: dirt, rain on the lens, lost focus. Fog and night, which all cameras show for
a whole drive, are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Blurred(Pass):
    """least_share: of the sharpness that is the camera's median in its drive. A camera whose median there is below least_share of the usual
    one is blurred all the time, where that share is below least_share of the drive's best camera's too."""

    name: ClassVar[str] = "blurred"
    least_share: float = 0.1

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        drives: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for record in records:
            for camera, glance in record.glances.items():
                drives[record.drive][camera].append(glance.sharp)
        usual = {key: {camera: float(np.median(sharp)) for camera, sharp in own.items()} for key, own in drives.items()}
        fleet: dict[tuple[str, str], list[float]] = defaultdict(list)
        for (source, _), own in usual.items():
            for camera, sharp in own.items():
                fleet[source, camera].append(sharp)
        soft = {
            (source, scene): self._soft(
                {camera: sharp / max(float(np.median(fleet[source, camera])), 1e-6) for camera, sharp in own.items()}
            )
            for (source, scene), own in usual.items()
        }
        return [self._of(record, usual[record.drive], soft[record.drive]) if record.glances else FINE for record in records]

    def _soft(self, shares: dict[str, float]) -> dict[str, float]:
        """The cameras, with their share of what is usual, that are blurred in a whole drive."""
        best = max(shares.values())
        return {camera: share for camera, share in shares.items() if share < self.least_share * min(best, 1.0)}

    def _of(self, record: RecordFacts, usual: dict[str, float], soft: dict[str, float]) -> Judged:
        shares = {name: glance.sharp / usual[name] for name, glance in record.glances.items() if usual[name] > 0}
        shares |= {name: soft[name] for name in shares if name in soft}
        if not shares:
            return FINE
        camera = min(shares, key=shares.__getitem__)
        told = f"{camera} is blurred: {shares[camera]:.0%} of its usual sharpness" if shares[camera] < self.least_share else ""
        return Judged(told, scores={"sharpness": shares[camera]}, camera=camera)
