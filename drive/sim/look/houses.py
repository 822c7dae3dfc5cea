"""Buildings: walls of bays and storeys, doors and shop fronts, roofs; lit windows at night."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.geometry import box_corners
from drive.sim.look.facades import WINDOWS
from drive.sim.look.solids import box, join, moved, prism, quad
from drive.sim.look.soup import Shape, Soup
from drive.sim.look.textures import NUMBER

STOREY_M, BAY_M = 3.1, 3.2
STYLES = ("brick", "plaster", "panel", "glassy")
WALL_TINTS = {
    "brick": ((1.0, 0.82, 0.74), (0.85, 0.62, 0.55), (1.0, 0.92, 0.80), (0.78, 0.70, 0.68)),
    "plaster": ((1.0, 0.97, 0.88), (0.96, 0.87, 0.70), (0.85, 0.90, 0.88), (0.95, 0.80, 0.72), (0.82, 0.84, 0.90), (0.93, 0.93, 0.93)),
    "panel": ((0.95, 0.94, 0.92), (0.80, 0.83, 0.86), (0.92, 0.86, 0.78)),
    "glassy": ((1.0, 1.0, 1.0), (0.85, 0.95, 0.95), (0.9, 0.92, 1.0)),
}
ROOF_TINTS = ((0.95, 0.62, 0.50), (0.80, 0.50, 0.42), (0.60, 0.60, 0.64), (0.72, 0.66, 0.60))
LIT_SHARE = 0.4
EAVES_M = 0.45


def build_house(soup: Soup, row: Array, night: bool, rng: np.random.Generator) -> None:
    """One building: x, y, heading, front, depth, height."""
    height = float(row[5])
    storeys = max(1, round(height / STOREY_M))
    shares = (0.4, 0.5, 0.1, 0.0) if storeys <= 3 else (0.25, 0.3, 0.25, 0.2)
    style = STYLES[int(rng.choice(4, p=shares))]
    tint = np.array(WALL_TINTS[style][int(rng.integers(len(WALL_TINTS[style])))]) * rng.uniform(0.9, 1.0)
    shops = bool(rng.random() < (0.35 if storeys > 1 else 0.15))
    corners = box_corners(row[:5])
    for side in range(4):
        a, b = corners[side], corners[(side + 1) % 4]
        _wall(soup, a, b, height, storeys, style, tint, shops, side % 2 == 0, night, rng)
    if storeys <= 4 and style in ("brick", "plaster") and rng.random() < 0.8:
        _pitched_roof(soup, row, ROOF_TINTS[int(rng.integers(len(ROOF_TINTS)))], tint, style, rng)
    else:
        _flat_roof(soup, row, tint, rng)


def _wall(
    soup: Soup, a: Array, b: Array, height: float, storeys: int, style: str, tint: Array, shops: bool, front: bool, night: bool, rng: np.random.Generator
) -> None:
    """One wall from a to b, seen from the right of that way."""
    bays = max(1, round(float(np.hypot(*(b - a))) / BAY_M))
    storey = height / storeys
    upper = style
    ground = "shop" if shops and front else style
    if storeys > 1:
        soup.add(_panel(a, b, storey, height, bays, storeys - 1), "building", NUMBER[upper], tint)
    door = int(rng.integers(bays)) if front and ground in ("brick", "plaster") else -1
    for start, stop, name in _pieces(bays, door, ground):
        p, q = a + (b - a) * start / bays, a + (b - a) * stop / bays
        soup.add(_panel(p, q, 0.0, storey, stop - start, 1), "building", NUMBER[name], np.ones(3) if ground == "shop" else tint)
    if night:
        _lit_windows(soup, a, b, bays, storeys, storey, style, ground, door, rng)


def _pieces(bays: int, door: int, ground: str) -> list[tuple[int, int, str]]:
    """Runs of bays of the ground floor: (from, to, texture)."""
    if door < 0:
        return [(0, bays, ground)]
    runs = [(0, door, ground), (door, door + 1, f"{ground}_door"), (door + 1, bays, ground)]
    return [run for run in runs if run[1] > run[0]]


def _panel(a: Array, b: Array, low: float, high: float, across: float, up: float) -> Shape:
    corners = [(*a, low), (*b, low), (*b, high), (*a, high)]
    return quad(corners, ((0, 0), (across, 0), (across, up), (0, up)))


def _lit_windows(
    soup: Soup, a: Array, b: Array, bays: int, storeys: int, storey: float, style: str, ground: str, door: int, rng: np.random.Generator
) -> None:
    """Glowing panes over some of the windows."""
    panes = []
    for k in range(storeys):
        name = ground if k == 0 else style
        left, right, low, high = {"shop": (0.06, 0.62, 0.12, 0.73), "glassy": (0.02, 0.98, 0.24, 0.97)}.get(name) or WINDOWS[name]
        for bay in range(bays):
            share = 0.75 if name == "shop" else LIT_SHARE
            if rng.random() < share and not (k == 0 and bay == door):
                p, q = a + (b - a) * (bay + left) / bays, a + (b - a) * (bay + right) / bays
                panes.append(_panel(p, q, (k + low) * storey, (k + high) * storey, 1, 1))
    if panes:
        glow = np.repeat(rng.uniform(0.55, 1.0, len(panes)), 2)
        warm = np.repeat(rng.uniform(0.75, 1.0, len(panes)), 2)
        tint = np.column_stack([np.ones_like(warm), 0.5 + 0.5 * warm, warm])
        soup.add(join(panes), "building", NUMBER["lit"], tint, glow=glow, layer=1)


def _pitched_roof(soup: Soup, row: Array, roof: tuple[float, float, float], tint: Array, style: str, rng: np.random.Generator) -> None:
    """A gable or hipped roof, its ridge along the longer side."""
    x, y, heading, length, width, height = row
    if width > length:
        length, width, heading = width, length, heading + np.pi / 2
    rise = width / 2 * rng.uniform(0.55, 0.9)
    hip = width / 2 if rng.random() < 0.5 else -EAVES_M
    half, side, drop = length / 2 + EAVES_M, width / 2 + EAVES_M, rise * EAVES_M / (width / 2)
    e = [(half, side), (-half, side), (-half, -side), (half, -side)]
    eaves = [(px, py, -drop) for px, py in e]
    front, back = (length / 2 - hip, 0.0, rise), (-length / 2 + hip, 0.0, rise)
    slope = float(np.hypot(side, rise + drop)) / 2.4
    span = 2 * half / 2.4
    faces = [quad([eaves[0], eaves[1], back, front], ((0, 0), (span, 0), (span, slope), (0, slope)))]
    faces.append(quad([eaves[2], eaves[3], front, back], ((0, 0), (span, 0), (span, slope), (0, slope))))
    ends = [_triangle(eaves[1], eaves[2], back), _triangle(eaves[3], eaves[0], front)]
    under = [quad([eaves[3], eaves[2], eaves[1], eaves[0]])]
    place = (x, y, height)
    soup.add(moved(join(faces), place, heading), "building", NUMBER["tiles"], roof)
    gable = hip < 0
    shape = moved(join(ends), place, heading)
    soup.add(shape, "building", NUMBER[f"{style}_blind"] if gable else NUMBER["tiles"], tint if gable else roof)
    soup.add(moved(join(under), place, heading), "building", 0, (0.55, 0.52, 0.48))
    if rng.random() < 0.7:
        at = rng.uniform(-0.3, 0.3) * length
        chimney = box((at, width * 0.15, rise * 0.75), (0.7, 0.7, rise * 0.9 + 1.0), 0.5)
        soup.add(moved(chimney, place, heading), "building", NUMBER["brick_blind"], (0.8, 0.62, 0.55))


def _triangle(a: tuple, b: tuple, c: tuple) -> Shape:
    points = np.array([a, b, c], dtype=np.float64)
    span, rise = float(np.linalg.norm(points[1] - points[0])) / 2.4, float(np.linalg.norm(points[2] - (points[0] + points[1]) / 2)) / 2.4
    return Shape(points, np.array([[0, 1, 2]]), np.array([[[0, 0], [span, 0], [span / 2, rise]]]))


def _flat_roof(soup: Soup, row: Array, tint: Array, rng: np.random.Generator) -> None:
    """A cornice round a gravel roof, with a hut and vents on it."""
    x, y, heading, length, width, height = row
    place = (x, y, 0.0)
    rim = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (length / 2 + 0.15, width / 2 + 0.15)
    soup.add(moved(prism(rim, height - 0.25, height + 0.35), place, heading), "building", NUMBER["concrete"], np.clip(tint * 0.9, 0, 1))
    inner = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (length / 2 - 0.25, width / 2 - 0.25)
    top = quad(np.column_stack([inner, np.full(4, height + 0.35)]), inner / 4.0)
    soup.add(moved(top, place, heading), "building", NUMBER["gravel"], layer=1)
    hut = box((rng.uniform(-0.25, 0.25) * length, 0.0, height + 1.4), (3.0, 2.6, 2.2), 0.3)
    soup.add(moved(hut, place, heading), "building", NUMBER["concrete"], np.clip(tint * 0.95, 0, 1))
    for _ in range(int(rng.integers(0, 4))):
        vent = box((rng.uniform(-0.4, 0.4) * length, rng.uniform(-0.35, 0.35) * width, height + 0.75), (1.0, 0.8, 0.8))
        soup.add(moved(vent, place, heading), "building", 0, (0.62, 0.64, 0.66))
