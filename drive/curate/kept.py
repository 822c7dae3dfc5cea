"""What was measured of a shard, in a file of its own: it holds for the very bytes and the way of measuring that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drive.data.records.index import digest
from drive.outputs import write_whole


def is_kept(path: Path, way: str | int, sha256: str) -> bool:
    """Whether it was measured in this way of these bytes."""
    try:
        told = json.loads(path.read_text())
        return bool(told["version"] == way and told["sha256"] == sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def keep(path: Path, way: str | int, sha256: str, records: Any) -> None:
    """Writes it whole. Raises OutputError where it cannot be written."""
    write_whole(path, json.dumps({"version": way, "sha256": sha256, "records": records}, allow_nan=False))


def kept_rows(path: Path) -> Any:
    """What `keep` was given."""
    return json.loads(path.read_text())["records"]


def written_since(shard: Path, path: Path) -> bool:
    """Whether a shard is younger than what was measured of it, or is gone."""
    return not shard.is_file() or shard.stat().st_mtime_ns > path.stat().st_mtime_ns


def require_whole(root: Path, shard: str, sha256: str) -> None:
    """Raises ValueError for a shard that is not what was packed."""
    if not (root / shard).is_file():
        raise ValueError(f"{root / shard} is missing: pack the records anew, or fetch it")
    if digest(root / shard) != sha256:
        raise ValueError(f"{root / shard} is damaged: `drive check {root}` names its samples")
