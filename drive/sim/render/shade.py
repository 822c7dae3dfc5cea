"""Colours of what is seen: texture, sun with shadows, sky, headlights, wet road, haze. Each pixel once, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.sim.jit import kernel, pixel_kernel
from drive.sim.render.pack import Packed
from drive.sim.render.raster import Hits, View
from drive.sim.render.scene import Buffers, Floats
from drive.sim.render.shadows import ShadowMap, lit
from drive.sim.render.sky import Light

SHADOW_BIAS_M, SKIN_M, SKIN_TEXELS = 0.12, 0.06, 1.6  # along the light, and off the surface
CLEAR_M, CLEAR_STEPS = 1000, 4
ENCODED_STEPS = 8191
LAMP_AHEAD_M, LAMP_UP_M, LAMP_DIP = 3.7, 0.7, 0.05  # the ego's head lights: where they are, how far down they look per metre
LAMP_POWER, LAMP_REACH_M = 0.9, 16.0
GROUND_LAST = 5  # SEMANTIC up to here lies on the ground and gets wet


class Pyramid(NamedTuple):
    """Textures in linear colour, level by level: texels [M, 3] float32; start [L]: first texel of each level; side [L]."""

    texels: Floats
    start: NDArray[np.int64]
    side: NDArray[np.int64]


def pyramid(textures: NDArray[np.uint8]) -> Pyramid:
    """Textures [N, S, S, 3] with all their halved levels. Raises ValueError where S is not a power of two."""
    count, side = textures.shape[:2]
    if textures.ndim != 4 or textures.shape[2:] != (side, 3) or side & (side - 1):
        raise ValueError(f"textures must be [N, S, S, 3] with S a power of two, got shape {textures.shape}")
    level, parts, starts, sides = (textures / np.float32(255)) ** 2, [], [0], []
    while True:
        parts.append(level.reshape(-1, 3))
        starts.append(starts[-1] + len(parts[-1]))
        sides.append(level.shape[1])
        if level.shape[1] == 1:
            break
        half = level.shape[1] // 2
        level = level.reshape(count, half, 2, half, 2, 3).mean((2, 4), dtype=np.float32)
    return Pyramid(np.concatenate(parts).astype(np.float32), np.array(starts[:-1]), np.array(sides))


class Looks(NamedTuple):
    """What shading needs of each triangle seen, row by row of `Hits.weights`: values [N, 16] float64 (uv of three corners, squared
    tint, normal, repeats per metre, glow, wetness); codes [N, 3] int32 (texture, semantic, instance)."""

    values: Array
    codes: NDArray[np.int32]


@kernel
def gather(hits: Hits, used: int, static: Packed, moving: Packed, wet: float) -> Looks:
    """Looks of the triangles in use."""
    looks = Looks(np.empty((used, 16)), np.empty((used, 3), np.int32))
    many = len(static.layer)
    for n in range(used):
        t = hits.source[n]
        if t < many:
            look_of(static, t, wet, looks.values[n], looks.codes[n])
        else:
            look_of(moving, t - many, wet, looks.values[n], looks.codes[n])
    return looks


@kernel
def look_of(mesh: Packed, t: int, wet: float, values: Array, codes: NDArray[np.int32]) -> None:
    """Writes one row of `Looks`."""
    for k in range(6):
        values[k] = mesh.uv[t, k]
    for k in range(3):
        values[6 + k] = mesh.tint[t, k] ** 2
        values[9 + k] = mesh.normal[t, k]
    values[12], values[13] = mesh.density[t], mesh.glow[t]
    values[14] = wet if mesh.semantic[t] <= GROUND_LAST else 0.0
    codes[0], codes[1], codes[2] = mesh.texture[t], mesh.semantic[t], mesh.instance[t]


def clear_table(extinction: float) -> Floats:
    """Share of light that reaches the camera from each distance, `CLEAR_STEPS` entries a metre."""
    return np.exp(-extinction * np.arange(CLEAR_M * CLEAR_STEPS + 1) / CLEAR_STEPS).astype(np.float32)


# Linear light in steps -> 0..255, by the square root that stands for the screen's curve.
ENCODED = (255.0 * np.sqrt(np.arange(ENCODED_STEPS + 1) / ENCODED_STEPS) + 0.5).astype(np.uint8)
# Level of a texture by how many texels a pixel covers.
LEVEL = np.floor(np.log2(np.maximum(np.arange(4096), 1)) + 0.3).astype(np.int32)


@pixel_kernel
def shade(
    view: View,
    pixels: NDArray[np.int64],
    points: Array,
    hits: Hits,
    looks: Looks,
    textures: Pyramid,
    light: Light,
    clear: Floats,
    static_shadow: ShadowMap,
    moving_shadow: ShadowMap,
    ego: Array,
    rgb: NDArray[np.uint8],
    depth: Floats,
    semantic: NDArray[np.uint8],
    instance: NDArray[np.int32],
) -> None:
    """Fills the pixels [M] of the four buffers, given flat: rgb [H * W, 3], the others [H * W].

    points [M, 2]: see `Face`. clear: see `clear_table`. ego [3]: rear axle's x, y, heading, for its head lights.
    """
    r, k, values, codes, dome = view.rotation, view.intrinsics, looks.values, looks.codes, light.dome
    fx, skew, cx, fy, cy = k[0], k[1], k[2], k[3], k[4]
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = r[0, 0], r[0, 1], r[0, 2], r[1, 0], r[1, 1], r[1, 2], r[2, 0], r[2, 1], r[2, 2]
    o0, o1, o2 = view.position[0], view.position[1], view.position[2]
    l0, l1, l2 = light.sun[0], light.sun[1], light.sun[2]
    sun_0, sun_1, sun_2 = light.sun_colour[0], light.sun_colour[1], light.sun_colour[2]
    sky_0, sky_1, sky_2 = light.sky_colour[0], light.sky_colour[1], light.sky_colour[2]
    low_0, low_1, low_2 = light.ground_colour[0], light.ground_colour[1], light.ground_colour[2]
    haze_0, haze_1, haze_2 = light.haze[0], light.haze[1], light.haze[2]
    levels, base, scale = len(textures.side), float(textures.side[0]), 1.0 / (fx * math.sqrt(2.0))
    cos_h, sin_h, ego_x, ego_y = math.cos(ego[2]), math.sin(ego[2]), ego[0], ego[1]
    sunny, dark, last = sun_0 > 0.002, light.headlights > 0, len(clear) - 1
    for m in range(len(pixels)):
        n, pu, pv = pixels[m], points[m, 0], points[m, 1]
        y = (pv - cy) / fy
        x = (pu - cx - skew * y) / fx
        length = math.sqrt(x * x + y * y + 1.0)
        part = 1.0 / length
        d0, d1, d2 = (r00 * x + r10 * y + r20) * part, (r01 * x + r11 * y + r21) * part, (r02 * x + r12 * y + r22) * part
        at = hits.index[int(pv), int(pu)]
        if at < 0:
            c0, c1, c2 = haze_0, haze_1, haze_2
            if d2 >= 0.0:
                row, column = dome_place(d0, d1, d2, len(dome))
                c0, c1, c2 = dome[row, column, 0], dome[row, column, 1], dome[row, column, 2]
            rgb[n, 0], rgb[n, 1], rgb[n, 2] = encoded(c0), encoded(c1), encoded(c2)
            depth[n], semantic[n], instance[n] = np.inf, 0, 0
            continue
        rows, look = hits.weights[at], values[at]
        w0 = rows[0] * pu + rows[1] * pv + rows[2]
        w1 = rows[3] * pu + rows[4] * pv + rows[5]
        w2 = rows[6] * pu + rows[7] * pv + rows[8]
        if w0 + w1 + w2 <= 0.0:  # a fisheye's own ray passes a triangle that its face's nearest ray grazed: take that ray
            pu, pv = math.floor(pu) + 0.5, math.floor(pv) + 0.5
            w0 = rows[0] * pu + rows[1] * pv + rows[2]
            w1 = rows[3] * pu + rows[4] * pv + rows[5]
            w2 = rows[6] * pu + rows[7] * pv + rows[8]
        share = 1.0 / (w0 + w1 + w2)
        far = length * share * rows[9]
        n0, n1, n2 = look[9], look[10], look[11]
        facing = max(0.05, -(n0 * d0 + n1 * d1 + n2 * d2))
        g0, g1, g2 = look[6], look[7], look[8]
        texture = codes[at, 0]
        if texture > 0:
            u, v = (w0 * look[0] + w1 * look[2] + w2 * look[4]) * share, (w0 * look[1] + w1 * look[3] + w2 * look[5]) * share
            covered = look[12] * base * far * length * scale * (1.0 + facing) / (facing + 0.4)
            level = min(levels - 1, LEVEL[min(4095, int(covered))])
            side = textures.side[level]
            column = int((u - math.floor(u)) * side) & (side - 1)
            line = int((1.0 - v + math.floor(v)) * side) & (side - 1)
            row = textures.start[level] + (texture * side + line) * side + column
            g0, g1, g2 = g0 * textures.texels[row, 0], g1 * textures.texels[row, 1], g2 * textures.texels[row, 2]
        p0, p1, p2 = o0 + far * d0, o1 + far * d1, o2 + far * d2
        sun = max(0.0, n0 * l0 + n1 * l1 + n2 * l2)
        if sun > 0.0 and sunny:
            # Off the surface by as much as a map's entry is deep on it: else surfaces that the sun grazes shade themselves.
            off = SKIN_M + SKIN_TEXELS * static_shadow.texel_m * (1.0 - sun)
            q0, q1, q2 = p0 + off * n0, p1 + off * n1, p2 + off * n2
            sun *= lit(moving_shadow, q0, q1, q2, SHADOW_BIAS_M)
            sun *= lit(static_shadow, q0, q1, q2, SHADOW_BIAS_M)
        up = 0.5 + 0.5 * n2
        a0 = sky_0 * up + low_0 * (1.0 - up) + sun_0 * sun
        a1 = sky_1 * up + low_1 * (1.0 - up) + sun_1 * sun
        a2 = sky_2 * up + low_2 * (1.0 - up) + sun_2 * sun
        if dark:
            lamp = lamp_light(p0 - ego_x, p1 - ego_y, p2, n0, n1, n2, cos_h, sin_h)
            a0, a1, a2 = a0 + lamp, a1 + lamp, a2 + 0.9 * lamp
        glow, wet = look[13], look[14]
        c0, c1, c2 = g0 * max(a0, glow), g1 * max(a1, glow), g2 * max(a2, glow)
        if wet > 0.0:
            away = 1.0 - facing
            mirror = wet * min(0.75, 0.06 + 0.94 * away * away * away * away * away)
            row, column = dome_place(d0, d1, abs(d2), len(dome))
            dry = (1.0 - 0.45 * wet) * (1.0 - mirror)
            c0, c1 = c0 * dry + mirror * dome[row, column, 0], c1 * dry + mirror * dome[row, column, 1]
            c2 = c2 * dry + mirror * dome[row, column, 2]
        seen = clear[min(last, int(far * CLEAR_STEPS))]
        rgb[n, 0] = encoded(c0 * seen + haze_0 * (1.0 - seen))
        rgb[n, 1] = encoded(c1 * seen + haze_1 * (1.0 - seen))
        rgb[n, 2] = encoded(c2 * seen + haze_2 * (1.0 - seen))
        depth[n], semantic[n], instance[n] = far, codes[at, 1], codes[at, 2]


@pixel_kernel
def encoded(value: float) -> int:
    """Linear light -> 0..255."""
    return ENCODED[int(min(max(value, 0.0), 1.0) * ENCODED_STEPS)]


@pixel_kernel
def dome_place(d0: float, d1: float, d2: float, side: int) -> tuple[int, int]:
    """Row and column of the dome's picture in a direction above the horizon."""
    j, i = int((d0 / (1.0 + d2) * 0.5 + 0.5) * side), int((d1 / (1.0 + d2) * 0.5 + 0.5) * side)
    return min(max(i, 0), side - 1), min(max(j, 0), side - 1)


@pixel_kernel
def lamp_light(p0: float, p1: float, p2: float, n0: float, n1: float, n2: float, cos_h: float, sin_h: float) -> float:
    """Light of the ego's head lights on a point relative to its rear axle: a low, wide cone ahead that fades with distance."""
    x, y, z = p0 * cos_h + p1 * sin_h - LAMP_AHEAD_M, p1 * cos_h - p0 * sin_h, p2 - LAMP_UP_M
    if x < 0.3:
        return 0.0
    far = math.sqrt(x * x + y * y + z * z)
    side, drop = y / x, z / x + LAMP_DIP
    beam = math.exp(-6.0 * side * side) * (1.0 if drop < 0.0 else math.exp(-drop * drop * 120.0))
    met = (-n0 * (x * cos_h - y * sin_h) - n1 * (x * sin_h + y * cos_h) - n2 * z) / far
    return LAMP_POWER * beam * (0.35 + 0.65 * max(met, 0.0)) / (1.0 + (far / LAMP_REACH_M) ** 2)


def empty_buffers(height: int, width: int) -> Buffers:
    """Buffers to be filled."""
    return Buffers(
        np.empty((height, width, 3), np.uint8),
        np.empty((height, width), np.float32),
        np.empty((height, width), np.uint8),
        np.empty((height, width), np.int32),
    )
