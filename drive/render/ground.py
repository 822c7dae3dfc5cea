"""Maps of the ground from above: how much of the sky is hidden close to things, and what street lamps give. Compiled.

Under a car the road sees little sky, beside it more with every hand's breadth: what stands on the road is tied to it by that shade, sun
or none. A street lamp lights a round place below it, and whoever stands there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from drive.frames import Array
from drive.jit import fast_kernel, fast_part
from drive.render.culling import PinholeView
from drive.render.scene import SEMANTIC, Floats, Mesh
from drive.render.surface import BLUE, GREEN, RED, Chunk, X, Y, Z
from drive.world.state import ACTIVE, CYCLIST, EGO, MOTORCYCLE, OBSTACLE, PEDESTRIAN, State
from drive.world.world import World

RADIUS_M, SIDE = 60.0, 480
FADE_M, UNDER, BESIDE = 0.7, 0.9, 0.75  # how far beside a thing the sky is hidden; its share below a car, and at its edge
LAMP_TEXEL_M, LAMP_REACH_M = 1.0, 22.0
LAMP_LIGHT, LAMP_COLOUR = 0.45, (1.0, 0.82, 0.58)  # of one of a pane's two triangles, straight below it
LAMP_TOP_M = 6.2
UPRIGHT_SHARE = 0.55  # of a lamp's light that reaches upright faces
TREE_M = 0.5


class GroundMap(NamedTuple):
    """values [N, M] float32, rows along y; origin [2]: of the first entry's middle; per_m: entries a metre."""

    values: Floats
    origin: Array
    per_m: float


def still_boxes(world: World) -> Array:
    """What stands on the ground and never moves, [B, 6]: x, y, heading, length, width, share of the sky that it hides below itself."""
    furniture = world.furniture
    if furniture is None:
        return np.zeros((0, 6))
    parked = np.column_stack([furniture.parked[:, :5], np.full(len(furniture.parked), UNDER)])
    works = np.column_stack([furniture.works[:, :5], np.full(len(furniture.works), BESIDE)])
    trees = furniture.trees
    trunks = np.column_stack([trees[:, :2], np.zeros(len(trees)), np.full((len(trees), 2), TREE_M), np.full(len(trees), BESIDE)])
    return np.concatenate([parked, works, trunks])


def contact_map(world: World, still: Array, state: State, centre: Array) -> GroundMap:
    """How much of the sky is hidden on the ground around a place [2]. still: see `still_boxes`."""
    kind, there = world.static.kind, state.marks[:, ACTIVE] == 1
    there[EGO] = True
    small = np.isin(kind, (MOTORCYCLE, CYCLIST, PEDESTRIAN, OBSTACLE))
    boxes = np.column_stack([state.pose[:, :3], world.static.size[:, :2], np.where(small, BESIDE, UNDER)])[there]
    near = np.abs(still[:, :2] - centre).max(-1) < RADIUS_M if len(still) else np.zeros(0, bool)
    texel = 2 * RADIUS_M / SIDE
    made = GroundMap(np.zeros((SIDE, SIDE), np.float32), centre[:2] - RADIUS_M + texel / 2, 1 / texel)
    hide_sky(made, np.ascontiguousarray(np.concatenate([boxes, still[near]])))
    return made


@fast_kernel
def hide_sky(made: GroundMap, boxes: Array) -> None:
    """Writes the shade of boxes [B, 6] into a map: full below them, less beside."""
    values, size = made.values, len(made.values)
    for b in range(len(boxes)):
        cos_h, sin_h = math.cos(boxes[b, 2]), math.sin(boxes[b, 2])
        half_l, half_w, most = boxes[b, 3] / 2, boxes[b, 4] / 2, boxes[b, 5]
        reach = half_l + half_w + FADE_M
        u, v = (boxes[b, 0] - made.origin[0]) * made.per_m, (boxes[b, 1] - made.origin[1]) * made.per_m
        for i in range(max(0, int(v - reach * made.per_m)), min(size, int(v + reach * made.per_m) + 2)):
            for j in range(max(0, int(u - reach * made.per_m)), min(size, int(u + reach * made.per_m) + 2)):
                x, y = (j - u) / made.per_m, (i - v) / made.per_m
                along, aside = max(abs(x * cos_h + y * sin_h) - half_l, 0.0), max(abs(y * cos_h - x * sin_h) - half_w, 0.0)
                gap = math.sqrt(along * along + aside * aside) / FADE_M
                if gap < 1.0:
                    hidden = most if gap == 0.0 else BESIDE * (1.0 - gap) * (1.0 - gap)
                    values[i, j] = max(values[i, j], np.float32(hidden))


def lamp_map(mesh: Mesh) -> GroundMap:
    """The light of a mesh's street lamps on level ground; nothing where none shines."""
    panes = mesh.vertices[mesh.triangles[(mesh.semantic == SEMANTIC.index("sign")) & (mesh.glow > 0)]].astype(np.float64).mean(1)
    if not len(panes):
        return GroundMap(np.zeros((2, 2), np.float32), np.zeros(2), 1.0)
    low, high = panes[:, :2].min(0) - LAMP_REACH_M, panes[:, :2].max(0) + LAMP_REACH_M
    columns, rows = (np.ceil((high - low) / LAMP_TEXEL_M).astype(int) + 1).tolist()
    made = GroundMap(np.zeros((rows, columns), np.float32), low, 1 / LAMP_TEXEL_M)
    light_ground(made, panes)
    return made


@fast_kernel
def light_ground(made: GroundMap, panes: Array) -> None:
    """Adds the light of panes [P, 3] to a map: by the cosine on both sides and the square of the distance, 1 straight below."""
    reach = int(LAMP_REACH_M * made.per_m)
    for p in range(len(panes)):
        u, v, h2 = (panes[p, 0] - made.origin[0]) * made.per_m, (panes[p, 1] - made.origin[1]) * made.per_m, panes[p, 2] ** 2
        for i in range(max(0, int(v) - reach), min(made.values.shape[0], int(v) + reach + 1)):
            for j in range(max(0, int(u) - reach), min(made.values.shape[1], int(u) + reach + 1)):
                d2 = ((j - u) ** 2 + (i - v) ** 2) / made.per_m**2
                fade = max(0.0, 1.0 - d2 / LAMP_REACH_M**2)
                made.values[i, j] += np.float32(LAMP_LIGHT * fade * (h2 / (h2 + d2)) ** 2)


@fast_part
def looked_up(made: GroundMap, x: float, y: float) -> float:
    """A map's value at a place, between its four nearest entries; 0 beside the map."""
    u, v = (x - made.origin[0]) * made.per_m, (y - made.origin[1]) * made.per_m
    j, i = np.uint32(np.int32(u)), np.uint32(np.int32(v))  # below zero becomes very large
    if j >= np.uint32(made.values.shape[1] - 1) or i >= np.uint32(made.values.shape[0] - 1):
        return 0.0
    here, above = made.values[i], made.values[i + np.uint32(1)]
    fu, fv = max(0.0, u - j), max(0.0, v - i)
    one = np.uint32(1)
    return (1 - fv) * ((1 - fu) * here[j] + fu * here[j + one]) + fv * ((1 - fu) * above[j] + fu * above[j + one])


@fast_part
def shade_contact(view: PinholeView, contact: GroundMap, chunk: Chunk, begin: int, end: int) -> None:
    """Takes from the sky's light on the ground what things close by hide."""
    r, o, light = view.rotation, view.position, chunk.light
    for i in range(begin, end):
        x, y, z = chunk.rays[X, i], chunk.rays[Y, i], chunk.rays[Z, i]
        p0, p1 = o[0] + (r[0, 0] * x + r[1, 0] * y + r[2, 0]) * z, o[1] + (r[0, 1] * x + r[1, 1] * y + r[2, 1]) * z
        left = np.float32(1.0 - looked_up(contact, p0, p1))
        light[RED, i] *= left
        light[GREEN, i] *= left
        light[BLUE, i] *= left


@fast_part
def add_street_lamps(view: PinholeView, look: Array, lamps: GroundMap, chunk: Chunk, begin: int, end: int) -> None:
    """Adds the light of street lamps to what lies or stands below them."""
    r, o, light = view.rotation, view.position, chunk.light
    share = UPRIGHT_SHARE + (1.0 - UPRIGHT_SHARE) * max(look[26], 0.0)
    red, green, blue = share * LAMP_COLOUR[0] * look[18], share * LAMP_COLOUR[1] * look[19], share * LAMP_COLOUR[2] * look[20]
    for i in range(begin, end):
        x, y, z = chunk.rays[X, i], chunk.rays[Y, i], chunk.rays[Z, i]
        p0, p1 = o[0] + (r[0, 0] * x + r[1, 0] * y + r[2, 0]) * z, o[1] + (r[0, 1] * x + r[1, 1] * y + r[2, 1]) * z
        p2 = o[2] + (r[0, 2] * x + r[1, 2] * y + r[2, 2]) * z
        lamp = looked_up(lamps, p0, p1) * max(0.0, 1.0 - max(p2, 0.0) / LAMP_TOP_M) ** 0.5
        light[RED, i] += np.float32(lamp * red)
        light[GREEN, i] += np.float32(lamp * green)
        light[BLUE, i] += np.float32(lamp * blue)
