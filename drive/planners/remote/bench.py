"""How many plans a second a planner in another process can be asked for: what the pictures' way there costs."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive.cameras import resized
from drive.planners.remote.planner import RemotePlanner
from drive.planners.remote.process import Process
from drive.planners.remote.web import Web
from drive.render.rigs import load_rig
from drive.schema import CameraImage, Frame, Observation, Trajectory, Window

RIG, WIDTH, HEIGHT = "nuscenes", 448, 256
BATCHES = 5
PLANNER = """
import sys
sys.path.insert(0, sys.argv[1])
import drive_client
class Planner:
    name, pictures = "stands", "needed"
    def plan(self, observation):
        assert all(view.image.shape for view in observation.frames[-1].cameras)
        return [[0.0, 0.0, 0.0] for _ in observation.future_times_s]
"""
ON_PIPES, ON_HTTP = "drive_client.serve(Planner())", "drive_client.serve(Planner(), port=0)"


@dataclass(frozen=True)
class ExchangeBench:
    """per_s: how it was asked -> exchanges a second of wall time, the best of several batches."""

    pictures: int
    megabytes: float
    per_s: dict[str, float]

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        return [{"metric": f"exchanges_{how}", "value": value, "unit": "1/s"} for how, value in self.per_s.items()]

    def __str__(self) -> str:
        head = f"a planner that stands still, asked with {self.pictures} pictures of {WIDTH}x{HEIGHT} ({self.megabytes:.1f} MB); wall time"
        return "\n".join([head, *(f"  {how:<6}{value:8.0f} exchanges/s {1e3 / value:6.1f} ms" for how, value in self.per_s.items())])


def bench_exchange(exchanges: int = 40) -> ExchangeBench:
    """Exchanges with a child process on pipes and with a server over HTTP, both with the client's file, both in this Python."""
    observation = _observation()
    per_s = {}
    with _on_pipes() as planner:
        per_s["exec"] = _best(planner, observation, exchanges)
    with _on_http() as planner:
        per_s["http"] = _best(planner, observation, exchanges)
    views = observation.frames[-1].cameras
    return ExchangeBench(len(views), 3e-6 * WIDTH * HEIGHT * len(views), per_s)


def _words(serving: str) -> list[str]:
    return [sys.executable, "-c", PLANNER + serving, str(Path(__file__).parent)]


@contextmanager
def _on_pipes() -> Iterator[RemotePlanner]:
    planner = RemotePlanner(Process(shlex.join(_words(ON_PIPES))), 60.0, 60.0)
    try:
        yield planner
    finally:
        planner.close()


@contextmanager
def _on_http() -> Iterator[RemotePlanner]:
    with subprocess.Popen(_words(ON_HTTP), stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            yield RemotePlanner(Web(server.stderr.readline().strip()), 60.0, 60.0)
        finally:
            server.kill()


def _observation() -> Observation:
    """Noise in every camera of a rig."""
    rng, window = np.random.default_rng(0), Window()
    cameras = [resized(camera, WIDTH, HEIGHT) for camera in load_rig(RIG)]
    views = tuple(CameraImage(one, 0.0, rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)) for one in cameras)
    times = window.past_times_s
    past = Trajectory(np.stack([8.0 * times, 0 * times, 0 * times], -1), times, np.ones(len(times), dtype=bool))
    return Observation("bench", (Frame(0.0, views),), past, window.future_times_s, 8.0, 0.0, 0.0, "straight")


def _best(planner: RemotePlanner, observation: Observation, exchanges: int) -> float:
    planner.plan(observation)
    least = np.inf
    for _ in range(BATCHES):
        began = time.perf_counter()
        for _ in range(exchanges):
            planner.plan(observation)
        least = min(least, time.perf_counter() - began)
    return exchanges / least
