"""Rows of nuScenes tables by way of their index, with the shortcuts that nuscenes-devkit adds to them."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.data.kept import Kept
from drive.data.nuscenes.index.build import Record, token_hash
from drive.data.nuscenes.index.stream import scan

# Read whole at once: a thousand rows at most.
WHOLE = ("category", "attribute", "visibility", "sensor", "log", "map", "scene")
TABLES = (*WHOLE, "calibrated_sensor", "instance", "sample", "sample_data", "ego_pose", "sample_annotation")
# Gaps between rows that are read over rather than skipped.
GAP_BYTES = 2048


class IndexedTables:
    """The tables of a folder, their rows read when asked for; those of the scene asked for last stay at hand.

    root, version: the folder. files: the table's files, which must stay as they are. scene, sensor: all rows of these tables.
    tokens: those of all samples, in the table's order. A copy in another process opens the files again.
    """

    def __init__(self, root: Path, version: str, files: dict[str, Path], index: Kept) -> None:
        self.root, self.version, self._files, self._index = root, version, files, index
        self._descriptors = {table: os.open(path, os.O_RDONLY | os.O_CLOEXEC) for table, path in files.items()}
        weakref.finalize(self, _close, list(self._descriptors.values()))
        self._stamps = {table: _stamp(number) for table, number in self._descriptors.items()}
        self._held: dict[str, dict[str, Record]] = {}
        self._whole = {table: {row["token"]: row for row in self.rows(table, range(self.count(table)))} for table in WHOLE}
        maps = {log: row["token"] for row in self._whole["map"].values() for log in row["log_tokens"]}
        for row in self._whole["log"].values():
            row["map_token"] = maps[row["token"]]
        self._numbers = {token: number for number, token in enumerate(self._whole["scene"])}
        self.scene, self.sensor = list(self._whole["scene"].values()), list(self._whole["sensor"].values())

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexedTables, (self.root, self.version, self._files, self._index)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An array of the index (`drive.data.nuscenes.index.build`)."""
        return self._index.arrays[name]

    @property
    def spacing_s(self) -> float:
        """The usual time in seconds between key frames of all scenes."""
        return float(self._index.facts["spacing_s"])

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        return tuple(self._index.facts["tokens"])

    def count(self, table: str) -> int:
        """How many rows of a table are indexed."""
        return len(self[f"{table}.at"])

    def get(self, table: str, token: str) -> Record:
        """A row; of a sample also `data` (channel -> token) and `anns` (tokens), of sample_data `channel` and `sensor_modality`, of
        an annotation `category_name`, of a log `map_token`. Raises KeyError where the table has no such token, ValueError where
        the file changed since it was opened."""
        if table in self._whole:
            return self._whole[table][token]
        if token in self._held.get(table, ()):
            return self._held[table][token]
        number = self.number(table, token)
        if number is None:
            raise KeyError(token)
        if table == "sample":
            self.hold(self.frames_with(number))
            return self._held[table][token]
        (row,) = self.rows(table, [number])
        return self._decorated(table, row)

    def number(self, table: str, token: str) -> int | None:
        """Which row of the index is a token's; None where none is."""
        hashes, wanted = self[f"{table}.hash"], np.uint64(token_hash(token))
        place = int(np.searchsorted(hashes, wanted))
        if place == len(hashes) or hashes[place] != wanted:
            return None
        number = int(self[f"{table}.order"][place])
        return number if self.rows(table, [number])[0]["token"] == token else None

    def sound(self, scene: Record) -> bool:
        """Whether nothing in a scene (its row) would be refused; False also where nobody judged yet."""
        sound = self._index.arrays.get("scene.sound")
        return sound is not None and bool(sound[self._numbers[scene["token"]]])

    def frame_tokens(self, scene: Record) -> list[str] | None:
        """The tokens of a scene's samples in time order; None where its chain does not hold together."""
        number = self._numbers[scene["token"]]
        return [self.tokens[n] for n in self.frames(number).tolist()] if self["scene.chained"][number] else None

    def numbers(self, scenes: Iterable[Record]) -> list[int]:
        """Which rows of the scene table these are."""
        return [self._numbers[scene["token"]] for scene in scenes]

    def frames(self, scene: int) -> NDArray[np.int32]:
        """The samples of a scene (its row's number) in time order; none where its chain does not hold together."""
        frames: NDArray[np.int32] = self["frames"][self["scene.start"][scene] : self["scene.start"][scene + 1]]
        return frames

    def frames_with(self, sample: int) -> NDArray[np.int32]:
        """The samples of the scene that a sample belongs to; itself where it belongs to none."""
        scene = int(self["sample.scene"][sample])
        return self.frames(scene) if scene >= 0 else np.array([sample], np.int32)

    def hold(self, samples: Iterable[int]) -> None:
        """Reads all rows of some key frames at once; they take the place of those held before."""
        held: dict[str, dict[str, Record]] = {table: {} for table in TABLES if table not in WHOLE}
        data, boxes = self.of_samples("sample_data", samples), self.of_samples("sample_annotation", samples)
        places = (
            ("sample", samples),
            ("ego_pose", data[self["ego_pose.size"][data] > 0]),
            ("calibrated_sensor", np.unique(self["sample_data.calibration"][data])),
            ("sample_data", data),
            ("instance", np.unique(self["sample_annotation.instance"][boxes])),
            ("sample_annotation", boxes),
        )
        for table, numbers in places:
            held[table] = {row["token"]: row for row in self.rows(table, numbers)}
        self._held = held
        for row in held["sample"].values():
            row |= {"data": {}, "anns": []}
        for row in held["sample_data"].values():
            self._decorated("sample_data", row)
            held["sample"][row["sample_token"]]["data"][row["channel"]] = row["token"]
        for row in held["sample_annotation"].values():
            self._decorated("sample_annotation", row)
            held["sample"][row["sample_token"]]["anns"].append(row["token"])

    def _decorated(self, table: str, row: Record) -> Record:
        if table == "sample_data":
            sensor = self.get("sensor", self.get("calibrated_sensor", row["calibrated_sensor_token"])["sensor_token"])
            row |= {"sensor_modality": sensor["modality"], "channel": sensor["channel"]}
        elif table == "sample_annotation":
            row["category_name"] = self.get("category", self.get("instance", row["instance_token"])["category_token"])["name"]
        return row

    def of_samples(self, table: str, samples: Iterable[int]) -> NDArray[np.int64]:
        """The rows of some samples, in their order."""
        start = self[f"{table}.start"]
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(start[n], start[n + 1]) for n in samples)])

    def rows(self, table: str, numbers: Iterable[int]) -> list[Record]:
        """Rows as their file says. Raises ValueError as `get`."""
        data, begins, ends = self.gathered(table, numbers)
        if data.isascii():
            text = data.decode("ascii")
            return [scan(text, begin)[0] for begin in begins.tolist()]
        return [json.loads(data[begin:end].decode()) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]

    def gathered(self, table: str, numbers: Iterable[int]) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64]]:
        """The bytes of rows, neighbours read together, and where in them each row begins and ends. Raises ValueError as `get`."""
        if _stamp(self._descriptors[table]) != self._stamps[table]:
            raise ValueError(f"{self._files[table].name} changed since it was opened; open the data set anew")
        rows = np.fromiter(numbers, np.int64)
        order = np.argsort(self[f"{table}.at"][rows], kind="stable")
        at, size = self[f"{table}.at"][rows[order]], self[f"{table}.size"][rows[order]]
        breaks = np.flatnonzero(at[1:] - (at + size)[:-1] > GAP_BYTES) + 1
        firsts, lasts = np.concatenate([[0], breaks])[: len(rows)], np.concatenate([breaks, [len(rows)]])[: len(rows)] - 1
        lengths = (at + size)[lasts] - at[firsts]
        pieces = [os.pread(self._descriptors[table], n, place) for n, place in zip(lengths.tolist(), at[firsts].tolist(), strict=True)]
        begins = np.empty(len(rows), np.int64)
        begins[order] = at + np.repeat(np.cumsum(lengths) - lengths - at[firsts], lasts - firsts + 1)
        return b"".join(pieces), begins, begins + self[f"{table}.size"][rows]


def _close(descriptors: list[int]) -> None:
    for number in descriptors:
        os.close(number)


def _stamp(descriptor: int) -> tuple[int, int]:
    stat = os.fstat(descriptor)
    return stat.st_size, stat.st_mtime_ns
