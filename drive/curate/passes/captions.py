"""Words burned into pictures: a line of letters that stays at its place while the car moves; dates, names, logos of recorders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.pictures import MOST_CAPTIONS
from drive.curate.runs import moved_m, moving_runs


@dataclass(frozen=True)
class Captions(Pass):
    """What looks like letters is burned in where, of the records up to `around` before and after in which the car moved, the share `often`
    has it at the same place, by the share `overlap` of both; over them the car must come moved_m far."""

    name: ClassVar[str] = "captions"
    around: int = 4
    often: float = 0.75
    overlap: float = 0.5
    moved_m: float = 10.0

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in moving_runs(records, 2 * self.around + 1):
            far = np.concatenate(
                [[0.0], np.cumsum([moved_m(records[a], records[b]) for a, b in zip(places[:-1], places[1:], strict=True)])]
            )
            for camera in records[places[0]].glances:
                shares = self._shares([records[i].glances[camera].captions for i in places], far)
                for place, share in zip(places, shares, strict=True):
                    if share > found[place].scores.get("share", -1.0):
                        told = f"{camera} has letters that stay while the car moves" if share >= self.often else ""
                        found[place] = Judged(told, scores={"share": share}, camera=camera)
        return found

    def _shares(self, captions: Sequence[tuple[tuple[int, ...], ...]], far: np.ndarray) -> list[float]:
        """Of each record, in what share of those around it one of its places comes back."""
        boxes = np.zeros((len(captions), MOST_CAPTIONS, 4))
        for k, own in enumerate(captions):
            boxes[k, : len(own)] = np.array(own).reshape(-1, 4)
        shares = []
        for k in range(len(captions)):
            first = min(max(k - self.around, 0), len(captions) - 2 * self.around - 1)
            last = first + 2 * self.around
            if far[last] - far[first] < self.moved_m or not captions[k]:
                shares.append(0.0)
                continue
            again = (_shared(boxes[k], boxes[first : last + 1]) >= self.overlap).any(2).sum(0) - 1  # itself
            shares.append(float(again.max() / (last - first)))
        return shares


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] (x, y, width, height) with those [R, N, 4] of other records -> intersection over union [R, N, N]."""
    one, other = boxes[None, :, None], others[:, None]
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    return np.asarray(both / np.maximum(one[..., 2:].prod(-1) + other[..., 2:].prod(-1) - both, 1))
