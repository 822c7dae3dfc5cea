"""One compiled step of a world: traffic decides, everything moves, the ego is checked. Nothing is changed in place."""

from __future__ import annotations

import math

import numpy as np

from drive.frames import Array
from drive.jit import kernel, maker_part, part
from drive.world.checks import check_ego, ego_box
from drive.world.shapes import overlap, point_on, pose_on, project_on
from drive.world.state import (
    ACC,
    ACCEL,
    ACTIVE,
    AFTER,
    AS_RECORDED,
    BEFORE,
    BY_LANE,
    COMMITTED,
    DT_S,
    GATE,
    HEADING,
    HOLD,
    LATERAL,
    ON_FOOT,
    RATE,
    SCRIPT,
    SPEED,
    STATION,
    STEER,
    TOWED,
    TRIGGER,
    WAIT,
    Bools,
    Ints,
    S,
    State,
    Static,
    V,
    X,
    Y,
)
from drive.world.traffic import HARD_BRAKE, drive_agent
from drive.world.walkers import walk

ACCEL_LAG_S, STEER_LAG_S = 0.2, 0.05
MAX_ACCEL, MAX_STEER, MAX_STEER_RATE = 4.0, 0.6, 1.0
HITCH_M = 0.8


@kernel
def light_colours(cycles: Array, times: Array, time_s: float) -> Ints:
    """Colour code of every light: its place in `drive.maps.COLOURS` (2 is red). cycles, times: `light_cycle` and `light_time` of
    a `Static`."""
    colours = np.zeros(len(times), dtype=np.int64)
    for n in range(len(colours)):
        rest = (time_s + times[n, 0]) % times[n, 1]
        for phase in range(cycles.shape[1]):
            if rest < cycles[n, phase, 1]:
                colours[n] = int(cycles[n, phase, 0])
                break
    return colours


@maker_part
def move_ego(sc: Static, before: Array, acceleration: float, steering_rate: float) -> Array:
    """`drive.dynamics.step` for one vehicle, with limits on the commands and braking that ends at a standstill."""
    ego = before.copy()
    v, dt = before[SPEED], DT_S
    ego[X] = before[X] + dt * v * math.cos(before[HEADING])
    ego[Y] = before[Y] + dt * v * math.sin(before[HEADING])
    turned = before[HEADING] + dt * v * math.tan(before[STEER]) / sc.body[3]
    ego[HEADING] = (turned + math.pi) % (2 * math.pi) - math.pi
    wanted = min(max(acceleration, -HARD_BRAKE), MAX_ACCEL)
    ego[ACCEL] = before[ACCEL] + dt / (dt + ACCEL_LAG_S) * (wanted - before[ACCEL])
    ego[SPEED] = max(0.0, v + dt * ego[ACCEL])
    rate = min(max(steering_rate, -MAX_STEER_RATE), MAX_STEER_RATE)
    ego[STEER] = min(max(before[STEER] + dt / (dt + STEER_LAG_S) * dt * rate, -MAX_STEER), MAX_STEER)
    if ego[SPEED] == 0.0 and ego[ACCEL] < 0.0:
        ego[ACCEL] = 0.0
    return ego


@part
def locate_ego(sc: Static, ego: Array, near: float) -> None:
    """Station and lateral offset of the ego's centre on its route, searched near where it was."""
    x, y, _ = ego_box(sc, ego)
    station, lateral = project_on(sc.path, sc.path_ptr[0], sc.path_ptr[1] - sc.path_ptr[0], x, y, near)
    ego[STATION], ego[LATERAL] = station, lateral


@part
def replay(sc: Static, move: Array, pose: Array, marks: Ints, i: int, step: int, forecast: bool) -> None:
    """Puts recorded agent i where it is at a step; forecast: where it gets to as it goes on, nothing read of its future."""
    if forecast:
        pose[i, 0] += move[i, V] * math.cos(pose[i, 2]) * DT_S
        pose[i, 1] += move[i, V] * math.sin(pose[i, 2]) * DT_S
        return
    at = min(step, len(sc.recorded) - 1)
    marks[i, ACTIVE] = int(sc.recorded_valid[at, i]) if step < len(sc.recorded) else 0
    for k in range(3):
        pose[i, k] = sc.recorded[at, i, k]
    move[i, V] = sc.recorded[at, i, 3]


@part
def has_script(sc: Static, i: int) -> bool:
    """Whether something triggers agent i's script."""
    return sc.script[i, TRIGGER] < 1e8


@part
def run_script(sc: Static, st: State, move: Array, i: int, forecast: bool) -> None:
    """Time since the ego triggered agent i's script, below 0 before."""
    if i > 0 and not forecast and move[i, SCRIPT] < 0 and st.ego[STATION] >= sc.script[i, TRIGGER]:
        move[i, SCRIPT] = 0.0
    elif move[i, SCRIPT] >= 0:
        move[i, SCRIPT] += DT_S


@part
def driven(sc: Static, now: State, move: Array, colours: Ints, marks: Ints, i: int) -> tuple[float, float]:
    """Speed and acceleration of agent i on the road, by traffic or its script."""
    a = drive_agent(sc, now, colours, marks, i)
    if i > 0 and has_script(sc, i):
        a = scripted(sc, now, move, i, a)
    return max(0.0, now.move[i, V] + a * DT_S), a


@part
def walked(sc: Static, now: State, move: Array, colours: Ints, marks: Ints, i: int) -> tuple[float, float]:
    """Speed and acceleration of agent i on foot."""
    v = walk(sc, now, colours, marks, i)
    if has_script(sc, i):
        v = sc.script[i, AFTER] if move[i, SCRIPT] >= 0 else sc.script[i, BEFORE]
    return v, (v - now.move[i, V]) / DT_S


@part
def scripted(sc: Static, st: State, move: Array, i: int, own: float) -> float:
    """Acceleration of an agent with a script: its own below its first speed until the ego triggers it, then the script's."""
    v = st.move[i, V]
    if move[i, SCRIPT] < 0:
        return min(own, 2.0 * (sc.script[i, BEFORE] - v))
    if move[i, SCRIPT] > sc.script[i, HOLD]:
        return own
    step = (sc.script[i, AFTER] - v) / DT_S
    return max(-sc.script[i, RATE], min(sc.script[i, RATE], step))


@kernel
def advance(sc: Static, st: State, acceleration: float, steering_rate: float, ego_mode: int, forecast: bool) -> State:
    """The state one step later.

    ego_mode: BY_PLANNER takes the action, BY_LANE drives like traffic along the route, AS_RECORDED takes the human's pose.
    forecast: recorded agents go on as they are (nothing of their future is read), scripts do not fire.
    """
    count = len(sc.kind)
    ego, move, pose, marks = st.ego.copy(), st.move.copy(), st.pose.copy(), st.marks.copy()
    flags = np.zeros(len(st.flags), dtype=np.int64)
    step = st.step + 1
    colours = light_colours(sc.light_cycle, sc.light_time, st.step * DT_S)
    now = State(st.step, st.ego, st.move, st.pose, marks, st.flags)
    ego_by_lane = ego_mode == BY_LANE
    if ego_mode == AS_RECORDED:
        human = sc.human[min(step, len(sc.human) - 1)]
        for k in range(4):
            ego[k] = human[k]
        locate_ego(sc, ego, st.ego[STATION])
    elif not ego_by_lane:
        ego = move_ego(sc, st.ego, acceleration, steering_rate)
        locate_ego(sc, ego, st.ego[STATION])
    for i in range(0 if ego_by_lane else 1, count):
        mode = BY_LANE if i == 0 else sc.mode[i]
        if mode == AS_RECORDED:
            replay(sc, move, pose, marks, i, step, forecast)
        elif mode in (BY_LANE, ON_FOOT):
            if marks[i, ACTIVE] == 1:
                run_script(sc, st, move, i, forecast)
                v, a = driven(sc, now, move, colours, marks, i) if mode == BY_LANE else walked(sc, now, move, colours, marks, i)
                glide(sc, st, move, pose, marks, i, v, a)
            elif not forecast and step >= sc.spawn[i] and marks[i, COMMITTED] >= 0 and room_to_start(sc, st, i):
                marks[i, ACTIVE] = 1
    if ego_by_lane:
        ego_from_pose(sc, ego, move, pose)
    else:
        follow_ego(sc, ego, move, pose, marks)
    follow_tractors(sc, move, pose, marks)
    after = State(step, ego, move, pose, marks, flags)
    check_ego(sc, st.ego, after, colours)
    return after


@part
def room_to_start(sc: Static, st: State, i: int) -> bool:
    """Whether nothing stands where an agent that enters later begins."""
    for j in range(len(sc.kind)):
        if j != i and st.marks[j, ACTIVE] == 1:
            a, b, m, n = st.pose[i], st.pose[j], sc.size[i], sc.size[j]
            if overlap(a[0], a[1], a[2], m[0] + 2.0, m[1] + 0.4, b[0], b[1], b[2], n[0], n[1]):
                return False
    return True


@part
def place(sc: Static, move: Array, pose: Array, i: int) -> None:
    """Pose of agent i from its station. The ego's rear axle rides on its path, as a bicycle model's can."""
    first, n = sc.path_ptr[i], sc.path_ptr[i + 1] - sc.path_ptr[i]
    if i == 0:
        x, y, h = point_on(sc.path, first, n, move[0, S] - sc.body[2], sc.offset[0])
        pose[0, 0], pose[0, 1], pose[0, 2] = x + sc.body[2] * math.cos(h), y + sc.body[2] * math.sin(h), h
        return
    x, y, h = pose_on(sc.path, first, n, move[i, S], sc.offset[i], 0.3 * sc.size[i, 0])
    pose[i, 0], pose[i, 1], pose[i, 2] = x, y, h


@kernel
def place_all(sc: Static, move: Array, pose: Array, chosen: Bools) -> None:
    """`place` for every chosen agent."""
    for i in range(len(chosen)):
        if chosen[i]:
            place(sc, move, pose, i)


@kernel
def settle_ego(sc: Static, st: State, near: float) -> None:
    """Brings a state whose ego was put elsewhere up to date, in place: where it is on its route, searched near a station, its row
    among the agents, and the flags."""
    locate_ego(sc, st.ego, near)
    follow_ego(sc, st.ego, st.move, st.pose, st.marks)
    check_ego(sc, st.ego, st, light_colours(sc.light_cycle, sc.light_time, st.step * DT_S))


@part
def glide(sc: Static, st: State, move: Array, pose: Array, marks: Ints, i: int, v: float, a: float) -> None:
    """Moves agent i along its path to its new speed, and on to its next gate; takes it away at the path's end."""
    move[i, S] += 0.5 * (st.move[i, V] + v) * DT_S
    move[i, V], move[i, ACC] = v, a
    move[i, WAIT] = st.move[i, WAIT] + DT_S if v < 0.3 else 0.0
    rear = move[i, S] - 0.5 * sc.size[i, 0]
    while marks[i, GATE] < sc.gate_ptr[i + 1] and rear > sc.gate_span[marks[i, GATE], 1]:
        marks[i, GATE] += 1
    place(sc, move, pose, i)
    if move[i, S] + 0.5 * sc.size[i, 0] > sc.path_ptr[i + 1] - sc.path_ptr[i] - 2.0 and i > 0:
        marks[i, ACTIVE] = 0
        marks[i, COMMITTED] = -1


@part
def follow_tractors(sc: Static, move: Array, pose: Array, marks: Ints) -> None:
    """Puts trailers behind those that tow them."""
    for i in range(1, len(sc.kind)):
        if sc.mode[i] == TOWED:
            tractor = sc.tow[i]
            move[i, S] = move[tractor, S] - 0.5 * (sc.size[tractor, 0] + sc.size[i, 0]) - HITCH_M
            move[i, V] = move[tractor, V]
            marks[i, ACTIVE] = marks[tractor, ACTIVE]
            place(sc, move, pose, i)


@part
def ego_from_pose(sc: Static, ego: Array, move: Array, pose: Array) -> None:
    """The ego's vector where it drove like traffic."""
    h = pose[0, 2]
    ego[X], ego[Y] = pose[0, 0] - sc.body[2] * math.cos(h), pose[0, 1] - sc.body[2] * math.sin(h)
    ego[HEADING], ego[SPEED], ego[ACCEL] = h, move[0, V], move[0, ACC]
    ego[STATION], ego[LATERAL] = move[0, S], sc.offset[0]


@part
def follow_ego(sc: Static, ego: Array, move: Array, pose: Array, marks: Ints) -> None:
    """Row 0 of the agents' arrays from the ego's vector; it counts as committed to a gate once it cannot stop before it."""
    pose[0, 0], pose[0, 1], pose[0, 2] = ego_box(sc, ego)
    move[0, WAIT] = move[0, WAIT] + DT_S if ego[SPEED] < 0.3 else 0.0
    move[0, S], move[0, V], move[0, ACC] = ego[STATION], ego[SPEED], ego[ACCEL]
    half = 0.5 * sc.size[0, 0]
    while marks[0, GATE] < sc.gate_ptr[1] and ego[STATION] - half > sc.gate_span[marks[0, GATE], 1]:
        marks[0, GATE] += 1
    g = marks[0, GATE]
    while g < sc.gate_ptr[1] and sc.gate_span[g, 0] - ego[STATION] - half < ego[SPEED] ** 2 / (2 * 5.0) - 0.3:
        g += 1
    marks[0, COMMITTED] = g
