"""Textures of walls: one repeat is one storey high and one bay wide, so windows are never cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drive.frames import Array
from drive.render.look.noise import Rng, blank, cloud, grey, mix, rect_mask, rows_columns

# Where the window of a bay lies, (left, right, low, high) of the repeat, by style.
WINDOWS = {"brick": (0.28, 0.72, 0.28, 0.80), "plaster": (0.30, 0.70, 0.25, 0.80), "panel": (0.10, 0.90, 0.35, 0.80)}
WINDOWS |= {"shop": (0.06, 0.62, 0.12, 0.73), "glassy": (0.02, 0.98, 0.24, 0.97)}


def _brick_wall(rng: Rng) -> Array:
    v, u = rows_columns()
    course = np.floor(v * 24)
    across = u * 8 + 0.5 * (course % 2)
    shade = rng.uniform(-0.12, 0.12, (24, 8))[course.astype(int) % 24, np.floor(across).astype(int) % 8]
    joint = ((v * 24) % 1 < 0.18) | (across % 1 < 0.07)
    wall = grey(0.72 + shade + 0.03 * cloud(rng, 0.8), (1.0, 0.80, 0.72))
    return mix(wall, (0.72, 0.68, 0.62), joint * 0.8)


def _plaster_wall(rng: Rng) -> Array:
    return grey(0.86 + 0.025 * cloud(rng, 1.6) + 0.012 * cloud(rng, 0.1))


def _panel_wall(rng: Rng) -> Array:
    v, u = rows_columns()
    joint = (v < 0.02) | (u < 0.02)
    return grey(np.where(joint, 0.5, 0.78) + 0.03 * cloud(rng, 1.4))


def _pane(rng: Rng) -> Array:
    """Window glass that mirrors the sky, brighter above, a curtain behind it here and there."""
    v, u = rows_columns()
    shine = np.clip(0.15 + 0.65 * v + 0.12 * cloud(rng, 1.8), 0, 1)
    return mix(blank((0.10, 0.13, 0.17)), (0.58, 0.68, 0.78), shine * 0.8)


def _window(image: Array, rng: Rng, where: tuple[float, float, float, float], bars: int = 1) -> Array:
    """Frame, glass, glazing bars and a sill."""
    left, right, low, high = where
    image = mix(image, (0.42, 0.42, 0.42), rect_mask(left - 0.045, right + 0.045, high, high + 0.03))
    image = mix(image, (0.88, 0.87, 0.84), rect_mask(left - 0.03, right + 0.03, low - 0.03, high + 0.02))
    image = mix(image, (0.75, 0.74, 0.72), rect_mask(left - 0.06, right + 0.06, low - 0.06, low - 0.02))
    image = mix(image, _pane(rng), rect_mask(left, right, low, high))
    for k in range(bars):
        at = left + (right - left) * (k + 1) / (bars + 1)
        image = mix(image, (0.85, 0.84, 0.82), rect_mask(at - 0.012, at + 0.012, low, high))
    return mix(image, (0.85, 0.84, 0.82), rect_mask(left, right, low + 0.66 * (high - low), low + 0.66 * (high - low) + 0.022))


def _ground_floor(image: Array, rng: Rng, style: str) -> Array:
    """A door in the left half of the bay, a window in the right; a plinth below."""
    image = mix(image, (0.45, 0.44, 0.42), rect_mask(0, 1, 0, 0.10))
    image = mix(image, (0.70, 0.69, 0.66), rect_mask(0.10, 0.42, 0, 0.76))
    image = mix(image, (0.30, 0.20, 0.14), rect_mask(0.13, 0.39, 0, 0.72))
    image = mix(image, (0.22, 0.14, 0.10), rect_mask(0.17, 0.35, 0.10, 0.34) + rect_mask(0.17, 0.35, 0.40, 0.50))
    image = mix(image, _pane(rng), rect_mask(0.17, 0.35, 0.54, 0.68))
    return _window(image, rng, (0.56, 0.88, 0.30, 0.74))


def _shop(rng: Rng) -> Array:
    """A shop front: large panes over a low plinth with goods behind them, a glass door; the board above is put on by the house."""
    v, u = rows_columns()
    image = grey(0.80 + 0.02 * cloud(rng, 1.0))
    row, column = np.floor(v * 9).astype(int), np.floor(u * 15).astype(int)
    colours = (0.25 + 0.5 * rng.uniform(0, 1, (9, 15, 1)) + rng.uniform(-0.15, 0.15, (9, 15, 3))) * rng.uniform(0.4, 1.0, (1, 15, 1))
    shelf = mix(blank((0.13, 0.12, 0.11)), colours[row, column], ((v * 9) % 1 < 0.7) & ((u * 15) % 1 < 0.8) & (v < 0.45))
    pane = mix(shelf, _pane(rng), 0.25 + 0.45 * v)
    image = mix(image, (0.17, 0.17, 0.18), rect_mask(0.03, 0.97, 0.0, 0.76))
    image = mix(image, pane, rect_mask(0.06, 0.62, 0.12, 0.73))
    return mix(image, pane, rect_mask(0.68, 0.94, 0.02, 0.73))


def _board(rng: Rng) -> Array:
    """A sign board's lettering, light on a white ground that the house tints dark."""
    v, u = rows_columns()
    image = blank((0.42, 0.42, 0.42))
    ink = np.zeros_like(v)
    for at in np.arange(0.14, 0.84, 0.085):
        if rng.random() < 0.85:
            kind = int(rng.integers(4))
            stem = np.abs(u - at) < 0.011
            bow = np.abs(np.hypot((u - at - 0.025) / 0.032, (v - 0.45) / 0.22) - 1) < 0.3
            bar = (np.abs(u - at - 0.025) < 0.034) & ((np.abs(v - 0.25) < 0.05) | (np.abs(v - 0.68) < 0.05))
            shape = (stem | bow, stem | bar, bow, stem | (np.abs(u - at - 0.05) < 0.011) | bar)[kind]
            ink = np.maximum(ink, shape & (v > 0.2) & (v < 0.74))
    return mix(image, (1.0, 1.0, 1.0), ink)


def _glass_front(rng: Rng) -> Array:
    """Curtain wall: panes between mullions, a spandrel per storey."""
    v, u = rows_columns()
    tone = rng.uniform(-0.06, 0.06, 3)[np.floor(u * 3).astype(int) % 3]
    image = mix(blank((0.14, 0.20, 0.26)), (0.55, 0.68, 0.78), np.clip(0.35 + tone + 0.35 * v + 0.1 * cloud(rng, 1.8), 0, 1))
    image = mix(image, (0.20, 0.24, 0.28), rect_mask(0, 1, 0, 0.22))
    return mix(image, (0.62, 0.64, 0.66), (((u * 3) % 1 < 0.06) | (v < 0.03) | (np.abs(v - 0.22) < 0.015)) * 1.0)


def window_lit(rng: Rng) -> Array:
    """A lit room behind a window: warm, brighter above, a curtain at one side."""
    v, u = rows_columns()
    image = grey(0.70 + 0.25 * v + 0.05 * cloud(rng, 1.5), (1.0, 0.86, 0.60))
    image = mix(image, (0.70, 0.48, 0.30), ((u < 0.22) | (u > 0.84)) * 0.7)
    return mix(image, (0.35, 0.30, 0.25), (np.abs(u - 0.5) < 0.025) * 1.0)


def _railing(rng: Rng) -> Array:
    """Bars of a balcony before its dark inside."""
    v, u = rows_columns()
    bars = ((u * 8) % 1 < 0.3) | (v > 0.88) | (v < 0.1)
    return mix(blank((0.28, 0.28, 0.29)), (0.75, 0.75, 0.76), bars)


FACADES: dict[str, Callable[[Rng], Array]] = {
    "brick": lambda rng: _window(_brick_wall(rng), rng, WINDOWS["brick"]),
    "brick_door": lambda rng: _ground_floor(_brick_wall(rng), rng, "brick"),
    "brick_blind": _brick_wall,
    "plaster": lambda rng: _window(_plaster_wall(rng), rng, WINDOWS["plaster"]),
    "plaster_door": lambda rng: _ground_floor(_plaster_wall(rng), rng, "plaster"),
    "plaster_blind": _plaster_wall,
    "panel": lambda rng: _window(_panel_wall(rng), rng, WINDOWS["panel"], 2),
    "panel_blind": _panel_wall,
    "glassy": _glass_front,
    "shop": _shop,
    "shop_b": _shop,
    "board": _board,
    "railing": _railing,
}
