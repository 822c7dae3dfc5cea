"""Modules in place of one network from end to end: boxes and lanes that a network answers are the world in which the expert plans.

What is handed over: the car's speed and command, boxes with a score of `SURE` or more, which go on as they were stated, and lanes, of
which the one that the car is on and those that follow it by the command are the way. Nobody's lights, rules or intentions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from drive.answers.boxes import Boxes
from drive.answers.roads import LaneLines
from drive.asking import spec_of
from drive.frames import Array, wrap_angle
from drive.maps import Lane, Polygon, RoadMap
from drive.schema import Command, Observation, Plan, PlanError, PlannerSpec

if TYPE_CHECKING:
    from drive.world.world import Actor, World

SURE = 0.5
LIMIT_MPS = 13.9  # 50 km/h: what is told of the road says no limit
WIDTH_M = 3.5
ON_LANE_M, ALIGNED_RAD = 4.0, 1.0
NEXT_GAP_M, NEXT_TURN_RAD = 4.0, 0.8  # from a lane's end to the beginning of one that follows it
BEYOND_M = 80.0
LEAST_M = 0.1  # a shorter line is no lane
STEPS = 100  # of a tenth of a second that others' ways are foretold
STANDS_MPS = 0.3


@dataclass(eq=False)
class Handed:
    """A planner of modules. planner: answers `requests`, which hold boxes and roads."""

    planner: Any
    requests: str = "boxes:8,roads"

    @property
    def name(self) -> str:
        """For reports."""
        return f"{self.planner.name}, boxes and roads to the expert"

    @property
    def spec(self) -> PlannerSpec:
        """As its network's; it plans."""
        spec = spec_of(self.planner)
        return PlannerSpec(spec.window, spec.pictures, spec.cameras)

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The expert's one plan, repeated for more samples. Raises PlanError where boxes or roads were not answered, or the speed is
        unknown."""
        from drive.expert.expert import Expert

        answers = self.planner.answer(observation, self.requests)
        kinds = {type(values[0]): values[0] for values in answers.values.values()}
        if not {Boxes, LaneLines} <= set(kinds):
            raise PlanError(f"no boxes or roads to hand over: {'; '.join(answers.failures.values()) or self.requests}")
        world = told_world(kinds[Boxes], kinds[LaneLines], observation)
        plan = Expert().plan_in_world(world, world.start, observation)
        return Plan(np.repeat(plan.trajectories, samples, 0), plan.times_s)


def told_world(boxes: Boxes, lanes: LaneLines, observation: Observation) -> World:
    """The world that answers tell, in the ego frame: a way by the observation's command, and boxes that keep their velocities.

    Raises PlanError where the speed is unknown.
    """
    from drive.world.map_arrays import map_tables
    from drive.world.paths import Path, metre_points
    from drive.world.world import World, assemble, ego_actor

    if observation.speed_mps is None:
        raise PlanError("the car's speed is unknown: the expert plans from it")
    whole = [line for line in lanes.lines if np.hypot(*np.diff(line, axis=0).T).sum() > LEAST_M]  # a network may tell one place twice
    way = way_ahead(whole, observation.command)
    lines = [way, *whole]
    area = shapely.union_all([shapely.LineString(line).buffer(WIDTH_M / 2 + 0.5) for line in lines])
    rings = [np.array(part.exterior.coords)[:-1] for part in shapely.get_parts(area)]
    road = tuple(Lane(f"lane{n}", line, WIDTH_M, LIMIT_MPS, limit_known=False) for n, line in enumerate(lines))
    road_map = RoadMap("told", road, tuple(Polygon(ring) for ring in rings))
    actors = [ego_actor(Path(metre_points(way, LIMIT_MPS)), 0.0, observation.speed_mps)]
    actors += _others(boxes.take(boxes.scores >= SURE))
    static, start = assemble(map_tables(road_map), actors, np.zeros((0, 5)), np.zeros(3))
    names = ("ego", *(f"box{n}" for n in range(len(actors) - 1)))
    return World("told", road_map, static, start, float("nan"), STEPS / 10, "told", names)


def _others(boxes: Boxes) -> list[Actor]:
    """Boxes as agents that go straight on."""
    from drive.world.paths import Path
    from drive.world.recorded.scene import KINDS
    from drive.world.state import AS_RECORDED, CAR, CYCLIST, DT_S, OBSTACLE, PEDESTRIAN
    from drive.world.world import Actor

    kinds = {"bicycle": CYCLIST, "motorcycle": KINDS["vehicle.motorcycle"], "bus": KINDS["vehicle.bus"], "pedestrian": PEDESTRIAN}
    kinds |= {"construction_vehicle": KINDS["vehicle.construction"], "trailer": KINDS["vehicle.truck"]}  # it stands or rolls on its own
    kinds |= {"truck": KINDS["vehicle.truck"], "barrier": OBSTACLE, "traffic_cone": OBSTACLE, "car": CAR}
    spot = Path(np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    times, valid, actors = np.arange(STEPS) * DT_S, np.ones(STEPS, dtype=bool), list[Actor]()
    for n, name in enumerate(boxes.classes):
        speed = float(np.hypot(*boxes.velocities[n]))
        moves = boxes.velocities[n] if speed > STANDS_MPS else np.zeros(2)
        rows = np.column_stack([boxes.centres[n, :2] + times[:, None] * moves, np.full(STEPS, boxes.headings[n]), np.full(STEPS, speed)])
        size = (float(boxes.sizes[n, 0]), float(boxes.sizes[n, 1]), float(boxes.sizes[n, 2]))
        actors.append(Actor(kinds[name], AS_RECORDED, size, spot, recorded=rows, valid=valid))
    return actors


def way_ahead(lines: Sequence[Array], command: Command | None) -> Array:
    """The way [N, 2] from the car on: the lane that it is on and lanes that follow, at forks the one that bends by the command most;
    straight on where no lane is near, and behind the last one."""
    way, used = np.zeros((1, 2)), set[int]()
    found = _lane_of(lines)
    while found is not None:
        used.add(found[0])
        ahead = lines[found[0]][found[1] :]
        way = np.concatenate([way, ahead[np.hypot(*(ahead - way[-1]).T) > 1.0]])
        found = _following(lines, used, way, command)
    heading = 0.0 if len(way) < 2 else _heading(way[-2:])
    return np.concatenate([way, way[-1] + BEYOND_M * np.array([[np.cos(heading), np.sin(heading)]])])


def _lane_of(lines: Sequence[Array]) -> tuple[int, int] | None:
    """The lane that the car is on, and its first point that lies ahead."""
    near = []
    for n, line in enumerate(lines):
        k = int(np.argmin(np.hypot(*line.T)))
        turn = abs(_heading(line[max(min(k, len(line) - 2), 0) :][:2]))
        beside = shapely.LineString(line).distance(shapely.Point(0, 0))
        ahead = np.flatnonzero(line[:, 0] > 1.0)
        if beside < ON_LANE_M and turn < ALIGNED_RAD and len(ahead):
            near.append((beside + turn, n, int(ahead[0])))
    return min(near)[1:] if near else None


def _following(lines: Sequence[Array], used: set[int], way: Array, command: Command | None) -> tuple[int, int] | None:
    """A lane not yet used that begins where the way ends."""
    heading, found = _heading(way[-2:]), []
    for n, line in enumerate(lines):
        turn = wrap_angle(_heading(line[:2]) - heading)
        if n not in used and np.hypot(*(line[0] - way[-1])) < NEXT_GAP_M and abs(turn) < NEXT_TURN_RAD:
            bend = float(wrap_angle(_heading(line[-2:]) - heading))
            found.append((-bend if command == "left" else bend if command == "right" else abs(bend), n, 0))
    return min(found)[1:] if found else None


def _heading(line: Array) -> float:
    return float(np.arctan2(*(line[-1] - line[0])[::-1]))
