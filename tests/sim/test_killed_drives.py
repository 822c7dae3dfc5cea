"""Runs whose workers are killed: no drive is lost, and what cannot be driven is a failed drive of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from drive.expert.privileged import PRIVILEGED
from drive.progress import Progress
from drive.schema import Observation, Plan
from drive.sim.episodes import Episode
from drive.sim.rollout import Loop, PrivilegedPlanner
from drive.sim.saved import replay_file
from drive.sim.simulate import run_episodes
from drive.world.state import State
from drive.world.world import World

LaneFollower = PRIVILEGED["lane-follower"]
EPISODES = [Episode("town", seed, traffic="empty") for seed in (7, 8, 9)]


class Deadly:
    """The lane follower, whose process is killed in town 8: as often as there are marks to take away."""

    def __init__(self, name: str) -> None:
        self.name, self.inner, self.marks = "deadly", LaneFollower(), Path(name.partition(":")[2])

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        if world.origin["seed"] == 8 and (marks := sorted(self.marks.iterdir())):
            marks[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.plan_in_world(world, state, observation)


def load(name: str) -> PrivilegedPlanner:
    if name == "unloadable":
        raise ValueError("no weights")
    return Deadly(name)


class Lines(Progress):
    """Does something with every line."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__(quiet=True)
        self.take = take

    def __call__(self, line: str) -> None:
        self.take(line)


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_killed_worker_costs_no_drive(tmp_path: Path, deaths: int) -> None:
    (tmp_path / "marks").mkdir()
    for n in range(deaths):
        (tmp_path / "marks" / str(n)).touch()
    lines: list[str] = []
    report = run_episodes(EPISODES, [f"deadly:{tmp_path / 'marks'}"], load, Loop(2.0), 2, tmp_path / "out", 0, Lines(lines.append))
    assert not list((tmp_path / "marks").iterdir())
    assert [s.failed for s in report.scores] == [False, deaths == 2, False] and len(lines) == 3
    drives = sorted((tmp_path / "out" / "drives").glob("*.json"))
    assert len(drives) == (3 if deaths == 1 else 2)
    assert all(run.hash == stated for run, stated in map(replay_file, drives))
    saved = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = {row["metric"]: row for row in saved["rows"]}
    red = [s.values["red_light"] for s in report.scores if not s.failed]
    assert rows["success"]["failed"] == deaths - 1 and rows["red_light"]["value"] == pytest.approx(sum(red) / len(red))
    if deaths == 2:
        assert saved["failures"][0]["reason"].count("SIGKILL") == 2 and saved["episodes"][1]["values"]["red_light"] is None


def test_drives_that_cannot_begin_are_failed_and_told_with_their_traceback(tmp_path: Path) -> None:
    report = run_episodes(EPISODES[:1], ["unloadable"], load, Loop(2.0), 1, tmp_path, 1)
    (only,) = report.scores
    assert only.failed and only.facts["outcome"] == "no drive: ValueError: no weights" and "in load" in only.facts["traceback"]
    assert (tmp_path / "index.html").is_file() and "no weights" in report.table()


def test_an_interrupted_run_keeps_what_it_drove(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise KeyboardInterrupt

    (tmp_path / "marks").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_episodes(EPISODES, [f"deadly:{tmp_path / 'marks'}"], load, Loop(2.0), 2, tmp_path / "out", 0, Lines(stop))
    saved = json.loads((tmp_path / "out" / "report.json").read_text())
    assert saved["settings"]["interrupted"] and len(saved["episodes"]) == 1
