"""What stands beside the streets: parked cars, buildings, trees, signs. Placed so that nothing stands on the road."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.curves import normals_of, stations_of
from drive.frames import Array
from drive.geometry import box_corners
from drive.world.town.streets import PARKING_WIDTH_M, Street, parking_share

PAVEMENT_M = 3.0
STOREYS_M, STOREY_SHARES = (4, 7, 10, 13, 19, 28), (0.2, 0.25, 0.25, 0.15, 0.1, 0.05)


@dataclass(frozen=True, eq=False)
class Furniture:
    """parked [P, 7]: x, y, heading, length, width, height, kind (0 car, 1 van); buildings [B, 6]: box and height;
    trees [T, 4]: x, y, crown radius, height; signs [S, 4]: x, y, heading of the reader, kind (0 limit, 1 yield, 2 no parking);
    works [W, 7]: what stands at road works: x, y, heading, length, width, height, kind (0 construction vehicle, 1 cone, 2 barrier)."""

    parked: Array
    buildings: Array
    trees: Array
    signs: Array
    works: Array = field(default_factory=lambda: np.zeros((0, 7)))


def place_furniture(streets: list[Street], road: BaseGeometry, rng: np.random.Generator) -> Furniture:
    """Furniture along the streets, clear of the road surface."""
    parked = [row for street in streets for row in _parked(street, rng)]
    buildings = _buildings(streets, road, rng)
    trees, signs = _along_kerb(streets, road, buildings, rng)
    return Furniture(_rows(parked, 7), buildings, trees, signs)


def _rows(rows: list, width: int) -> Array:
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _parked(street: Street, rng: np.random.Generator) -> list[list[float]]:
    """Cars in the parking strips, some gaps left; right-hand side first."""
    rows: list[list[float]] = []
    along, share = stations_of(street.line), parking_share(street)
    normals = normals_of(street.line)
    for side, allowed in zip((-1, 1), street.plan.parking, strict=True):
        if not allowed:
            continue
        density, reach = rng.uniform(0.3, 0.9), 16.0
        while reach < along[-1] - 16.0:
            van = rng.random() < 0.15
            length, width = (rng.uniform(5.0, 5.8), rng.uniform(1.9, 2.05)) if van else (rng.uniform(3.8, 4.9), rng.uniform(1.7, 1.9))
            slot = length + rng.uniform(1.0, 2.5)
            i = int(np.searchsorted(along, reach + slot / 2))
            if rng.random() < density and i < len(along) - 1 and share[i] == 1.0:
                left = side * (street.half_width[i] + PARKING_WIDTH_M - width / 2 - rng.uniform(0.15, 0.3))
                x, y = street.line[i] + normals[i] * left
                heading = np.arctan2(-normals[i, 0], normals[i, 1]) + (np.pi if side > 0 else 0.0) + rng.normal(0, 0.015)
                rows.append([x, y, heading, length, width, rng.uniform(1.9, 2.4) if van else rng.uniform(1.4, 1.7), float(van)])
            reach += slot
    return rows


def _buildings(streets: list[Street], road: BaseGeometry, rng: np.random.Generator) -> Array:
    """Houses facing the streets: tried side by side, kept where they touch neither road nor an earlier house."""
    wide = road.buffer(PAVEMENT_M)
    shapely.prepare(wide)
    kept: list[list[float]] = []
    shapes: list[BaseGeometry] = []
    for street in streets:
        along, normals = stations_of(street.line), normals_of(street.line)
        for side in (-1, 1):
            reach = rng.uniform(0, 8)
            while reach < along[-1]:
                front, depth = rng.uniform(10, 26), rng.uniform(9, 20)
                i = int(np.searchsorted(along, min(reach + front / 2, along[-1] - 0.01)))
                setback = street.half_width[i] + PARKING_WIDTH_M * street.plan.parking[(side + 1) // 2] + PAVEMENT_M + rng.uniform(0.5, 6)
                x, y = street.line[i] + normals[i] * side * (setback + depth / 2)
                heading = float(np.arctan2(-normals[i, 0], normals[i, 1]))
                shape = shapely.Polygon(box_corners([x, y, heading, front, depth]))
                if not wide.intersects(shape) and not any(shape.intersects(other) for other in shapes):
                    kept.append([x, y, heading, front, depth, float(rng.choice(STOREYS_M, p=STOREY_SHARES))])
                    shapes.append(shape)
                reach += front + rng.uniform(1, 12)
    return _rows(kept, 6)


def _along_kerb(streets: list[Street], road: BaseGeometry, buildings: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Trees and signs on the pavement."""
    spots, trees, signs = [], [], []
    for street in streets:
        along, normals = stations_of(street.line), normals_of(street.line)
        for side in (-1, 1):
            spacing = rng.uniform(9, 30)
            for reach in np.arange(rng.uniform(3, 12), along[-1], spacing):
                i = min(int(np.searchsorted(along, reach)), len(along) - 1)
                out = street.half_width[i] + PARKING_WIDTH_M * street.plan.parking[(side + 1) // 2]
                place = street.line[i] + normals[i] * side * (out + rng.uniform(2.0, 2.8))
                spots.append((*place, rng.uniform(1.2, 2.6), rng.uniform(4, 9)))
        for end, side in ((0, 1), (len(along) - 1, -1)):
            i = min(max(end, 6), len(along) - 7)
            x, y = street.line[i] + normals[i] * side * (street.half_width[i] + 0.7)
            heading = float(np.arctan2(-normals[i, 0], normals[i, 1])) + (np.pi if side > 0 else 0.0)
            signs.append([x, y, heading, float(rng.integers(0, 3))])
    houses = shapely.union_all([shapely.Polygon(c) for c in box_corners(buildings[:, :5])]) if len(buildings) else shapely.Polygon()
    clear = road.buffer(0.4)
    shapely.prepare(clear)
    shapely.prepare(houses)
    points = [shapely.Point(spot[:2]) for spot in spots]
    free = [not clear.intersects(point) and not houses.intersects(point.buffer(1.0)) for point in points]
    trees = [spot for spot, good in zip(spots, free, strict=True) if good]
    signs = [sign for sign in signs if not road.intersects(shapely.Point(sign[:2]))]
    return _rows(trees, 4), _rows(signs, 4)
