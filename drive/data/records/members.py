"""Members of tar shards (POSIX ustar, uncompressed), so that a sample is one piece of a file that is read at once.

Times, owners and permissions are always the same: equal samples are equal bytes.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

BLOCK = 512
END = bytes(2 * BLOCK)  # what ends an archive


def packed(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Members (name, content) as they stand in an archive. Raises ValueError for names that ustar has no place for."""
    parts = []
    for name, content in members:
        if len(name.encode()) > 100:
            raise ValueError(f"a member's name is at most 100 bytes, got {name!r}")
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        parts += [info.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % BLOCK)]
    return b"".join(parts)


def unpacked(data: bytes | memoryview) -> Iterator[tuple[str, memoryview]]:
    """Members (name, content) of a piece of an archive. Raises ValueError where it is none, or is cut off."""
    view, at = memoryview(data), 0
    while at < len(view) and view[at]:
        head = bytes(view[at : at + BLOCK])
        name, size = _header(head)
        if at + BLOCK + size > len(view):
            raise ValueError(f"{name} is cut off")
        yield name, view[at + BLOCK : at + BLOCK + size]
        at += BLOCK + size + -size % BLOCK


def _header(head: bytes) -> tuple[str, int]:
    """Name and size. The sum of a header's bytes, its own eight taken as spaces, stands in it."""
    try:
        total = int(head[148:156].rstrip(b"\0 "), 8)
        if len(head) == BLOCK and sum(head) - sum(head[148:156]) + 8 * 32 == total:
            return head[:100].rstrip(b"\0").decode(), int(head[124:136].rstrip(b"\0 "), 8)
    except ValueError:
        pass
    raise ValueError("no member's header stands there: the shard is damaged")
