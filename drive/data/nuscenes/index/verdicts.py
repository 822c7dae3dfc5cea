"""Which scenes are sound: judged once, when the index is made, by the very functions that refuse the others when somebody opens them.

Opening many scenes judges their rows together. That comes to the same as scene by scene where no scene has rows of another, and where
the time stamps of all are of one order of magnitude, the only thing that rules compare across scenes (`drive.data.conventions.clocks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.data.nuscenes.index.build import ODD
from drive.data.nuscenes.index.lookup import IndexedTables
from drive.data.nuscenes.tables import Record, key_frames, refuse_impossible_cameras, refuse_other_conventions

# Rules of clocks speak of stamps that are a thousandfold of the usual one, give or take a factor of two.
SPREAD = 400.0


def verdicts(tables: IndexedTables, compiled: bool = False) -> dict[str, NDArray[Any]]:
    """For each scene: `scene.sound`, whether nothing in it would be refused and no row of it is another's too; `scene.earliest` and
    `scene.latest`, the least and greatest time stamp of its rows, ODD where one is no number. compiled: scenes are first looked at by
    `certain`, and only those that it doubts by the functions that refuse."""
    shared, sure = _sharing(tables), _sure(tables) if compiled else {}
    found = [sure.get(number) or _verdict(tables, number, scene) for number, scene in enumerate(tables.scene)]
    columns = np.array(found, np.int64).reshape(-1, 3)
    return {"scene.sound": columns[:, 0].astype(bool) & ~shared, "scene.earliest": columns[:, 1], "scene.latest": columns[:, 2]}


def _sure(tables: IndexedTables) -> dict[int, tuple[bool, int, int]]:
    """The verdicts of scenes that are surely sound."""
    from drive.data.nuscenes.index.certain import surely_sound

    names = [row["name"] for row in tables.rows("category", range(tables.count("category")))]
    found = {n: surely_sound(tables, n, names) for n in np.flatnonzero(tables["scene.chained"]).tolist()}
    return {number: (True, *stamps) for number, stamps in found.items() if stamps}


def doubtful(tables: IndexedTables, scenes: Sequence[int]) -> list[int]:
    """Those of some scenes (by number) that have to be looked at before they are used together: none where all are sound."""
    early, late = tables["scene.earliest"][scenes], tables["scene.latest"][scenes]
    if len(scenes) and not (early.min() > 0 and late.max() < SPREAD * early.min()):
        return list(scenes)
    return [number for number in scenes if not tables["scene.sound"][number]]


def _verdict(tables: IndexedTables, number: int, scene: Record) -> tuple[bool, int, int]:
    if not tables["scene.chained"][number]:
        return False, ODD, ODD
    try:
        samples = key_frames(tables, scene)
        refuse_impossible_cameras(tables, samples)
        refuse_other_conventions(tables, [scene])
        stamps = [*_stamps(tables, samples)]
        if not all(type(stamp) is int and abs(stamp) < 2**62 for stamp in stamps):
            return False, ODD, ODD
        return _closed(tables, samples, scene), min(stamps, default=ODD), max(stamps, default=ODD)
    except Exception:  # whatever it is, the same functions say it to whoever opens this scene
        return False, ODD, ODD


def _stamps(tables: IndexedTables, samples: list[Record]) -> Iterator[Any]:
    for sample in samples:
        yield sample["timestamp"]
        for token in sample["data"].values():
            data = tables.get("sample_data", token)
            yield from (data["timestamp"], tables.get("ego_pose", data["ego_pose_token"])["timestamp"])


def _closed(tables: IndexedTables, samples: list[Record], scene: Record) -> bool:
    """Whether the samples say that they are this scene's, and its annotations point to no others."""
    tokens = [token for sample in samples for token in sample["anns"]]
    boxes, known = [tables.get("sample_annotation", token) for token in tokens], {*tokens, ""}
    return all(sample["scene_token"] == scene["token"] for sample in samples) and all({box["prev"], box["next"]} <= known for box in boxes)


def _sharing(tables: IndexedTables) -> NDArray[np.bool_]:
    """Scenes that have a sample, or an instance, of another scene too."""
    found = np.zeros(len(tables.scene), bool)
    frames, start = tables["frames"], tables["scene.start"]
    of_frame = np.repeat(np.arange(len(found)), np.diff(start))
    samples, first, counts = np.unique(frames, return_index=True, return_counts=True)
    found[of_frame[np.isin(frames, samples[counts > 1])]] = True
    scene = tables["sample.scene"][tables["sample_annotation.sample"]]
    pairs = np.unique(np.stack([tables["sample_annotation.instance"], scene], 1), axis=0)
    instances, counts = np.unique(pairs[:, 0], return_counts=True)
    several = np.isin(pairs[:, 0], instances[counts > 1]) & (pairs[:, 1] >= 0)
    found[pairs[several, 1]] = True
    return found
