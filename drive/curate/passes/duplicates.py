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
from numpy.typing import NDArray

from drive.curate.base import Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.neighbours import by_cameras

BANDS = 8  # of 8 bits: hashes that differ in fewer bits than there are bands share one of them
MOST_TOGETHER = 1024  # records that are compared with one another: more with a band in common are cut into pieces
_BITS = np.array([bin(i).count("1") for i in range(256)], dtype=np.uint8)


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
        chosen = list(firsts.values())
        for places in by_cameras([records[i] for i in chosen]):
            own = np.array(chosen)[places]
            for one, others in self._joined(_Looks.of([records[i] for i in own])):
                for other in others:
                    root[top(int(own[other]))] = top(int(own[one]))
        sizes: dict[int, int] = defaultdict(int)
        for i in range(len(records)):
            sizes[top(i)] += 1
        return [Judged(weight=sizes[top(i)] ** -0.5, scores={"cluster": float(sizes[top(i)])}) for i in range(len(records))]

    def _joined(self, looks: _Looks) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Each record with others that are alike. Those whose first camera's hashes have a band in common are compared, MOST_TOGETHER at a
        time, ordered by their hashes; one that was found alike is not compared with what it was found beside again."""
        order = np.argsort(looks.hashes[:, 0], kind="stable")
        for band in range(BANDS):
            octet = looks.octets[order, 0, band]
            for value in range(256):
                same = order[octet == value]
                for piece in np.array_split(same, max(1, -(-len(same) // MOST_TOGETHER))):
                    yield from self._within(looks, piece)

    def _within(self, looks: _Looks, piece: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        octets = looks.octets[piece, 0]
        near = _BITS[octets[:, None] ^ octets[None]].sum(-1, dtype=np.int16) <= self.most_bits
        rest = near.sum(1) > 1
        for k in range(len(piece)):
            waiting, rest[k] = [k] if rest[k] else [], False
            while waiting:
                one = waiting.pop()
                others = np.flatnonzero(near[one] & rest)
                alike = others[self._alike(looks, int(piece[one]), piece[others])]
                if len(alike):
                    yield int(piece[one]), piece[alike]
                    waiting += alike.tolist()
                    rest[alike] = False

    def _alike(self, looks: _Looks, one: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[others]: whether all cameras' hashes and thumbnails are near."""
        alike = np.ones(len(others), dtype=bool)
        for camera in range(looks.octets.shape[1]):
            left = others[alike]
            bits = _BITS[looks.octets[one, camera] ^ looks.octets[left, camera]].sum(-1)
            change = np.abs(looks.thumbs[one, camera].astype(np.int16) - looks.thumbs[left, camera]).mean(-1)
            alike[alike] = (bits <= self.most_bits) & (change <= self.most_change)
        return alike


@dataclass(frozen=True, eq=False)
class _Looks:
    """Of records with the same cameras: hashes [N, C] uint64, their bytes [N, C, 8], thumbs [N, C, 144] uint8."""

    hashes: NDArray[np.uint64]
    octets: NDArray[np.uint8]
    thumbs: NDArray[np.uint8]

    @staticmethod
    def of(records: Sequence[RecordFacts]) -> _Looks:
        hashes = np.array([[g.hash for g in record.glances.values()] for record in records], dtype=np.uint64)
        thumbs = np.array([[g.thumbnail() for g in record.glances.values()] for record in records], dtype=np.uint8)
        return _Looks(hashes, hashes[..., None].view(np.uint8), thumbs)
