"""Planners in processes of their own, for tests."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import drive.planners.remote.drive_client as client
from drive.planners.remote.planner import RemotePlanner
from drive.planners.remote.process import Process

CONSTANT_VELOCITY = """
import drive_client

class Planner:
    name = "theirs"

    def plan(self, observation, samples=1):
        past = observation.past
        if len(past.valid) >= 2 and past.valid[-1] and past.valid[-2]:
            elapsed = past.times_s[-1] - past.times_s[-2]
            x, y = ((past.poses[-1][i] - past.poses[-2][i]) / elapsed for i in (0, 1))
        elif observation.speed_mps is None:
            raise drive_client.PlanError("neither a pose before t0 nor a speed is known: constant velocity needs one")
        else:
            x, y = observation.speed_mps, 0.0
        return [[t * x, t * y, 0.0] for t in observation.future_times_s]
"""
SERVE = "\ndrive_client.serve(Planner())\n"


def command(folder: Path, source: str, name: str = "child.py") -> str:
    """The command that runs a script beside a copy of the client."""
    (folder / "drive_client.py").write_text(Path(client.__file__).read_text())
    (folder / name).write_text(source)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(folder / name))}"


def child(folder: Path, source: str, start_s: float = 20.0, plan_s: float = 20.0) -> RemotePlanner:
    """The planner of a script."""
    return RemotePlanner(Process(command(folder, source)), start_s, plan_s)
