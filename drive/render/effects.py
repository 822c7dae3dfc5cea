"""Sky, the ego's head lights and wet roads along a run of pixels (see `surface.Chunk`). Compiled."""

from __future__ import annotations

import math

import numpy as np

from drive.frames import Array
from drive.jit import fast_part
from drive.render.culling import PinholeView
from drive.render.sky import Lighting
from drive.render.surface import BLUE, FACING_LEAST, FAR, GREEN, LENGTH, PER_BYTE_2, RED, Chunk, X, Y, Z

LAMP_AHEAD_M, LAMP_UP_M, LAMP_DIP = 3.7, 0.7, 0.04  # the ego's head lights: where they are, how far down they look per metre
LAMP_POWER, LAMP_REACH_M = 1.7, 24.0
LAMP_BLUE = 0.9  # as much blue as red and green
WET_DARK, MIRROR_LEAST, MIRROR_GRAZING, MIRROR_MOST = 0.45, 0.04, 0.6, 0.5


@fast_part
def fill_sky(view: PinholeView, light: Lighting, chunk: Chunk, begin: int, end: int) -> None:
    """The dome above the horizon, haze below it; as if at no distance, so that no haze is added."""
    r, dome = view.rotation, light.dome
    r0, g0, b0 = np.float32(light.haze[0]), np.float32(light.haze[1]), np.float32(light.haze[2])
    for i in range(begin, end):
        x, y, length = chunk.rays[X, i], chunk.rays[Y, i], chunk.rays[LENGTH, i]
        chunk.rays[FAR, i] = 0.0
        d2 = (r[0, 2] * x + r[1, 2] * y + r[2, 2]) / length
        chunk.light[RED, i], chunk.light[GREEN, i], chunk.light[BLUE, i] = r0, g0, b0
        if d2 >= 0.0:
            d0, d1 = (r[0, 0] * x + r[1, 0] * y + r[2, 0]) / length, (r[0, 1] * x + r[1, 1] * y + r[2, 1]) / length
            row, column = dome_place(d0, d1, d2, len(dome))
            r1, g1, b1 = np.float32(dome[row, column, 0]), np.float32(dome[row, column, 1]), np.float32(dome[row, column, 2])
            chunk.light[RED, i], chunk.light[GREEN, i] = r1 * r1 * PER_BYTE_2, g1 * g1 * PER_BYTE_2
            chunk.light[BLUE, i] = b1 * b1 * PER_BYTE_2


@fast_part
def dome_place(d0: float, d1: float, d2: float, side: int) -> tuple[int, int]:
    """Row and column of the dome's picture in a direction above the horizon."""
    j, i = int((d0 / (1.0 + d2) * 0.5 + 0.5) * side), int((d1 / (1.0 + d2) * 0.5 + 0.5) * side)
    return min(max(i, 0), side - 1), min(max(j, 0), side - 1)


@fast_part
def add_lamps(view: PinholeView, look: Array, ego: Array, chunk: Chunk, begin: int, end: int) -> None:
    """Adds the light of the ego's head lights. ego [3]: rear axle's x, y, heading."""
    r, o = view.rotation, view.position
    cos_h, sin_h = math.cos(ego[2]), math.sin(ego[2])
    red, green, blue = np.float32(look[18]), np.float32(look[19]), np.float32(LAMP_BLUE * look[20])
    for i in range(begin, end):
        x, y, z = chunk.rays[X, i], chunk.rays[Y, i], chunk.rays[Z, i]
        p0, p1 = (r[0, 0] * x + r[1, 0] * y + r[2, 0]) * z, (r[0, 1] * x + r[1, 1] * y + r[2, 1]) * z
        p2 = (r[0, 2] * x + r[1, 2] * y + r[2, 2]) * z
        lamp = np.float32(lamp_light(o[0] + p0 - ego[0], o[1] + p1 - ego[1], o[2] + p2, look[24], look[25], look[26], cos_h, sin_h))
        chunk.light[RED, i] += lamp * red
        chunk.light[GREEN, i] += lamp * green
        chunk.light[BLUE, i] += lamp * blue


@fast_part
def lamp_light(p0: float, p1: float, p2: float, n0: float, n1: float, n2: float, cos_h: float, sin_h: float) -> float:
    """Light of the ego's head lights on a point relative to its rear axle: a low, wide cone ahead that fades with distance."""
    x, y, z = p0 * cos_h + p1 * sin_h - LAMP_AHEAD_M, p1 * cos_h - p0 * sin_h, p2 - LAMP_UP_M
    if x < 0.3:
        return 0.0
    far = math.sqrt(x * x + y * y + z * z)
    side, drop = y / x, z / x + LAMP_DIP
    beam = math.exp(-4.0 * side * side) * (1.0 if drop < 0.0 else math.exp(-drop * drop * 120.0))
    met = (-n0 * (x * cos_h - y * sin_h) - n1 * (x * sin_h + y * cos_h) - n2 * z) / far
    return LAMP_POWER * beam * (0.35 + 0.65 * max(met, 0.0)) / (1.0 + (far / LAMP_REACH_M) ** 2)


@fast_part
def mirror_sky(view: PinholeView, look: Array, light: Lighting, wet: float, chunk: Chunk, begin: int, end: int) -> None:
    """A wet surface is darker, and mirrors the sky where one looks along it."""
    r, dome = view.rotation, light.dome
    for i in range(begin, end):
        x, y, length = chunk.rays[X, i], chunk.rays[Y, i], chunk.rays[LENGTH, i]
        d0, d1 = (r[0, 0] * x + r[1, 0] * y + r[2, 0]) / length, (r[0, 1] * x + r[1, 1] * y + r[2, 1]) / length
        row, column = dome_place(d0, d1, abs(r[0, 2] * x + r[1, 2] * y + r[2, 2]) / length, len(dome))
        away = 1.0 - max(FACING_LEAST, look[27] / chunk.rays[FAR, i])
        share = wet * min(MIRROR_MOST, MIRROR_LEAST + MIRROR_GRAZING * away * away * away * away * away)
        dry, mirror = np.float32((1.0 - WET_DARK * wet) * (1.0 - share)), np.float32(share)
        r1, g1, b1 = np.float32(dome[row, column, 0]), np.float32(dome[row, column, 1]), np.float32(dome[row, column, 2])
        chunk.light[RED, i] = chunk.light[RED, i] * dry + mirror * r1 * r1 * PER_BYTE_2
        chunk.light[GREEN, i] = chunk.light[GREEN, i] * dry + mirror * g1 * g1 * PER_BYTE_2
        chunk.light[BLUE, i] = chunk.light[BLUE, i] * dry + mirror * b1 * b1 * PER_BYTE_2
