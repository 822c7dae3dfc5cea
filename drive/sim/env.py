"""Gymnasium environments: `drive/Town-v0` (towns from seeds) and `drive/Log-v0` (a recorded scene).

    import drive, gymnasium
    gymnasium.make("drive/Town-v0"); gymnasium.make("drive/Log-v0", file="scene.pkl")

Actions [2] in -1..1: acceleration and steering rate, in shares of their limits. An observation is one vector:
the ego, points of its route ahead, the nearest agents, all in the ego frame; nothing after t. With `rig="nuscenes"` (or another,
`rig_width` pixels wide, in a `weather`) it is a dict of that vector ("vector") and each camera's picture uint8 [H, W, 3] by name.
`render_mode="rgb_array"`: `render()` shows the world from above.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from drive.render.rigs import NARROW, RANDOM, load_rig
from drive.sim.episodes import Episode, make_world
from drive.sim.sight import Eyes, Sight
from drive.world.advance import MAX_STEER_RATE
from drive.world.observe import relative_pose
from drive.world.state import ACCEL, ACTIVE, DT_S, FAULT, LATERAL, OFF_ROAD, RED_LIGHT, SPEED, STATION, STEER, Ints, State, V
from drive.world.world import World

if TYPE_CHECKING:
    from drive.sim.draw_state import BirdsEye
    from drive.viz.canvas import Picture

ROUTE_POINTS, ROUTE_STEP_M = 12, 5
NEAREST = 12
AGENT_ROW = 7  # present, x, y, cos and sin of the heading, speed, length
EGO_ROW = 4  # speed, acceleration, steering angle, offset from the route
LIMIT = 200.0
MAX_ACCEL_MPS2 = 4.0
KEPT_TOWNS, KEPT_EYES = 32, 8  # about 2 and 32 MB each
SIZE = EGO_ROW + 2 * ROUTE_POINTS + AGENT_ROW * NEAREST

Vector = NDArray[np.float32]
Seen = Vector | dict[str, NDArray[Any]]


class DriveEnv(gymnasium.Env[Seen, Vector]):
    """The shared part: steps a world, rewards metres of route, ends at a fault of the ego's or at the goal."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / DT_S)}

    def __init__(self, rig: str | None = None, rig_width: int | None = None, weather: str = "day", render_mode: str | None = None) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be rgb_array or None, got {render_mode!r}")
        self.render_mode = render_mode
        self._above: BirdsEye | None = None
        self.sight = Sight(rig, rig_width, weather) if rig else None
        self.eyes: Eyes | None = None
        self.observation_space = _space(self.sight)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.world: World | None = None
        self.state: State | None = None

    def make_world(self, seed: int) -> World:
        """The world of an episode."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Seen, dict[str, Any]]:
        """A new episode; the generator that `seed` sets chooses the town."""
        super().reset(seed=seed)
        world = self.make_world(int(self.np_random.integers(2**31)))
        self.eyes = _eyes(world, self.sight) if self.sight else None
        self.world, self.state = world, world.start
        return self._seen(world, world.start), {"world": world.name}

    def _seen(self, world: World, state: State) -> Seen:
        if self.eyes is None:
            return vector_of(world, state)
        return {"vector": vector_of(world, state)} | {view.camera.name: np.asarray(view.image) for view in self.eyes.look(state)}

    def render(self) -> Picture | None:  # type: ignore[override]
        """With `render_mode="rgb_array"` the world from above around the ego, uint8 [H, W, 3]; else None.

        Raises ValueError before the first reset.
        """
        if self.render_mode is None:
            return None
        if self.world is None or self.state is None:
            raise ValueError("call reset before render")
        if self._above is None or self._above.world is not self.world:
            from drive.sim.draw_state import BirdsEye

            self._above = BirdsEye(self.world)
        return self._above.picture(self.state)

    def step(self, action: Vector) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        """One tenth of a second. Raises ValueError before the first reset."""
        if self.world is None or self.state is None:
            raise ValueError("call reset before step")
        a = np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0)
        before = float(self.state.ego[STATION])
        self.state = self.world.step(self.state, (a[0] * MAX_ACCEL_MPS2, a[1] * MAX_STEER_RATE))
        flags, station = self.state.flags, float(self.state.ego[STATION])
        wrong = bool(flags[FAULT] or flags[OFF_ROAD] or flags[RED_LIGHT])
        arrived = station >= self.world.goal_m
        late = self.state.step >= round(self.world.time_limit_s / 0.1)
        reward = station - before + (10.0 if arrived else 0.0) - (20.0 if wrong else 0.0)
        info = {"success": arrived and not wrong, "fault": int(flags[FAULT]), "off_road": bool(flags[OFF_ROAD])}
        return self._seen(self.world, self.state), reward, wrong or arrived, late, info


class TownEnv(DriveEnv):
    """Ordinary episodes in towns; seeds from 0 to `towns` - 1 of a distribution. sight: rig, rig_width, weather, render_mode."""

    def __init__(self, distribution: str = "town", towns: int = 10_000, **sight: Any) -> None:
        super().__init__(**sight)
        self.distribution, self.towns = distribution, towns

    def make_world(self, seed: int) -> World:
        return _built(Episode("town", seed % self.towns, distribution=self.distribution))


@lru_cache(maxsize=KEPT_TOWNS)
def _built(town: Episode) -> World:
    """A town's world. Worlds never change, so the environments of a process share those last used."""
    return make_world(town)


@lru_cache(maxsize=KEPT_EYES)
def _eyes(world: World, sight: Sight) -> Eyes:
    """A world's cameras with all that stands there. What they show follows from the state alone, so they are shared too."""
    return Eyes(world, sight)


class LogEnv(DriveEnv):
    """A recorded scene: a ScenarioNet file, or the folder of a nuScenes data set and the name of a scene."""

    def __init__(self, file: str, reactive: bool = True, scene: str = "", **sight: Any) -> None:
        super().__init__(**sight)
        self.episode = Episode(file, traffic="reactive" if reactive else "replay", scene=scene)
        self.loaded: World | None = None

    def make_world(self, seed: int) -> World:
        self.loaded = self.loaded or make_world(self.episode)
        return self.loaded


def _space(sight: Sight | None) -> gymnasium.Space[Any]:
    """The vector's box, or with cameras a dict of it and theirs. Raises ValueError for rigs that differ between episodes."""
    vector = gymnasium.spaces.Box(-LIMIT, LIMIT, (SIZE,), np.float32)
    if sight is None:
        return vector
    if sight.rig in (RANDOM, NARROW):
        raise ValueError("an environment's pictures keep their sizes, so its rig cannot be random: name a rig or a rig's YAML file")
    boxes = {c.name: gymnasium.spaces.Box(0, 255, (c.height, c.width, 3), np.uint8) for c in load_rig(sight.rig, 0, sight.width)}
    return gymnasium.spaces.Dict({"vector": vector, **boxes})


def vector_of(world: World, state: State) -> Vector:
    """What the environments show of a state: [SIZE] float32."""
    ego, static = state.ego, world.static
    last = int(static.path_ptr[1]) - 1
    ahead = np.minimum(int(ego[STATION]) + ROUTE_STEP_M * np.arange(1, ROUTE_POINTS + 1), last)
    near = _nearest(state)
    in_ego = relative_pose(ego, np.concatenate([static.path[ahead, :3], state.pose[near]]))
    route, poses = in_ego[:ROUTE_POINTS], in_ego[ROUTE_POINTS:]
    agents = np.zeros((NEAREST, AGENT_ROW))
    agents[: len(near), 0] = 1.0
    agents[: len(near), 1:3] = poses[:, :2]
    agents[: len(near), 3], agents[: len(near), 4] = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    agents[: len(near), 5], agents[: len(near), 6] = state.move[near, V], static.size[near, 0]
    own = np.array([ego[SPEED], ego[ACCEL], ego[STEER], ego[LATERAL]])
    return np.clip(np.concatenate([own, route[:, :2].ravel(), agents.ravel()]), -LIMIT, LIMIT).astype(np.float32)


def _nearest(state: State) -> Ints:
    """At most NEAREST agents that are there, nearer than LIMIT, the nearest first."""
    gaps = np.hypot(*(state.pose[:, :2] - state.ego[:2]).T)
    gaps[state.marks[:, ACTIVE] == 0] = np.inf
    gaps[0] = np.inf
    order = np.argsort(gaps, kind="stable")[:NEAREST]
    return order[gaps[order] < LIMIT]
