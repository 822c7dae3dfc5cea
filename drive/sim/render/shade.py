"""Colours of what is seen: texture, sun with shadows, sky, headlights, wet road, haze. Each pixel once, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.sim.jit import kernel
from drive.sim.render.pack import Packed
from drive.sim.render.raster import Hits, View
from drive.sim.render.scene import Buffers, Floats
from drive.sim.render.shadows import ShadowMap, lit
from drive.sim.render.sky import Light

SHADOW_BIAS_M = 0.12
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


@kernel
def texel(textures: Pyramid, texture: int, u: float, v: float, level: int) -> int:
    """Row of the texel at (u, v); v runs up the picture."""
    side = textures.side[level]
    column = int((u - math.floor(u)) * side) & (side - 1)
    row = int((1.0 - v + math.floor(v)) * side) & (side - 1)
    return textures.start[level] + (texture * side + row) * side + column


@kernel
def shade(
    view: View,
    hits: Hits,
    static: Packed,
    moving: Packed,
    textures: Pyramid,
    light: Light,
    static_shadow: ShadowMap,
    moving_shadow: ShadowMap,
    ego: Array,
    rgb: NDArray[np.uint8],
    depth: Floats,
    semantic: NDArray[np.uint8],
    instance: NDArray[np.int32],
) -> None:
    """Fills the four buffers. ego [3]: rear axle's x, y, heading, for its head lights."""
    r, k = view.rotation, view.intrinsics
    many = len(static.layer)
    levels = len(textures.side)
    cos_h, sin_h = math.cos(ego[2]), math.sin(ego[2])
    for i in range(view.height):
        y = (i + 0.5 - k[4]) / k[3]
        for j in range(view.width):
            x = (j + 0.5 - k[2] - k[1] * y) / k[0]
            length = math.sqrt(x * x + y * y + 1.0)
            d0 = (r[0, 0] * x + r[1, 0] * y + r[2, 0]) / length
            d1 = (r[0, 1] * x + r[1, 1] * y + r[2, 1]) / length
            d2 = (r[0, 2] * x + r[1, 2] * y + r[2, 2]) / length
            at = hits.index[i, j]
            if at < 0:
                c0, c1, c2 = sky_colour(light, d0, d1, d2)
                rgb[i, j, 0], rgb[i, j, 1], rgb[i, j, 2] = encoded(c0), encoded(c1), encoded(c2)
                depth[i, j], semantic[i, j], instance[i, j] = np.inf, 0, 0
                continue
            rows = hits.weights[at]
            w0 = rows[0] * (j + 0.5) + rows[1] * (i + 0.5) + rows[2]
            w1 = rows[3] * (j + 0.5) + rows[4] * (i + 0.5) + rows[5]
            w2 = rows[6] * (j + 0.5) + rows[7] * (i + 0.5) + rows[8]
            total = w0 + w1 + w2
            far = length / (total * rows[9])
            w0, w1, w2 = w0 / total, w1 / total, w2 / total
            t = hits.source[at]
            mesh = static
            if t >= many:
                t, mesh = t - many, moving
            uv = mesh.uv[t]
            u, v = w0 * uv[0] + w1 * uv[2] + w2 * uv[4], w0 * uv[1] + w1 * uv[3] + w2 * uv[5]
            n0, n1, n2 = mesh.normal[t, 0], mesh.normal[t, 1], mesh.normal[t, 2]
            facing = max(0.05, -(n0 * d0 + n1 * d1 + n2 * d2))
            texture = mesh.texture[t]
            colour = np.float32(1.0)
            g0, g1, g2 = colour, colour, colour
            if texture > 0:
                footprint = mesh.density[t] * textures.side[0] * far * length / k[0] / math.sqrt(facing)
                level = min(levels - 1, max(0, int(math.log2(max(footprint, 1.0)) + 0.3)))
                row = texel(textures, texture, u, v, level)
                g0, g1, g2 = textures.texels[row, 0], textures.texels[row, 1], textures.texels[row, 2]
            g0, g1, g2 = g0 * mesh.tint[t, 0] ** 2, g1 * mesh.tint[t, 1] ** 2, g2 * mesh.tint[t, 2] ** 2
            p0, p1, p2 = view.position[0] + far * d0, view.position[1] + far * d1, view.position[2] + far * d2
            glow = mesh.glow[t]
            sun = n0 * light.sun[0] + n1 * light.sun[1] + n2 * light.sun[2]
            if sun > 0 and light.sun_colour[0] > 0.002:
                q0, q1, q2 = p0 + 0.08 * n0, p1 + 0.08 * n1, p2 + 0.08 * n2
                sun *= lit(moving_shadow, q0, q1, q2, SHADOW_BIAS_M)
                if sun > 0:
                    sun *= lit(static_shadow, q0, q1, q2, SHADOW_BIAS_M)
            sun = max(sun, 0.0)
            up = 0.5 + 0.5 * n2
            lamp = 0.0
            if light.headlights > 0:
                lamp = light.headlights * lamp_light(p0, p1, p2, n0, n1, n2, ego, cos_h, sin_h)
            clear = math.exp(-light.extinction * far)
            wet = light.wet if mesh.semantic[t] <= GROUND_LAST else 0.0
            mirror, s0, s1, s2 = 0.0, 0.0, 0.0, 0.0
            if wet > 0:
                mirror = wet * min(0.75, 0.06 + 0.94 * (1.0 - facing) ** 5)
                s0, s1, s2 = sky_colour(light, d0, d1, abs(d2))
            for channel in range(3):
                g = g0 if channel == 0 else (g1 if channel == 1 else g2)
                s = s0 if channel == 0 else (s1 if channel == 1 else s2)
                a = light.sky_colour[channel] * up + light.ground_colour[channel] * (1.0 - up)
                a += light.sun_colour[channel] * sun + lamp
                c = g * (a * (1.0 - 0.45 * wet) * (1.0 - mirror)) + mirror * s
                c = max(c, g * glow)
                rgb[i, j, channel] = encoded(c * clear + light.haze[channel] * (1.0 - clear))
            depth[i, j], semantic[i, j], instance[i, j] = far, mesh.semantic[t], mesh.instance[t]


@kernel
def encoded(value: float) -> int:
    """Linear light -> 0..255, by the square root that stands for the screen's curve."""
    return int(255.0 * math.sqrt(min(max(value, 0.0), 1.0)) + 0.5)


@kernel
def sky_colour(light: Light, d0: float, d1: float, d2: float) -> tuple[float, float, float]:
    """The dome's colour in a direction; below the horizon that of the haze."""
    if d2 < 0.0:
        return light.haze[0], light.haze[1], light.haze[2]
    n = len(light.dome)
    j, i = int((d0 / (1.0 + d2) * 0.5 + 0.5) * n), int((d1 / (1.0 + d2) * 0.5 + 0.5) * n)
    i, j = min(max(i, 0), n - 1), min(max(j, 0), n - 1)
    return float(light.dome[i, j, 0]), float(light.dome[i, j, 1]), float(light.dome[i, j, 2])


@kernel
def lamp_light(p0: float, p1: float, p2: float, n0: float, n1: float, n2: float, ego: Array, cos_h: float, sin_h: float) -> float:
    """Light of the ego's head lights on a point: a low, wide cone ahead that fades with distance."""
    x = (p0 - ego[0]) * cos_h + (p1 - ego[1]) * sin_h - LAMP_AHEAD_M
    y = -(p0 - ego[0]) * sin_h + (p1 - ego[1]) * cos_h
    z = p2 - LAMP_UP_M
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
