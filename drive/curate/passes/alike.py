"""Near duplicates by clusters of embeddings: of what looks nearly the same and does the same, the hardest examples are kept.

As SemDeDup (arXiv 2303.09540): k-means, cosine similarity within a cluster, and of what is more alike than a bound the one that is
furthest from the cluster's centre stays. An embedding is the principal components of 16 x 9 grey values and detail of all cameras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.neighbours import by_cameras, embedded
from drive.frames import Array

SAMPLE, ROUNDS = 4096, 8  # records that k-means finds its centres from, and in how many rounds


@dataclass(frozen=True)
class Alike(Pass):
    """bound: cosine similarity from which two records are one example, where decision, command, source and what is around are the same too
    and speeds differ by less than 1 m/s. per_cluster: records that a cluster has on average; within one every pair is compared, and one of
    more than four times as many is cut into pieces."""

    name: ClassVar[str] = "alike"
    bound: float = 0.995
    per_cluster: int = 256

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in by_cameras(records):
            vectors = _unit(embedded([records[i] for i in places], details=True))
            centres, labels = k_means(vectors, max(1, len(vectors) // self.per_cluster))
            hard = 1.0 - (vectors * centres[labels]).sum(-1)
            for label in range(len(centres)):
                own = np.flatnonzero(labels == label)
                own = own[np.argsort(-hard[own], kind="stable")]
                for piece in np.array_split(own, max(1, -(-len(own) // (4 * self.per_cluster)))):
                    for k, judged in zip(piece, self._within([records[places[k]] for k in piece], vectors[piece]), strict=True):
                        found[int(places[k])] = judged
        return found

    def _within(self, records: Sequence[RecordFacts], vectors: Array) -> list[Judged]:
        """Records of one cluster, the hardest first: each stays unless one that stays is nearly the same."""
        near = vectors @ vectors.T
        kinds = [(record.source, record.decision, record.command, record.around) for record in records]
        numbers = {kind: n for n, kind in enumerate(dict.fromkeys(kinds))}
        which, speed = np.array([numbers[kind] for kind in kinds]), np.array([record.speed_mps or 0.0 for record in records])
        stays, found = np.ones(len(records), dtype=bool), []
        for k in range(len(records)):
            same = stays[:k] & (near[k, :k] >= self.bound) & (which[:k] == which[k]) & (np.abs(speed[:k] - speed[k]) < 1.0)
            stays[k] = not same.any()
            told = "" if stays[k] else f"nearly the same as {records[int(np.argmax(same))].id}"
            found.append(Judged(told, scores={"similarity": float(near[k, :k].max()) if k else 0.0}))
        return found


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def k_means(vectors: Array, count: int) -> tuple[Array, NDArray[np.int64]]:
    """Centres [count, D] of unit vectors, and which is nearest to each [N]; found from an even sample, begun at members of it."""
    chosen = vectors[np.linspace(0, len(vectors) - 1, min(max(SAMPLE, 8 * count), len(vectors))).astype(np.int64)]
    centres = chosen[np.linspace(0, len(chosen) - 1, count).astype(np.int64)].copy()
    for _ in range(ROUNDS):
        labels = _nearest(chosen, centres)
        for k in np.unique(labels):
            centres[k] = _unit(chosen[labels == k].sum(0))
    return centres, _nearest(vectors, centres)


def _nearest(vectors: Array, centres: Array) -> NDArray[np.int64]:
    parts = np.array_split(vectors, max(1, len(vectors) // SAMPLE))
    return np.concatenate([np.argmax(part @ centres.T, axis=1) for part in parts])
