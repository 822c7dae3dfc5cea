"""Light along a row of pixels, step by step over short arrays, compiled.

A run is a stretch of neighbouring pixels that show one triangle: what they share is read once. Each step is a plain loop, which the
processor can take several pixels at a time of.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.jit import fast_part, maker_part
from drive.render.culling import PinholeView
from drive.render.pyramid import Pyramid
from drive.render.scene import Floats
from drive.render.shadows import ShadowMap, lit

SHADOW_BIAS_M = 0.12  # along the light
CLEAR_M, CLEAR_STEPS = 1000, 4
FACING_LEAST = 0.05
BYTE = np.float32(255.0)
PER_BYTE_2 = np.float32(1 / 255**2)
HALF, ZERO, ONE = np.float32(0.5), np.float32(0.0), np.float32(1.0)
# Level of a texture by how many texels a pixel covers.
LEVEL = np.floor(np.log2(np.maximum(np.arange(4096), 1)) + 0.3).astype(np.int32)


# rows of `Chunk.rays`: where on the face; the ray (x, y, 1) in the camera frame and its length; how far the triangle is, along the
# axis and along the ray
U, V, X, Y, LENGTH, Z, FAR = range(7)
RED, GREEN, BLUE = range(3)


class Chunk(NamedTuple):
    """Neighbouring pixels, one column each. place [N]: number of the pixel in the picture; spot [N]: in the face; shown [N]: row of
    `Looks`, -1 the sky; rays [7, N]; light [3, N]: linear."""

    place: NDArray[np.int64]
    spot: NDArray[np.int64]
    shown: NDArray[np.int64]
    rays: Array
    light: Floats


@maker_part
def new_chunk(most: int) -> Chunk:
    """Room for so many pixels."""
    numbers = np.empty((3, most), np.int64)
    return Chunk(numbers[0], numbers[1], numbers[2], np.empty((7, most)), np.empty((3, most), np.float32))


@fast_part
def aim(view: PinholeView, chunk: Chunk, count: int) -> None:
    """Rays of a chunk's pixels."""
    k, rays = view.intrinsics, chunk.rays
    cx, cy, ifx, ify, skew = k[2], k[4], 1.0 / k[0], 1.0 / k[3], k[1] / k[0]
    for i in range(count):
        y = (rays[V, i] - cy) * ify
        x = (rays[U, i] - cx) * ifx - skew * y
        rays[X, i], rays[Y, i] = x, y
        rays[LENGTH, i] = math.sqrt(x * x + y * y + 1.0)


@fast_part
def meet(look: Array, chunk: Chunk, begin: int, end: int) -> None:
    """Where the rays meet a run's triangle, and the light there from sky and ground."""
    rays, light = chunk.rays, chunk.light
    a, b, c = look[0], look[1], look[2]
    red, green, blue = np.float32(look[9]), np.float32(look[10]), np.float32(look[11])
    for i in range(begin, end):
        z = 1.0 / (a * rays[U, i] + b * rays[V, i] + c)
        rays[Z, i], rays[FAR, i] = z, rays[LENGTH, i] * z
        light[RED, i], light[GREEN, i], light[BLUE, i] = red, green, blue


@fast_part
def light_up(look: Array, still: ShadowMap, moving: ShadowMap, turned: Array, start: Array, chunk: Chunk, begin: int, end: int) -> None:
    """Adds the sun's light where no shadow falls. still, moving: maps with the same axes; turned [3, 3], start [3]: the camera's axes
    and place along these."""
    rays, light = chunk.rays, chunk.light
    red, green, blue = np.float32(look[12]), np.float32(look[13]), np.float32(look[14])
    per_m, more = 1.0 / still.texel_m, still.texel_m / moving.texel_m
    s0, s1 = (start[0] + look[21] - still.origin[0]) * per_m - 0.5, (start[1] + look[22] - still.origin[1]) * per_m - 0.5
    m0 = ((still.origin[0] - moving.origin[0]) * per_m + 0.5) * more - 0.5
    m1 = ((still.origin[1] - moving.origin[1]) * per_m + 0.5) * more - 0.5
    s2, t20, t21, t22 = start[2] + look[23] + SHADOW_BIAS_M, turned[2, 0], turned[2, 1], turned[2, 2]
    t00, t01, t02 = turned[0, 0] * per_m, turned[0, 1] * per_m, turned[0, 2] * per_m
    t10, t11, t12 = turned[1, 0] * per_m, turned[1, 1] * per_m, turned[1, 2] * per_m
    for i in range(begin, end):
        x, y, z = rays[X, i], rays[Y, i], rays[Z, i]
        u, v, up = s0 + z * (t00 * x + t01 * y + t02), s1 + z * (t10 * x + t11 * y + t12), s2 + z * (t20 * x + t21 * y + t22)
        share = lit(still.height, u, v, up)
        if share > 0.0:
            seen = np.float32(share * lit(moving.height, u * more + m0, v * more + m1, up))
            light[RED, i] += seen * red
            light[GREEN, i] += seen * green
            light[BLUE, i] += seen * blue


@fast_part
def paint(look: Array, texture: int, scale: float, textures: Pyramid, chunk: Chunk, begin: int, end: int) -> None:
    """At least the light that the surface gives by itself, times the texture's colour.

    scale: texels that a pixel covers across, seen from straight ahead a metre away.
    """
    rays, light, plane, last = chunk.rays, chunk.light, look[27], len(textures.side) - 1
    ua, ub, uc, va, vb, vc = look[3], look[4], look[5], look[6], look[7], look[8]
    glow_r, glow_g, glow_b = np.float32(look[15]), np.float32(look[16]), np.float32(look[17])
    for i in range(begin, end):
        pu, pv, z, far = rays[U, i], rays[V, i], rays[Z, i], rays[FAR, i]
        u, v = (ua * pu + ub * pv + uc) * z, (va * pu + vb * pv + vc) * z
        facing = max(FACING_LEAST, plane / far)
        covered = scale * far * rays[LENGTH, i] * (1.0 + facing) / (facing + 0.4)
        level = min(last, LEVEL[np.uint64(min(4095.0, covered))])
        side = textures.side[np.uint64(level)]
        across, down = int((u - math.floor(u)) * side) & (side - 1), int((1.0 - v + math.floor(v)) * side) & (side - 1)
        texel = textures.texels[np.uint64(textures.start[np.uint64(level)] + (texture * side + down) * side + across)]
        red, green, blue = np.float32(texel & 255), np.float32(texel >> 8 & 255), np.float32(texel >> 16)
        light[RED, i] = max(light[RED, i], glow_r) * red * red * PER_BYTE_2
        light[GREEN, i] = max(light[GREEN, i], glow_g) * green * green * PER_BYTE_2
        light[BLUE, i] = max(light[BLUE, i], glow_b) * blue * blue * PER_BYTE_2


def clear_table(extinction: float) -> Floats:
    """Share of light that reaches the camera from each distance, `CLEAR_STEPS` entries a metre."""
    return np.exp(-extinction * np.arange(CLEAR_M * CLEAR_STEPS + 1) / CLEAR_STEPS).astype(np.float32)


@fast_part
def veil(haze: Array, clear: Floats, chunk: Chunk, count: int) -> None:
    """Haze between the camera and what is seen; none before the sky, whose distance is 0 here. clear: see `clear_table`."""
    rays, light, last = chunk.rays, chunk.light, len(clear) - 1.0
    red, green, blue = np.float32(haze[0]), np.float32(haze[1]), np.float32(haze[2])
    for i in range(count):
        seen = clear[np.uint64(min(last, rays[FAR, i] * CLEAR_STEPS))]
        light[RED, i] = red + (light[RED, i] - red) * seen
        light[GREEN, i] = green + (light[GREEN, i] - green) * seen
        light[BLUE, i] = blue + (light[BLUE, i] - blue) * seen


@fast_part
def encoded(value: np.float32) -> np.uint8:
    """Linear light -> 0..255, by the square root that stands for the screen's curve."""
    return np.uint8(BYTE * math.sqrt(min(max(value, ZERO), ONE)) + HALF)
