"""Compiled checks of the ego at each step: contacts and whose fault, drivable area, wrong way, red lights, time to collision."""

from __future__ import annotations

import math

from drive.frames import Array
from drive.jit import part
from drive.world.shapes import box_on_road, overlap, segments_cross
from drive.world.state import (
    ACTIVE,
    COMMITTED,
    CONTACT,
    EGO_STOPPED,
    FAILED_TO_YIELD,
    FAULT,
    FRONT,
    GATE,
    HEADING,
    IN_JUNCTION,
    LATERAL,
    LIGHT_PASSED,
    OFF_ROAD,
    REAR,
    RED_LIGHT,
    SIDE,
    SIDE_AT_FAULT,
    SPEED,
    STOPPED_AGENT,
    TOUCHING,
    TTC_LOW,
    WRONG_WAY,
    Ints,
    S,
    State,
    Static,
    V,
    X,
    Y,
)

CELL_M = 8.0
STOPPED_MPS = 0.05  # nuPlan's bound for "stopped"
OWN_LANE_M = 0.6  # further beside its route than this, the ego is not in one lane
TTC_STEPS = (0.3, 0.6, 0.9)
AHEAD_RAD, BEHIND_RAD = math.radians(30), math.radians(150)


@part
def ego_box(sc: Static, ego: Array) -> tuple[float, float, float]:
    """Centre and heading of the ego's body."""
    h = ego[HEADING]
    return ego[X] + sc.body[2] * math.cos(h), ego[Y] + sc.body[2] * math.sin(h), h


@part
def wrong_way(sc: Static, x: float, y: float, h: float) -> bool:
    """Whether the point lies in lanes of the opposite direction only."""
    cx, cy = int(math.floor((x - sc.lane_origin[0]) / CELL_M)), int(math.floor((y - sc.lane_origin[1]) / CELL_M))
    against = False
    for ix in range(max(cx - 1, 0), min(cx + 2, sc.lane_shape[0])):
        for iy in range(max(cy - 1, 0), min(cy + 2, sc.lane_shape[1])):
            cell = ix * sc.lane_shape[1] + iy
            for n in range(sc.lane_ptr[cell], sc.lane_ptr[cell + 1]):
                dx, dy, lh = x - sc.lane_samples[n, 0], y - sc.lane_samples[n, 1], sc.lane_samples[n, 2]
                along, side = math.cos(lh) * dx + math.sin(lh) * dy, -math.sin(lh) * dx + math.cos(lh) * dy
                if abs(along) <= 1.5 and abs(side) <= sc.lane_samples[n, 3]:
                    if math.cos(h - lh) > 0:
                        return False
                    against = True
    return against


@part
def contact_kind(sc: Static, st: State, j: int, off_road: bool) -> int:
    """What a contact with agent j is, after nuPlan's classes, and the ego's fault too where it had to yield."""
    v = st.ego[SPEED]
    x, y, h = ego_box(sc, st.ego)
    if abs(v) <= STOPPED_MPS:
        return EGO_STOPPED
    if st.move[j, V] <= STOPPED_MPS:
        return STOPPED_AGENT
    length, width = sc.body[0], sc.body[1]
    nose_x, nose_y = x + 0.5 * length * math.cos(h), y + 0.5 * length * math.sin(h)
    box = (st.pose[j, 0], st.pose[j, 1], st.pose[j, 2], sc.size[j, 0], sc.size[j, 1])
    if overlap(nose_x, nose_y, h, 0.1, width, box[0], box[1], box[2], box[3], box[4]):
        return FRONT
    for g in range(st.marks[0, GATE], min(st.marks[0, COMMITTED], sc.gate_ptr[1])):
        for q in range(st.marks[j, GATE], min(st.marks[j, COMMITTED], sc.gate_ptr[j + 1])):
            if sc.kind[j] < 7 and len(sc.conflict) > 0:
                row = sc.conflict[sc.gate_connector[g], sc.gate_connector[q]]
                if row >= 0 and sc.conflict_priority[row] < 0:
                    return FAILED_TO_YIELD
    tail_x, tail_y = x - 0.5 * length * math.cos(h), y - 0.5 * length * math.sin(h)
    if overlap(tail_x, tail_y, h, 0.1, width, box[0], box[1], box[2], box[3], box[4]):
        return REAR
    return SIDE_AT_FAULT if off_road or abs(st.ego[LATERAL]) > OWN_LANE_M else SIDE


@part
def ttc_low(sc: Static, st: State, tight: bool) -> bool:
    """Whether the ego, everyone going on as they are, hits within 0.9 s what is ahead of it (NAVSIM's rule).

    tight: in a junction or in more than one lane, where what comes from the side counts too.
    """
    v = st.ego[SPEED]
    if abs(v) < 5e-3:
        return False
    x, y, h = ego_box(sc, st.ego)
    for j in range(1, len(sc.kind) + len(sc.parked)):
        n = j - len(sc.kind)
        if n < 0 and (st.marks[j, ACTIVE] == 0 or st.marks[j, CONTACT] > 0):
            continue
        if n >= 0:
            bx, by, bh, bl, bw, bv = sc.parked[n, 0], sc.parked[n, 1], sc.parked[n, 2], sc.parked[n, 3], sc.parked[n, 4], 0.0
        else:
            bx, by, bh, bl, bw, bv = st.pose[j, 0], st.pose[j, 1], st.pose[j, 2], sc.size[j, 0], sc.size[j, 1], st.move[j, V]
        dx, dy = bx - x, by - y
        reach = 0.9 * (abs(v) + bv) + 0.5 * (sc.body[0] + sc.body[1] + bl + bw)
        if dx * dx + dy * dy > reach * reach:
            continue
        bearing = abs(math.atan2(math.cos(h) * dy - math.sin(h) * dx, math.cos(h) * dx + math.sin(h) * dy))
        if bearing >= AHEAD_RAD and not (tight and bearing <= BEHIND_RAD):
            continue
        for t in TTC_STEPS:
            ax, ay = x + v * t * math.cos(h), y + v * t * math.sin(h)
            if overlap(ax, ay, h, sc.body[0], sc.body[1], bx + bv * t * math.cos(bh), by + bv * t * math.sin(bh), bh, bl, bw):
                return True
    return False


@part
def check_contacts(sc: Static, st: State, off_road: bool) -> None:
    """Marks every first contact with its kind; flags whether the ego touches something and whether a new contact is its fault."""
    x, y, h = ego_box(sc, st.ego)
    for j in range(1, len(sc.kind)):
        if st.marks[j, ACTIVE] == 0:
            continue
        if overlap(x, y, h, sc.body[0], sc.body[1], st.pose[j, 0], st.pose[j, 1], st.pose[j, 2], sc.size[j, 0], sc.size[j, 1]):
            st.flags[TOUCHING] = 1
            if st.marks[j, CONTACT] == 0:
                kind = contact_kind(sc, st, j, off_road)
                st.marks[j, CONTACT] = kind
                if kind >= STOPPED_AGENT:
                    st.flags[FAULT] = max(st.flags[FAULT], kind)
    for n in range(len(sc.parked)):
        p = sc.parked[n]
        if overlap(x, y, h, sc.body[0], sc.body[1], p[0], p[1], p[2], p[3], p[4]):
            st.flags[TOUCHING] = 1
            if abs(st.ego[SPEED]) > STOPPED_MPS:
                st.flags[FAULT] = max(st.flags[FAULT], STOPPED_AGENT)


@part
def check_lights(sc: Static, before: Array, st: State, colours: Ints) -> None:
    """Flags a stop line with a light that the ego's front passed in this step, and whether the light was red."""
    ahead = sc.body[2] + 0.5 * sc.body[0]
    ax, ay = before[X] + ahead * math.cos(before[HEADING]), before[Y] + ahead * math.sin(before[HEADING])
    bx, by = st.ego[X] + ahead * math.cos(st.ego[HEADING]), st.ego[Y] + ahead * math.sin(st.ego[HEADING])
    for n in range(len(sc.stop_line)):
        line = sc.stop_line[n]
        if abs(line[0] - ax) + abs(line[1] - ay) > 20.0:
            continue
        forward = (line[2] - line[0]) * (by - ay) - (line[3] - line[1]) * (bx - ax) < 0
        if forward and segments_cross(ax, ay, bx, by, line[0], line[1], line[2], line[3]):
            st.flags[LIGHT_PASSED] = 1
            if colours[sc.stop_light[n]] == 2:
                st.flags[RED_LIGHT] = 1


@part
def check_ego(sc: Static, before: Array, st: State, colours: Ints) -> None:
    """Fills the flags of a new state."""
    x, y, h = ego_box(sc, st.ego)
    off = not box_on_road(x, y, h, sc.body[0], sc.body[1], sc.road_start, sc.road_ptr, sc.road_edges)
    beside = abs(st.ego[LATERAL]) > OWN_LANE_M
    st.flags[OFF_ROAD] = off
    st.flags[WRONG_WAY] = beside and wrong_way(sc, x, y, h)
    inside = False
    for g in range(st.marks[0, GATE], min(st.marks[0, GATE] + 1, sc.gate_ptr[1])):
        inside = sc.gate_span[g, 0] < st.move[0, S] + 0.5 * sc.body[0] and st.move[0, S] - 0.5 * sc.body[0] < sc.gate_span[g, 1]
    st.flags[IN_JUNCTION] = inside
    check_contacts(sc, st, off)
    check_lights(sc, before, st, colours)
    st.flags[TTC_LOW] = ttc_low(sc, st, inside or beside or off)
