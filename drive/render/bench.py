"""How fast pictures are drawn: a busy street with moving agents and shadows, all four buffers, two cores."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import time
from dataclasses import dataclass
from threading import Barrier

from drive.cameras import Camera, resized
from drive.pool import results
from drive.render.look import actor_mesh
from drive.render.renderer import Renderer
from drive.render.rigs import load_rig
from drive.render.weather import WEATHERS
from drive.world.advance import advance
from drive.world.state import BY_LANE, State
from drive.world.town.populate import TrafficConfig, town_world
from drive.world.world import World

SIZES = ((224, 128), (448, 256))
CORES = 2
STATES, APART = 40, 5  # states of a drive that are drawn in turn, and steps between them
TRAFFIC = TrafficConfig(vehicles=(21, 21), walkers=(8, 8), least_met=0)
PANDA3D_IMAGES_PER_S = 950.0  # its software renderer without shadows at 256x448
START_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Pace:
    """How often something was done in a second of wall time on all cores, and the CPU time of doing it once."""

    what: str
    per_s: float
    cpu_ms: float

    @property
    def by_cpu(self) -> float:
        """How often a second if all cores were ours."""
        return CORES * 1000.0 / self.cpu_ms

    def __str__(self) -> str:
        return f"{self.what:36}{self.per_s:9.0f}{self.by_cpu:12.0f}{self.cpu_ms:12.2f}"


@dataclass(frozen=True)
class RenderBench:
    """Triangles of the street (still, moving) and the paces."""

    still: int
    moving: int
    paces: tuple[Pace, ...]

    def __str__(self) -> str:
        lines = [
            f"a busy street of {self.still + self.moving:,} triangles ({self.moving:,} move), sun shadows; rgb, depth, semantic, instance",
            f"{'':36}{'a second':>9}{'by CPU time':>12}{'CPU ms each':>12}",
            *(str(pace) for pace in self.paces),
            f"a second: as the clock went on {CORES} cores, whatever else ran; by CPU time: had both been free",
            f"Panda3D's software renderer, without shadows, draws {PANDA3D_IMAGES_PER_S:.0f} images/s at 256x448",
        ]
        return "\n".join(lines)


def bench_render(seconds: float = 4.0, seed: int = 1) -> RenderBench:
    """Pictures by two processes at each size, then the closed loop of one process with two threads."""
    barrier = multiprocessing.get_context("spawn").Barrier(CORES)
    counted = list(results(_draw, [(seed + n, seconds) for n in range(CORES)], CORES, prepare=functools.partial(_share, barrier)))
    paces = []
    for n, (width, height) in enumerate(SIZES):
        images, cpu_s = sum(rows[n][0] for rows in counted), sum(rows[n][2] for rows in counted)
        per_s = sum(rows[n][0] / rows[n][1] for rows in counted)
        paces.append(Pace(f"{height}x{width} images", per_s, 1000 * cpu_s / images))
    world, states = _drive(seed)
    renderer = Renderer(world, WEATHERS["day"], seed, threads=CORES)
    paces.append(_closed_loop(world, renderer, seconds))
    return RenderBench(len(renderer.static.layer), len(actor_mesh(renderer.models, states[0]).layer), tuple(paces))


def _drive(seed: int) -> tuple[World, list[State]]:
    """A town with traffic, and states of a drive through it."""
    world = town_world(seed, traffic=TRAFFIC)
    states = [world.start]
    for _ in range(STATES * APART):
        states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
    return world, states[APART::APART]


def _cameras(width: int, height: int) -> tuple[Camera, ...]:
    return tuple(resized(camera, width, height) for camera in load_rig("nuscenes"))


_barrier: Barrier


def _share(barrier: Barrier) -> None:
    """Keeps a worker process's end of what lets all begin at once."""
    global _barrier
    _barrier = barrier


def _draw(job: tuple[int, float]) -> list[tuple[int, float, float]]:
    """Images, wall seconds and CPU seconds of one process at each size, all processes at the same time."""
    seed, seconds = job
    world, states = _drive(seed)
    renderer, counted = Renderer(world, WEATHERS["day"], seed), []
    for width, height in SIZES:
        cameras, images = _cameras(width, height), 0
        renderer.render(states[0], cameras)
        _barrier.wait(START_TIMEOUT_S)
        wall, cpu = time.perf_counter(), time.process_time()
        for state in itertools.cycle(states):
            images += len(renderer.render(state, cameras))
            if time.perf_counter() - wall > seconds:
                break
        counted.append((images, time.perf_counter() - wall, time.process_time() - cpu))
    return counted


def _closed_loop(world: World, renderer: Renderer, seconds: float) -> Pace:
    """Steps of a world with six pictures of each, the agents posed anew."""
    cameras, state, steps = _cameras(*SIZES[-1]), world.start, 0
    renderer.render(state, cameras)
    wall, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        state = advance(world.static, state, 0.0, 0.0, BY_LANE, False)
        renderer.render(state, cameras)
        steps += 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    width, height = SIZES[-1]
    return Pace(f"closed loop, six {height}x{width}: steps", steps / wall, 1000 * cpu / steps)
