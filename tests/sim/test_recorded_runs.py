"""Runs over recorded scenes: broken files, scenes without a goal, what is told of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.expert.expert import LaneFollower
from drive.progress import Progress
from drive.sim.episodes import Episode
from drive.sim.rollout import Loop
from drive.sim.simulate import run_episodes
from tests.analytic.scenario import STEPS, nuscenes_scene, track, waymo_scene, write


class Lines(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def load(name: str) -> Any:
    return LaneFollower()


def scenes(folder: Path, **scenes: dict[str, Any] | bytes) -> list[Episode]:
    """Files by name."""
    found = []
    for name, data in scenes.items():
        (folder / name).mkdir()
        path = write(folder / name, data).rename(folder / f"{name}.pkl")
        if isinstance(data, bytes):
            path.write_bytes(data)
        found.append(Episode(str(path)))
    return found


def test_broken_files_are_all_named_before_anything_is_driven(tmp_path: Path) -> None:
    episodes = scenes(tmp_path, good=nuscenes_scene(), bad=b"none", odd=nuscenes_scene() | {"length": 1})
    driven = Lines()
    with pytest.raises(ValueError, match=r"(?s)2 of 3 recorded scenes cannot be driven.*bad\.pkl.*odd\.pkl, length: 1 frames"):
        run_episodes(episodes, ["lane-follower"], load, Loop(2.0), out=tmp_path / "out", videos=0, progress=driven)
    assert not [line for line in driven.lines if line.startswith(("ok", "FAIL", "none"))]


def test_scenes_without_a_goal_are_left_out_of_means_and_told(tmp_path: Path) -> None:
    stands = nuscenes_scene() | {"tracks": {"ego": track(np.zeros(STEPS), 0.0, (1.73, 4.08, 1.56))}}
    episodes = scenes(tmp_path, stands=stands, drives=waymo_scene())
    told = Lines()
    report = run_episodes(episodes, ["log"], load, Loop(2.0), out=tmp_path / "out", videos=0, progress=told)
    rows = {row["metric"]: row for row in report.rows}
    assert rows["success"]["value"] == 1.0 and (rows["success"]["requested"], rows["success"]["scored"]) == (2, 1)
    assert rows["off_road"]["scored"] == 2 and rows["off_road"]["value"] == 0.0
    assert told.lines[0].startswith("none log") and told.lines[1].startswith("ok   log")
    saved = json.loads((tmp_path / "out" / "report.json").read_text())
    assert saved["episodes"][0]["values"]["success"] is None and saved["episodes"][0]["facts"]["outcome"] == "record ended"
    assert any(note.startswith("stands: the human moves less than 3 m") for note in saved["notes"])
    assert any(note.startswith("drives: not used: 1 ROAD_EDGE_MEDIAN") for note in saved["notes"])
    assert saved["notes"][0] in report.table()


def test_a_report_of_scenes_without_a_goal_alone_has_no_success(tmp_path: Path) -> None:
    stands = nuscenes_scene() | {"tracks": {"ego": track(np.zeros(STEPS), 0.0, (1.73, 4.08, 1.56))}}
    report = run_episodes(scenes(tmp_path, stands=stands), ["lane-follower"], load, Loop(2.0), out=tmp_path / "out", videos=0)
    rows = {(row["planner"], row["metric"]): row for row in report.rows}
    assert rows["log", "success"]["value"] is None and rows["log", "success"]["scored"] == 0
    assert "log" in report.table() and (tmp_path / "out" / "index.html").exists()
