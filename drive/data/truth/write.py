"""Scenes -> a truth file."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drive.data.scenes import SceneLog
from drive.data.truth.read import MARK, VERSION
from drive.frames import Array


class WholeScenes(Protocol):
    """A data set that can tell whole scenes."""

    @property
    def scenes(self) -> tuple[str, ...]: ...

    def log(self, name: str, /) -> SceneLog: ...


def write_truth(dataset: WholeScenes, path: Path) -> dict[str, int]:
    """Writes the scenes that a data set's samples come from, whole; returns how many scenes, samples and boxes these are."""
    logs = [dataset.log(name) for name in dataset.scenes]
    arrays = {MARK: np.array(VERSION), **_scene_arrays(logs), **_frame_arrays(logs), **_box_arrays(logs)}
    partial = path.with_name(path.name + ".partial")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)
    return {"scenes": len(logs), "samples": len(arrays["token"]), "boxes": len(arrays["box_frame"])}


def _scene_arrays(logs: Sequence[SceneLog]) -> dict[str, NDArray[Any]]:
    kinds = {category: k for k, category in enumerate(dict.fromkeys(c for log in logs for c in log.tracks.categories))}
    return {
        "scene": _words(log.name for log in logs),
        "location": _words(log.location for log in logs),
        "annotated": np.array([log.annotated for log in logs]),
        "spacing_s": np.array([log.spacing_s for log in logs]),
        "scene_frames": np.array([len(log.tokens) for log in logs]),
        "scene_instances": np.array([len(log.tracks.instances) for log in logs]),
        "instance": _words(name for log in logs for name in log.tracks.instances),
        "category": np.array([kinds[category] for log in logs for category in log.tracks.categories], dtype=np.int64),
        "categories": _words(kinds),
    }


def _frame_arrays(logs: Sequence[SceneLog]) -> dict[str, NDArray[Any]]:
    mounts: dict[bytes, tuple[int, Array]] = {}
    rows = []
    for mount in (mount for log in logs for mount in log.ego_from_lidar):
        rows.append(-1 if mount is None else mounts.setdefault(mount.tobytes(), (len(mounts), mount))[0])
    return {
        "token": _words(token for log in logs for token in log.tokens),
        "timestamp_us": np.concatenate([log.timestamps_us for log in logs]),
        "world_from_ego": np.concatenate([log.world_from_ego for log in logs]),
        "mount": np.array(rows, dtype=np.int64),
        "mounts": np.array([mount for _, mount in mounts.values()]).reshape(-1, 4, 4),
    }


def _box_arrays(logs: Sequence[SceneLog]) -> dict[str, NDArray[Any]]:
    parts: dict[str, list[NDArray[Any]]] = {}
    frames = instances = 0
    for log in logs:
        tracks = log.tracks
        frame, row = np.nonzero(tracks.valid.T)
        velocity = np.where(tracks.velocity_valid[..., None], tracks.velocities, np.nan)
        found: dict[str, NDArray[Any]] = {"box_frame": frames + frame, "box_instance": instances + row}
        found |= {"box_centre": tracks.centres[row, frame], "box_forward": tracks.forward[row, frame], "box_size": tracks.sizes[row, frame]}
        found |= {"box_velocity": velocity[row, frame], "box_points": tracks.points[row, frame]}
        found["box_visibility"] = tracks.visibility[row, frame]
        for name, values in found.items():
            parts.setdefault(name, []).append(values)
        frames, instances = frames + len(log.tokens), instances + len(tracks.instances)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _words(texts: Any) -> NDArray[Any]:
    return np.array(list(texts), dtype=np.str_)
