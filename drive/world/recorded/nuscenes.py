"""Scenes of a nuScenes data set with a map expansion as worlds: key frames interpolated to simulation steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from drive.data.nuscenes.scenes import Scenes
from drive.data.nuscenes.tables import find_version
from drive.data.scenes import SceneLog
from drive.frames import Array, angle_of, heading_of
from drive.world.recorded.map_reader import expansion_map
from drive.world.recorded.resample import MAX_GAP_SPACINGS, interpolated
from drive.world.recorded.scene import RecordedTrack, check_extent, recorded_world
from drive.world.state import DT_S
from drive.world.world import World

REACH_M = 150.0  # of the map around the drive


def scene_names(root: str | Path) -> list[str]:
    """The scenes of a data set, in the order of its scene table. Raises ValueError where there is no such table."""
    root = Path(root)
    path = root / find_version(root, None) / "scene.json"
    try:
        return [str(row["name"]) for row in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no table of scenes ({type(error).__name__}: {error})") from error


def scene_world(root: str | Path, scene: str, reactive: bool = True) -> World:
    """The world of a scene. reactive: recorded vehicles that move drive their recorded way by IDM; else as recorded.

    Raises ValueError naming scene and file where tables or the map expansion are missing or damaged.
    """
    root = Path(root)
    log = Scenes(root).log(scene)
    human, others = resampled(log)
    road_map = expansion_map(root, log.location, human[:, :2], REACH_M)
    return recorded_world(scene, road_map, human, others, {"kind": "scene", "data": str(root), "scene": scene}, reactive)


def resampled(log: SceneLog) -> tuple[Array, dict[str, RecordedTrack]]:
    """The ego [T, 4] and all tracks at simulation steps.

    Raises ValueError where key frames are missing in between, or the scene is too short, too long or too full.
    """
    times = (log.timestamps_us - log.timestamps_us[0]) / 1e6
    steps = int(times[-1] / DT_S + 1e-6) + 1
    check_extent(f"scene {log.name}", len(times), steps, len(log.tracks.instances))
    longest = MAX_GAP_SPACINGS * log.spacing_s
    rows = np.column_stack([log.world_from_ego[:, :2, 3], heading_of(log.world_from_ego)])
    human, known = interpolated(times, rows, np.ones(len(times), dtype=bool), steps, longest)
    if not known.all():
        raise ValueError(f"scene {log.name}: key frames more than {longest:g} s apart; a drive needs them all")
    tracks, found = log.tracks, {}
    headings = angle_of(tracks.forward)
    for n, name in enumerate(tracks.instances):
        rows = np.column_stack([tracks.centres[n, :, :2], headings[n]])
        track, valid = interpolated(times, rows, tracks.valid[n], steps, longest)
        length, width, height = tracks.sizes[n, int(np.argmax(tracks.valid[n]))]
        found[name] = RecordedTrack(track, valid, (float(length), float(width), float(height)), tracks.categories[n])
    return human, found
