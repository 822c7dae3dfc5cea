"""The tables of a folder: key frames in order, poses, and what is refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drive.cameras import calibration_problems
from drive.data.conventions import CAMERA_PREFIX, Box, Shot, convention_findings
from drive.data.paths import inside
from drive.frames import Array, quaternion_to_rotation, se3

if TYPE_CHECKING:
    from drive.data.nuscenes.index import IndexedTables

Record = dict[str, Any]
# How the message of a damaged table ends.
FIND_THE_FAULT = "; find the fault with `drive check`"


def find_version(root: Path, version: str | None) -> str:
    """The folder of tables in root: the one asked for, else the only one. Raises ValueError where there is not just one."""
    if not root.is_dir():
        raise ValueError(f"no data set at {root}: no such folder")
    found = sorted(p.name for p in root.glob("v1.0-*") if p.is_dir())
    if version is not None:
        if not inside(root, version).is_dir():
            raise ValueError(f"no tables {version!r} in {root}; it holds {', '.join(found) or 'none'}")
        return version
    if len(found) != 1:
        what = f"several table folders, {', '.join(found)}: name one as version" if found else "no v1.0-* folder of tables"
        raise ValueError(f"{root} holds {what}")
    return found[0]


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns whatever a damaged table trips into a ValueError that says where."""
    try:
        yield
    except Exception as error:
        why = f"no record or field {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ValueError(f"{what}: {why}{FIND_THE_FAULT}") from error


def key_frames(tables: IndexedTables, scene: Record) -> list[Record]:
    """The samples of a scene in time order. Raises ValueError where the chain runs in a circle or back in time, KeyError
    where it is broken."""
    samples: list[Record] = []
    token, seen = scene["first_sample_token"], set()
    while token:
        if token in seen:
            raise ValueError(f"scene {scene['name']}: its chain of samples runs in a circle at {token}")
        seen.add(token)
        sample = tables.get("sample", token)
        if samples and sample["timestamp"] <= samples[-1]["timestamp"]:
            raise ValueError(f"scene {scene['name']}: time runs backwards at sample {token}")
        samples.append(sample)
        token = sample["next"]
    return samples


def frame_tokens(tables: IndexedTables, scene: Record) -> list[str]:
    """The tokens of the samples of a scene in time order. Raises as `key_frames`."""
    tokens = tables.frame_tokens(scene)
    return [sample["token"] for sample in key_frames(tables, scene)] if tokens is None else tokens


def refuse_impossible_cameras(tables: IndexedTables, samples: list[Record]) -> None:
    """Raises ValueError where a calibration that these samples use cannot be one of its images' size."""
    seen = set()
    for sample in samples:
        for channel, token in sample["data"].items():
            data = tables.get("sample_data", token)
            key = (data["calibrated_sensor_token"], data["width"], data["height"])
            if not channel.startswith(CAMERA_PREFIX) or key in seen:
                continue
            seen.add(key)
            row = tables.get("calibrated_sensor", key[0])
            problems = calibration_problems(row["camera_intrinsic"], key[1], key[2], *lens_of(row))
            if problems:
                raise ValueError(f"calibrated_sensor {key[0]} ({channel}) is impossible: " + "; ".join(problems))


def refuse_other_conventions(tables: IndexedTables, scenes: list[Record]) -> None:
    """Raises ValueError where numbers of these scenes are valid, and look like another convention (`drive.data.conventions`)."""
    samples = [sample for scene in scenes for sample in key_frames(tables, scene)]
    shots = [_shot(tables, sample, channel, token) for sample in samples for channel, token in sample["data"].items()]
    rows = [tables.get("sample_annotation", token) for sample in samples for token in sample["anns"]]
    boxes = [Box(row, row["category_name"]) for row in rows]
    found = convention_findings(shots, boxes)
    if found:
        more = f", and {len(found) - 1} more findings" if len(found) > 1 else ""
        raise ValueError(f"{found[0].kind}: {found[0]}{more}; mend the table, or choose scenes without it")


def _shot(tables: IndexedTables, sample: Record, channel: str, token: str) -> Shot:
    data = tables.get("sample_data", token)
    calibration, pose = tables.get("calibrated_sensor", data["calibrated_sensor_token"]), tables.get("ego_pose", data["ego_pose_token"])
    return Shot(data, channel, calibration, pose, sample)


def matrices(rows: list[Record]) -> Array:
    """Rows with rotation and translation -> [N, 4, 4]; ValueError names the row that is no pose."""
    rotation = np.array([row["rotation"] for row in rows], dtype=np.float64).reshape(-1, 4)
    translation = np.array([row["translation"] for row in rows], dtype=np.float64).reshape(-1, 3)
    wrong = ~np.isfinite(translation).all(1) | ~(np.abs(np.linalg.norm(rotation, axis=1) - 1) < 1e-3)
    if wrong.any():
        row = rows[int(wrong.argmax())]
        raise ValueError(f"record {row['token']} is no pose: rotation {row['rotation']}, translation {row['translation']}")
    return se3(quaternion_to_rotation(rotation), translation)


def lens_of(calibration: Record) -> tuple[Any, tuple[float, ...]]:
    """The camera model and distortion coefficients of a row of calibrated_sensor; ValueError where these are no numbers."""
    distortion = calibration.get("camera_distortion")
    if distortion is None:
        distortion = []
    if not isinstance(distortion, list) or not all(isinstance(k, int | float) and not isinstance(k, bool) for k in distortion):
        raise ValueError(f"camera_distortion must be a list of numbers, got {distortion!r}")
    model = calibration.get("camera_model")
    return "pinhole" if model is None else model, tuple(float(k) for k in distortion)
