"""Pictures that show one colour: covered lenses, cameras that were off, decoders that gave grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Blank(Pass):
    """least_std: of a picture's grey values, 0 to 255."""

    name: ClassVar[str] = "blank"
    least_std: float = 4.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        return [self._of(record) for record in records]

    def _of(self, record: RecordFacts) -> Judged:
        if not record.glances:
            return FINE
        camera = min(record.glances, key=lambda name: record.glances[name].std)
        std = record.glances[camera].std
        told = f"{camera} shows one colour: its grey values spread by {std:.1f}" if std < self.least_std else ""
        return Judged(told, scores={"std": std}, camera=camera)
