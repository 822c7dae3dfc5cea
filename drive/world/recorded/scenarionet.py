"""Recorded scenes as worlds: ScenarioNet files (`drive.data.scenarionet`) at simulation steps. What is not understood in one is counted by
kind in the world's notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.data.scenarionet.files import ScenarioTrack, read_scenario
from drive.data.scenarionet.times import steps_of
from drive.frames import Array
from drive.world.recorded.resample import MAX_GAP_SPACINGS, interpolated
from drive.world.recorded.scene import CITY_LIMIT_MPS, RecordedTrack, check_extent, recorded_world
from drive.world.world import World


def log_world(path: str | Path, reactive: bool = True) -> World:
    """The world of a ScenarioNet file. reactive: recorded vehicles that move drive their recorded way by IDM; else as recorded.

    Raises ValueError naming file and field where the file is broken, hostile or absurd.
    """
    path = Path(path)
    found = read_scenario(path)
    where, times = found.name, found.times_s
    human, _ = _at_steps(found.ego_rows, found.ego.valid, times, f"{where}, track of the ego")
    others = {name: _track(track, times, f"{where}, track {name!r}") for name, track in found.tracks.items()}
    road_map = found.road_map(CITY_LIMIT_MPS)
    origin = {"kind": "log", "file": str(path)}
    return recorded_world(where, road_map, human, others, origin, reactive, found.ego_size, found.features.notes())


def _track(track: ScenarioTrack, times_s: Array, where: str) -> RecordedTrack:
    rows, valid = _at_steps(track.rows, track.valid, times_s, where)
    return RecordedTrack(rows, valid, track.size, track.category, track.type)


def _at_steps(rows: Array, valid: np.ndarray, times_s: Array, where: str) -> tuple[Array, np.ndarray]:
    """Rows [F, 4] at their frames -> at simulation steps."""
    steps, exact = steps_of(times_s)
    check_extent(where, len(times_s), steps, 0)
    return (rows, valid) if exact else interpolated(times_s, rows[:, :3], valid, steps, MAX_GAP_SPACINGS * float(np.diff(times_s).max()))
