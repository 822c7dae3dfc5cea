"""A planner's time is its own: compilation comes before, told once; halts do not count, waiting and computing do."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from drive.schema import Observation, Plan, Window
from drive.sim.asking import PlannerFailure, ask
from drive.sim.warm import DRAWING, STEPPING, compile_drawing, is_compiled, warm_up
from drive.world import world as world_module
from drive.world.observe import observe
from drive.world.town.populate import EMPTY, town_world
from drive.world.world import World

ROOT = Path(__file__).resolve().parents[2]


class Slow:
    """Takes its time in a way."""

    name = "slow"

    def __init__(self, how: str) -> None:
        self.how = how

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        end = time.monotonic() + 1.2
        if self.how == "waits":
            time.sleep(1.2)
        while self.how == "computes" and time.monotonic() < end:
            np.linalg.svd(np.ones((300, 300)))  # compiled code, which lets no signal through
        if self.how == "catches everything":
            while time.monotonic() < end:
                with contextlib.suppress(Exception):
                    time.sleep(0.3)
        if self.how == "is halted":
            subprocess.Popen(["sh", "-c", f"sleep 1.5; kill -CONT {os.getpid()}"])
            os.kill(os.getpid(), signal.SIGSTOP)
        return Plan(np.ones((1, len(observation.future_times_s), 3)), observation.future_times_s)


@pytest.fixture(scope="module")
def world() -> World:
    return town_world(4, traffic=EMPTY)


def _asked(world: World, how: str, deadline_s: float = 0.5) -> Plan:
    observation = observe(world, world.start.ego[None], Window())
    return ask(Slow(how), world, world.start, observation, deadline_s, 0.2)


@pytest.mark.parametrize("how", ["waits", "computes", "catches everything"])
def test_a_planner_that_waits_or_computes_too_long_is_late(world: World, how: str) -> None:
    with pytest.raises(PlannerFailure, match="no plan within 0.5 s"):
        _asked(world, how)
    assert _asked(world, how, 20.0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_time_in_which_the_process_is_halted_does_not_count() -> None:
    code = "from tests.sim.test_warm import *; from tests.sim.test_warm import _asked; _asked(town_world(4, traffic=EMPTY), 'is halted')"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, start_new_session=True, check=False)
    assert done.returncode == 0 and time.monotonic() - began > 1.4, done.stderr


def test_the_marks_of_what_is_compiled_are_kernels() -> None:
    for module, name in (STEPPING | DRAWING).items():
        assert hasattr(getattr(importlib.import_module(module), name), "py_func")


@pytest.mark.slow
def test_the_expert_does_not_fail_its_first_drive(tmp_path: Path) -> None:
    """With nothing compiled and two seconds for a plan; what is compiled ahead is told, and once."""
    command = [sys.executable, "-m", "drive", "sim", "town", "--planner", "expert", "--episodes", "1", "--deadline", "2"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for told in (1, 0):
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "arrived" in done.stdout, done.stdout + done.stderr
        assert (done.stdout + done.stderr).count("compiling the simulator, once: about half a minute") == told


def test_kernels_in_use_are_found_on_disk(world: World) -> None:
    warm_up(world, None)
    assert is_compiled(False)


def test_what_draws_is_compiled_without_what_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two processes of set-up share no kernel to speak of; one that is missing here would be compiled twice."""
    used = []
    for name in ("advance", "place_all", "settle_ego"):
        monkeypatch.setattr(world_module, name, lambda *_: used.append(1))
    compile_drawing()
    assert not used and is_compiled(True)
