"""Buildings: walls of bays and storeys, doors and shop fronts, roofs; lit windows at night."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive.frames import Array
from drive.geometry import box_corners
from drive.render.look.facades import WINDOWS
from drive.render.look.fronts import add_balconies, add_shops, panel
from drive.render.look.roofs import flat_roof, pitched_roof
from drive.render.look.solids import box, join, moved, quad
from drive.render.look.soup import Soup
from drive.render.look.textures import NUMBER

STOREY_M, BAY_M = 3.1, 3.2
STYLES = ("brick", "plaster", "panel", "glassy")
LOW_SHARES, HIGH_SHARES = (0.4, 0.5, 0.1, 0.0), (0.25, 0.3, 0.25, 0.2)  # of the styles, up to three storeys and above
WALL_TINTS = {
    "brick": ((1.0, 0.82, 0.74), (0.85, 0.62, 0.55), (1.0, 0.92, 0.80), (0.78, 0.70, 0.68)),
    "plaster": ((1.0, 0.97, 0.88), (0.96, 0.87, 0.70), (0.85, 0.90, 0.88), (0.95, 0.80, 0.72), (0.82, 0.84, 0.90), (0.93, 0.93, 0.93)),
    "panel": ((0.95, 0.94, 0.92), (0.80, 0.83, 0.86), (0.92, 0.86, 0.78)),
    "glassy": ((1.0, 1.0, 1.0), (0.85, 0.95, 0.95), (0.9, 0.92, 1.0)),
}
LIT_SHARE, SHOP_GLOW = 0.4, 3.0


class House(NamedTuple):
    """What the walls of one building share. row: x, y, heading, front, depth, height."""

    row: Array
    storeys: int
    style: str
    tint: Array
    shops: bool

    @property
    def storey_m(self) -> float:
        """Height of a storey."""
        return float(self.row[5]) / self.storeys


class Side(NamedTuple):
    """One wall, from a to b with its front to the right: bays across, texture of the ground floor, bay of the door or -1."""

    a: Array
    b: Array
    bays: int
    ground: str
    door: int


def build_house(soup: Soup, row: Array, night: bool, rng: np.random.Generator) -> None:
    """One building: x, y, heading, front, depth, height. By night it is the same building with some windows lit."""
    lit = rng.spawn(1)[0]
    house, corners = _plan(row, rng), box_corners(row[:5])
    for k in range(4):
        side = _wall(soup, house, corners[k], corners[(k + 1) % 4], k % 2 == 0, night, rng)
        if night:
            _lit_windows(soup, house, side, lit)
    if house.storeys > 1 and house.style in ("brick", "plaster") and rng.random() < 0.7:
        band = box((0.0, 0.0, house.storey_m), (row[3] + 0.12, row[4] + 0.12, 0.22), 0.5)
        soup.add(moved(band, (row[0], row[1], 0.0), float(row[2])), "building", NUMBER["concrete"], np.clip(house.tint * 1.1, 0, 1))
    if house.storeys <= 4 and house.style in ("brick", "plaster") and rng.random() < 0.8:
        pitched_roof(soup, row, house.tint, house.style, rng)
    else:
        flat_roof(soup, row, house.tint, rng)


def _plan(row: Array, rng: np.random.Generator) -> House:
    storeys = max(1, round(float(row[5]) / STOREY_M))
    style = STYLES[int(rng.choice(4, p=LOW_SHARES if storeys <= 3 else HIGH_SHARES))]
    tint = np.array(WALL_TINTS[style][int(rng.integers(len(WALL_TINTS[style])))]) * rng.uniform(0.9, 1.0)
    return House(row, storeys, style, tint, bool(rng.random() < (0.35 if storeys > 1 else 0.15)))


def _wall(soup: Soup, house: House, a: Array, b: Array, front: bool, night: bool, rng: np.random.Generator) -> Side:
    """One wall from a to b, seen from the right of that way, and what stands out from it."""
    bays, storey, style = max(1, round(float(np.hypot(*(b - a))) / BAY_M)), house.storey_m, house.style
    ground = ("shop", "shop_b")[int(rng.integers(2))] if house.shops and front else style
    door = int(rng.integers(bays)) if front and ground in ("brick", "plaster") else -1
    if house.storeys > 1:
        soup.add(panel(a, b, storey, float(house.row[5]), bays, house.storeys - 1), "building", NUMBER[style], house.tint)
    for start, stop, name in _pieces(bays, door, ground):
        p, q = a + (b - a) * start / bays, a + (b - a) * stop / bays
        tint = np.ones(3) if ground.startswith("shop") else house.tint
        soup.add(panel(p, q, 0.0, storey, stop - start, 1), "building", NUMBER[name], tint)
    if ground.startswith("shop"):
        add_shops(soup, a, b, storey, bays, night, rng)
    elif front and style in ("plaster", "panel") and house.storeys >= 3 and rng.random() < 0.5:
        add_balconies(soup, a, b, storey, house.storeys, bays, house.tint, rng)
    return Side(a, b, bays, ground, door)


def _pieces(bays: int, door: int, ground: str) -> list[tuple[int, int, str]]:
    """Runs of bays of the ground floor: (from, to, texture)."""
    if door < 0:
        return [(0, bays, ground)]
    runs = [(0, door, ground), (door, door + 1, f"{ground}_door"), (door + 1, bays, ground)]
    return [run for run in runs if run[1] > run[0]]


def _lit_windows(soup: Soup, house: House, side: Side, rng: np.random.Generator) -> None:
    """Glowing panes over some of the windows, over all shop windows."""
    panes, shops, storey = [], [], house.storey_m
    for k in range(house.storeys):
        name = side.ground if k == 0 else house.style
        left, right, low, high = WINDOWS[name.removesuffix("_b")]
        for bay in range(side.bays):
            p, q = (side.a + (side.b - side.a) * (bay + share) / side.bays for share in (left, right))
            pane = panel(p, q, (k + low) * storey, (k + high) * storey)
            if name.startswith("shop"):
                shops.append(quad(pane.vertices, ((left, low), (right, low), (right, high), (left, high))))
            elif rng.random() < LIT_SHARE and not (k == 0 and bay == side.door):
                panes.append(pane)
    if shops:
        soup.add(join(shops), "building", NUMBER[side.ground], (1.0, 0.93, 0.8), glow=SHOP_GLOW, layer=1)
    if panes:
        glow, warm = (np.repeat(rng.uniform(low, 1.0, len(panes)), 2) for low in (0.55, 0.75))
        tint = np.column_stack([np.ones_like(warm), 0.5 + 0.5 * warm, warm])
        soup.add(join(panes), "building", NUMBER["lit"], tint, glow=glow, layer=1)
