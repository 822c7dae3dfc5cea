"""Bicycles and motorcycles with their riders. Frame: x ahead, y left, middle of the box on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.render.look.people import HAIRS, LEGS, OPEN, SHOES, SKINS, TOPS, add_head, pick
from drive.render.look.solids import blob, box, disc, join, loft, tube
from drive.render.look.soup import LEFT_LAMP, RIGHT_LAMP, SHIN, SPIN, TAIL, THIGH, Soup
from drive.render.look.textures import NUMBER
from drive.render.look.vehicles import DARK, HEAD_TINT, TAIL_TINT, TURN_TINT, paint_of
from drive.render.scene import UPRIGHT_LAYER

RIDDEN_M = 1.35  # what stands lower has no rider
VEST, VEST_SHARE = (0.80, 0.95, 0.10), 0.35  # what riders alone wear


def _wheel(soup: Soup, x: float, radius: float, sides: int = 10) -> None:
    """A narrow wheel that rolls: a hoop with spokes one sees through."""
    bone = soup.joint(x, radius, SPIN, 0.0, 0.0, 1.0 / radius)
    angle = 2 * np.pi * np.arange(sides + 1) / sides
    section = ((0.80 * radius, 0.0), (radius, -0.03), (radius, 0.03))
    rings = [[(x + r * np.cos(a), y, radius + r * np.sin(a)) for r, y in section] for a in angle]
    soup.add(loft(rings, (False, False)), "bicycle", 0, DARK, bone=bone, layer=UPRIGHT_LAYER)
    spokes = []
    for a in (0.0, np.pi / 3, 2 * np.pi / 3):
        reach = 0.9 * radius * np.array([np.cos(a), 0.0, np.sin(a)])
        spokes.append(tube((x, 0, radius) - reach, (x, 0, radius) + reach, 0.008, 3, (False, False)))
    soup.add(join(spokes), "bicycle", 0, (0.6, 0.6, 0.62), bone=bone, layer=UPRIGHT_LAYER)


def build_bicycle(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A bicycle; where the box is tall enough somebody rides it."""
    length, width, height = np.asarray(size, dtype=np.float64)
    radius = min(0.34, 0.19 * length)
    front, rear = length / 2 - radius - 0.01, -length / 2 + radius + 0.01
    ridden = height >= RIDDEN_M
    bar = 0.58 * height if ridden else height - 0.02
    seat = (-0.12 * length, 0.52 * height if ridden else 0.88 * height)
    crank, head = (-0.02 * length, 0.8 * radius), (front - 0.10 * length, bar - 0.06)
    for x in (front, rear):
        _wheel(soup, x, radius)
    _frame(soup, (front, radius), (rear, radius), crank, seat, head, paint_of(rng))
    wide = min(0.27, width / 2 - 0.02)
    soup.add(tube((head[0] + 0.03, -wide, bar), (head[0] + 0.03, wide, bar), 0.022, 4), "bicycle", 0, DARK, layer=UPRIGHT_LAYER)
    soup.add(box((seat[0] - 0.02, 0, seat[1]), (0.24, 0.13, 0.05)), "bicycle", 0, DARK)
    soup.add(disc((rear - 0.02, 0, 2 * radius + 0.06), (0, -0.05, 0), (0, 0, 0.05), 6), "bicycle", 0, TAIL_TINT, lamp=TAIL)
    glow = 1.0 if night else 0.0
    soup.add(disc((head[0] + 0.08, 0, bar - 0.05), (0, 0.05, 0), (0, 0, 0.05), 6), "bicycle", 0, HEAD_TINT, glow=glow)
    _bags(soup, rear, radius, rng)
    if ridden:
        _rider(soup, height, seat, (head[0] - 0.02, bar), crank, wide, rng, True)


def _bags(soup: Soup, rear: float, radius: float, rng: np.random.Generator) -> None:
    """A mudguard with a carrier over the rear wheel; two bags hang on some."""
    soup.add(box((rear - 0.02, 0, 2 * radius + 0.02), (0.42, 0.10, 0.03)), "bicycle", 0, DARK)
    if rng.random() < 0.5:
        colour = paint_of(rng)
        for side in (-1, 1):
            soup.add(box((rear - 0.04, side * 0.12, 1.55 * radius), (0.30, 0.10, 0.8 * radius)), "bicycle", 0, colour)


Spot = tuple[float, float]  # x, z


def _frame(soup: Soup, front: Spot, rear: Spot, crank: Spot, seat: Spot, head: Spot, colour: Array) -> None:
    """The tubes between wheels, cranks, saddle and handlebar."""
    under, below = (seat[0] + 0.02, seat[1] - 0.10), (head[0], head[1] - 0.05)
    bars = [(crank, seat), (crank, head), (crank, rear), (under, rear), (under, below), (head, front)]
    tubes = [tube((a[0], 0, a[1]), (b[0], 0, b[1]), 0.026, 4, (False, False)) for a, b in bars]
    soup.add(join(tubes), "bicycle", 0, colour, layer=UPRIGHT_LAYER)


def _rider(soup: Soup, height: float, seat: Spot, grip: Spot, crank: Spot, wide: float, rng: np.random.Generator, pedals: bool) -> None:
    """Somebody astride: legs that turn the cranks or rest on pegs, a back leaning ahead, arms to the bar, head up."""
    top, legs, skin = pick(TOPS, rng), pick(LEGS, rng), pick(SKINS, rng)
    if rng.random() < VEST_SHARE:
        top = np.array(VEST)
    h, hip = height / 1.75, (seat[0], seat[1] + 0.06)
    neck = (min(hip[0] + 0.30 * h, grip[0] - 0.10), height - 0.30 * h)
    back = np.array([neck[0] - hip[0], neck[1] - hip[1]])
    _back(soup, np.array(hip), back, h, wide, top)
    shoulder = np.array(hip) + back * 0.93
    elbow = (shoulder + np.array(grip)) / 2 + np.array([-0.02, -0.09 * h])
    for side in (1, -1):
        joint = (elbow[0], side * (wide - 0.03 * h), elbow[1])
        upper = tube((shoulder[0], side * min(0.2 * h, wide - 0.04 * h), shoulder[1]), joint, (0.052 * h, 0.042 * h), 5)
        lower = tube(joint, (grip[0], side * wide * 0.95, grip[1]), (0.042 * h, 0.032 * h), 5)
        soup.add(upper, "pedestrian", 0, top * 0.93)
        soup.add(lower, "pedestrian", 0, skin)
        _leg(soup, hip, crank, side, h, legs, pedals)
    helmet = not pedals or bool(rng.random() < 0.6)
    add_head(soup, (neck[0] + 0.07 * h, 0.0, height - 0.14 * h), h, skin, paint_of(rng) if helmet else pick(HAIRS, rng), False, helmet)


def _back(soup: Soup, hip: Array, back: Array, h: float, wide: float, colour: Array) -> None:
    """A leaning torso of six-sided rings."""
    ahead = np.array([back[1], -back[0]]) / np.hypot(*back)
    outline = ((1.0, -0.5), (1.0, 0.5), (0.0, 1.0), (-1.0, 0.5), (-1.0, -0.5), (0.0, -1.0))
    rings = []
    for share, half, deep in ((-0.08, 0.15, 0.11), (0.25, 0.14, 0.10), (0.8, 0.19, 0.11), (1.0, 0.15, 0.08)):
        centre, broad = hip + back * share, min(half * h, wide * 0.8)
        rings.append([(centre[0] + ahead[0] * x * deep * h, y * broad, centre[1] + ahead[1] * x * deep * h) for x, y in outline])
    soup.add(loft(rings), "pedestrian", 0, colour)


def _leg(soup: Soup, hip: Spot, crank: Spot, side: int, h: float, colour: Array, pedals: bool) -> None:
    """Built hanging straight down from the hip; the joints bend it to the pedal."""
    arm = 0.16 if pedals else 0.02
    upper = lower = (np.hypot(hip[0] - crank[0], hip[1] - crank[1]) + arm) * 0.54
    phase, y = 0.0 if side > 0 or not pedals else np.pi, side * 0.11
    way = (upper, lower, *crank, arm, phase)
    thigh = soup.joint(hip[0], hip[1], THIGH, *way)
    shin = soup.joint(hip[0], hip[1] - upper, SHIN, *way, parent=thigh)
    knee, foot = hip[1] - upper, hip[1] - upper - lower
    soup.add(tube((hip[0], y, knee), (hip[0], y * 0.8, hip[1]), (0.058 * h, 0.080 * h), 5, OPEN), "pedestrian", 0, colour, bone=thigh)
    soup.add(tube((hip[0], y, foot + 0.03), (hip[0], y, knee), (0.042 * h, 0.058 * h), 5, OPEN), "pedestrian", 0, colour * 0.95, bone=shin)
    soup.add(box((hip[0] + 0.06, y, foot), (0.22, 0.08, 0.07)), "pedestrian", 0, SHOES, bone=shin)


def build_motorcycle(soup: Soup, size: ArrayLike, rng: np.random.Generator, night: bool) -> None:
    """A motorcycle; where the box is tall enough somebody rides it. Its head lamp burns by day too."""
    length, width, height = np.asarray(size, dtype=np.float64)
    radius, paint = min(0.31, 0.15 * length), paint_of(rng)
    front, rear = length / 2 - radius - 0.01, -length / 2 + radius + 0.01
    ridden = height >= RIDDEN_M
    bar = min(1.05, 0.68 * height) if ridden else height - 0.03
    seat = 0.46 * height if ridden else 0.72 * height
    for x in (front, rear):
        bone = soup.joint(x, radius, SPIN, 0.0, 0.0, 1.0 / radius)
        soup.add(tube((x, -0.06, radius), (x, 0.06, radius), radius * 0.985, 10, (False, False)), "motorcycle", 0, DARK, bone=bone)
        faces = [disc((x, side * 0.06, radius), (-side * radius, 0, 0), (0, 0, radius), 10) for side in (-1, 1)]
        soup.add(join(faces), "motorcycle", NUMBER["wheel"], bone=bone)
    _body(soup, length, seat, paint)
    fork = [tube((front, y, radius), (front - 0.11 * length, y, bar - 0.03), 0.025, 4, (False, False)) for y in (-0.09, 0.09)]
    soup.add(join(fork), "motorcycle", 0, (0.6, 0.6, 0.62))
    wide, x = min(0.36, width / 2 - 0.02), front - 0.12 * length
    soup.add(tube((x, -wide, bar), (x, wide, bar), 0.022, 4), "motorcycle", 0, DARK)
    soup.add(blob((x + 0.08, 0, bar - 0.13), (0.09, 0.11, 0.11)), "motorcycle", 0, paint)
    _motor_lamps(soup, -0.46 * length - 0.01, x + 0.1, seat + 0.04, bar)
    if ridden:
        _rider(soup, height, (-0.12 * length, seat + 0.02), (x - 0.02, bar), (0.0, 0.26), wide, rng, False)


def _body(soup: Soup, length: float, seat: float, paint: Array) -> None:
    """Engine, tank, seat, tail."""
    engine = box((0.0, 0, 0.22 + 0.5 * (seat - 0.35)), (0.5 * length - 0.2, 0.26, seat - 0.25))
    soup.add(engine, "motorcycle", 0, (0.25, 0.25, 0.27))
    tank = ((-0.05, 0.10, -0.05, 0.08), (0.08, 0.15, -0.08, 0.17), (0.22, 0.08, -0.02, 0.12))
    rings = [[(x * length, y, seat + z) for y, z in ((-w, a), (w, a), (w, b), (-w, b))] for x, w, a, b in tank]
    soup.add(loft(rings), "motorcycle", 0, paint)
    soup.add(box((-0.2 * length, 0, seat + 0.01), (0.34 * length, 0.24, 0.10)), "motorcycle", 0, DARK)
    soup.add(box((-0.40 * length, 0, seat + 0.03), (0.12 * length, 0.18, 0.10)), "motorcycle", 0, paint)


def _motor_lamps(soup: Soup, tail: float, nose: float, low: float, bar: float) -> None:
    """Head, tail and turn lamps."""
    soup.add(disc((nose + 0.075, 0, bar - 0.13), (0, 0.08, 0), (0, 0, 0.08), 8), "motorcycle", 0, HEAD_TINT, glow=1.0)
    soup.add(disc((tail, 0, low), (0, -0.09, 0), (0, 0, 0.05), 4), "motorcycle", 0, TAIL_TINT, lamp=TAIL)
    for side, lamp in ((1, LEFT_LAMP), (-1, RIGHT_LAMP)):
        spots = [disc((tail, side * 0.15, low), (0, -0.035, 0), (0, 0, 0.035), 6)]
        spots.append(disc((nose, side * 0.18, bar - 0.1), (0, 0.035, 0), (0, 0, 0.035), 6))
        soup.add(join(spots), "motorcycle", 0, TURN_TINT, lamp=lamp)
