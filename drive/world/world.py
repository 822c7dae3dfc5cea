"""`World`: a map with its cast of agents. `world.step(state, action) -> state` is pure; same world, same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M, EGO_WIDTH_M
from drive.maps import COLOURS, RoadMap
from drive.schema import Mask
from drive.world.advance import HITCH_M, advance, light_colours, place_all, settle_ego
from drive.world.furniture import Furniture
from drive.world.map_arrays import MapTables
from drive.world.navigation import Manoeuvre, manoeuvres
from drive.world.paths import Path
from drive.world.state import (
    ACTIVE,
    AS_RECORDED,
    BY_PLANNER,
    COMMITTED,
    CONTACT,
    DT_S,
    EGO,
    EXCUSED,
    GATE,
    KIND_NAMES,
    NO_CONTACT,
    SCRIPT,
    TOWED,
    WHEELBASE_M,
    S,
    State,
    Static,
    V,
)

MAX_AGENTS = 2000
EGO_SIZE_M = (EGO_LENGTH_M, EGO_WIDTH_M, 1.56)
NEVER = 1e9
CAR_DRIVER = (1.0, 1.4, 2.0, 1.6, 2.2)  # factor on the speed cap, headway s, gap m, acceleration, braking m/s^2


@dataclass(frozen=True, eq=False)
class Actor:
    """One agent as it enters. size: length, width, height. driver: columns of `Static.idm` (a walker's first is its pace).

    script: columns of `Static.script`. tow: index of the tractor. recorded [T, 4] with valid [T] for mode AS_RECORDED. excused: a
    contact with it is nobody's fault (the record itself has one).
    """

    kind: int
    mode: int
    size: tuple[float, float, float]
    path: Path
    station: float = 0.0
    speed: float = 0.0
    offset: float = 0.0
    driver: tuple[float, ...] = CAR_DRIVER
    script: tuple[float, ...] = (NEVER, 0.0, 0.0, 0.0, 0.0)
    tow: int = -1
    spawn: int = 0
    recorded: Array | None = None
    valid: Mask | None = None
    excused: bool = False


@dataclass(frozen=True, eq=False)
class World:
    """A world to drive in. static, start: its arrays. goal_m: station on the route where the ego has arrived.

    family: the kind of episode. names: agents' ids. furniture: what stands beside the road. origin: what makes this world again.
    goal_m is NaN where there is no way to go (a recorded human that stands): success is undefined there. notes: what a reader of
    results should know of the world (what was not used of a file, what is excused), for people. route: the lanes of the ego's path in
    driving order, () where that is no way along lanes.
    """

    name: str
    map: RoadMap
    static: Static
    start: State
    goal_m: float
    time_limit_s: float
    family: str = "ordinary"
    names: tuple[str, ...] = ()
    furniture: Furniture | None = None
    origin: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    route: tuple[str, ...] = ()

    @cached_property
    def manoeuvres(self) -> tuple[Manoeuvre, ...]:
        """What a navigator tells of the route, in driving order."""
        return manoeuvres(self.map, self.route)

    @property
    def has_goal(self) -> bool:
        """Whether there is a way to go."""
        return bool(np.isfinite(self.goal_m))

    def step(self, state: State, action: ArrayLike) -> State:
        """The state one tenth of a second later. action: acceleration m/s^2 and steering rate rad/s of the ego.

        Raises ValueError where an action is not two finite numbers.
        """
        a = np.asarray(action, dtype=np.float64)
        if a.shape != (2,) or not np.isfinite(a).all():
            raise ValueError(f"an action is (acceleration, steering rate), two finite numbers, got {action!r}")
        return advance(self.static, state, a[0], a[1], BY_PLANNER, False)

    def step_recorded(self, state: State) -> State:
        """The state one step later with the ego where the human was. Raises ValueError in a world without a record."""
        if not len(self.static.human):
            raise ValueError(f"world {self.name!r} has no recorded drive to replay")
        return advance(self.static, state, 0.0, 0.0, AS_RECORDED, False)

    def colours(self, state: State) -> tuple[str, ...]:
        """What each light shows now."""
        return tuple(COLOURS[c] for c in light_colours(self.static.light_cycle, self.static.light_time, state.step * DT_S))

    def kind(self, agent: int) -> str:
        """Name of an agent's kind."""
        return KIND_NAMES[self.static.kind[agent]]


def state_hash(state: State) -> str:
    """SHA-256 of a state's bytes."""
    digest = hashlib.sha256(str(int(state.step)).encode())
    for array in state[1:]:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def ego_actor(path: Path, station: float, speed: float, size: tuple[float, float, float] = EGO_SIZE_M) -> Actor:
    """The ego on its route."""
    return Actor(EGO, BY_PLANNER, size, path, station, speed)


def assemble(
    tables: MapTables, actors: list[Actor], parked: Array, ego_pose: ArrayLike | None = None, human: Array | None = None
) -> tuple[Static, State]:
    """Arrays of a world whose first actor is the ego, which starts on its route or at a rear-axle pose [3].

    Raises ValueError where there are too many agents.
    """
    if len(actors) > MAX_AGENTS:
        raise ValueError(f"{len(actors)} agents in one world, at most {MAX_AGENTS}")
    static, state = arrays_of(tables, actors, parked, human)
    by_path = np.array([a.mode != AS_RECORDED or a.recorded is None or a.valid is None for a in actors])
    place_all(static, state.move, state.pose, by_path)
    first = static.path_ptr[0]
    ego = state.ego
    ego[3] = actors[0].speed
    if ego_pose is not None:
        ego[:3] = np.asarray(ego_pose, dtype=np.float64)
        near = static.path[first : static.path_ptr[1], :2] - ego[:2]
        settle_ego(static, state, float(np.argmin(np.hypot(*near.T))))
    else:
        x, y, heading = state.pose[0]
        ego[:3] = [x - static.body[2] * np.cos(heading), y - static.body[2] * np.sin(heading), heading]
        settle_ego(static, state, actors[0].station)
    return static, state


def arrays_of(tables: MapTables, actors: list[Actor], parked: Array, human: Array | None = None) -> tuple[Static, State]:
    """As `assemble`, before anyone is placed on a path: nothing compiled has run."""
    static = _static(tables, actors, parked, np.zeros((0, 4)) if human is None else human)
    return static, _first_state(static, actors)


def _pointers(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _static(tables: MapTables, actors: list[Actor], parked: Array, human: Array) -> Static:
    gates = [gate for actor in actors for gate in actor.path.gates]
    crossings = [xing for actor in actors for xing in (actor.path.crossings if actor.kind != 7 else ())]
    steps = max([0, *(len(a.recorded) for a in actors if a.recorded is not None)])
    recorded, valid = np.zeros((steps, len(actors), 4)), np.zeros((steps, len(actors)), dtype=bool)
    for i, actor in enumerate(actors):
        if actor.recorded is not None and actor.valid is not None:
            recorded[: len(actor.recorded), i], valid[: len(actor.valid), i] = actor.recorded, actor.valid
    return Static(
        kind=np.array([a.kind for a in actors], dtype=np.int64),
        mode=np.array([a.mode for a in actors], dtype=np.int64),
        size=np.array([a.size for a in actors], dtype=np.float64),
        path=np.concatenate([a.path.points for a in actors]),
        path_ptr=_pointers([len(a.path.points) for a in actors]),
        offset=np.array([a.offset for a in actors], dtype=np.float64),
        idm=np.array([a.driver for a in actors], dtype=np.float64),
        script=np.array([a.script for a in actors], dtype=np.float64),
        tow=np.array([a.tow for a in actors], dtype=np.int64),
        spawn=np.array([a.spawn for a in actors], dtype=np.int64),
        gate_ptr=_pointers([len(a.path.gates) for a in actors]),
        gate_span=np.array([gate[:2] for gate in gates], dtype=np.float64).reshape(-1, 2),
        gate_connector=np.array([gate[2] for gate in gates], dtype=np.int64),
        xing_ptr=_pointers([len(a.path.crossings) if a.kind != 7 else 0 for a in actors]),
        xing_at=np.array([xing[0] for xing in crossings], dtype=np.float64),
        xing_id=np.array([xing[1] for xing in crossings], dtype=np.int64),
        recorded=recorded,
        recorded_valid=valid,
        human=np.ascontiguousarray(human, dtype=np.float64),
        parked=np.ascontiguousarray(np.asarray(parked, dtype=np.float64)[:, :5]),
        body=np.array([*actors[0].size[:2], EGO_CENTRE_AHEAD_M, WHEELBASE_M]),
        **tables.arrays,  # type: ignore[arg-type]
    )


def _first_state(static: Static, actors: list[Actor]) -> State:
    count = len(actors)
    move, pose, marks = np.zeros((count, 5)), np.zeros((count, 3)), np.zeros((count, 4), dtype=np.int64)
    for i, actor in enumerate(actors):
        move[i, S], move[i, V], move[i, SCRIPT] = actor.station, actor.speed, -1.0
        rear = actor.station - 0.5 * actor.size[0]
        passed = sum(rear > gate[1] for gate in actor.path.gates)
        inside = sum(actor.station + 0.5 * actor.size[0] > gate[0] for gate in actor.path.gates)
        marks[i, GATE] = static.gate_ptr[i] + passed
        marks[i, COMMITTED] = static.gate_ptr[i] + inside
        marks[i, ACTIVE] = int(actor.spawn == 0)
        marks[i, CONTACT] = EXCUSED if actor.excused else NO_CONTACT
        if actor.mode == AS_RECORDED and actor.recorded is not None and actor.valid is not None:
            marks[i, ACTIVE], pose[i], move[i, V] = int(actor.valid[0]), actor.recorded[0, :3], actor.recorded[0, 3]
        elif actor.mode == TOWED:
            tractor = actors[actor.tow]
            move[i, S], move[i, V] = tractor.station - 0.5 * (tractor.size[0] + actor.size[0]) - HITCH_M, tractor.speed
    return State(0, np.zeros(8), move, pose, marks, np.zeros(8, dtype=np.int64))
