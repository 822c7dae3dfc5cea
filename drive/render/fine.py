"""What may be thinner than a pixel (lines on the road, poles, lamps) tints each pixel by the share that it covers; compiled.

The rasteriser draws everything else with one ray a pixel. Then each fine triangle is cut by the pixels' squares, lit at the middle of
what is left, and laid over what the pixel shows. What is nearer than the pixel's own surface is seen, in two steps of depth: the
nearest fine thing, and all behind it. Depth, meaning and instance stay those of the ray through the pixel's centre.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import fast_part, maker_part, part
from drive.render.culling import LAYER_BIAS, NEAR_M, PinholeView, cells_in_view, hidden
from drive.render.pack import PackedMesh
from drive.render.raster import Hits, weigh
from drive.render.scene import UPRIGHT_LAYER, Floats
from drive.render.share import Pen, columns_of, new_pen, take_share, take_strip
from drive.render.surface import BLUE, GREEN, RED, Chunk, U, V

LEAST_SHARE = 0.01
ONE_DEPTH = 0.02  # in proportion: what lies no farther apart counts as one thing
FINE_FAR_M = 160.0  # what is fine and farther away is not drawn
ROOM = 3  # fragments for each pixel; what finds no room, as where one looks along the inside of a pole, is left out
KEY, SHARE, LIGHT, BEHIND, LIGHT_BEHIND, CENTRE_KEY, COLUMNS = 0, 1, 2, 5, 6, 9, 10
ACROSS, DOWN, COVERED, NEARNESS, CENTRE = range(5)


class Fine(NamedTuple):
    """What lies over a picture. Fragments, a pixel of a triangle each: place [F]: number of the pixel; look [F]: row of `Hits.weights`;
    values [F, 5] float32: middle of the part that is covered (u, v), its share, its depth as a key, and the key at the pixel's centre,
    0 where that is not covered. Pixels: slot [H * W] int32: row of the others, 0 none; layers [P, 10] float32: depth as a key, share and
    light of the nearest, share and light of what is behind it, the key at the centre; met [P]: row that the centre's ray meets, -1 none.
    used [2]: fragments, and rows of layers."""

    place: NDArray[np.int32]
    look: NDArray[np.int32]
    values: Floats
    slot: NDArray[np.int32]
    layers: Floats
    met: NDArray[np.int32]
    used: NDArray[np.int64]


@maker_part
def new_fine(pixels: int) -> Fine:
    """Nothing yet."""
    most = ROOM * pixels
    fragments = np.empty(most, np.int32), np.empty(most, np.int32), np.empty((most, 5), np.float32)
    rows = np.empty((pixels + 1, COLUMNS), np.float32), np.empty(pixels + 1, np.int32)
    return Fine(fragments[0], fragments[1], fragments[2], np.zeros(pixels, np.int32), rows[0], rows[1], np.array([0, 1]))


@maker_part
def draw_fine(view: PinholeView, mesh: PackedMesh, first_source: int, hits: Hits, tiles: Floats, fine: Fine, used: int) -> int:
    """Adds the fragments of a mesh's fine triangles, when the others are drawn; returns how many rows of weights are in use
    afterwards. tiles: see `hidden`."""
    pen = new_pen()
    for cell in cells_in_view(view, mesh.cell_box, FINE_FAR_M):
        begin, end = mesh.fine_ptr[cell], mesh.cell_ptr[cell + 1]
        if begin < end and not hidden(view, mesh.cell_box[cell], tiles):
            for t in range(begin, end):
                corners = outline(view, mesh, t, hits.weights[used], pen)
                if corners > 2 and cover(view, hits.weights[used], mesh.layer[t], corners, used, hits.key, pen, fine):
                    hits.source[used] = first_source + t
                    used += 1
    return used


@part
def outline(view: PinholeView, mesh: PackedMesh, t: int, rows: Array, pen: Pen) -> int:
    """Puts a triangle's part before the camera into the pen, and its weights into a row; returns the number of corners, 0 where it is
    not seen."""
    r, o, c, n, k = view.rotation, view.position, mesh.corners, mesh.normal, view.intrinsics
    a0, a1, a2 = c[0, t] - o[0], c[1, t] - o[1], c[2, t] - o[2]
    if a0 * n[0, t] + a1 * n[1, t] + a2 * n[2, t] >= 0.0:
        return 0
    b0, b1, b2, c0, c1, c2 = c[3, t] - o[0], c[4, t] - o[1], c[5, t] - o[2], c[6, t] - o[0], c[7, t] - o[1], c[8, t] - o[2]
    az, bz = r[2, 0] * a0 + r[2, 1] * a1 + r[2, 2] * a2, r[2, 0] * b0 + r[2, 1] * b1 + r[2, 2] * b2
    cz = r[2, 0] * c0 + r[2, 1] * c1 + r[2, 2] * c2
    if max(az, bz, cz) < NEAR_M:
        return 0
    ax, ay = r[0, 0] * a0 + r[0, 1] * a1 + r[0, 2] * a2, r[1, 0] * a0 + r[1, 1] * a1 + r[1, 2] * a2
    bx, by = r[0, 0] * b0 + r[0, 1] * b1 + r[0, 2] * b2, r[1, 0] * b0 + r[1, 1] * b1 + r[1, 2] * b2
    cx, cy = r[0, 0] * c0 + r[0, 1] * c1 + r[0, 2] * c2, r[1, 0] * c0 + r[1, 1] * c1 + r[1, 2] * c2
    if not weigh(k, ax, ay, az, bx, by, bz, cx, cy, cz, rows):
        return 0
    made = edge(k, ax, ay, az, bx, by, bz, pen.whole, 0)
    made = edge(k, bx, by, bz, cx, cy, cz, pen.whole, made)
    return edge(k, cx, cy, cz, ax, ay, az, pen.whole, made)


@part
def edge(k: Array, px: float, py: float, pz: float, qx: float, qy: float, qz: float, whole: Array, made: int) -> int:
    """Adds the start of an edge, and where it passes the nearest plane, to the corners in the picture."""
    if pz >= NEAR_M:
        whole[0, made], whole[1, made] = (k[0] * px + k[1] * py) / pz + k[2], k[3] * py / pz + k[4]
        made += 1
    if (pz >= NEAR_M) != (qz >= NEAR_M):
        s = (NEAR_M - pz) / (qz - pz)
        sx, sy = px + s * (qx - px), py + s * (qy - py)
        whole[0, made], whole[1, made] = (k[0] * sx + k[1] * sy) / NEAR_M + k[2], k[3] * sy / NEAR_M + k[4]
        made += 1
    return made


@part
def cover(view: PinholeView, rows: Array, layer: int, corners: int, look: int, base: Floats, pen: Pen, fine: Fine) -> bool:
    """Adds the pixels that a triangle covers in part or whole and that show nothing nearer; whether there is one. base: see `Hits.key`."""
    bias, begun = 1.0 + LAYER_BIAS * layer, fine.used[0]
    low, high, left, right = 1e9, -1e9, 1e9, -1e9
    for n in range(corners):
        low, high = min(low, pen.whole[1, n]), max(high, pen.whole[1, n])
        left, right = min(left, pen.whole[0, n]), max(right, pen.whole[0, n])
    if right <= 0.0 or left >= view.width:
        return False
    a, b = (rows[0] + rows[3] + rows[6]) / rows[9] * bias, (rows[1] + rows[4] + rows[7]) / rows[9] * bias
    c = (rows[2] + rows[5] + rows[8]) / rows[9] * bias
    for i in range(int(max(math.floor(low), 0.0)), int(min(math.ceil(high), float(view.height)))):
        many = take_strip(pen, corners, i)
        if many == 0:
            continue
        first, last = columns_of(pen, view.width)
        for j in range(first, last + 1):
            middle = a * (j + 0.5) + b * (i + 0.5) + c
            if layer < UPRIGHT_LAYER and np.float32(middle) <= base[i, j]:
                continue
            take_share(pen, many, i, j)
            share, u, v = pen.found[0], pen.found[1], pen.found[2]
            key = middle if layer < UPRIGHT_LAYER else a * u + b * v + c
            if share >= LEAST_SHARE and np.float32(key) > base[i, j] and fine.used[0] < len(fine.place):
                at = fine.used[0]
                fine.place[at], fine.look[at], fine.used[0] = i * view.width + j, look, at + 1
                values = fine.values[at]
                values[ACROSS], values[DOWN], values[COVERED], values[NEARNESS] = u, v, share, key
                values[CENTRE] = middle if inside(rows, j + 0.5, i + 0.5) and np.float32(middle) > base[i, j] else 0.0
    return fine.used[0] > begun


@part
def inside(rows: Array, u: float, v: float) -> bool:
    """Whether a triangle covers a point of the picture."""
    within = True
    for n in range(3):
        within &= rows[3 * n] * u + rows[3 * n + 1] * v + rows[3 * n + 2] >= 0.0
    return within


@part
def take_fragments(fine: Fine, first: int, count: int, chunk: Chunk) -> None:
    """Fragments from one on, to be lit."""
    for i in range(count):
        chunk.place[i], chunk.shown[i] = fine.place[first + i], fine.look[first + i]
        chunk.rays[U, i], chunk.rays[V, i] = fine.values[first + i, ACROSS], fine.values[first + i, DOWN]


@part
def lay(fine: Fine, first: int, count: int, chunk: Chunk) -> None:
    """Lays lit fragments over their pixels."""
    for i in range(count):
        slot = fine.slot[chunk.place[i]]
        if slot == 0:
            slot = fine.used[1]
            fine.slot[chunk.place[i]], fine.met[slot], fine.used[1] = slot, -1, slot + 1
            for n in range(COLUMNS):
                fine.layers[slot, n] = 0.0
        values, layers = fine.values[first + i], fine.layers[slot]
        put(layers, chunk, i, values[COVERED], values[NEARNESS])
        if values[CENTRE] > layers[CENTRE_KEY]:
            layers[CENTRE_KEY], fine.met[slot] = values[CENTRE], chunk.shown[i]


@fast_part
def put(layers: Floats, chunk: Chunk, i: int, share: float, key: float) -> None:
    """Adds a share of a pixel at a depth: beside what has that depth, before or behind what has not."""
    if layers[SHARE] == 0.0:
        layers[KEY] = key
    gap = key - layers[KEY]
    if gap > ONE_DEPTH * layers[KEY]:
        rest = np.float32(1.0) - layers[SHARE]
        layers[KEY], layers[BEHIND] = key, layers[SHARE] + rest * layers[BEHIND]
        for n in range(3):
            layers[LIGHT_BEHIND + n] = layers[LIGHT + n] + rest * layers[LIGHT_BEHIND + n]
            layers[LIGHT + n] = 0.0
        layers[SHARE] = 0.0
    first = BEHIND if gap < -ONE_DEPTH * layers[KEY] else SHARE
    taken = min(np.float32(share), np.float32(1.0) - layers[first])
    layers[first] += taken
    layers[first + 1] += taken * chunk.light[RED, i]
    layers[first + 2] += taken * chunk.light[GREEN, i]
    layers[first + 3] += taken * chunk.light[BLUE, i]


@fast_part
def overlay(fine: Fine, chunk: Chunk, count: int) -> None:
    """Lays what is fine over the light of a chunk's pixels."""
    light = chunk.light
    for i in range(count):
        slot = fine.slot[chunk.spot[i]]
        if slot > 0:
            row = fine.layers[slot]
            before, behind = np.float32(1.0) - row[SHARE], np.float32(1.0) - row[BEHIND]
            for n in range(3):
                light[n, i] = row[LIGHT + n] + before * (row[LIGHT_BEHIND + n] + behind * light[n, i])
