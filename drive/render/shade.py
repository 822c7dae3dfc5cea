"""Colours of what is seen: texture, sun with shadows, sky, headlights, wet road, haze. Each pixel once, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import fast_part, maker_part, part
from drive.render.culling import PinholeView
from drive.render.effects import add_lamps, fill_sky, mirror_sky
from drive.render.fine import Fine, lay, overlay, take_fragments
from drive.render.ground import GroundMap, add_street_lamps, shade_contact
from drive.render.looks import GROUND_LAST, Looks
from drive.render.pyramid import Pyramid
from drive.render.raster import Hits
from drive.render.scene import Buffers, Floats
from drive.render.shadows import ShadowMap
from drive.render.sky import Lighting
from drive.render.surface import BLUE, FAR, GREEN, LENGTH, RED, Chunk, U, V, aim, encoded, light_up, meet, new_chunk, paint, veil

SUN_LEAST = 1e-5
CONTACT_FAR_M = 45.0  # shade close to things is not looked for beyond
POINTS = 256  # pixels of a fisheye that are taken at once


class Surroundings(NamedTuple):
    """Whatever else a picture depends on. clear: see `clear_table`; still, moving: shadow maps with the same axes; contact,
    lamps: what hides the sky on the ground and what street lamps give; ego [3]: rear axle's x, y, heading, for its head lights."""

    textures: Pyramid
    light: Lighting
    clear: Floats
    still: ShadowMap
    moving: ShadowMap
    contact: GroundMap
    lamps: GroundMap
    ego: Array


@part
def turn_axes(axes: Array, view: PinholeView, turned: Array, start: Array) -> None:
    """Fills in the axes [3, 3] (rows) as the camera has them and the camera's place along them [3]."""
    for i in range(3):
        a, b, c = axes[i, 0], axes[i, 1], axes[i, 2]
        start[i] = a * view.position[0] + b * view.position[1] + c * view.position[2]
        for j in range(3):
            turned[i, j] = a * view.rotation[j, 0] + b * view.rotation[j, 1] + c * view.rotation[j, 2]


@maker_part
def shade(
    view: PinholeView,
    pixels: NDArray[np.int32],
    points: Floats,
    hits: Hits,
    looks: Looks,
    around: Surroundings,
    fine: Fine,
    flat: Buffers,
) -> None:
    """Fills the pixels [M] of the four buffers, given flat: rgb [H * W, 3], the others [H * W]; what is fine first, laid over them then.

    points [M, 2]: see `Face`; without any, the face's pixels are the camera's.
    """
    light, whole, turned, start = around.light, len(points) == 0, np.empty((3, 3)), np.empty(3)
    turn_axes(around.still.axes, view, turned, start)
    per_pixel = around.textures.side[0] / (view.intrinsics[0] * np.sqrt(2.0))
    total, step = (view.width * view.height, view.width) if whole else (len(points), POINTS)
    chunk, first, laid = new_chunk(max(step, POINTS)), 0, 0
    while first < total:
        over = laid < fine.used[0]
        count = min(POINTS, fine.used[0] - laid) if over else min(step, total - first)
        if over:
            take_fragments(fine, laid, count, chunk)
        elif whole:
            take_row(hits.which, first // step, chunk)
        else:
            take_points(hits.which, pixels, points, looks.values, first, count, chunk)
        aim(view, chunk, count)
        begin = 0
        while begin < count:
            at, end = chunk.shown[begin], begin + 1
            while end < count and chunk.shown[end] == at:
                end += 1
            if at < 0:
                fill_sky(view, light, chunk, begin, end)
            else:
                look, wet = looks.values[at], looks.sizes[at, 1]
                meet(look, chunk, begin, end)
                level = looks.codes[at, 1] <= GROUND_LAST and min(chunk.rays[FAR, begin], chunk.rays[FAR, end - 1]) < CONTACT_FAR_M
                if level and wet == 0.0:
                    shade_contact(view, around.contact, chunk, begin, end)
                if look[12] > SUN_LEAST:
                    light_up(look, around.still, around.moving, turned, start, chunk, begin, end)
                if light.headlights > 0.0:
                    add_lamps(view, look, around.ego, chunk, begin, end)
                    add_street_lamps(view, look, around.lamps, chunk, begin, end)
                paint(look, looks.codes[at, 0], looks.sizes[at, 0] * per_pixel, around.textures, chunk, begin, end)
                if wet > 0.0:
                    mirror_sky(view, look, light, wet, chunk, begin, end)
                    if level:
                        shade_contact(view, around.contact, chunk, begin, end)  # of the mirrored sky too
            begin = end
        veil(light.haze, around.clear, chunk, count)
        if over:
            lay(fine, laid, count, chunk)
            laid += count
        else:
            overlay(fine, chunk, count)
            write(chunk, count, looks, fine, flat)
            first += count


@part
def take_row(which: NDArray[np.int32], row: int, chunk: Chunk) -> None:
    """A row of the picture."""
    width = which.shape[1]
    for i in range(width):
        chunk.place[i], chunk.spot[i], chunk.shown[i] = row * width + i, row * width + i, which[row, i]
        chunk.rays[U, i], chunk.rays[V, i] = i + 0.5, row + 0.5


@part
def take_points(
    which: NDArray[np.int32], pixels: NDArray[np.int32], points: Floats, values: Array, first: int, count: int, chunk: Chunk
) -> None:
    """Pixels of a fisheye from one on; the nearest rays of the face say what they show.

    A pixel's own ray may pass a triangle that the nearest one grazed: takes that one then.
    """
    for i in range(count):
        u, v = points[first + i, 0], points[first + i, 1]
        at = which[int(v), int(u)]
        chunk.spot[i] = int(v) * which.shape[1] + int(u)
        if at >= 0 and values[at, 0] * u + values[at, 1] * v + values[at, 2] <= 0.0:
            u, v = np.float32(int(u) + 0.5), np.float32(int(v) + 0.5)
        chunk.place[i], chunk.shown[i], chunk.rays[U, i], chunk.rays[V, i] = pixels[first + i], at, u, v


@fast_part
def write(chunk: Chunk, count: int, looks: Looks, fine: Fine, flat: Buffers) -> None:
    """Writes a chunk into the buffers. What the centre's ray meets of the fine triangles stands before the rest."""
    light, rgb, depth, semantic, instance, codes = chunk.light, flat.rgb, flat.depth, flat.semantic, flat.instance, looks.codes
    for i in range(count):
        n, at, slot = chunk.place[i], chunk.shown[i], fine.slot[chunk.spot[i]]
        rgb[n, 0], rgb[n, 1], rgb[n, 2] = encoded(light[RED, i]), encoded(light[GREEN, i]), encoded(light[BLUE, i])
        if at < 0:
            depth[n], semantic[n], instance[n] = np.inf, 0, 0
        else:
            depth[n], semantic[n], instance[n] = chunk.rays[FAR, i], codes[at, 1], codes[at, 2]
        if slot > 0 and fine.met[slot] >= 0:
            met = fine.met[slot]
            near = looks.values[met, 0] * chunk.rays[U, i] + looks.values[met, 1] * chunk.rays[V, i] + looks.values[met, 2]
            if near > 0.0:
                depth[n], semantic[n], instance[n] = chunk.rays[LENGTH, i] / near, codes[met, 1], codes[met, 2]


def empty_buffers(height: int, width: int) -> Buffers:
    """Buffers to be filled."""
    return Buffers(
        np.empty((height, width, 3), np.uint8),
        np.empty((height, width), np.float32),
        np.empty((height, width), np.uint8),
        np.empty((height, width), np.int32),
    )
