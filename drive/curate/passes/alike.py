"""Near duplicates by clusters of embeddings: of what looks nearly the same and does the same, the hardest examples are kept.

As SemDeDup (arXiv 2303.09540): k-means, cosine similarity within a cluster, and of what is more alike than a bound the one that is
furthest from the cluster's centre stays. An embedding is the principal components of 16 x 9 grey values and detail of all cameras, or what
a network makes of their pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.looker import Network, seen
from drive.curate.neighbours import by_cameras, embedded
from drive.frames import Array

LOOKS = "looks"
SAMPLE, ROUNDS = 4096, 8  # records that k-means finds its centres from, and in how many rounds


@dataclass(frozen=True)
class Alike(Pass):
    """bound: cosine similarity from which two records are one example, where decision, command, source and what is around are the same too
    and speeds differ by less than 1 m/s. per_cluster: records that a cluster has on average; within one every pair is compared, and one of
    more than four times as many is cut into pieces. embedding: LOOKS, or whose features: a shipped planner, a checkpoint folder, or with
    weights, a safetensors file of them, a timm model."""

    name: ClassVar[str] = "alike"
    bound: float = 0.995
    embedding: str = LOOKS
    weights: str = ""
    per_cluster: int = 256

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        for places in by_cameras(records):
            own = [records[i] for i in places]
            for piece, judged in self._pieces(own, _unit(self._vectors(own))):
                for k, one in zip(piece, judged, strict=True):
                    found[int(places[k])] = one
        return found

    @property
    def network(self) -> Network | None:
        """Whose embeddings they are; None for what records look like."""
        return None if self.embedding == LOOKS else Network(self.embedding, self.weights)

    def _vectors(self, records: Sequence[RecordFacts]) -> Array:
        """[N, D] about their mean."""
        if self.embedding == LOOKS:
            return embedded(records, details=True)
        return seen([record.embedding for record in records])

    def _pieces(self, records: Sequence[RecordFacts], vectors: Array) -> Iterator[tuple[NDArray[np.int64], list[Judged]]]:
        """The places of each cluster's records, the hardest first, and what is found of them."""
        centres, labels = k_means(vectors, max(1, len(vectors) // self.per_cluster))
        hard = 1.0 - (vectors * centres[labels]).sum(-1)
        for label in range(len(centres)):
            own = np.flatnonzero(labels == label)
            own = own[np.argsort(-hard[own], kind="stable")]
            for piece in np.array_split(own, max(1, -(-len(own) // (4 * self.per_cluster)))):
                yield piece, self._within([records[k] for k in piece], vectors[piece], hard[piece])

    def _within(self, records: Sequence[RecordFacts], vectors: Array, hard: Array) -> list[Judged]:
        """Records of one cluster, the hardest first: each stays unless one that stays is nearly the same. hard [N]: how far each is from
        the cluster's centre."""
        near = vectors @ vectors.T
        kinds = [(record.source, record.decision, record.command, record.around) for record in records]
        numbers = {kind: n for n, kind in enumerate(dict.fromkeys(kinds))}
        which, speed = np.array([numbers[kind] for kind in kinds]), np.array([record.speed_mps or 0.0 for record in records])
        stays, found = np.ones(len(records), dtype=bool), []
        for k in range(len(records)):
            same = stays[:k] & (near[k, :k] >= self.bound) & (which[:k] == which[k]) & (np.abs(speed[:k] - speed[k]) < 1.0)
            stays[k] = not same.any()
            told = "" if stays[k] else f"nearly the same as {records[int(np.argmax(same))].id}"
            found.append(Judged(told, scores={"similarity": float(near[k, :k].max()) if k else 0.0, "hard": float(hard[k])}))
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
