"""How fast the gymnasium environments are: steps with the vector observation, resets of new towns and of towns already built."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from drive.sim.env import TownEnv


@dataclass(frozen=True)
class EnvBench:
    """CPU time of one core, best of several runs. agents: mean of the towns. new_s, built_s: seconds of a reset to a town never seen
    and to one already built."""

    agents: int
    steps_per_s: float
    new_s: float
    built_s: float

    def __str__(self) -> str:
        lines = [
            f"environment, {self.agents} agents {self.steps_per_s:8.0f} steps/s",
            f"its reset: {self.new_s:.2f} s to a new town, {1e3 * self.built_s:.2f} ms to one already built",
        ]
        return "\n".join(lines)


def bench_env(steps: int = 300, repeats: int = 5, seed: int = 0) -> EnvBench:
    """`drive/Town-v0` in three towns, the car kept slow so that it stays on the road."""
    env, seeds = TownEnv(), range(seed, seed + 3)
    env.reset(seed=seed + len(seeds))  # the first reset compiles
    new = [_reset(env, one) for one in seeds]
    built, paces, agents = [], [], []
    for _ in range(repeats):
        for one in seeds:
            built.append(_reset(env, one))
            paces.append(_pace(env, steps))
            agents.append(len(env.state.pose) if env.state else 0)
    by_run = np.reshape(paces, (repeats, len(seeds))).mean(1)
    return EnvBench(round(float(np.mean(agents))), float(1.0 / by_run.min()), min(new), min(built))


def _reset(env: TownEnv, seed: int) -> float:
    began = time.process_time()
    env.reset(seed=seed)
    return time.process_time() - began


def _pace(env: TownEnv, steps: int) -> float:
    """Seconds a step."""
    began = time.process_time()
    for step in range(steps):
        env.step(np.array([0.4 if step < 20 else 0.0, 0.0], dtype=np.float32))
    return (time.process_time() - began) / steps
