"""What the ego's cameras show in an episode: drawn when a planner asks, kept while it may ask for them again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from drive.asking import spec_of
from drive.cameras import Camera
from drive.render.rigs import SHIPPED_RIGS, load_rig
from drive.render.weather import Weather, choose_weather
from drive.schema import CameraImage, Frame, Window
from drive.world.state import DT_S, State
from drive.world.world import World


@dataclass(frozen=True)
class Sight:
    """A run's cameras and weather as plain values. rig: as for `load_rig`; width: pixels of its widest camera, None = as the rig
    says; weather: as for `choose_weather`. What is random in either follows the seed of each world.

    Raises ValueError where there is no such rig or weather.
    """

    rig: str
    width: int | None = None
    weather: str = "day"

    def __post_init__(self) -> None:
        load_rig(self.rig, 0, self.width)
        choose_weather(self.weather, 0)

    def cameras(self, world: World) -> tuple[Camera, ...]:
        """The rig on this world's car."""
        return load_rig(self.rig, seed_of(world), self.width)

    def weather_in(self, world: World) -> Weather:
        """The weather of this world's episode."""
        return choose_weather(self.weather, seed_of(world))


class Eyes:
    """The cameras of one episode. What they show at a step follows from the world, the sight and the state of that step alone."""

    def __init__(self, world: World, sight: Sight) -> None:
        from drive.render.renderer import Renderer  # compiles or loads kernels: seconds

        self.cameras = sight.cameras(world)
        self._renderer = Renderer(world, sight.weather_in(world), seed_of(world))
        self._kept: dict[int, tuple[CameraImage, ...]] = {}

    def recast(self, world: World) -> Eyes:
        """The same cameras in another episode of the same town, which looks the same; only who drives and walks there is built anew."""
        other = copy(self)
        other._renderer, other._kept = self._renderer.recast(world), {}
        return other

    def frames(self, states: Sequence[State], window: Window) -> tuple[Frame, ...]:
        """The frames that a window asks for at the newest of an episode's states (all of them, first to last): `window.frames` of
        them 1 / `window.rate_hz` apart, oldest first, fewer where the episode is younger. Pictures are uint8 and read-only."""
        now = len(states) - 1
        back = [round(k / window.rate_hz / DT_S) for k in reversed(range(window.frames))]
        steps = [now - b for b in back if b <= now]
        self._kept = {step: views for step, views in self._kept.items() if step >= now - back[0]}
        return tuple(self._frame(states[step], step, (step - now) * DT_S) for step in steps)

    def _frame(self, state: State, step: int, time_s: float) -> Frame:
        if step not in self._kept:
            self._kept[step] = self.look(state)
        return Frame(time_s, tuple(CameraImage(view.camera, time_s, view.image) for view in self._kept[step]))

    def look(self, state: State) -> tuple[CameraImage, ...]:
        """One picture of each camera at a state."""
        views = []
        for camera, buffers in zip(self.cameras, self._renderer.render(state, self.cameras), strict=True):
            buffers.rgb.setflags(write=False)
            views.append(CameraImage(camera, 0.0, buffers.rgb))
        return tuple(views)


def seed_of(world: World) -> int:
    """The seed that a world was made from; 0 for a recorded one."""
    return int(world.origin.get("seed", 0))


def require_probe(planner: Any, sight: Sight | None) -> None:
    """Raises ValueError where a planner would look at pictures, so that there is something to probe, but the run has no rig."""
    if sight is None and spec_of(planner).pictures != "unused":
        raise ValueError(f"a probe shows {planner.name!r} other pictures: give the run a rig (--rig nuscenes, or a rig's YAML file)")


def require_sight(planner: Any, sight: Sight | None) -> None:
    """Raises ValueError where a planner needs pictures and the run has no rig, or not the cameras that it looks at.
    """
    spec = spec_of(planner)
    if spec.pictures != "needed":
        return
    if sight is None:
        own = planner.name if planner.name in SHIPPED_RIGS else "nuscenes"
        raise ValueError(f"planner {planner.name!r} plans by camera pictures: give the run a rig (--rig {own}, or a rig's YAML file)")
    there = [camera.name for camera in load_rig(sight.rig, 0, sight.width)]
    missing = [name for name in spec.cameras if name not in there]
    if missing:
        raise ValueError(f"planner {planner.name!r} looks at {', '.join(missing)}; rig {sight.rig!r} has {', '.join(there)}")
