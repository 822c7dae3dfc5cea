"""Records that follow one another in a drive, and what a camera shows over all records: what several passes need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from drive.curate.facts import RecordFacts, scenes_of

MOVED_M = 0.5


def moving_runs(records: Sequence[RecordFacts], least: int) -> Iterator[list[int]]:
    """The places of records of a drive in order, those left out in which the car has not moved by MOVED_M since the one before, cameras
    changed, or a picture is lacking; drives of fewer than `least` are left out."""
    for places in scenes_of(records):
        run: list[int] = []
        for place in places:
            record = records[place]
            if run and list(record.glances) != list(records[run[0]].glances):
                continue
            if record.glances and (not run or moved_m(records[run[-1]], record) >= MOVED_M):
                run.append(place)
        if len(run) >= least:
            yield run


def moved_m(one: RecordFacts, other: RecordFacts) -> float:
    """How far the car has come."""
    return float(np.hypot(*np.subtract(other.xy, one.xy)))


def cameras_of(records: Sequence[RecordFacts]) -> dict[tuple[str, str], list[int]]:
    """The places of the records that each camera of each source has a picture in."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        for name in record.glances:
            found[record.source, name].append(i)
    return dict(found)


def thumbs_of(record: RecordFacts, camera: str) -> NDArray[np.int64]:
    """Grey values [144]."""
    return record.glances[camera].thumbnail()


def detail_of(record: RecordFacts, camera: str) -> NDArray[np.int64]:
    """How much there is to see, [144]."""
    return record.glances[camera].details()
