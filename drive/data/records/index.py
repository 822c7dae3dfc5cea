"""What a folder of records holds: `records.json`, and the table `index.parquet` of all its samples."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from drive.outputs import write_whole
from drive.schema import Window

VERSION = 1
MANIFEST, INDEX, PARTS = "records.json", "index.parquet", "parts"
SHARD = re.compile(r"[A-Za-z0-9_-]+\.tar")  # a shard's name, which leads nowhere else


@dataclass(frozen=True)
class IndexRow:
    """A sample in the index. offset, bytes: its members in the shard; json_bytes: of its first member's content. drive: scenes of
    one drive share it, whichever source they come from. whole: whether all of its future was recorded. blurred: regions in its pictures,
    None where no detector looked."""

    key: str
    id: str
    split: str
    shard: str
    offset: int
    bytes: int
    json_bytes: int
    sha256: str
    source: str
    scene: str
    drive: str
    frame: int
    timestamp_us: int
    pictures: int
    missing: int
    whole: bool
    speed_mps: float | None
    command: str | None
    blurred: int | None = None


@dataclass(frozen=True)
class Manifest:
    """records.json. files: of every file its size and SHA-256. splits: of each, how many samples and drives. blur: the detectors that
    looked at all pictures, how many `regions` were blurred and in how many `samples`; no detectors: nobody looked. size: width and
    height that larger pictures were shrunk to; None: pictures have the size that their source had."""

    version: int
    window: dict[str, Any]
    tasks: str
    seed: int
    sources: list[dict[str, Any]]
    splits: dict[str, dict[str, int]]
    files: dict[str, dict[str, Any]]
    blur: dict[str, Any] = field(default_factory=lambda: {"detectors": [], "regions": 0, "samples": 0})
    size: list[int] | None = None

    def write(self, folder: Path) -> None:
        """Writes it: the folder is whole from then on."""
        write_whole(folder / MANIFEST, json.dumps(asdict(self), indent=1))


def is_records(folder: Path) -> bool:
    """Whether a folder holds records, also some whose packing was cut off."""
    return (folder / MANIFEST).is_file() or (folder / PARTS).is_dir()


def read_manifest(folder: Path) -> tuple[Manifest, Window]:
    """Raises ValueError where the folder's packing was cut off, or the file is damaged or of another version."""
    path = folder / MANIFEST
    if not path.exists():
        if not is_records(folder):
            raise ValueError(f"{folder} holds no records: `drive pack {folder} RECORDS` makes them of a data set")
        done = len(list((folder / PARTS).glob("*.parquet")))
        raise ValueError(f"{folder} was not packed to its end, {done} shards are whole: give the same `drive pack` again, it goes on there")
    try:
        values = json.loads(path.read_text())
        version = values["version"]
        if version == VERSION:
            manifest = Manifest(**values)
            return manifest, Window(**manifest.window)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): pack the records anew") from error
    raise ValueError(f"{path} is of version {version}, this drive reads {VERSION}: pack the records anew")


def write_rows(path: Path, rows: Sequence[IndexRow]) -> None:
    """Writes a table of samples. Raises OutputError where it cannot be written."""
    pa = arrow()
    columns = {f.name: [getattr(row, f.name) for row in rows] for f in fields(IndexRow)}
    table = pa.table(columns, schema=_schema(pa))
    sink = pa.BufferOutputStream()
    _parquet().write_table(table, sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())


def read_rows(path: Path) -> list[IndexRow]:
    """The inverse of `write_rows`. Raises ValueError where the file is damaged, or a shard is no file's name of the folder."""
    rows = [IndexRow(*values) for values in zip(*(column.to_pylist() for column in _table(path).columns), strict=True)]
    wrong = [row.shard for row in rows if not _has_place(row)]
    if wrong:
        raise ValueError(f"{path} tells of a sample in {wrong[0]!r}, which is no place in a shard of the folder: pack the records anew")
    return rows


def _has_place(row: IndexRow) -> bool:
    numbers = (row.offset, row.bytes, row.json_bytes)
    return isinstance(row.shard, str) and bool(SHARD.fullmatch(row.shard)) and all(n is not None and n >= 0 for n in numbers)


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Some columns of an index as arrays. Raises ValueError where the file is damaged."""
    table = _table(path)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in names}


def _table(path: Path) -> Any:
    pa, wanted = arrow(), _schema(arrow())
    if not path.is_file():
        raise ValueError(f"{path} is missing: pack the records anew")
    try:
        table = _parquet().read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read ({error}): pack the records anew") from error
    if table.schema.equals(pa.schema(list(wanted)[:-1])):  # packed before anything was blurred
        table = table.append_column(wanted.field("blurred"), pa.nulls(len(table), pa.int64()))
    if not table.schema.equals(wanted):
        told, expected = (", ".join(f"{field.name} {field.type}" for field in schema) for schema in (table.schema, wanted))
        raise ValueError(f"{path} has the columns {told}, expected {expected}: pack the records anew")
    return table


def _schema(pa: Any) -> Any:
    return pa.schema([(f.name, _type(pa, str(f.type))) for f in fields(IndexRow)])


def arrow() -> Any:
    """pyarrow. Raises ValueError that says how to install it."""
    try:
        import pyarrow
    except ImportError as error:
        raise ValueError("records need pyarrow: pip install 'drive[records]', or pip install pyarrow==25.0.1") from error
    return pyarrow


def _parquet() -> Any:
    import pyarrow.parquet

    return pyarrow.parquet


def _type(pa: Any, hint: str) -> Any:
    kinds = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return kinds[hint.removesuffix(" | None")]


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
