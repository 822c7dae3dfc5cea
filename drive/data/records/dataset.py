"""A folder of records as a data set: any sample is one read of a shard, in any order."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drive.data.layouts import Wanted
from drive.data.records.held import Held
from drive.data.records.index import INDEX, IndexRow, read_manifest, read_rows
from drive.data.records.members import BLOCK, unpacked
from drive.data.records.sample import from_members, with_pictures
from drive.data.records.texts import texts_of
from drive.schema import SceneSample, StoredPicture, Window
from drive.words import did_you_mean


class RecordFolder(Sequence[SceneSample]):
    """A `drive.data.dataset.Dataset` of records, in their order on disk.

    split: one of the folder's, or scenes (a list, or one string with commas). window: as they were packed, with no more frames;
    None: as packed. Raises ValueError for another one, a split that is not there, and a packing that was cut off.
    """

    def __init__(
        self, root: Path, split: str | Sequence[str] | None = None, window: Window | None = None, limit: int | None = None
    ) -> None:
        self.root, self.name = root, root.resolve().name
        self.manifest, packed = read_manifest(root)
        self.window = _window(root, packed, window or packed)
        rows = read_rows(root / INDEX)
        self.all_tokens: tuple[str, ...] = tuple(row.id for row in rows)
        self._choose(_chosen(root, rows, list(self.manifest.splits), split)[:limit])
        self._files: dict[tuple[int, str], int] = {}
        self._held = Held()
        self._sound: set[tuple[str, int]] = set()  # pieces whose bytes were found to be those that were packed
        self._maps, self._commands = True, True

    def _choose(self, rows: list[IndexRow]) -> None:
        self.rows = rows
        self.tokens: tuple[str, ...] = tuple(row.id for row in rows)
        self.scenes: tuple[str, ...] = tuple(dict.fromkeys(row.scene for row in rows))
        self._index = {row.id: i for i, row in enumerate(rows)}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i, its pictures as the files' bytes. Raises IndexError outside, ValueError naming shard and sample where it is damaged."""
        return self._made(self.rows[i], self.members(i))

    def unread(self, i: int) -> SceneSample:
        """Sample i without its pictures' bytes: cameras and targets alone."""
        return self._made(self.rows[i], {f"{self.rows[i].key}.json": self._json(self.rows[i])}, shown=False)

    def texts(self, i: int) -> tuple[str, ...]:
        """The free texts of sample i (`drive.data.records.texts`). Raises ValueError as `__getitem__`."""
        row = self.rows[i]
        try:
            return texts_of(json.loads(bytes(self._json(row))))
        except (AttributeError, ValueError) as error:
            raise self._damaged(row, error) from error

    def told(self, i: int) -> dict[str, Any]:
        """The JSON of sample i as it was packed, messages and all. Raises ValueError as `__getitem__`."""
        row = self.rows[i]
        try:
            values = json.loads(bytes(self.members(i)[f"{row.key}.json"]))
            return values if isinstance(values, dict) else {}
        except (KeyError, ValueError, RecursionError) as error:
            raise self._damaged(row, error) from error

    def members(self, i: int) -> dict[str, memoryview]:
        """The files of sample i by name, as they stand in the shard. Raises ValueError as `__getitem__`."""
        row = self.rows[i]
        try:
            return dict(unpacked(self._whole(row)))
        except ValueError as error:
            raise self._damaged(row, error) from error

    def is_whole(self, i: int) -> bool:
        """Whether sample i has the bytes that were packed, by their SHA-256."""
        row = self.rows[i]
        try:
            return hashlib.sha256(self._read(row, row.bytes)).hexdigest() == row.sha256
        except ValueError:
            return False

    def chosen(self, places: Sequence[int]) -> RecordFolder:
        """The samples at these places, in this order; one may come twice."""
        other = copy.copy(self)
        other._choose([self.rows[i] for i in places])
        return other

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        return self[self.place(token)]

    def place(self, token: str) -> int:
        """Where the sample of a token stands. Raises ValueError where it is not among `tokens`."""
        if token not in self._index:
            near = did_you_mean(token, self._index)
            raise ValueError(f"sample {token!r} is not among the {len(self)} of {self.name}; it may be another split's{near}")
        return self._index[token]

    def scene_of(self, token: str) -> str:
        """The name of a sample's scene."""
        return self.rows[self.place(token)].scene

    def without_maps(self) -> RecordFolder:
        """The same samples with `Target.map` left out."""
        other = copy.copy(self)
        other._maps = False
        return other

    def without_commands(self) -> RecordFolder:
        """The same samples with no route command told."""
        other = copy.copy(self)
        other._commands = False
        return other

    def _made(self, row: IndexRow, members: dict[str, memoryview], shown: bool = True) -> SceneSample:
        prefix = f"{row.key}."
        try:
            text = members.pop(f"{prefix}json")
            named = {name.removeprefix(prefix): content for name, content in members.items()}
            pictures = {name: StoredPicture(f"{row.shard}:{prefix}{name}", bytes(content)) for name, content in named.items()}
            sample = self._told(row, text)
            sample = with_pictures(sample, pictures) if shown else sample
        except (KeyError, ValueError) as error:
            raise self._damaged(row, error) from error
        observation = replace(sample.observation, frames=sample.observation.frames[-self.window.frames :])
        observation = observation if self._commands else replace(observation, command=None)
        return replace(sample, observation=observation)

    def _told(self, row: IndexRow, text: memoryview) -> SceneSample:
        """What a sample's JSON tells, from memory where it was read before. A JSON that differs in length is another one."""
        key = row.shard, row.offset, row.key, len(text), self._maps
        sample = self._held.get(key)
        if sample is None:
            sample = from_members(bytes(text), {}, self._maps)
            self._held.put(key, sample, len(text))
        return sample

    def _damaged(self, row: IndexRow, error: Exception) -> ValueError:
        return ValueError(f"sample {row.id} in {self.root / row.shard} is damaged ({error}): `drive check {self.root}` names all")

    def _json(self, row: IndexRow) -> memoryview:
        """What stands first in a sample's piece of the shard, behind its header."""
        return memoryview(self._read(row, BLOCK + row.json_bytes))[BLOCK:]

    def _whole(self, row: IndexRow) -> bytes:
        """A sample's piece of the shard; what is read for the first time must have its SHA-256."""
        data = self._read(row, row.bytes)
        if (row.shard, row.offset) not in self._sound:
            if hashlib.sha256(data).hexdigest() != row.sha256:
                raise ValueError("its bytes are not those that were packed")
            self._sound.add((row.shard, row.offset))
        return data

    def _read(self, row: IndexRow, count: int) -> bytes:
        """The first bytes of a sample, by a file of this process's own, which is read at places: forked readers do not disturb it."""
        key = os.getpid(), row.shard
        try:
            if key not in self._files:
                self._files[key] = os.open(self.root / row.shard, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            if row.offset + count > os.fstat(self._files[key]).st_size:
                raise ValueError(f"shard {self.root / row.shard} ends within sample {row.id}")
            data = os.pread(self._files[key], count, row.offset)
        except OSError as error:
            raise ValueError(f"shard {self.root / row.shard} cannot be read: {error.strerror}") from error
        if len(data) != count:
            raise ValueError(f"shard {self.root / row.shard} ends within sample {row.id}")
        return data


def open_records(root: Path, choice: Wanted) -> RecordFolder:
    """As `drive.data.dataset.open_dataset`, which calls it. Raises ValueError for tables of several versions or a CAN bus, which records
    do not have."""
    if choice.motion != "poses" or choice.version is not None:
        raise ValueError(f"{root}: version and motion='can' are of nuScenes tables alone; leave them out")
    folder = RecordFolder(root, choice.split, choice.window, choice.limit)
    folder = folder if choice.maps else folder.without_maps()
    return folder if choice.command else folder.without_commands()


def _window(root: Path, packed: Window, wanted: Window) -> Window:
    if replace(wanted, frames=packed.frames) != packed or wanted.frames > packed.frames:
        raise ValueError(f"{root} was packed for {packed}, {wanted} is wanted: give the same times, and as many frames at most")
    return wanted


def _chosen(root: Path, rows: list[IndexRow], splits: list[str], split: str | Sequence[str] | None) -> list[IndexRow]:
    if split is None:
        return rows
    if isinstance(split, str) and split in splits:
        return [row for row in rows if row.split == split]
    names = {name.strip() for name in split.split(",")} if isinstance(split, str) else set(split)
    scenes = {row.scene for row in rows}
    if not names or names - scenes:
        has = f"it has the splits {', '.join(splits)} and {len(scenes)} scenes"
        raise ValueError(f"split {split!r}: no such split or scene in {root}; {has}")
    return [row for row in rows if row.scene in names]
