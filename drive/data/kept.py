"""Arrays that take long to work out from files, kept in the user's cache folder: the next time they are memory maps, open at once.

    $XDG_CACHE_HOME/drive/data (or ~/.cache/drive/data) / WHAT-DIGEST / kept.json, NAME.npy ...

Kept arrays belong to the names, sizes and times of the files they came from. Where these have changed, or the arrays are damaged, they
are made anew, and the log `drive.data` says so. Whoever deletes the folder loses nothing but time. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
# Shorter files are read at once: a memory map of each would be slower, and one of nothing is refused.
MAPPED_BYTES = 1 << 16
BLOCK = 1 << 20
LOG = logging.getLogger("drive.data")

Stamps = dict[str, list[int]]


@dataclass(frozen=True, eq=False)
class Kept:
    """arrays: by name, read only where they come from disk. facts: what JSON holds."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any] = field(default_factory=dict)


def cache_home() -> Path:
    """Where arrays are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drive" / "data"


def kept(what: str, sources: Sequence[Path], make: Callable[[], Kept], least_bytes: int) -> Kept:
    """What `make` works out from the source files, from the cache folder where it lies there.

    what: a word for it, which names the folder. least_bytes: less than this in all is worked out each time. Where the cache folder cannot
    be written the arrays stay in memory, and the log says so.
    """
    stamps = _stamps(sources)
    if sum(size for size, _ in stamps.values()) < least_bytes:
        return make()
    folder = _folder(what, sources)
    found = _read(folder, stamps)
    if isinstance(found, Kept):
        return found
    LOG.warning("%s of %s: made %s, kept in %s", what, _place(sources), found, folder)
    made = make()
    if _stamps(sources) != stamps:
        LOG.warning("%s of %s: files changed meanwhile, so it is not kept", what, _place(sources))
        return made
    try:
        _write(folder, stamps, made)
    except OSError as error:
        LOG.warning("%s of %s cannot be kept in %s (%s): it is made anew each time", what, _place(sources), folder, error.strerror or error)
        return made
    again = _read(folder, stamps)
    return again if isinstance(again, Kept) else made


def _place(sources: Sequence[Path]) -> str:
    return str(sources[0] if len(sources) == 1 else sources[0].parent)


def _folder(what: str, sources: Sequence[Path]) -> Path:
    names = json.dumps([FORMAT, *(str(path.resolve()) for path in sources)])
    return cache_home() / f"{what.replace(' ', '-')}-{hashlib.sha256(names.encode()).hexdigest()[:16]}"


def _stamps(sources: Sequence[Path]) -> Stamps:
    found = {path.name: path.stat() for path in sources}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in found.items()}


def _read(folder: Path, stamps: Stamps) -> Kept | str:
    """What is kept, or why it has to be made."""
    try:
        head = json.loads((folder / "kept.json").read_text())
        told, files, facts = head["sources"], head["arrays"], head["facts"]
        changed = [name for name, stamp in stamps.items() if told.get(name) != stamp]
        if changed or head["format"] != FORMAT:
            return f"anew, since {', '.join(changed) or 'its format'} changed"
        damaged = [name for name, crc in files.items() if _crc(folder / f"{name}.npy") != crc]
        if damaged:
            return f"anew, since its {damaged[0]}.npy is damaged"
        return Kept({name: _array(folder / f"{name}.npy") for name in files}, facts)
    except FileNotFoundError:
        return "anew, since files of it are missing" if folder.exists() else "for the first time"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "anew, since it is damaged"


def _array(path: Path) -> NDArray[Any]:
    large = path.stat().st_size >= MAPPED_BYTES
    array: NDArray[Any] = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    return array


def _write(folder: Path, stamps: Stamps, made: Kept) -> None:
    """A folder appears whole or not at all; where another process was faster, its folder stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        for name, array in made.arrays.items():
            np.save(draft / f"{name}.npy", array, allow_pickle=False)
        crcs = {name: _crc(draft / f"{name}.npy") for name in made.arrays}
        head = {"format": FORMAT, "sources": stamps, "arrays": crcs, "facts": made.facts}
        (draft / "kept.json").write_text(json.dumps(head))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc
