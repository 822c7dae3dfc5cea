"""An index of nuScenes tables: where each row lies in its JSON file, and which rows belong to a key frame.

    stream (a table row by row) -> texts -> build (places, links, chains) -> verdicts (which scenes are sound) -> kept on disk
    for large tables: row_kernel in place of stream; row_kernel, number_kernel -> scene_columns -> certain (scenes that are surely sound),
    which verdicts asks first
    lookup: `IndexedTables`, rows out of the JSON files by way of the index, as nuscenes-devkit would give them

The tables of trainval are 3 GB of JSON, of which a scene needs 2,000 rows. The index is some dozens of MB of NumPy arrays, memory-mapped;
rows stay where they are and are parsed when a scene is asked for, so that a row is exactly what its table says. Of sample_data and
ego_pose the rows of key frames are indexed, nothing of the sweeps between them.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drive.data.kept import LOG, Kept, kept
from drive.data.nuscenes.index.build import build
from drive.data.nuscenes.index.lookup import TABLES, IndexedTables
from drive.data.nuscenes.index.verdicts import verdicts
from drive.data.nuscenes.tables import readable
from drive.data.paths import inside

# Smaller tables are read about as fast as their index.
WORTH_BYTES = 4_000_000
# Larger ones are worth loading compiled code for, or even compiling it once.
COMPILED_BYTES = 100_000_000


def load_tables(root: Path, version: str) -> IndexedTables:
    """The tables in root/version by way of their index, which is made where it is not kept yet, or no more.

    Raises ValueError where they do not hold together or a file leads out of root.
    """
    for path in sorted(inside(root, version).iterdir()):
        inside(root, f"{version}/{path.name}")
    with readable(f"the tables in {root / version} do not open"):
        return _opened(root, version, {table: inside(root, f"{version}/{table}.json") for table in TABLES})


def _opened(root: Path, version: str, files: dict[str, Path]) -> IndexedTables:
    def make() -> Kept:
        begin = time.monotonic()
        with _collector_paused():
            compiled = sum(path.stat().st_size for path in files.values()) >= COMPILED_BYTES
            made = build(files, compiled)
            made.arrays.update(verdicts(IndexedTables(root, version, files, made), compiled))
        if (taken := time.monotonic() - begin) > 5:
            LOG.warning("index of %s: made in %.0f s", root / version, taken)
        return made

    return IndexedTables(root, version, files, kept("nuscenes index", list(files.values()), make, WORTH_BYTES))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of rows come and go and none is in a cycle: looking for such would take a tenth of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
