"""Procedural textures of a seed: ground, walls, roofs, leaves, signs, parts of vehicles. Every one repeats without a seam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.render.look.facades import FACADES, window_lit
from drive.render.look.noise import SIZE, Rng, blank, cloud, disc_mask, grey, mix, rows_columns, speckle

Texture = Callable[[Rng], Array]


def _asphalt(rng: Rng) -> Array:
    """Grey-blue, with grains and darker and lighter clouds."""
    value = 0.47 + 0.012 * cloud(rng, 1.2) + 0.035 * cloud(rng, 0.2)
    return grey(value + 0.10 * speckle(rng, 0.02) - 0.08 * speckle(rng, 0.03), (1.0, 1.0, 1.015))


def _asphalt_old(rng: Rng) -> Array:
    """Bleached and cracked."""
    image = _asphalt(rng) * 1.12
    crack = np.abs(cloud(rng, 1.8)) < 0.035
    return mix(image, (0.20, 0.20, 0.20), crack * 0.7)


def _lane(rng: Rng) -> Array:
    """Asphalt of a lane, u across: two dark wheel tracks, an oily middle, as the surface elsewhere at its edges."""
    image = _asphalt(rng)
    _, u = rows_columns()
    tracks = sum(np.exp(-(((u - at) / 0.085) ** 2)) for at in (0.27, 0.73))
    oil = np.exp(-(((u - 0.5) / 0.06) ** 2)) * (0.8 + 0.2 * np.clip(cloud(rng, 1.2), -1, 1))
    return image * (1 - 0.11 * tracks - 0.10 * oil)[..., None]


def _patch(rng: Rng) -> Array:
    return grey(0.37 + 0.015 * cloud(rng, 1.0) + 0.05 * speckle(rng, 0.03))


def _tar(rng: Rng) -> Array:
    return grey(0.26 + 0.02 * cloud(rng, 0.5))


def _slabs(rng: Rng) -> Array:
    """Concrete slabs in a running bond, four courses to a repeat."""
    v, u = rows_columns()
    course = np.floor(v * 4)
    joint = np.minimum((v * 4) % 1, (u * 3 + 0.5 * (course % 2)) % 1)
    shade = rng.uniform(-0.05, 0.05, (4, 3))[course.astype(int) % 4, np.floor(u * 3 + 0.5 * (course % 2)).astype(int) % 3]
    value = 0.60 + shade + 0.03 * cloud(rng, 1.2) + 0.03 * cloud(rng, 0.1)
    return grey(np.where(joint < 0.05, value - 0.2, value), (1.0, 0.98, 0.94))


def _concrete(rng: Rng) -> Array:
    return grey(0.66 + 0.05 * cloud(rng, 1.5) + 0.03 * cloud(rng, 0.2), (1.0, 0.99, 0.96))


def _kerb(rng: Rng) -> Array:
    """Kerb stones, u along."""
    _, u = rows_columns()
    value = 0.66 + 0.03 * cloud(rng, 1.0) + 0.02 * cloud(rng, 0.1)
    return grey(np.where((u * 2) % 1 < 0.05, value - 0.15, value))


def _grass(rng: Rng) -> Array:
    light = 0.5 + 0.16 * cloud(rng, 1.5) + 0.2 * cloud(rng, 0.3)
    return mix(blank((0.18, 0.29, 0.10)), (0.40, 0.50, 0.20), np.clip(light, 0, 1))


def _field(rng: Rng) -> Array:
    light = 0.5 + 0.25 * cloud(rng, 1.8)
    return mix(blank((0.27, 0.36, 0.15)), (0.46, 0.47, 0.26), np.clip(light, 0, 1))


def _paint(rng: Rng) -> Array:
    """White road paint, worn through in places."""
    worn = np.clip((cloud(rng, 1.0) + 0.5 * cloud(rng, 0.2) - 1.35) * 2.0, 0, 1)
    return mix(grey(0.90 + 0.03 * cloud(rng, 0.5)), (0.42, 0.42, 0.42), worn * 0.8)


def _leaves(rng: Rng) -> Array:
    light = np.clip(0.5 + 0.25 * cloud(rng, 0.9) + 0.15 * cloud(rng, 0.1), 0, 1)
    return mix(blank((0.16, 0.30, 0.10)), (0.50, 0.64, 0.28), light)


def _bark(rng: Rng) -> Array:
    _, u = rows_columns()
    return grey(0.33 + 0.06 * np.sin(u * 2 * np.pi * 9 + 2 * cloud(rng, 1.0)) + 0.05 * cloud(rng, 0.3), (1.0, 0.82, 0.66))


def _tiles(rng: Rng) -> Array:
    """Roof tiles, eight courses."""
    v, u = rows_columns()
    course = np.floor(v * 8)
    edge = ((v * 8) % 1) ** 2
    half = np.abs(((u * 8 + 0.5 * (course % 2)) % 1) - 0.5)
    value = 0.62 - 0.22 * edge - 0.15 * (half > 0.43) + 0.07 * cloud(rng, 0.4)
    return grey(value, (1.0, 0.86, 0.80))


def _gravel(rng: Rng) -> Array:
    return grey(0.52 + 0.05 * cloud(rng, 1.2) + 0.08 * cloud(rng, 0.1))


def _glass(rng: Rng) -> Array:
    """A car's window: dark, the sky mirrored in its upper part."""
    v, u = rows_columns()
    shine = np.clip(1.2 * v - 0.35, 0, 1) * 0.42 + 0.12 * (np.abs(u + 0.6 * v - 0.9) < 0.10)
    return mix(blank((0.07, 0.09, 0.11)), (0.62, 0.72, 0.80), np.clip(shine + 0.02 * cloud(rng, 1.0), 0, 1))


def _wheel(rng: Rng) -> Array:
    """Tyre, rim and five spokes."""
    v, u = rows_columns()
    x, y = u - 0.5, v - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    image = blank((0.07, 0.07, 0.075))
    spokes = np.abs((angle * 5 / (2 * np.pi)) % 1 - 0.5) > 0.24
    image = mix(image, (0.55, 0.56, 0.58), ((radius < 0.34) & (spokes | (radius < 0.09) | (radius > 0.29))) * 1.0)
    return image + 0.01 * cloud(rng, 0.2)[..., None]


def _grille(rng: Rng) -> Array:
    v, _ = rows_columns()
    return grey(0.10 + 0.16 * ((v * 6) % 1 < 0.4) + 0.01 * cloud(rng, 0.2))


def _plate(rng: Rng) -> Array:
    v, u = rows_columns()
    image = blank((0.92, 0.92, 0.88))
    for k in range(6):
        ink = (np.abs(u - 0.16 - 0.135 * k) < 0.045) & (np.abs(v - 0.5) < 0.28) & (np.abs(cloud(rng, 0.3)) < 0.9)
        image = mix(image, (0.1, 0.1, 0.15), ink * 1.0)
    return image


def _limit(rng: Rng, number: str) -> Array:
    """A round speed limit sign: red ring, black number on white."""
    import cv2

    canvas = np.full((SIZE, SIZE, 3), 245, dtype=np.uint8)
    cv2.circle(canvas, (SIZE // 2, SIZE // 2), SIZE // 2 - SIZE // 10, (200, 20, 25), SIZE // 7, cv2.LINE_AA)
    scale, thick = SIZE / 64 * 0.95, max(2, SIZE // 22)
    (w, h), _ = cv2.getTextSize(number, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    cv2.putText(canvas, number, ((SIZE - w) // 2, (SIZE + h) // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, (15, 15, 15), thick, cv2.LINE_AA)
    return np.flipud(canvas) / 255.0


def _yield(rng: Rng) -> Array:
    """A triangle's face, point down: white with a red border. The shape's corners are the texture's."""
    v, u = rows_columns()
    inside = np.minimum(1 - v, v - np.abs(2 * u - 1)) / 2.2
    return mix(blank((0.80, 0.06, 0.08)), (0.96, 0.96, 0.96), (inside > 0.10) * 1.0)


def _no_parking(rng: Rng) -> Array:
    v, u = rows_columns()
    x, y = u - 0.5, v - 0.5
    image = mix(blank((0.80, 0.06, 0.08)), (0.08, 0.20, 0.58), disc_mask(0.39))
    return mix(image, (0.80, 0.06, 0.08), (np.abs(x + y) < 0.09) * 1.0)


def _stripes(rng: Rng) -> Array:
    """Red and white slanted stripes of barriers."""
    v, u = rows_columns()
    return mix(blank((0.93, 0.93, 0.93)), (0.82, 0.12, 0.08), (((u + v) * 2) % 1 < 0.5) * 1.0)


def _cover(rng: Rng) -> Array:
    """A manhole cover: a ring and a waffle."""
    v, u = rows_columns()
    waffle = ((u * 10) % 1 < 0.35) | ((v * 10) % 1 < 0.35)
    return grey(np.where(disc_mask(0.43) > 0, np.where(waffle, 0.19, 0.30), 0.24) + 0.02 * cloud(rng, 0.3))


GROUND: dict[str, Texture] = {
    "white": lambda rng: blank((1.0, 1.0, 1.0)),
    "asphalt": _asphalt,
    "asphalt_old": _asphalt_old,
    "lane": _lane,
    "patch": _patch,
    "tar": _tar,
    "slabs": _slabs,
    "concrete": _concrete,
    "kerb": _kerb,
    "grass": _grass,
    "field": _field,
    "paint": _paint,
    "leaves": _leaves,
    "bark": _bark,
    "tiles": _tiles,
    "gravel": _gravel,
    "glass": _glass,
    "wheel": _wheel,
    "grille": _grille,
    "plate": _plate,
    "limit30": lambda rng: _limit(rng, "30"),
    "limit50": lambda rng: _limit(rng, "50"),
    "yield": _yield,
    "no_parking": _no_parking,
    "stripes": _stripes,
    "cover": _cover,
    "lit": window_lit,
}
ALL: dict[str, Texture] = GROUND | FACADES
NUMBER = {name: place for place, name in enumerate(ALL)}


def textures(seed: int) -> NDArray[np.uint8]:
    """All textures of a seed, [N, S, S, 3]; row 0 is the upper edge (v = 1) of what stands upright. NUMBER gives their places."""
    images = [make(np.random.default_rng([seed, 31, place])) for place, make in enumerate(ALL.values())]
    return np.ascontiguousarray(np.round(np.clip(np.stack(images)[:, ::-1], 0.0, 1.0) * 255).astype(np.uint8))
