"""Which record of which shard is which frame: frames of a segment lie shuffled over all shards, and tell their names SEGMENT-NUMBER."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from drive.data.paths import inside
from drive.data.waymo import SPLITS
from drive.data.waymo.tfrecord import HEAD, MAX_RECORD, RecordPlace, places_of
from drive.protobuf import BYTES, Span, walk

FILE = re.compile(r"\.tfrecord(-\d{5}-of-\d{5})?$")
SHARD = re.compile(r"\.tfrecord-(\d{5})-of-(\d{5})$")
NAME = re.compile(r"(.+)-(\d{1,9})")
# Where a frame's name stands: in its field 1 (frame), in that in field 1 (context), in that field 1. Its writer puts these first.
HEAD_BYTES = 4096
# A Frame of perception data has these beside its context, an E2EDFrame has not: time stamp, pose, pictures.
PERCEPTION = frozenset({2, 3, 4})


class FramePlace(NamedTuple):
    """A frame: its name SEGMENT-NUMBER, and where its record is."""

    name: str
    segment: str
    number: int
    path: Path
    place: RecordPlace


def shard_files(root: Path) -> dict[str, list[Path]]:
    """Split -> its shards. A split is a folder's name, or the first word of the files' (`training`, `val`, ...), else empty."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in (root, *(root / name for name in SPLITS)):
        for path in sorted(folder.glob("*.tfrecord*")):
            if FILE.search(path.name):
                word = re.match(r"[a-z]+", path.name)
                own = folder.name if folder != root else word[0] if word and word[0] in SPLITS else ""
                found[own].append(inside(root, str(path.relative_to(root))))
    return dict(found)


def is_wod_e2e(root: Path) -> bool:
    """Whether a folder holds tfrecord files whose first record is an E2EDFrame; of damaged ones, whether they are named as its shards.
    The first file is asked that is not empty."""
    files = [path for folder in (root, *(root / name for name in SPLITS)) for path in folder.glob("*.tfrecord*") if FILE.search(path.name)]
    if not files:
        return False
    first = next((path for path in files if path.is_file() and path.stat().st_size), None)
    if first is None:
        return any(SHARD.search(path.name) for path in files)
    try:
        with first.open("rb") as file:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                return bool(SHARD.search(first.name))
            size = HEAD.unpack(head)[0]
            fields = {number: kind for number, kind, _ in walk(file.read(min(size, MAX_RECORD)), 0, size)}
    except (OSError, ValueError):
        return bool(SHARD.search(first.name))
    return fields.get(1) == BYTES and not fields.keys() & PERCEPTION


def missing_shards(root: Path) -> list[tuple[str, int, str]]:
    """Of sets of shards, by what those that are there are called (...-00000-of-00002), that are not whole: split, how many are not there,
    the first one's name."""
    missing = []
    for split, paths in shard_files(root).items():
        sets: dict[tuple[str, int], set[int]] = defaultdict(set)
        for found in filter(None, (SHARD.search(path.name) for path in paths)):
            sets[found.string[: found.start()], int(found[2])].add(int(found[1]))
        for (stem, count), here in sorted(sets.items()):
            if absent := count - sum(k < count for k in here):
                first = next(k for k in range(count) if k not in here)
                missing.append((split, absent, f"{stem}.tfrecord-{first:05d}-of-{count:05d}"))
    return missing


def read_index(root: Path) -> dict[str, dict[str, tuple[FramePlace, ...]]]:
    """Split -> segment -> its frames, by number. The heads of all records are read, nothing else of them.

    Raises ValueError, naming file and record, where a file is damaged, a frame has no name SEGMENT-NUMBER or comes twice.
    """
    found: dict[str, dict[str, tuple[FramePlace, ...]]] = {}
    for split, paths in shard_files(root).items():
        segments: dict[str, list[FramePlace]] = defaultdict(list)
        for path in paths:
            for frame in frames_in(path):
                segments[frame.segment].append(frame)
        found[split] = {name: tuple(sorted(frames, key=lambda frame: frame.number)) for name, frames in sorted(segments.items())}
    _require_once(root, found)
    return found


def frames_in(path: Path) -> Iterator[FramePlace]:
    """The frames of one shard, in its order."""
    places = places_of(path)  # a pipe is refused there, which would be waited for
    with path.open("rb") as file:
        for number, place in enumerate(places):
            file.seek(place.start)
            name = _name_in(file.read(min(place.size, HEAD_BYTES)), place.size)
            match = NAME.fullmatch(name)
            if match is None:
                raise ValueError(f"{path}: record {number}: no frame of WOD-E2E: its name is {name[:60]!r}, expected SEGMENT-NUMBER")
            yield FramePlace(name, match[1], int(match[2]), path, place)


def _name_in(head: bytes, size: int) -> str:
    """The name that a record of this size begins with; empty where it begins otherwise, or its head is no message."""
    span = Span(0, size)
    try:
        for _ in range(3):
            number, kind, value = next(walk(head, *span), (0, 0, 0))
            if (number, kind) != (1, BYTES) or not isinstance(value, Span):
                return ""
            span = value
        return head[span.start : span.end].decode("utf-8") if span.end <= len(head) else ""
    except ValueError:
        return ""


def _require_once(root: Path, found: dict[str, dict[str, tuple[FramePlace, ...]]]) -> None:
    seen: dict[str, Path] = {}
    for frame in (frame for segments in found.values() for frames in segments.values() for frame in frames):
        if frame.name in seen:
            raise ValueError(f"{root}: frame {frame.name} stands in {seen[frame.name].name} and again in {frame.path.name}")
        seen[frame.name] = frame.path
