"""Trucks, buses, trailers. Frame: x ahead, y left, middle of the box on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.render.look.solids import box, join, loft, quad
from drive.render.look.soup import Shape, Soup
from drive.render.look.textures import NUMBER
from drive.render.look.vehicles import DARK, TAIL_TINT, TRIM, add_arches, add_lamps, add_mirrors, add_wheels, paint_of

BUS_PAINTS = ((0.80, 0.10, 0.10), (0.12, 0.35, 0.62), (0.90, 0.62, 0.10), (0.15, 0.48, 0.30), (0.88, 0.88, 0.86))


def _block(x0: float, x1: float, half: float, low: float, high: float, bevel: float = 0.04) -> Shape:
    """A box from x0 to x1 whose upper edges are bevelled."""
    ring = [(-half, low), (half, low), (half, high - bevel), (half - bevel, high), (-half + bevel, high), (-half, high - bevel)]
    return loft([[(x, y, z) for y, z in ring] for x in (x0, x1)])


def _side_panes(x0: float, x1: float, half: float, low: float, high: float) -> list[Shape]:
    right = quad([(x0, -half, low), (x1, -half, low), (x1, -half, high), (x0, -half, high)])
    left = quad([(x1, half, low), (x0, half, low), (x0, half, high), (x1, half, high)])
    return [right, left]


def _front_pane(x: float, half: float, low: float, high: float, way: int = 1) -> Shape:
    return quad([(x, -half * way, low), (x, half * way, low), (x, half * way, high), (x, -half * way, high)])


def build_truck(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A lorry: a cab with windows, a load box behind it, a dark frame underneath."""
    length, width, height = np.asarray(size, dtype=np.float64)
    front, rear, half = length / 2 - 0.02, -length / 2 + 0.02, width / 2 - 0.03
    cab, tall = min(2.0, 0.3 * length), max(1.4, min(0.86 * height, 2.75, height - 0.05))
    paint, load = paint_of(rng), np.array([0.90, 0.90, 0.88]) * rng.uniform(0.85, 1.0) if rng.random() < 0.6 else paint_of(rng)
    soup.add(_cab(front - cab, front, half * 0.96, 0.45, tall), "truck", 0, paint)
    soup.add(_block(rear + 0.03, front - cab - 0.15, half, min(0.95, 0.4 * height), height - 0.01), "truck", NUMBER["white"], load)
    soup.add(box(((rear + front - cab) / 2, 0, 0.7), (length - cab - 0.3, 0.9 * width - 0.5, 0.45)), "truck", 0, TRIM)
    _cab_glass(soup, front, cab, half * 0.96, tall)
    big = min(0.48, 0.2 * height)
    add_wheels(soup, [front - 0.62 * cab, rear + 0.22 * length], half + 0.02, big, 0.32)
    add_lamps(soup, length, half, (0.55, 0.75), (0.62, 0.86), night)
    add_arches(soup, [front - 0.62 * cab], half * 0.96 + 0.008, big)
    add_mirrors(soup, front - 0.2, half + 0.02, 0.72 * tall, DARK)
    soup.add(_front_pane(rear + 0.025, 0.015, 1.0, height - 0.1, -1), "truck", 0, TRIM)
    _plate(soup, "truck", front + 0.004, rear + 0.02, 0.5)


def _plate(soup: Soup, semantic: str, front: float, rear: float, z: float) -> None:
    soup.add(join([_front_pane(front, 0.26, z, z + 0.12), _front_pane(rear, 0.26, z + 0.15, z + 0.27, -1)]), semantic, NUMBER["plate"])


def _cab(rear: float, front: float, half: float, low: float, top: float) -> Shape:
    """A cab over the engine: upright front, the windscreen leaning back a little."""
    middle = low + 0.5 * (top - low)
    rows = ((low, 0.03, half), (middle, 0.0, half), (top - 0.06, 0.22, half * 0.95), (top, 0.35, half * 0.88))
    outline = ((0, -1), (1, -1), (1, 1), (0, 1))
    return loft([[(front - back if ahead else rear, y * side, z) for ahead, y in outline] for z, back, side in rows])


def _cab_glass(soup: Soup, front: float, cab: float, half: float, top: float) -> None:
    low, middle = 0.45, 0.45 + 0.5 * (top - 0.45)
    high = top - 0.06
    a, b = np.array([front, half, middle]), np.array([front - 0.22, half * 0.95, high])

    def at(share: float, side: float, back: float = 0.0) -> Array:
        point = a + (b - a) * share
        return np.array([point[0] - back, side * point[1], point[2]])

    screen = quad([at(0.06, -0.92), at(0.06, 0.92), at(0.88, 0.92), at(0.88, -0.92)])
    right = quad([at(0.1, -1, 0.75 * cab), at(0.1, -1, 0.12), at(0.85, -1, 0.12), at(0.85, -1, 0.75 * cab)])
    left = quad([at(0.1, 1, 0.12), at(0.1, 1, 0.75 * cab), at(0.85, 1, 0.75 * cab), at(0.85, 1, 0.12)])
    soup.add(join([screen, right, left]), "truck", NUMBER["glass"], layer=1)
    soup.add(_front_pane(front + 0.003, 0.6 * half, low + 0.3, middle - 0.1), "truck", NUMBER["grille"])


def build_bus(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A town bus: windows all round, doors on the right, a lit destination above the windscreen."""
    length, width, height = np.asarray(size, dtype=np.float64)
    front, rear, half = length / 2 - 0.02, -length / 2 + 0.02, width / 2 - 0.03
    paint = np.array(BUS_PAINTS[int(rng.integers(len(BUS_PAINTS)))])
    soup.add(_block(rear, front, half, 0.30, height - 0.01, 0.14), "bus", 0, paint)
    low, high = 0.42 * height, 0.80 * height
    count = max(3, int((length - 1.2) / 1.5))
    panes, pitch = [], (length - 1.0) / count
    for k in range(count):
        x0 = rear + 0.5 + k * pitch
        panes += _side_panes(x0 + 0.06, x0 + pitch - 0.06, half, low, high)
    panes += [_front_pane(front, half * 0.92, 0.34 * height, high), _front_pane(rear, half * 0.8, 0.5 * height, high, -1)]
    soup.add(join(panes), "bus", NUMBER["glass"], glow=0.25 if night else 0.0, layer=1)
    soup.add(_front_pane(rear, half * 0.5, 0.17 * height, 0.30 * height, -1), "bus", NUMBER["grille"], layer=1)
    for x in (front - 1.25, -0.05 * length):
        door = quad([(x - 0.55, -half, 0.35), (x + 0.55, -half, 0.35), (x + 0.55, -half, high), (x - 0.55, -half, high)])
        soup.add(door, "bus", NUMBER["glass"], (0.8, 0.8, 0.8), layer=2)
    soup.add(_front_pane(front, half * 0.6, 0.83 * height, 0.93 * height), "bus", 0, (0.95, 0.6, 0.1), layer=1, glow=1.0 if night else 0.3)
    add_wheels(soup, [front - 0.24 * length, rear + 0.22 * length], half + 0.02, 0.48, 0.32)
    add_lamps(soup, length, half, (0.45, 0.65), (0.6, 0.95), night)
    add_arches(soup, [front - 0.24 * length, rear + 0.22 * length], half + 0.006, 0.48)
    _plate(soup, "bus", front + 0.004, rear - 0.004, 0.42)


def build_trailer(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A box on wheels, with a drawbar where it is short, as of an articulated lorry where it is long."""
    length, width, height = np.asarray(size, dtype=np.float64)
    front, rear, half = length / 2 - 0.01, -length / 2 + 0.02, width / 2 - 0.03
    long = length > 7.0
    load = np.array([0.88, 0.88, 0.86]) * rng.uniform(0.8, 1.0) if rng.random() < 0.6 else paint_of(rng)
    bar = 0.0 if long else min(0.9, 0.2 * length)
    floor = min(1.1, 0.35 * height) if long else min(0.6, 0.3 * height)
    soup.add(_block(rear + 0.03, front - bar, half, floor, height - 0.01), "trailer", 0, load)
    soup.add(box((0, 0, floor - 0.1), (length - 0.4, 0.5 * width, 0.2)), "trailer", 0, TRIM)
    axles = [rear + 0.16 * length, rear + 0.16 * length + 1.15] if long else [-0.04 * length]
    add_wheels(soup, axles, half + 0.02, 0.46 if long else min(0.36, 0.9 * floor), 0.25)
    add_lamps(soup, length, half, None, (floor - 0.12, floor + 0.12), night)
    trim = [_front_pane(rear + 0.027, half - 0.01, high, high + 0.06, -1) for high in (floor + 0.02, height - 0.12)]
    soup.add(join([*trim, _front_pane(rear + 0.026, 0.02, floor, height - 0.1, -1)]), "trailer", 0, TRIM)
    stripes = _front_pane(rear + 0.01, half * 0.95, floor - 0.14, floor - 0.02, -1)
    soup.add(stripes, "trailer", NUMBER["stripes"], TAIL_TINT if night else (1, 1, 1))
