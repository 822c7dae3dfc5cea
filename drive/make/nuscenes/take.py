"""The drive that a scene shows: the expert's, in a world where all ten detection classes come near."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from drive.cameras import Camera
from drive.expert.expert import Expert
from drive.make.nuscenes.annotate import all_classes_near, classes_in_range
from drive.make.nuscenes.canvas import Place
from drive.make.nuscenes.casting import cast_world
from drive.make.nuscenes.lidar import Sweep, make_lidar
from drive.render.renderer import Renderer
from drive.render.weather import Weather, choose_weather
from drive.schema import Plan
from drive.sim.rollout import rollout
from drive.world.state import DT_S, State
from drive.world.things import Things, list_things
from drive.world.town.town import TOWNS
from drive.world.world import World

START_US, STEP_US = 1_700_000_000_000_000, 100_000
KEY_STEPS = 5  # simulated steps from key frame to key frame: 2 Hz
GAP_S = 60.0  # between the times of two scenes
TRIES = 400  # drives of a town until one has all classes; with little traffic one in 24 has, and most are refused in half a second


@dataclass(frozen=True, eq=False)
class Spec:
    """What all scenes of a set share. lidar_columns: a turn. background: of the LiDAR points on nothing annotated, one in so many
    is kept. quality: of JPEG. tasks: requests whose right answers are written as records beside the pictures, "" = none."""

    root: Path
    rig: tuple[Camera, ...]
    seed: int = 0
    weather: str = "day"
    seconds: float = 20.0
    sweeps: bool = False
    traffic: str = "ordinary"
    distribution: str = "town"
    lidar_columns: int = 1080
    background: int = 1
    quality: int = 90
    tasks: str = ""

    @property
    def key_frames(self) -> int:
        """Key frames of a scene."""
        return round(self.seconds / (KEY_STEPS * DT_S))


@dataclass(frozen=True, eq=False)
class SceneJob:
    """One scene: its number in the set, the town's seed and place, the first of the town's drives to try."""

    number: int
    town: int
    drive: int
    place: Place

    @property
    def name(self) -> str:
        """In the form of nuScenes' names, and none of its own."""
        return f"scene-{5000 + self.number:04d}"

    def stamp(self, spec: Spec, step: int) -> int:
        """Time of a simulated step, microseconds."""
        return START_US + round(self.number * (spec.seconds + GAP_S) * 1e6) + step * STEP_US


@dataclass(frozen=True, eq=False)
class Take:
    """A drive that will do: states of every step, the renderer of its world, LiDAR sweeps at the key frames."""

    drive: int
    weather: Weather
    states: tuple[State, ...]
    renderer: Renderer
    things: Things
    sweeps: tuple[Sweep, ...]

    @property
    def keys(self) -> tuple[State, ...]:
        """States of the key frames."""
        return self.states[::KEY_STEPS]

    @property
    def counts(self) -> dict[str, int]:
        """Annotations of each category that the detection benchmark counts."""
        return classes_in_range(self.things, self.keys, self.sweeps)


class _Watcher:
    """Keeps every state of a drive."""

    def __init__(self, start: State) -> None:
        self.states = [start]

    def on_step(self, world: World, state: State, plan: Plan | None, made_at: int) -> None:
        """Keeps a state."""
        self.states.append(state)


def find_take(spec: Spec, job: SceneJob) -> Take:
    """The first of a town's drives that is long enough and has all ten classes near. Raises ValueError where none of `TRIES` has."""
    weather = choose_weather(spec.weather, spec.seed * 1000 + job.number)
    lidar, steps = make_lidar(spec.lidar_columns), (spec.key_frames - 1) * KEY_STEPS
    for drive in range(job.drive, job.drive + TRIES):
        world = cast_world(job.town, drive, spec.seconds, spec.traffic, TOWNS[spec.distribution])
        states = _drive(world, steps) if world is not None else None
        if world is None or states is None or not all_classes_near(things := list_things(world), states[::KEY_STEPS]):
            continue
        renderer = Renderer(world, weather, job.town)
        sweeps = tuple(lidar.sweep(renderer.render(state, lidar.cameras)) for state in states[::KEY_STEPS])
        take = Take(drive, weather, states, renderer, things, sweeps)
        if min(take.counts.values()) > 0:
            return take
    raise ValueError(f"town {job.town}: none of {TRIES} drives has all ten detection classes near; take another --seed or longer scenes")


def _drive(world: World, steps: int) -> tuple[State, ...] | None:
    """States of the expert's first steps; None where it ends earlier."""
    watcher = _Watcher(world.start)
    run = rollout(replace(world, time_limit_s=steps * DT_S), Expert(), observers=[watcher])
    return tuple(watcher.states) if run.outcome == "timeout" else None
