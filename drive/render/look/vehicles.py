"""Cars and vans: a lofted body, a cabin with windows, wheels, lamps. Frame: x ahead, y left, middle of the box on the ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.render.look.solids import arch, box, disc, join, loft, quad, tube
from drive.render.look.soup import LEFT_LAMP, RIGHT_LAMP, SPIN, TAIL, Shape, Soup
from drive.render.look.textures import NUMBER

PAINTS = (
    ((0.90, 0.90, 0.90), 0.22),
    ((0.70, 0.72, 0.74), 0.18),
    ((0.38, 0.40, 0.42), 0.17),
    ((0.09, 0.09, 0.10), 0.15),
    ((0.10, 0.20, 0.46), 0.10),
    ((0.62, 0.07, 0.07), 0.09),
    ((0.16, 0.30, 0.22), 0.03),
    ((0.78, 0.60, 0.14), 0.02),
    ((0.58, 0.52, 0.44), 0.04),
)
HEAD_TINT, TAIL_TINT, TURN_TINT = (0.92, 0.95, 1.0), (0.30, 0.04, 0.04), (0.45, 0.22, 0.06)
DARK, TRIM = (0.05, 0.05, 0.055), (0.12, 0.12, 0.13)
WHEEL_WIDTH_M = 0.2


class Cabin(NamedTuple):
    """Shares of the length, from the middle ahead: foot and top of the windscreen, top and foot of the rear window."""

    screen_foot: float
    screen_top: float
    rear_top: float
    rear_foot: float
    belt: float  # share of the height where the windows begin
    deck: float  # height of the tail, as a share


CABINS = {
    "hatch": Cabin(0.21, 0.04, -0.34, -0.46, 0.60, 0.60),
    "saloon": Cabin(0.20, 0.03, -0.22, -0.38, 0.60, 0.61),
    "estate": Cabin(0.22, 0.06, -0.41, -0.48, 0.59, 0.60),
    "jeep": Cabin(0.23, 0.11, -0.43, -0.49, 0.60, 0.61),
}
# Rear to front: share of the length, of the half width, of the height: sill, waist, shoulder (None: the deck's or belt's).
BODY = ((-0.494, 0.84, 0.22, 0.36), (-0.47, 0.95, 0.16, 0.40), (-0.36, 1.0, 0.14, 0.42), (0.0, 1.0, 0.14, 0.42))
NOSE = ((0.22, 1.0, 0.14, 0.42, 1.0), (0.40, 0.98, 0.14, 0.40, 0.92), (0.47, 0.94, 0.15, 0.38, 0.86), (0.494, 0.85, 0.20, 0.36, 0.79))


def paint_of(rng: np.random.Generator) -> Array:
    """A car's colour, common ones more often."""
    colours, shares = zip(*PAINTS, strict=True)
    return np.array(colours[int(rng.choice(len(colours), p=np.array(shares) / sum(shares)))])


def inset(corners: ArrayLike, left: float, right: float, low: float, high: float) -> Shape:
    """A part of a flat four-cornered face (bottom left, bottom right, top right, top left), given in shares of its sides."""
    a, b, c, d = np.asarray(corners, dtype=np.float64)

    def at(u: float, v: float) -> Array:
        return (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d

    return quad([at(left, low), at(right, low), at(right, high), at(left, high)])


def section(x: float, half: float, sill: float, waist: float, top: float, shoulder: float = 0.9) -> list[tuple[float, float, float]]:
    """A ring of six points across a body."""
    s = half * shoulder
    return [(x, -half * 0.92, sill), (x, half * 0.92, sill), (x, half, waist), (x, s, top), (x, -s, top), (x, -half, waist)]


def add_wheels(soup: Soup, axles: list[float], half: float, radius: float, width: float = WHEEL_WIDTH_M) -> None:
    """Pairs of wheels on the ground that roll, their outer faces at +-half."""
    for x in axles:
        bone = soup.joint(x, radius, SPIN, 0.0, 0.0, 1.0 / radius)
        for side in (-1, 1):
            outer, inner = np.array([x, side * half, radius]), np.array([x, side * (half - width), radius])
            soup.add(tube(inner, outer, radius * 0.98, 9, (False, False)), "car", 0, DARK, bone=bone)
            face = disc(outer, (-side * radius, 0, 0), (0, 0, radius), 9)
            soup.add(face, "car", NUMBER["wheel"], bone=bone)


def add_arches(soup: Soup, axles: list[float], half: float, radius: float) -> None:
    """Dark arches on the body's sides round the wheels."""
    for x in axles:
        for side in (-1, 1):
            soup.add(arch((x, side * half, radius), (-side * radius * 1.16, 0, 0), (0, 0, radius * 1.16), 7), "car", 0, DARK)


def corner_lamp(x: float, inner: float, outer: float, heights: tuple[float, float], depth: float) -> Shape:
    """A lamp at a corner of the body: a face to the front (x > 0) or rear and one to the side. inner, outer: signed y."""
    way, side, (low, high) = np.sign(x), np.sign(outer), heights
    face = [(x, inner, low), (x, outer, low), (x, outer, high), (x, inner, high)]
    flank = [(x, outer, low), (x - way * depth, outer, low), (x - way * depth, outer, high), (x, outer, high)]
    return join([quad(corners if way * side > 0 else corners[::-1]) for corners in (face, flank)])


def add_lamps(soup: Soup, length: float, half: float, front: tuple[float, float] | None, rear: tuple[float, float], night: bool) -> None:
    """Head lamps with turn lamps outside them, tail lamps that brake, turn lamps under these. front, rear: heights (low, high)."""
    nose, tail, middle = length / 2 - 0.005, -length / 2 + 0.005, rear[0] + 0.36 * (rear[1] - rear[0])
    for lamp, side in ((LEFT_LAMP, half), (RIGHT_LAMP, -half)):
        if front is not None:
            head = corner_lamp(nose, side * 0.52, side * 0.80, front, 0.10)
            soup.add(head, "car", 0, HEAD_TINT, glow=1.0 if night else 0.0)
            soup.add(corner_lamp(nose, side * 0.80, side * 0.88, front, 0.22), "car", 0, TURN_TINT, lamp=lamp)
        soup.add(corner_lamp(tail, side * 0.62, side * 0.90, (middle, rear[1]), 0.16), "car", 0, TAIL_TINT, lamp=TAIL)
        soup.add(corner_lamp(tail, side * 0.62, side * 0.90, (rear[0], middle - 0.01), 0.16), "car", 0, TURN_TINT, lamp=lamp)


def add_mirrors(soup: Soup, x: float, half: float, z: float, paint: ArrayLike) -> None:
    """Mirrors at the front doors, their outer ends at +-half."""
    for side in (-1, 1):
        soup.add(box((x, side * (half - 0.09), z), (0.12, 0.18, 0.13)), "car", 0, paint)


def build_car(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A car of a length, width, height."""
    length, width, height = np.asarray(size, dtype=np.float64)
    kinds = ("jeep", "estate") if height > 1.62 else ("hatch", "saloon", "estate") if length > 4.2 else ("hatch",)
    cabin, paint = CABINS[kinds[int(rng.integers(len(kinds)))]], paint_of(rng)
    half = width / 2 - 0.03
    rings = [section(x * length, w * half, s * height, m * height, cabin.deck * height) for x, w, s, m in BODY]
    rings += [section(x * length, w * half, s * height, m * height, cabin.belt * t * height) for x, w, s, m, t in NOSE]
    soup.add(loft(rings), "car", 0, paint)
    add_cabin(soup, length, half, height, cabin, paint)
    radius = min(0.33, 0.22 * height)
    axles = [0.31 * length, -0.29 * length]
    add_arches(soup, axles, half + 0.008, radius)
    add_wheels(soup, axles, half + 0.028, radius)
    add_lamps(soup, length, half, (0.36 * height, 0.46 * height), (0.40 * height, 0.57 * height), night)
    add_mirrors(soup, (cabin.screen_foot - 0.06) * length, half + 0.028, (cabin.belt + 0.03) * height, paint)
    add_faces(soup, length, half, height)


def add_faces(soup: Soup, length: float, half: float, height: float) -> None:
    """Grille and number plates."""
    front, rear = length / 2 - 0.004, -length / 2 + 0.004
    wide, low, high = 0.5 * half, 0.25 * height, 0.40 * height
    soup.add(quad([(front, -wide, low), (front, wide, low), (front, wide, high), (front, -wide, high)]), "car", NUMBER["grille"])
    for x, way in ((front + 0.002, 1), (rear - 0.002, -1)):
        low = 0.27 * height if way > 0 else 0.34 * height
        corners = [(x, -0.26 * way, low), (x, 0.26 * way, low), (x, 0.26 * way, low + 0.12), (x, -0.26 * way, low + 0.12)]
        soup.add(quad(corners), "car", NUMBER["plate"])


def add_cabin(soup: Soup, length: float, half: float, height: float, cabin: Cabin, paint: Array) -> None:
    """Roof on pillars, with a windscreen, a rear window and two windows a side."""
    belt, edge, top = cabin.belt * height - 0.02, 0.965 * height, height - 0.005
    low, high, crown = 0.885 * half, 0.70 * half, 0.60 * half
    foot = (cabin.rear_foot * length, cabin.screen_foot * length)
    roof = (cabin.rear_top * length, cabin.screen_top * length)
    rings = [_around(*foot, low, belt), _around(*roof, high, edge), _around(roof[0] + 0.1, roof[1] - 0.12, crown, top)]
    soup.add(loft(rings, (False, True)), "car", 0, paint)
    base, upper = np.array(rings[0]), np.array(rings[1])
    faces = [[base[k], base[(k + 1) % 4], upper[(k + 1) % 4], upper[k]] for k in range(4)]
    right, front, left, rear = faces
    panes = [inset(front, 0.06, 0.94, 0.10, 0.93), inset(rear, 0.10, 0.90, 0.22, 0.90)]
    for side, way in ((right, 1), (left, -1)):
        for start, stop in ((0.07, 0.30), (0.34, 0.60), (0.64, 0.93)) if length > 4.3 else ((0.10, 0.48), (0.54, 0.92)):
            span = (start, stop) if way > 0 else (1 - stop, 1 - start)
            panes.append(inset(side, *span, 0.12, 0.90))
    soup.add(join(panes), "car", NUMBER["glass"], layer=1)


def _around(rear: float, front: float, half: float, z: float) -> list[tuple[float, float, float]]:
    return [(rear, -half, z), (front, -half, z), (front, half, z), (rear, half, z)]


def build_van(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A delivery van: a short nose, a tall body, glass at the front and the front doors alone."""
    length, width, height = np.asarray(size, dtype=np.float64)
    half, paint = width / 2 - 0.03, paint_of(rng) if rng.random() < 0.4 else np.array([0.92, 0.92, 0.91])
    belt = 0.52 * height
    lower = [(-0.494, 0.95, 0.12), (-0.45, 1.0, 0.10), (0.25, 1.0, 0.10), (0.36, 1.0, 0.10), (0.46, 0.95, 0.11), (0.494, 0.84, 0.14)]
    tops = (belt, belt, belt, belt, 0.46 * height, 0.36 * height)
    rings = [section(x * length, w * half, s * height, 0.3 * height, t, 0.97) for (x, w, s), t in zip(lower, tops, strict=True)]
    soup.add(loft(rings), "car", 0, paint)
    foot, roof = (-0.49 * length, 0.40 * length), (-0.485 * length, 0.26 * length)
    skin = [_around(*foot, 0.968 * half, belt - 0.02), _around(*roof, 0.90 * half, 0.96 * height)]
    skin.append(_around(roof[0] + 0.05, roof[1] - 0.1, 0.78 * half, height - 0.005))
    soup.add(loft(skin, (False, True)), "car", 0, paint)
    base, upper = np.array(skin[0]), np.array(skin[1])
    right, front, left, rear = ([base[k], base[(k + 1) % 4], upper[(k + 1) % 4], upper[k]] for k in range(4))
    panes = [inset(front, 0.05, 0.95, 0.08, 0.88), inset(right, 0.76, 0.95, 0.10, 0.75), inset(left, 0.05, 0.24, 0.10, 0.75)]
    panes += [inset(rear, 0.08, 0.46, 0.25, 0.80), inset(rear, 0.54, 0.92, 0.25, 0.80)]
    seams = [inset(rear, 0.496, 0.504, 0.0, 0.95), *(inset(right, at, at + 0.006, 0.0, 0.9) for at in (0.45, 0.72))]
    seams += [inset(left, 1 - at, 1.006 - at, 0.0, 0.9) for at in (0.45, 0.72)]
    soup.add(join(seams), "car", 0, TRIM, layer=1)
    soup.add(join(panes), "car", NUMBER["glass"], layer=1)
    axles = [0.32 * length, -0.29 * length]
    add_arches(soup, axles, half + 0.008, 0.35)
    add_wheels(soup, axles, half + 0.028, 0.35)
    add_lamps(soup, length, half, (0.27 * height, 0.35 * height), (0.30 * height, 0.50 * height), night)
    add_mirrors(soup, 0.31 * length, half + 0.028, belt + 0.1, DARK)
    add_faces(soup, length, half, 0.75 * height)
