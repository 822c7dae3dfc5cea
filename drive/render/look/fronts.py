"""What stands out from a house's front: shop boards, awnings, balconies."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.render.look.solids import join, loft, quad
from drive.render.look.soup import Shape, Soup
from drive.render.look.textures import NUMBER

BOARDS = ((0.75, 0.12, 0.12), (0.10, 0.28, 0.55), (0.12, 0.42, 0.26), (0.16, 0.16, 0.18), (0.80, 0.55, 0.10), (0.42, 0.18, 0.42))
BALCONY_M, RAIL_M = 1.1, 0.95


def panel(a: Array, b: Array, low: float, high: float, across: float = 1.0, up: float = 1.0) -> Shape:
    """An upright face over the line from a to b, its front to the right of that way; across, up: repeats of the texture."""
    corners = [(*a, low), (*b, low), (*b, high), (*a, high)]
    return quad(corners, ((0, 0), (across, 0), (across, up), (0, up)))


def add_shops(soup: Soup, a: Array, b: Array, storey: float, bays: int, night: bool, rng: np.random.Generator) -> None:
    """Sign boards over the shops of a ground floor, two or three bays to a shop; awnings over some of them."""
    start = 0
    while start < bays:
        stop = min(bays, start + int(rng.integers(2, 4)))
        stop = bays if bays - stop < 2 else stop
        p, q = a + (b - a) * (start + 0.04) / bays, a + (b - a) * (stop - 0.04) / bays
        out = _outward(a, b) * 0.06
        colour = np.array(BOARDS[int(rng.integers(len(BOARDS)))])
        shape = panel(p + out, q + out, 0.78 * storey, 0.96 * storey)
        soup.add(shape, "building", NUMBER["board"], np.clip(colour * 1.3, 0, 1), glow=0.5 if night else 0.0)
        if rng.random() < 0.4:
            soup.add(_awning(p, q, 0.77 * storey), "building", NUMBER["white"], np.clip(colour * 1.1, 0, 1))
        start = stop


def _outward(a: Array, b: Array) -> Array:
    way = (b - a) / np.hypot(*(b - a))
    return np.array([way[1], -way[0]])


def _awning(p: Array, q: Array, z: float) -> Shape:
    """A slope of cloth with a hanging edge, seen from above, below and ahead."""
    out = _outward(p, q)
    far_p, far_q = p + out * 1.2, q + out * 1.2
    slope = [(*far_p, z - 0.45), (*far_q, z - 0.45), (*q, z), (*p, z)]
    edge = [(*far_p, z - 0.65), (*far_q, z - 0.65), (*far_q, z - 0.45), (*far_p, z - 0.45)]
    return join([quad(slope), quad(slope[::-1]), quad(edge), quad(edge[::-1])])


def add_balconies(soup: Soup, a: Array, b: Array, storey: float, storeys: int, bays: int, tint: Array, rng: np.random.Generator) -> None:
    """A column of balconies at every second or third bay, from the first floor up."""
    out, step = _outward(a, b) * BALCONY_M, int(rng.integers(2, 4))
    for bay in range(int(rng.integers(0, 2)), bays, step):
        p, q = a + (b - a) * (bay + 0.08) / bays, a + (b - a) * (bay + 0.92) / bays
        ring = np.stack([p, p + out, q + out, q])
        for k in range(1, storeys):
            z = k * storey
            slab = loft([np.column_stack([ring, np.full(4, z + h)]) for h in (-0.05, 0.10)])
            soup.add(slab, "building", NUMBER["concrete"], tint)
            sides = ((p, p + out), (p + out, q + out), (q + out, q))
            rails = [panel(s, e, z + 0.1, z + RAIL_M, 2) for s, e in sides] + [panel(e, s, z + 0.1, z + RAIL_M, 2) for s, e in sides]
            soup.add(join(rails), "building", NUMBER["railing"])
