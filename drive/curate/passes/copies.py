"""A moment that comes again: the same labels, and pictures that differ by no more than brightness, noise and compression."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.neighbours import by_cameras, clusters, embedded
from drive.frames import Array


@dataclass(frozen=True)
class Copies(Pass):
    """Two records are one moment where speeds and the future's places differ by less than labels (m, m/s), and grey values, levelled to
    a spread of 1, by less than `look` in the root mean square over all cameras; decision, command and what is around are the same. The
    sharpest is kept; of a drive that stands, which looks the same for seconds, every moment of its own."""

    name: ClassVar[str] = "copies"
    labels: float = 0.05
    look: float = 0.2

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in by_cameras(records):
            vectors = self._vectors([records[i] for i in places])
            groups: dict[int, list[int]] = defaultdict(list)
            for place, label in zip(places, clusters(vectors, 1.0), strict=True):
                groups[int(label)].append(int(place))
            for members in groups.values():
                stay = _kept(records, members)
                for i in members:
                    told = "" if i in stay else f"the same moment as {records[stay[0]].id}"
                    found[i] = Judged(told, scores={"copies": float(len(members))})
        return found

    def _vectors(self, records: Sequence[RecordFacts]) -> Array:
        """[N, D] in which what is one moment lies within 1."""
        steps = max(len(record.future) for record in records)
        told = np.zeros((len(records), 2 + 2 * steps))
        words = [(record.decision, record.command, record.around, len(record.future)) for record in records]
        numbers = {word: 1000.0 * n for n, word in enumerate(dict.fromkeys(words))}
        for k, record in enumerate(records):
            told[k, :2] = record.speed_mps or 0.0, numbers[words[k]]
            told[k, 2 : 2 + 2 * len(record.future)] = np.array(record.future).reshape(-1, 3)[:, 1:].ravel()
        return np.concatenate([told / self.labels, embedded(records, details=False) / self.look], 1)


def _kept(records: Sequence[RecordFacts], members: list[int]) -> list[int]:
    """Which of those that are alike stay: with clocks, each moment of the scene that has most of them; without, the sharpest."""
    scenes: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for i in members:
        if records[i].timestamp_us > 0:
            scenes[records[i].drive].setdefault(records[i].timestamp_us, i)
    if scenes:
        return list(max(scenes.values(), key=len).values())
    return [max(members, key=lambda i: (sum(g.sharp for g in records[i].glances.values()), -i))]
