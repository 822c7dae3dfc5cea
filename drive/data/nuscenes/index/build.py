"""Tables -> their index, reading the long ones row by row: memory grows with the rows of key frames, by some dozens of bytes each.

Of each indexed table TABLE: `TABLE.at` [N] int64 and `TABLE.size` [N] int32, where row n lies in its file; `TABLE.hash` [N] uint64, hashes
of the tokens in ascending order, and `TABLE.order` [N] int32, whose they are. Rows of sample_data and sample_annotation are in the order
of their samples, and `TABLE.start` [samples + 1] says where each sample's begin; within one they are in the table's order. Row n of
ego_pose is the pose of row n of sample_data (size 0 where there is none). Links: `sample_data.calibration`, `sample_annotation.instance`,
`instance.category` (-1 where nothing is annotated of it).
`sample.stamp` [samples] int64 is ODD where it is no such number. The key frames of scene s in time order are the samples
`frames[scene.start[s] : scene.start[s + 1]]`; `scene.chained` says whether its chain holds together. `sample.scene`: each sample's, or -1.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.data.kept import Kept
from drive.data.nuscenes.index.stream import placed_rows
from drive.data.nuscenes.index.texts import texts_of

NUSCENES_SPACING_S = 0.5
ODD = -(2**63)
END, LOST = -1, -2
# Tables whose rows all fit in memory while the index is built.
SHORT = ("category", "attribute", "visibility", "sensor", "log", "map", "scene", "calibrated_sensor", "instance", "sample")
# What is kept of the rows of the longer ones.
NEEDED = {"calibrated_sensor": ("sensor_token",), "instance": ("category_token",), "sample": ("token", "timestamp", "next")}

Arrays = dict[str, NDArray[Any]]
Record = dict[str, Any]


def token_hash(token: Any) -> int:
    """64 bits of a token, the same on every machine. Raises TypeError where it is no text."""
    if not isinstance(token, str):
        raise TypeError(f"the token {token!r} is no text")
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Places:
    """Where rows lie, and the hashes of their tokens, as columns that grow."""

    def __init__(self) -> None:
        self.at, self.size, self.hash = array("q"), array("i"), array("Q")

    def add(self, tokens: Iterable[Any], at: Iterable[int], size: Iterable[int]) -> None:
        self.at.extend(at)
        self.size.extend(size)
        self.hash.extend(map(token_hash, tokens))

    def arrays(self, table: str, rows: NDArray[np.int64] | None = None) -> Arrays:
        """As the index has them. rows: in which order. Raises ValueError where a token stands in two rows."""
        at, size, hashes = np.array(self.at, np.int64), np.array(self.size, np.int32), np.array(self.hash, np.uint64)
        if rows is not None:
            at, size, hashes = at[rows], size[rows], hashes[rows]
        order = np.argsort(hashes, kind="stable")
        if (np.diff(hashes[order]) == 0).any():
            raise ValueError(f"{table}.json: a token stands in more than one row")
        return {f"{table}.at": at, f"{table}.size": size, f"{table}.hash": hashes[order], f"{table}.order": order.astype(np.int32)}


class ShortTable:
    """All rows of a table, or some of their fields, and the number of each token's."""

    def __init__(self, path: Path, fields: tuple[str, ...] = ()) -> None:
        self.rows: list[Record] = []
        self.numbers: dict[str, int] = {}
        self.places = Places()
        for row, at, size in placed_rows(path):
            self.places.add([row["token"]], [at], [size])
            self.numbers[row["token"]] = len(self.rows)
            self.rows.append({name: row[name] for name in fields if name in row} if fields else row)

    def __getitem__(self, token: str) -> Record:
        return self.rows[self.numbers[token]]


class PosesAsked:
    """Which rows of data ask for a pose, by its token: mostly one, for which a list would take as much memory as the token."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._all: dict[str, list[int]] = {}

    def add(self, tokens: Iterable[str], start: int) -> None:
        """Of rows from number `start` on."""
        for n, token in enumerate(tokens, start):
            first = self._first.setdefault(token, n)
            if first != n:
                self._all.setdefault(token, [first]).append(n)

    def of(self, token: str) -> Iterable[int]:
        """Their numbers."""
        first = self._first.get(token)
        return () if first is None else self._all.get(token) or (first,)


def build(files: dict[str, Path], compiled: bool = False) -> Kept:
    """The index of the tables in these files, without `verdicts`. compiled: by `row_kernel`.

    Raises KeyError where an annotation or data of a key frame points to a row that there is not, or a log has no map (as
    nuscenes-devkit does); ValueError and TypeError where a table is no list of rows, has a token twice, or one that is no text.
    """
    short = {name: ShortTable(files[name], NEEDED.get(name, ())) for name in SHORT}
    arrays = {key: value for name, table in short.items() for key, value in table.places.arrays(name).items()}
    _require_maps(short)
    arrays |= _data_of_key_frames(files, short, compiled) | _annotations(files["sample_annotation"], short, compiled) | _chains(short)
    return Kept(arrays, {"tokens": [row["token"] for row in short["sample"].rows], "spacing_s": _spacing_s(short["sample"])})


def _spacing_s(samples: ShortTable) -> float:
    """The usual time between key frames; nuScenes' own where no sample has a next one."""
    steps = [samples[row["next"]]["timestamp"] - row["timestamp"] for row in samples.rows if row["next"]]
    steps = [step for step in steps if step > 0]
    return float(np.median(steps)) / 1e6 if steps else NUSCENES_SPACING_S


def _require_maps(short: dict[str, ShortTable]) -> None:
    mapped = {token for row in short["map"].rows for token in row["log_tokens"]}
    for row in short["log"].rows:
        if row["token"] not in mapped:
            raise KeyError(row["token"])


def _data_of_key_frames(files: dict[str, Path], short: dict[str, ShortTable], compiled: bool) -> Arrays:
    samples, calibrations = short["sample"].numbers, short["calibrated_sensor"]
    sensors = short["sensor"].numbers
    for row in calibrations.rows:
        sensors[row["sensor_token"]]
    places, sample, calibration, poses = Places(), array("i"), array("i"), PosesAsked()
    fields = ("token", "sample_token", "ego_pose_token", "calibrated_sensor_token")
    for at, size, (tokens, of_sample, of_pose, of_mount) in texts_of(files["sample_data"], fields, "is_key_frame", compiled):
        poses.add(of_pose, len(sample))
        places.add(tokens, at, size)
        sample.extend(map(samples.__getitem__, of_sample))
        calibration.extend(map(calibrations.numbers.__getitem__, of_mount))
    rows, order, start = _by_sample(sample, len(samples))
    found = places.arrays("sample_data", order) | {"sample_data.start": start, "sample_data.sample": rows}
    found["sample_data.calibration"] = np.array(calibration, np.int32)[order]
    return found | _poses(files["ego_pose"], poses, order, compiled)


def _poses(path: Path, wanted: PosesAsked, order: NDArray[np.int64], compiled: bool) -> Arrays:
    """Where the pose of each row of sample_data lies. Of a token that stands in two rows nobody could say which is meant."""
    count = len(order)
    at, size, hashes = np.zeros(count, np.int64), np.zeros(count, np.int32), np.zeros(count, np.uint64)
    for places, lengths, (tokens,) in texts_of(path, ("token",), compiled=compiled):
        for token, place, length in zip(tokens, places, lengths, strict=True):
            for n in wanted.of(token):
                if size[n]:
                    raise ValueError(f"{path.name}: the token {token} stands in more than one row")
                at[n], size[n], hashes[n] = place, length, token_hash(token)
    at, size, hashes = at[order], size[order], hashes[order]
    by_hash = np.argsort(hashes, kind="stable")
    by_hash = by_hash[size[by_hash] > 0]
    return {"ego_pose.at": at, "ego_pose.size": size, "ego_pose.hash": hashes[by_hash], "ego_pose.order": by_hash.astype(np.int32)}


def _annotations(path: Path, short: dict[str, ShortTable], compiled: bool) -> Arrays:
    samples, instances, categories = short["sample"].numbers, short["instance"], short["category"].numbers
    places, sample, instance = Places(), array("i"), array("i")
    for at, size, (tokens, of_sample, of_instance) in texts_of(path, ("token", "sample_token", "instance_token"), compiled=compiled):
        places.add(tokens, at, size)
        sample.extend(map(samples.__getitem__, of_sample))
        instance.extend(map(instances.numbers.__getitem__, of_instance))
    rows, order, start = _by_sample(sample, len(samples))
    category = np.full(len(instances.rows), -1, np.int32)
    for number in set(instance):
        category[number] = categories[instances.rows[number]["category_token"]]
    found = places.arrays("sample_annotation", order) | {"sample_annotation.start": start, "sample_annotation.sample": rows}
    return found | {"sample_annotation.instance": np.array(instance, np.int32)[order], "instance.category": category}


def _by_sample(sample: array[int], count: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The samples of rows in ascending order, the rows in that order, and where the rows of each of `count` samples begin [count + 1]."""
    of_row = np.array(sample, np.int32)
    order = np.argsort(of_row, kind="stable")
    return of_row[order], order, np.searchsorted(of_row[order], np.arange(count + 1))


def _chains(short: dict[str, ShortTable]) -> Arrays:
    samples, scenes = short["sample"], short["scene"].rows
    stamps = [_stamp(row["timestamp"]) for row in samples.rows]
    after = [samples.numbers[row["next"]] if row["next"] else END for row in samples.rows]
    chains = [_chain(_first(samples, scene["first_sample_token"]), after, stamps) for scene in scenes]
    frames = [number for chain in chains for number in chain or []]
    of_sample = np.full(len(stamps), -1, np.int32)
    of_sample[frames] = np.repeat(np.arange(len(scenes)), [len(chain or []) for chain in chains])
    return {
        "sample.stamp": np.array(stamps, np.int64),
        "sample.scene": of_sample,
        "frames": np.array(frames, np.int32),
        "scene.start": np.cumsum([0, *(len(chain or []) for chain in chains)]),
        "scene.chained": np.array([chain is not None for chain in chains], bool),
    }


def _stamp(value: Any) -> int:
    return value if type(value) is int and abs(value) < 2**62 else ODD


def _first(samples: ShortTable, token: Any) -> int:
    return samples.numbers.get(token, LOST) if token else END


def _chain(number: int, after: list[int], stamps: list[int]) -> list[int] | None:
    """The samples from this one on; None where the way leads nowhere, in a circle or back in time."""
    chain: list[int] = []
    while number >= 0:
        if stamps[number] == ODD or (chain and stamps[number] <= stamps[chain[-1]]):
            return None
        chain.append(number)
        number = after[number]
    return chain if number == END else None
