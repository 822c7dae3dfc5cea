"""WOD-E2E's clusters of scenarios, which its leaderboard averages over: a JSON file beside the validation shards."""

from __future__ import annotations

import json
from pathlib import Path

from drive.data.paths import inside

NAME = "val_sequence_name_to_scenario_cluster.json"
MAX_BYTES = 10_000_000


def read_clusters(root: Path) -> dict[str, str]:
    """Segment -> cluster; empty where there is no such file. Raises ValueError where it is no object of texts."""
    path = inside(root, NAME)
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text()) if path.stat().st_size <= MAX_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no JSON ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise ValueError(f"{path}: expected an object of segments and their clusters, {MAX_BYTES} bytes at most")
    return found
