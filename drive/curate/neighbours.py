"""Records that are near each other as vectors, by bounded work: each is compared with its few nearest alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from drive.curate.facts import RecordFacts
from drive.frames import Array

NEAREST = 8
SIZE, SAMPLE = 32, 1024  # of an embedding; records that its components are found from


def clusters(vectors: Array, within: float) -> NDArray[np.int64]:
    """The cluster [N] of each of some vectors [N, D]: those that lie within a distance of each other are joined, over their NEAREST.

    Equal ones are joined first. A cloud of many more than NEAREST so near to each other may fall into several clusters; none joins what
    lies apart.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    _, first, which = np.unique(vectors, axis=0, return_index=True, return_inverse=True)
    own = vectors[first]
    distance, near = cKDTree(own).query(own, list(range(1, min(NEAREST + 1, len(own)) + 1)), distance_upper_bound=within)
    rows, columns = np.nonzero(np.isfinite(distance))
    graph = coo_matrix((np.ones(len(rows)), (rows, near[rows, columns])), shape=(len(own), len(own)))
    return np.asarray(connected_components(graph, directed=False)[1][which.ravel()], dtype=np.int64)


def by_cameras(records: Sequence[RecordFacts]) -> list[NDArray[np.int64]]:
    """The places of records that have the same cameras' pictures; those without any look like nothing and are left out."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, record in enumerate(records):
        if record.glances:
            groups.setdefault(tuple(record.glances), []).append(i)
    return [np.array(places) for places in groups.values()]


def embedded(records: Sequence[RecordFacts], details: bool) -> Array:
    """What records look like, [N, SIZE or less] float32: principal components (of an even sample) of all cameras' 16 x 9 grey values, with
    details also of what there is to see in each field; each picture's brightness and contrast taken out. A distance is the root mean
    square over a camera's fields, but for what the components leave out."""
    chosen = [records[int(i)] for i in np.linspace(0, len(records) - 1, min(SAMPLE, len(records)))]
    sample = _looks(chosen, details)
    mean = sample.mean(0)
    axes = np.linalg.svd(sample - mean, full_matrices=False)[2][:SIZE] / np.sqrt(sample.shape[1])
    parts = [(_looks(records[k : k + SAMPLE], details) - mean) @ axes.T for k in range(0, len(records), SAMPLE)]
    return np.concatenate(parts)


def _looks(records: Sequence[RecordFacts], details: bool) -> NDArray[np.float32]:
    return np.array([_look(record, details) for record in records], dtype=np.float32)


def _look(record: RecordFacts, details: bool) -> Array:
    seen = record.glances.values()
    parts = [_level(g.thumbnail()) for g in seen] + ([_level(g.details()) for g in seen] if details else [])
    return np.concatenate(parts)


def _level(values: NDArray[np.int64]) -> Array:
    return np.asarray((values - values.mean()) / max(float(values.std()), 4.0))
