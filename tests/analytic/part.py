"""Some drives and sensors of a data set as a data set of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from tests.analytic.rows import VERSION


def write_part(source: Path, root: Path, scenes: Collection[str], channels: Collection[str] = ()) -> Path:
    """Writes the scenes of these names, with the sensors of these channels (default: all), to the folder root; returns it."""
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("samples"))

    def keep(table: str, wanted: Callable[[dict[str, Any]], bool]) -> set[str]:
        path = root / VERSION / f"{table}.json"
        rows = [row for row in json.loads(path.read_text()) if wanted(row)]
        path.write_text(json.dumps(rows))
        return {row["token"] for row in rows}

    sensors = keep("sensor", lambda row: not channels or row["channel"] in channels)
    mounts = keep("calibrated_sensor", lambda row: row["sensor_token"] in sensors)
    kept = keep("scene", lambda row: row["name"] in scenes)
    samples = keep("sample", lambda row: row["scene_token"] in kept)
    data = keep("sample_data", lambda row: row["sample_token"] in samples and row["calibrated_sensor_token"] in mounts)
    keep("ego_pose", lambda row: row["token"] in data)
    annotations = keep("sample_annotation", lambda row: row["sample_token"] in samples)
    keep("instance", lambda row: row["first_annotation_token"] in annotations)
    for row in json.loads((root / VERSION / "sample_data.json").read_text()):
        (root / row["filename"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / row["filename"], root / row["filename"])
    return root
