"""tfrecord files: records one after the other, each with its length and two checksums.

uint64 length | uint32 masked CRC-32C of the length | data | uint32 masked CRC-32C of the data        (little-endian)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from drive.data.waymo.crc import crc32c, crc32c_readable, masked

HEAD, TAIL = struct.Struct("<QI"), struct.Struct("<I")
MAX_RECORD = 200_000_000
MAX_RECORDS = 100_000


@dataclass(frozen=True)
class RecordPlace:
    """Where a record's data lies in its file, bytes."""

    start: int
    size: int


def places_of(path: Path) -> tuple[RecordPlace, ...]:
    """Where a file's records are; their data is not read. Raises ValueError, with the record's number, where the framing is damaged, and
    where the file is empty."""
    found: list[RecordPlace] = []
    if not path.is_file():
        raise ValueError(f"{path}: no regular file")
    end = path.stat().st_size
    if not end:
        raise ValueError(f"{path}: is empty, 0 bytes, expected records; copied whole?")
    with path.open("rb") as file:
        at = 0
        while at < end:
            head = file.read(HEAD.size)
            size, crc = HEAD.unpack(head) if len(head) == HEAD.size else (0, -1)
            if crc != masked(crc32c_readable(head[:8])):
                raise ValueError(f"{path}: record {len(found)}: the checksum of its length is wrong; no tfrecord file, or a damaged one")
            at += HEAD.size + size + TAIL.size
            if size > MAX_RECORD or at > end or len(found) >= MAX_RECORDS:
                raise ValueError(f"{path}: record {len(found)} of {size} bytes: the file ends before it, or it is absurd; copied whole?")
            found.append(RecordPlace(at - size - TAIL.size, size))
            file.seek(at)
    return tuple(found)


def read_record(path: Path, place: RecordPlace) -> bytes:
    """A record's data. Raises ValueError where it is not what its checksum says."""
    with path.open("rb") as file:
        file.seek(place.start)
        data, tail = file.read(place.size), file.read(TAIL.size)
    if len(tail) < TAIL.size or TAIL.unpack(tail)[0] != masked(crc32c(data)):
        raise ValueError(f"{path}: the record at byte {place.start} is damaged: its checksum is wrong")
    return data
