"""Which scenes of which sources are of one drive, and which split each drive goes to.

A drive must not be learned from in one source and tested on in another. Scenes are taken to be one drive where they share a sample's
token, where one's name is the other's or ends with it ("sd_nuscenes_v1.0-mini_scene-0061", "scene-0061"), or where two of their time
stamps by a clock are equal to the microsecond and the car moved as far between them. Whoever is wrongly put together loses nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Between two equal time stamps the car of one drive has moved as far in both sources, to so many metres.
SAME_M = 0.5
# Time stamps below count from a record's own start (ScenarioNet), and say nothing of another one's; no record lasts these eleven days.
EARLIEST_CLOCK_US = 10**12
# A part of a name that is shorter names too much ("1", "day").
SHORTEST_NAME = 6

Scene = tuple[int, str]  # the source's number, the scene's name


@dataclass(frozen=True)
class Moment:
    """A sample before it is packed. place: its number in the source; xy: of the car, in the source's world. whole: as of `IndexRow`."""

    source: int
    place: int
    scene: str
    token: str
    timestamp_us: int
    xy: tuple[float, float]


def drives_of(moments: Sequence[Moment]) -> dict[Scene, str]:
    """Every scene -> the name of its drive, which is its first scene's."""
    scenes = list(dict.fromkeys((m.source, m.scene) for m in moments))
    joined = {scene: scene for scene in scenes}

    def root(scene: Scene) -> Scene:
        while joined[scene] != scene:
            scene = joined[scene]
        return scene

    order = {scene: i for i, scene in enumerate(scenes)}
    for one, other in [*_same_names(scenes), *_same_tokens(moments), *_same_times(moments)]:
        first, second = sorted((root(one), root(other)), key=order.__getitem__)
        joined[second] = first
    return {scene: root(scene)[1] for scene in scenes}


def assigned(counts: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Drives (name -> samples) -> splits (name -> share). In an order drawn from the seed and the names alone, each goes to the split
    that lacks most; no split stays empty while there are drives for all.

    Raises ValueError for fewer drives than splits, and shares that are not above 0.
    """
    if not shares or any(share <= 0 for share in shares.values()):
        raise ValueError(f"splits need shares above 0, got {dict(shares)}")
    if len(counts) < len(shares):
        raise ValueError(f"{len(counts)} drives do not make {len(shares)} splits: name fewer, or give more scenes")
    total, whole = sum(counts.values()), sum(shares.values())
    lacks = {split: total * share / whole for split, share in shares.items()}
    empty, found = set(shares), {}
    order = sorted(counts, key=lambda drive: hashlib.sha256(f"{seed}:{drive}".encode()).digest())
    for left, drive in zip(range(len(order), 0, -1), order, strict=True):
        among = empty if left <= len(empty) else shares
        split = max((split for split in shares if split in among), key=lacks.__getitem__)
        lacks[split] -= counts[drive]
        empty.discard(split)
        found[drive] = split
    return found


def _same_names(scenes: Sequence[Scene]) -> list[tuple[Scene, Scene]]:
    by_name = {scene[1].lower(): scene for scene in reversed(scenes)}
    pairs = []
    for scene in scenes:
        pieces = scene[1].lower().split("_")
        for first in range(len(pieces)):
            name = "_".join(pieces[first:])
            if name in by_name and by_name[name] != scene and (first == 0 or len(name) >= SHORTEST_NAME):
                pairs.append((scene, by_name[name]))
    return pairs


def _same_tokens(moments: Sequence[Moment]) -> list[tuple[Scene, Scene]]:
    first: dict[str, Scene] = {}
    own = ((first.setdefault(m.token, (m.source, m.scene)), (m.source, m.scene)) for m in moments)
    return [pair for pair in own if pair[0] != pair[1]]


def _same_times(moments: Sequence[Moment]) -> list[tuple[Scene, Scene]]:
    at: dict[int, list[Moment]] = defaultdict(list)
    for moment in moments:
        if moment.timestamp_us >= EARLIEST_CLOCK_US:
            at[moment.timestamp_us].append(moment)
    shared: dict[tuple[Scene, Scene], list[tuple[Moment, Moment]]] = defaultdict(list)
    for together in at.values():
        for i, one in enumerate(together):
            for other in together[i + 1 :]:
                if (one.source, one.scene) != (other.source, other.scene):
                    shared[(one.source, one.scene), (other.source, other.scene)].append((one, other))
    return [pair for pair, both in shared.items() if _moved_alike(both)]


def _moved_alike(both: Sequence[tuple[Moment, Moment]]) -> bool:
    """Whether the car went as far between all shared moments; it must have gone somewhere, lest all that stand are one."""
    if len(both) < 2:
        return False
    one, other = (np.array([pair[k].xy for pair in both]) for k in (0, 1))
    way, other_way = (np.hypot(*np.diff(xy, axis=0).T) for xy in (one, other))
    return bool(np.abs(way - other_way).max() < SAME_M and way.sum() > SAME_M)
