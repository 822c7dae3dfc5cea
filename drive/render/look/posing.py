"""Compiled: models of all agents and a state -> the triangles of those who are there. One loop over agents, nothing of Python."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import kernel, part
from drive.render.look.soup import CRANK_METRES, FIXED, GREEN_LAMP, KNEE, LEFT_LAMP, NO_LAMP, RIGHT_LAMP, SHIN, SPIN, SWING, TAIL, THIGH
from drive.world.shapes import on_road
from drive.world.state import ACC, ACTIVE, AS_RECORDED, BY_LANE, DT_S, PEDESTRIAN, TOWED, Ints, S, State, Static, V

Floats = NDArray[np.float32]
BRAKES_MPS2 = -0.8  # brake lamps light where acceleration is below this, or where somebody waits
STANDS_MPS = 0.3
BLINK_S, BLINK_ON_S = 0.72, 0.40
SIGNAL_GLOW, BRAKE_GLOW = 6.0, 2.0  # of what saturates a pixel: a lamp that fills a part of one, or stands in fog, is bright still
ODOMETER_M, REAL_ACC, IN_TRAFFIC = range(3)  # columns of Models.record


class Models(NamedTuple):
    """Everything about looks that does not change; A agents, then one more row for the lamps of traffic lights.

    vertices [V, 3], bone [V] (joint of the agent); agent i owns vertices vertex_ptr[i]:vertex_ptr[i+1], triangles
    triangle_ptr[i]:..., joints joint_ptr[i]:... triangles count from the agent's first vertex. lamp [T]: which lamp a triangle is;
    light [T]: its traffic light. turn [P]: what a driver signals at each point of `Static.path` (1 left, -1 right).
    record [T, A, 3]: way gone, acceleration, and whether it counts as driving, of recorded agents. kerb_m: height of the pavement.
    """

    vertices: Floats
    bone: NDArray[np.int32]
    triangles: NDArray[np.int32]
    uv: Floats
    texture: NDArray[np.int32]
    tint: Floats
    semantic: NDArray[np.uint8]
    glow: Floats
    layer: NDArray[np.int8]
    lamp: NDArray[np.int32]
    light: NDArray[np.int32]
    vertex_ptr: Ints
    triangle_ptr: Ints
    joints: Array
    joint_ptr: Ints
    turn: NDArray[np.int8]
    record: Array
    kerb_m: float
    night: bool


Drawn = tuple[Floats, NDArray[np.int32], Floats, NDArray[np.int32], Floats, NDArray[np.uint8], NDArray[np.int32], Floats, NDArray[np.int8]]


@part
def turn_joints(joints: Array, distance: float, pace: float, placed: Array, angles: Array) -> None:
    """Fills in cosine, sine, and shift (x, z) of every joint after a way gone, placed [J, 4], and its angle [J]. pace: 0 standing to 1
    walking."""
    for j in range(len(joints)):
        kind, a, b, c = int(joints[j, 3]), joints[j, 4], joints[j, 5], joints[j, 6]
        angle = 0.0
        if kind == SWING:
            angle = a * pace * math.sin(c * distance + b)
        elif kind == KNEE:
            angle = a * pace * max(0.0, math.sin(c * distance + b))
        elif kind == SPIN:
            angle = c * distance
        elif kind in (THIGH, SHIN):
            upper, lower = joints[j, 4], joints[j, 5]
            hip_x, hip_z = joints[j, 1], joints[j, 2] + (upper if kind == SHIN else 0.0)
            phase = joints[j, 9] - distance * 2 * math.pi / CRANK_METRES
            dx = joints[j, 6] + joints[j, 8] * math.cos(phase) - hip_x
            dz = joints[j, 7] + joints[j, 8] * math.sin(phase) - hip_z
            reach = min(math.hypot(dx, dz), 0.999 * (upper + lower))
            straight = math.atan2(-dx, -dz)  # of the line hip to foot, measured as a turn about y from straight down
            inner = math.acos(min(1.0, max(-1.0, (upper * upper + reach * reach - lower * lower) / (2 * upper * reach))))
            bend = math.acos(min(1.0, max(-1.0, (upper * upper + lower * lower - reach * reach) / (2 * upper * lower))))
            angle = straight - inner if kind == THIGH else math.pi - bend
        x, z, parent = joints[j, 1], joints[j, 2], int(joints[j, 0])
        if parent >= 0:
            pc, ps, px, pz = placed[parent]
            angles[j] = angles[parent] + angle
            wx, wz = pc * x + ps * z + px, -ps * x + pc * z + pz
        else:
            angles[j] = angle
            wx, wz = x, z
        co, si = math.cos(angles[j]), math.sin(angles[j])
        placed[j, 0], placed[j, 1] = co, si
        placed[j, 2], placed[j, 3] = wx - (co * x + si * z), wz - (-si * x + co * z)


@part
def moving(m: Models, sc: Static, st: State, i: int) -> tuple[float, float, int]:
    """Way gone, whether it brakes (1 or 0) and what it signals (1 left, -1 right) of agent i."""
    distance, v, signal = st.move[i, S], st.move[i, V], 0
    if sc.mode[i] == AS_RECORDED:
        row = m.record[min(st.step, len(m.record) - 1), i]
        braking = row[IN_TRAFFIC] > 0 and (row[REAL_ACC] < BRAKES_MPS2 or v < STANDS_MPS)
        return row[ODOMETER_M], (1.0 if braking else 0.0), 0
    lead = sc.tow[i] if sc.mode[i] == TOWED else i
    braking = sc.mode[lead] == BY_LANE and (st.move[lead, ACC] < BRAKES_MPS2 or v < STANDS_MPS)
    if sc.mode[lead] == BY_LANE:
        at = min(max(int(st.move[lead, S]), 0), sc.path_ptr[lead + 1] - sc.path_ptr[lead] - 1)
        signal = m.turn[sc.path_ptr[lead] + at]
    return distance, (1.0 if braking else 0.0), signal


@part
def standing_on(m: Models, sc: Static, x: float, y: float, heading: float) -> float:
    """Height of the ground under somebody on foot: the pavement's off the road, less on the way down from it."""
    off = 0
    for k in (-1, 0, 1):
        ax, ay = x + 0.25 * k * math.cos(heading), y + 0.25 * k * math.sin(heading)
        off += int(not on_road(ax, ay, sc.road_start, sc.road_ptr, sc.road_edges))
    return m.kerb_m * off / 3


@part
def light_lamp(m: Models, k: int, braking: float, signal: int, blink: bool, colours: Ints, tint: Floats, glow: Floats, at: int) -> None:
    """Colour and glow of a lamp's triangle."""
    lamp = m.lamp[k]
    if lamp == TAIL:
        if braking > 0:
            tint[at, 0], tint[at, 1], tint[at, 2], glow[at] = 1.0, 0.12, 0.08, BRAKE_GLOW
        elif m.night:
            tint[at, 0], tint[at, 1], tint[at, 2], glow[at] = 0.55, 0.03, 0.02, 0.6
    elif lamp in (LEFT_LAMP, RIGHT_LAMP):
        if blink and ((signal > 0 and lamp == LEFT_LAMP) or (signal < 0 and lamp == RIGHT_LAMP)):
            tint[at, 0], tint[at, 1], tint[at, 2], glow[at] = 1.0, 0.60, 0.08, 1.0
    else:
        code = lamp - GREEN_LAMP
        lit = colours[m.light[k]] == code
        bright = 1.0 if lit else 0.12
        r, g, b = (0.07, 1.0, 0.30) if code == 0 else (1.0, 0.34, 0.03) if code == 1 else (1.0, 0.07, 0.04)
        tint[at, 0], tint[at, 1], tint[at, 2] = r * bright, g * bright, b * bright
        glow[at] = SIGNAL_GLOW if lit else 0.0


@part
def fill_poses(m: Models, sc: Static, st: State, colours: Ints, first: int, last: int, drawn: Drawn, placed: Array, angles: Array) -> None:
    """Fills what `pose_all` gives. placed [J, 4], angles [J]: room for the joints of any agent."""
    agents = len(sc.kind)
    points, corners, uv, texture, tint, semantic, instance, glow, layer = drawn
    v0 = t0 = 0
    for i in range(first, last):
        if not (i == agents or i == 0 or st.marks[i, ACTIVE] == 1):
            continue
        distance, braking, signal = 0.0, 0.0, 0
        x = y = z = si = 0.0
        co, v = 1.0, 0.0
        if i < agents:
            distance, braking, signal = moving(m, sc, st, i)
            x, y, v = st.pose[i, 0], st.pose[i, 1], st.move[i, V]
            co, si = math.cos(st.pose[i, 2]), math.sin(st.pose[i, 2])
            z = standing_on(m, sc, x, y, st.pose[i, 2]) if sc.kind[i] == PEDESTRIAN and m.kerb_m > 0 else 0.0
        turn_joints(m.joints[m.joint_ptr[i] : m.joint_ptr[i + 1]], distance, min(1.0, v / 0.8), placed, angles)
        start = m.vertex_ptr[i]
        for k in range(start, m.vertex_ptr[i + 1]):
            bone = m.bone[k]
            px, py, pz = m.vertices[k, 0], m.vertices[k, 1], m.vertices[k, 2]
            if bone > FIXED:
                bc, bs, bx, bz = placed[bone, 0], placed[bone, 1], placed[bone, 2], placed[bone, 3]
                px, pz = bc * px + bs * pz + bx, -bs * px + bc * pz + bz
            at = v0 + k - start
            points[at, 0], points[at, 1], points[at, 2] = x + co * px - si * py, y + si * px + co * py, pz + z
        blink = (st.step * DT_S + 0.13 * i) % BLINK_S < BLINK_ON_S
        for k in range(m.triangle_ptr[i], m.triangle_ptr[i + 1]):
            for c in range(3):
                corners[t0, c], tint[t0, c] = m.triangles[k, c] + v0, m.tint[k, c]
                uv[t0, c, 0], uv[t0, c, 1] = m.uv[k, c, 0], m.uv[k, c, 1]
            texture[t0], semantic[t0], layer[t0], glow[t0] = m.texture[k], m.semantic[k], m.layer[k], m.glow[k]
            instance[t0] = i + 1 if i < agents else 0
            if m.lamp[k] != NO_LAMP:
                light_lamp(m, k, braking, signal, blink, colours, tint, glow, t0)
            t0 += 1
        v0 += m.vertex_ptr[i + 1] - start


@kernel
def pose_all(m: Models, sc: Static, st: State, colours: Ints, first: int, last: int) -> Drawn:
    """Vertices, triangles, uv, texture, tint, semantic, instance, glow, layer of agents first to last - 1 (row A: lamps of lights)."""
    agents = len(sc.kind)
    vertices = triangles = 0
    for i in range(first, last):
        if i == agents or i == 0 or st.marks[i, ACTIVE] == 1:
            vertices += m.vertex_ptr[i + 1] - m.vertex_ptr[i]
            triangles += m.triangle_ptr[i + 1] - m.triangle_ptr[i]
    points, corners = np.empty((vertices, 3), np.float32), np.empty((triangles, 3), np.int32)
    uv, texture, tint = np.empty((triangles, 3, 2), np.float32), np.empty(triangles, np.int32), np.empty((triangles, 3), np.float32)
    semantic, instance = np.empty(triangles, np.uint8), np.empty(triangles, np.int32)
    glow, layer = np.empty(triangles, np.float32), np.empty(triangles, np.int8)
    drawn = points, corners, uv, texture, tint, semantic, instance, glow, layer
    fill_poses(m, sc, st, colours, first, last, drawn, np.empty((len(m.joints), 4)), np.empty(len(m.joints)))
    return drawn
