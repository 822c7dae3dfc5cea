"""People on foot: head, torso, arms and legs that walk. Frame: x ahead, y left, feet at z = 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.render.look.solids import blob, box, loft, tube
from drive.render.look.soup import KNEE, SWING, Shape, Soup

SKINS = ((0.93, 0.76, 0.65), (0.80, 0.60, 0.46), (0.55, 0.37, 0.26), (0.36, 0.24, 0.17))
HAIRS = ((0.10, 0.08, 0.07), (0.30, 0.19, 0.11), (0.62, 0.47, 0.26), (0.55, 0.54, 0.52), (0.45, 0.20, 0.10))
TOPS = ((0.80, 0.14, 0.12), (0.13, 0.25, 0.55), (0.92, 0.92, 0.90), (0.13, 0.13, 0.14), (0.90, 0.72, 0.16)) + (
    (0.20, 0.45, 0.28),
    (0.55, 0.57, 0.60),
    (0.85, 0.42, 0.12),
    (0.48, 0.22, 0.45),
    (0.45, 0.62, 0.78),
)
LEGS = ((0.12, 0.16, 0.28), (0.10, 0.10, 0.11), (0.35, 0.33, 0.30), (0.55, 0.48, 0.38), (0.22, 0.30, 0.42), (0.30, 0.22, 0.18))
SHOES = (0.12, 0.10, 0.09)
OPEN = (False, False)  # no caps: the ends are inside something


def pick(colours: tuple, rng: np.random.Generator) -> Array:
    """One of some colours, a little lighter or darker."""
    return np.clip(np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.85, 1.1), 0, 1)


def build_person(soup: Soup, size: ArrayLike, rng: np.random.Generator) -> None:
    """Somebody on foot within a box of a length, width, height; steps are no longer than the box."""
    length, width, height = np.asarray(size, dtype=np.float64)
    h = height / 1.75
    skin, top, legs = pick(SKINS, rng), pick(TOPS, rng), pick(LEGS, rng)
    shoulder = min(0.22 * h, width / 2 - 0.07 * h)
    stride = 1.45 * h
    step = float(np.clip(min((length / 2 - 0.15 * h) / 0.9, (length / 2 - 0.10 * h) / 1.4) / h, 0.05, 0.45))
    deep = min(0.13 * h, length / 2 - 0.04)
    rate = 2 * np.pi / stride
    for side, phase in ((1, 0.0), (-1, np.pi)):
        _leg(soup, h, side * 0.45 * shoulder, step, phase, rate, legs)
        _arm(soup, h, side * (shoulder + 0.01 * h), min(step, 0.35), phase + np.pi, rate, top, skin)
    _torso(soup, h, shoulder, deep, top, legs, bool(rng.random() < 0.25))
    add_head(soup, (0.02 * h, 0.0, 1.62 * h), h, skin, pick(HAIRS, rng), bool(rng.random() < 0.35))
    if rng.random() < 0.3 and length / 2 > deep + 0.13 * h:
        pack = box((-deep - 0.06 * h, 0.0, 1.22 * h), (0.12 * h, 0.26 * h, 0.40 * h))
        soup.add(pack, "pedestrian", 0, pick(TOPS, rng))


def _leg(soup: Soup, h: float, y: float, step: float, phase: float, rate: float, colour: Array) -> None:
    hip, knee, sole = 0.90 * h, 0.48 * h, 0.0
    thigh = soup.joint(0.0, hip, SWING, step, phase, rate)
    shin = soup.joint(0.0, knee, KNEE, min(2.2 * step, 0.8), phase + 1.2, rate, parent=thigh)
    soup.add(tube((0, y, knee - 0.02), (0, y, hip), (0.062 * h, 0.088 * h), 5, OPEN), "pedestrian", 0, colour, bone=thigh)
    soup.add(tube((0, y, sole + 0.06), (0, y, knee), (0.045 * h, 0.062 * h), 5, OPEN), "pedestrian", 0, colour * 0.95, bone=shin)
    soup.add(box((0.03 * h, y, 0.04), (0.22 * h, 0.09 * h, 0.08)), "pedestrian", 0, SHOES, bone=shin)


def _arm(soup: Soup, h: float, y: float, swing: float, phase: float, rate: float, sleeve: Array, skin: Array) -> None:
    joint, elbow = 1.42 * h, 1.13 * h
    upper = soup.joint(0.0, joint, SWING, swing, phase, rate)
    lower = soup.joint(0.0, elbow, SWING, 0.15, phase + np.pi, rate, parent=upper)
    soup.add(
        tube((0, y, elbow - 0.01), (0, y, joint), (0.040 * h, 0.052 * h), 5, (False, True)), "pedestrian", 0, sleeve * 0.95, bone=upper
    )
    soup.add(tube((0.03 * h, y, 0.86 * h), (0, y, elbow), (0.030 * h, 0.038 * h), 5, OPEN), "pedestrian", 0, sleeve, bone=lower)
    hand = tube((0.045 * h, y, 0.775 * h), (0.03 * h, y, 0.87 * h), (0.022 * h, 0.042 * h), 4, (True, False))
    soup.add(hand, "pedestrian", 0, skin, bone=lower)


def _torso(soup: Soup, h: float, shoulder: float, deep: float, top: Array, legs: Array, coat: bool) -> None:
    """Hips, waist, chest, shoulders; a coat or skirt reaches further down."""
    rings = [(0.84, 0.80, 0.90), (0.96, 0.78, 0.92), (1.10, 0.72, 0.85), (1.36, 0.98, 1.0), (1.44, 0.80, 0.80), (1.50, 0.32, 0.55)]
    soup.add(_tower(rings[1:], h, shoulder, deep), "pedestrian", 0, top)
    low = [(0.62, 0.92, 1.05), (0.97, 0.79, 0.93)] if coat else [(0.84, 0.80, 0.90), (0.97, 0.79, 0.93)]
    soup.add(_tower(low, h, shoulder, deep), "pedestrian", 0, top * 0.8 if coat else legs)


def _tower(rings: list[tuple[float, float, float]], h: float, half: float, deep: float) -> Shape:
    """A loft of six-sided rings (height, width, depth as shares)."""
    outline = np.array([(1.0, 0.55), (1.0, -0.55), (0.0, -1.0), (-1.0, -0.55), (-1.0, 0.55), (0.0, 1.0)])[::-1]
    return loft([[(x * d * deep, y * w * half, z * h) for x, y in outline] for z, w, d in rings])


def add_head(soup: Soup, at: ArrayLike, h: float, skin: ArrayLike, hair: ArrayLike, long: bool, helmet: bool = False) -> None:
    """Head and hair, or a helmet, and a neck."""
    x, y, z = np.asarray(at, dtype=np.float64)
    neck = tube((x - 0.02 * h, y, z - 0.17 * h), (x - 0.01 * h, y, z - 0.04 * h), 0.052 * h, 5, (False, False))
    soup.add(neck, "pedestrian", 0, np.asarray(skin) * 0.9)
    soup.add(blob((x, y, z), np.array([0.098, 0.082, 0.122]) * h), "pedestrian", 0, skin)
    grown = np.array([0.112, 0.098, 0.085]) * h if not helmet else np.array([0.125, 0.11, 0.085]) * h
    soup.add(blob((x - 0.018 * h, y, z + 0.045 * h), grown), "pedestrian", 0, hair)
    if long and not helmet:
        soup.add(blob((x - 0.055 * h, y, z - 0.05 * h), np.array([0.06, 0.09, 0.14]) * h), "pedestrian", 0, hair)
