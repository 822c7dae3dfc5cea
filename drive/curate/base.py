"""What a pass is: facts of records in, findings out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from drive.curate.facts import RecordFacts


@dataclass(frozen=True)
class Judged:
    """What a pass says of a record. reason: why it is dropped, "" where it is not; weight: how often it is drawn; camera: whose picture
    shows the reason, "" where none does. tags: what one can choose it by besides those of `drive.curate.run.tags_of`."""

    reason: str = ""
    weight: float = 1.0
    scores: Mapping[str, float] = field(default_factory=dict)
    camera: str = ""
    tags: tuple[str, ...] = ()


FINE = Judged()


@dataclass(frozen=True)
class Pass(ABC):
    """A pass is one file: its thresholds as fields, and `judge`; and a field of `drive.curate.recipe.Recipe`.

    name: in reasons and recipes. weighs: it gives weights and drops nothing; such are shown those records alone that the others keep.
    """

    name: ClassVar[str]
    weighs: ClassVar[bool] = False

    def check(self) -> None:
        """Raises ValueError where it cannot judge here at all, before anything is measured."""
        return

    @abstractmethod
    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        """A finding for each record."""
