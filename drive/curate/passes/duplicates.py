"""Near duplicates by perceptual hash: records that look alike share the weight of a few of them, 1/sqrt of their number each.

Two records are alike where the dHashes of all their cameras differ in few bits and the thumbnails in few grey values, and one cluster
where they are joined by such pairs (as MovieGen resamples clusters of clips, arXiv 2410.13720, section 3.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts

BANDS = 8  # of 8 bits: hashes that differ in fewer bits than there are bands share one of them
_BITS = np.array([bin(i).count("1") for i in range(256)])


@dataclass(frozen=True)
class Duplicates(Pass):
    """most_bits: of 64, by which one camera's hashes may differ (7 at most). most_change: mean difference of thumbnails, grey values."""

    name: ClassVar[str] = "duplicates"
    weighs: ClassVar[bool] = True
    most_bits: int = 3
    most_change: float = 4.0

    def __post_init__(self) -> None:
        if not 0 <= self.most_bits < BANDS:
            raise ValueError(f"duplicates.most_bits must be 0 to {BANDS - 1}, got {self.most_bits}")

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        root = list(range(len(records)))

        def top(i: int) -> int:
            while root[i] != i:
                root[i] = i = root[root[i]]
            return i

        firsts: dict[Any, int] = {}
        for i, record in enumerate(records):
            if record.glances:  # what looks exactly the same is joined at once: it may be thousands of records
                root[i] = firsts.setdefault(tuple((name, g.hash, g.thumbnail().tobytes()) for name, g in record.glances.items()), i)
        for one, others in self._candidates(records, list(firsts.values())):
            for other in others:
                if top(one) != top(int(other)) and self._alike(records[one], records[int(other)]):
                    root[top(int(other))] = top(one)
        sizes: dict[int, int] = defaultdict(int)
        for i in range(len(records)):
            sizes[top(i)] += 1
        return [Judged(weight=sizes[top(i)] ** -0.5, scores={"cluster": float(sizes[top(i)])}) for i in range(len(records))]

    def _candidates(self, records: Sequence[RecordFacts], chosen: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Each chosen record with later ones whose first camera's hash is near and has a band in common."""
        places = np.array(chosen, dtype=np.int64)
        hashes = np.array([next(iter(records[i].glances.values())).hash for i in places], dtype=np.uint64)
        octets = hashes[:, None].view(np.uint8).reshape(-1, BANDS)
        for band in range(BANDS):
            for value in range(256):
                own = np.flatnonzero(octets[:, band] == value)
                for k, one in enumerate(own[:-1]):
                    bits = _BITS[octets[one] ^ octets[own[k + 1 :]]].sum(-1)
                    near = own[k + 1 :][bits <= self.most_bits]
                    if len(near):
                        yield int(places[one]), places[near]

    def _alike(self, one: RecordFacts, other: RecordFacts) -> bool:
        if list(one.glances) != list(other.glances):
            return False
        for name, glance in one.glances.items():
            other_glance = other.glances[name]
            if (glance.hash ^ other_glance.hash).bit_count() > self.most_bits:
                return False
            if np.abs(glance.thumbnail() - other_glance.thumbnail()).mean() > self.most_change:
                return False
        return True
