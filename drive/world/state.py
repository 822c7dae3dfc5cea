"""The world as arrays: what never changes (`Static`) and what does (`State`). Agent 0 is the ego.

A agents, P path points one metre apart, G gates, C controlled connectors, L lights, T recorded steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DT_S = 0.1
WHEELBASE_M = 2.588  # nuScenes' car

# kinds of agents
EGO, CAR, TRUCK, BUS, TRAILER, MOTORCYCLE, CYCLIST, PEDESTRIAN, OBSTACLE = range(9)
KIND_NAMES = ("ego", "car", "truck", "bus", "trailer", "motorcycle", "bicycle", "pedestrian", "obstacle")
# how an agent moves: the ego by its planner; along its path; on foot along its path; not at all; as recorded; behind its tractor
BY_PLANNER, BY_LANE, ON_FOOT, STANDING, AS_RECORDED, TOWED = range(6)
# columns of State.move
S, V, ACC, WAIT, SCRIPT = range(5)
# columns of State.marks
GATE, COMMITTED, ACTIVE, CONTACT = range(4)
# columns of State.ego
X, Y, HEADING, SPEED, ACCEL, STEER, STATION, LATERAL = range(8)
# columns of State.flags
OFF_ROAD, WRONG_WAY, TTC_LOW, RED_LIGHT, IN_JUNCTION, TOUCHING, LIGHT_PASSED, FAULT = range(8)
# what a contact was; the ones from STOPPED_AGENT on are the ego's fault
NO_CONTACT, EGO_STOPPED, REAR, SIDE, STOPPED_AGENT, FRONT, SIDE_AT_FAULT, FAILED_TO_YIELD = range(8)
EXCUSED = -1  # in State.marks from the start: contacts with this agent are not judged
CONTACT_NAMES = ("none", "ego_stopped", "rear", "side", "stopped_agent", "front", "side_at_fault", "failed_to_yield")
# columns of Static.idm
FACTOR, HEADWAY, GAP, ACCEL_MAX, BRAKE = range(5)
# columns of Static.script: trigger (ego's station), speed before, speed after, acceleration to it, seconds until it is over
TRIGGER, BEFORE, AFTER, RATE, HOLD = range(5)


class Static(NamedTuple):
    """What never changes in a world. Spans are (from, to) stations along the owner's path, metres.

    path [P, 4]: x, y, unwrapped heading, speed cap; agent i owns rows path_ptr[i]:path_ptr[i+1], its gates
    gate_ptr[i]:gate_ptr[i+1] (a gate is a controlled connector for a vehicle, a crossing for a pedestrian) and the
    crossings it passes, xing_ptr. conflict [C, C]: row of `conflict_span` (own in, out, other's in, out, from the
    connector's start) and `conflict_priority` (1 own first, 0 equal, -1 other first), or -1. keep_clear [C]: not entered
    unless it can be left. zipper [C]: where lanes merge. light_cycle [L, 4, 2]: colour code and end; light_time [L, 2]: offset and period.
    recorded [T, A, 4]: x, y, heading, speed; human [T, 4]: the same of the recorded ego's rear axle. road_*: edges of the
    drivable area in horizontal strips. lane_*: lane samples [N, 5] (x, y, heading, half width, in a junction) in square
    cells. stop_line [S, 4], stop_light [S]. body: the ego's length, width, centre ahead of the rear axle, wheelbase.
    """

    kind: Ints
    mode: Ints
    size: Array
    path: Array
    path_ptr: Ints
    offset: Array
    idm: Array
    script: Array
    tow: Ints
    spawn: Ints
    gate_ptr: Ints
    gate_span: Array
    gate_connector: Ints
    xing_ptr: Ints
    xing_at: Array
    xing_id: Ints
    xing_light: Ints
    conflict: NDArray[np.int32]
    conflict_span: Array
    conflict_priority: Ints
    connector_light: Ints
    keep_clear: Ints
    zipper: Ints
    light_cycle: Array
    light_time: Array
    recorded: Array
    recorded_valid: Bools
    human: Array
    parked: Array
    road_start: float
    road_ptr: Ints
    road_edges: Array
    lane_origin: Array
    lane_shape: Ints
    lane_ptr: Ints
    lane_samples: Array
    stop_line: Array
    stop_light: Ints
    body: Array


class State(NamedTuple):
    """What changes: step count, ego [8], move [A, 5], pose [A, 3] (box centre and heading), marks [A, 4], flags [8]."""

    step: int
    ego: Array
    move: Array
    pose: Array
    marks: Ints
    flags: Ints
