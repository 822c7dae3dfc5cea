"""How fast worlds step: 30 agents, collision, off-road and time to collision at each step, one core."""

from __future__ import annotations

import time
from dataclasses import dataclass

from drive.jit import kernel
from drive.world.advance import advance
from drive.world.state import BY_LANE, State, Static
from drive.world.town.populate import TrafficConfig, town_world

AGENTS = 30
METADRIVE_STEPS_PER_S = 337.0  # measured on such a core


@dataclass(frozen=True)
class SimBench:
    """World steps a second, best of several runs: one call per step from Python, and many steps of a world per call."""

    agents: int
    single: float
    batched: float

    def __str__(self) -> str:
        ratio = self.batched / METADRIVE_STEPS_PER_S
        lines = [
            f"{self.agents} agents, collision, off-road and TTC at every step, one core",
            f"world.step from Python   {self.single:8.0f} steps/s",
            f"batched (advance_many)   {self.batched:8.0f} steps/s   {ratio:.1f} x MetaDrive's {METADRIVE_STEPS_PER_S:.0f}",
        ]
        return "\n".join(lines)


@kernel
def advance_many(sc: Static, st: State, steps: int) -> State:
    """Many steps of a world with the ego driving like traffic along its route, every check included."""
    now = st
    for _ in range(steps):
        now = advance(sc, now, 0.0, 0.0, BY_LANE, False)
    return now


def bench_sim(steps: int = 600, repeats: int = 5, seed: int = 1) -> SimBench:
    """CPU seconds of this process; worlds of three seeds, the mean speed over them, the best of several runs."""
    traffic = TrafficConfig(vehicles=(AGENTS - 9, AGENTS - 9), walkers=(8, 8), least_met=0)
    worlds = [town_world(seed + i, traffic=traffic) for i in range(3)]
    single, batched = [], []
    for _ in range(repeats + 1):  # the first run compiles
        began = time.process_time()
        for world in worlds:
            state = world.start
            for _ in range(steps):
                state = advance(world.static, state, 0.0, 0.0, BY_LANE, False)
        middle = time.process_time()
        for world in worlds:
            advance_many(world.static, world.start, steps)
        single.append(steps * len(worlds) / (middle - began))
        batched.append(steps * len(worlds) / (time.process_time() - middle))
    agents = round(sum(len(world.static.kind) for world in worlds) / len(worlds))
    return SimBench(agents, max(single[1:]), max(batched[1:]))
