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
PER_BYTE, SUN_LEAST = 1 / 255, 1e-5
LAMP_AHEAD_M, LAMP_UP_M, LAMP_DIP = 3.7, 0.7, 0.05  # the ego's head lights: where they are, how far down they look per metre
LAMP_POWER, LAMP_REACH_M = 0.9, 16.0
GROUND_LAST = 5  # SEMANTIC up to here lies on the ground and gets wet


class Pyramid(NamedTuple):
    """Textures level by level: texels [M, 4] uint8, roots of linear colour; start [L]: first texel of each level; side [L]."""

    texels: NDArray[np.uint8]
    start: NDArray[np.int64]
    side: NDArray[np.int64]


def pyramid(textures: NDArray[np.uint8]) -> Pyramid:
    """Textures [N, S, S, 3] with all their halved levels. Raises ValueError where S is not a power of two."""
    count, side = textures.shape[:2]
    if textures.ndim != 4 or textures.shape[2:] != (side, 3) or side & (side - 1):
        raise ValueError(f"textures must be [N, S, S, 3] with S a power of two, got shape {textures.shape}")
    level, parts, starts, sides = (textures / np.float32(255)) ** 2, [], [0], []
    while True:
        parts.append(np.pad(np.round(255 * np.sqrt(level.reshape(-1, 3))).astype(np.uint8), ((0, 0), (0, 1))))
        starts.append(starts[-1] + len(parts[-1]))
        sides.append(level.shape[1])
        if level.shape[1] == 1:
            break
        half = level.shape[1] // 2
        level = level.reshape(count, half, 2, half, 2, 3).mean((2, 4), dtype=np.float32)
    return Pyramid(np.concatenate(parts), np.array(starts[:-1]), np.array(sides))


class Looks(NamedTuple):
    """What shading needs of each triangle seen, row by row of `Hits.weights`.

    values [N, 28] float64: planes in the pixel (A, B, C each) of 1 / z, u / z and v / z; light from sky and ground, and the sun's,
    each times the tint; the tint's own shine; the tint; the shift of shadow lookups along the maps' axes (3 each); normal (3);
    distance of the triangle's plane from the camera. sizes [N, 2]: texture repeats per metre, wetness. codes [N, 3] int32
    (texture, semantic, instance).
    """

    values: Array
    sizes: Array
    codes: NDArray[np.int32]


@kernel
def gather(view: View, hits: Hits, used: int, static: Packed, moving: Packed, light: Light, shadow: ShadowMap) -> Looks:
    """Looks of the triangles in use. shadow: the map of what never moves."""
    looks = Looks(np.empty((used, 28)), np.empty((used, 2)), np.empty((used, 3), np.int32))
    many = len(static.layer)
    for n in range(used):
        t = hits.source[n]
        if t < many:
            look_of(view, hits.weights[n], static, t, light, shadow, looks.values[n], looks.sizes[n], looks.codes[n])
        else:
            look_of(view, hits.weights[n], moving, t - many, light, shadow, looks.values[n], looks.sizes[n], looks.codes[n])
    return looks


@kernel
def look_of(
    view: View, rows: Array, mesh: Packed, t: int, light: Light, shadow: ShadowMap, values: Array, sizes: Array, codes: NDArray[np.int32]
) -> None:
    """Writes one row of `Looks`."""
    uv, normal, corner, axes = mesh.uv[t], mesh.normal[t], mesh.corners[t], shadow.axes
    for k in range(3):
        a, b, c = rows[k] / rows[9], rows[3 + k] / rows[9], rows[6 + k] / rows[9]
        values[k] = a + b + c
        values[3 + k] = a * uv[0] + b * uv[2] + c * uv[4]
        values[6 + k] = a * uv[1] + b * uv[3] + c * uv[5]
    up = 0.5 + 0.5 * normal[2]
    sun = max(0.0, normal[0] * light.sun[0] + normal[1] * light.sun[1] + normal[2] * light.sun[2])
    # Off the surface by as much as a map's entry is deep on it: else surfaces that the sun grazes shade themselves.
    off = SKIN_M + SKIN_TEXELS * shadow.texel_m * (1.0 - sun)
    far = 0.0
    for k in range(3):
        tint = mesh.tint[t, k] ** 2
        values[9 + k] = tint * (light.sky_colour[k] * up + light.ground_colour[k] * (1.0 - up))
        values[12 + k] = tint * light.sun_colour[k] * sun
        values[15 + k] = tint * mesh.glow[t]
        values[18 + k] = tint
        values[21 + k] = off * (axes[k, 0] * normal[0] + axes[k, 1] * normal[1] + axes[k, 2] * normal[2])
        values[24 + k] = normal[k]
        far += normal[k] * (view.position[k] - corner[k])
    values[27] = far
    sizes[0] = mesh.density[t]
    sizes[1] = light.wet if mesh.semantic[t] <= GROUND_LAST else 0.0
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
    pixels: NDArray[np.int32],
    points: Floats,
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

    points [M, 2]: see `Face`; without any, the face's pixels are the camera's. clear: see `clear_table`. ego [3]: rear axle's x, y,
    heading, for its head lights. The maps share their axes.
    """
    r, k, dome, maps = view.rotation, view.intrinsics, light.dome, static_shadow.axes
    skew, cx, cy, ifx, ify = k[1] / k[0], k[2], k[4], 1.0 / k[0], 1.0 / k[3]
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = r[0, 0], r[0, 1], r[0, 2], r[1, 0], r[1, 1], r[1, 2], r[2, 0], r[2, 1], r[2, 2]
    o0, o1, o2 = view.position[0], view.position[1], view.position[2]
    # The camera and the pixel's ray along the axes of the shadow maps.
    turned, start = np.zeros((3, 3)), np.array([0.0, 0.0, SHADOW_BIAS_M])
    for a in range(3):
        for b in range(3):
            start[a] += maps[a, b] * view.position[b]
            for c in range(3):
                turned[a, b] += maps[a, c] * r[b, c]
    s0, s1, s2 = start[0], start[1], start[2]
    t00, t01, t02, t10, t11, t12 = turned[0, 0], turned[0, 1], turned[0, 2], turned[1, 0], turned[1, 1], turned[1, 2]
    t20, t21, t22 = turned[2, 0], turned[2, 1], turned[2, 2]
    haze_0, haze_1, haze_2 = light.haze[0], light.haze[1], light.haze[2]
    levels, per_pixel = len(textures.side), float(textures.side[0]) * ifx / math.sqrt(2.0)
    cos_h, sin_h, ego_x, ego_y = math.cos(ego[2]), math.sin(ego[2]), ego[0], ego[1]
    dark, last, whole, width = light.headlights > 0, len(clear) - 1, len(points) == 0, view.width
    count = width * view.height if whole else len(points)
    column, row = -1, 0
    for m in range(count):
        if whole:
            column += 1
            if column == width:
                column, row = 0, row + 1
            n, pu, pv = m, column + 0.5, row + 0.5
        else:
            n, pu, pv = int(pixels[m]), float(points[m, 0]), float(points[m, 1])
            column, row = int(pu), int(pv)
        y = (pv - cy) * ify
        x = (pu - cx) * ifx - skew * y
        length = math.sqrt(x * x + y * y + 1.0)
        at = hits.which[row, column]
        if at < 0:
            d2 = r02 * x + r12 * y + r22
            if d2 >= 0.0:
                i, j = dome_place((r00 * x + r10 * y + r20) / length, (r01 * x + r11 * y + r21) / length, d2 / length, len(dome))
                rgb[n, 0], rgb[n, 1], rgb[n, 2] = dome[i, j, 0], dome[i, j, 1], dome[i, j, 2]
            else:
                rgb[n, 0], rgb[n, 1], rgb[n, 2] = encoded(haze_0), encoded(haze_1), encoded(haze_2)
            depth[n], semantic[n], instance[n] = np.inf, 0, 0
            continue
        look, code = looks.values[at], looks.codes[at]
        near = look[0] * pu + look[1] * pv + look[2]
        if near <= 0.0:  # a fisheye's own ray passes a triangle that its face's nearest ray grazed: take that ray
            pu, pv = column + 0.5, row + 0.5
            near = look[0] * pu + look[1] * pv + look[2]
        z = 1.0 / near
        far = length * z
        facing = max(0.05, look[27] / far)
        g0, g1, g2 = 1.0, 1.0, 1.0
        if code[0] > 0:
            u, v = (look[3] * pu + look[4] * pv + look[5]) * z, (look[6] * pu + look[7] * pv + look[8]) * z
            covered = looks.sizes[at, 0] * per_pixel * far * length * (1.0 + facing) / (facing + 0.4)
            level = min(levels - 1, LEVEL[min(4095, int(covered))])
            side = textures.side[level]
            across = int((u - math.floor(u)) * side) & (side - 1)
            down = int((1.0 - v + math.floor(v)) * side) & (side - 1)
            texel = textures.texels[textures.start[level] + (code[0] * side + down) * side + across]
            g0, g1, g2 = texel[0] * PER_BYTE, texel[1] * PER_BYTE, texel[2] * PER_BYTE
            g0, g1, g2 = g0 * g0, g1 * g1, g2 * g2
        a0, a1, a2 = look[9], look[10], look[11]
        if look[12] > SUN_LEAST:
            q0 = s0 + z * (t00 * x + t01 * y + t02) + look[21]
            q1 = s1 + z * (t10 * x + t11 * y + t12) + look[22]
            q2 = s2 + z * (t20 * x + t21 * y + t22) + look[23]
            sun = lit(static_shadow, q0, q1, q2)
            if sun > 0.0:
                sun *= lit(moving_shadow, q0, q1, q2)
                a0, a1, a2 = a0 + sun * look[12], a1 + sun * look[13], a2 + sun * look[14]
        if dark:
            p0, p1, p2 = (r00 * x + r10 * y + r20) * z, (r01 * x + r11 * y + r21) * z, (r02 * x + r12 * y + r22) * z
            lamp = lamp_light(o0 + p0 - ego_x, o1 + p1 - ego_y, o2 + p2, look[24], look[25], look[26], cos_h, sin_h)
            a0, a1, a2 = a0 + lamp * look[18], a1 + lamp * look[19], a2 + 0.9 * lamp * look[20]
        c0, c1, c2 = g0 * max(a0, look[15]), g1 * max(a1, look[16]), g2 * max(a2, look[17])
        wet = looks.sizes[at, 1]
        if wet > 0.0:
            d0, d1, d2 = (r00 * x + r10 * y + r20) / length, (r01 * x + r11 * y + r21) / length, (r02 * x + r12 * y + r22) / length
            away = 1.0 - facing
            mirror = wet * min(0.5, 0.04 + 0.6 * away * away * away * away * away)
            i, j = dome_place(d0, d1, abs(d2), len(dome))
            dry = (1.0 - 0.45 * wet) * (1.0 - mirror)
            m0, m1, m2 = dome[i, j, 0] * PER_BYTE, dome[i, j, 1] * PER_BYTE, dome[i, j, 2] * PER_BYTE
            c0, c1, c2 = c0 * dry + mirror * m0 * m0, c1 * dry + mirror * m1 * m1, c2 * dry + mirror * m2 * m2
        seen = clear[min(last, int(far * CLEAR_STEPS))]
        rgb[n, 0] = encoded(c0 * seen + haze_0 * (1.0 - seen))
        rgb[n, 1] = encoded(c1 * seen + haze_1 * (1.0 - seen))
        rgb[n, 2] = encoded(c2 * seen + haze_2 * (1.0 - seen))
        depth[n], semantic[n], instance[n] = far, code[1], code[2]


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
