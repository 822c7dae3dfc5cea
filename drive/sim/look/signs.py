"""Traffic signs, and traffic lights with their poles: heads on the near and the far side of the junction."""

from __future__ import annotations

import numpy as np

from drive.frames import Array
from drive.maps import RoadMap
from drive.sim.curves import unit
from drive.sim.look.solids import box, disc, join, moved, quad, tube
from drive.sim.look.soup import GREEN_LAMP, RED_LAMP, YELLOW_LAMP, Shape, Soup
from drive.sim.look.textures import NUMBER

POLE = (0.55, 0.56, 0.58)
LIGHT_HEIGHT_M, ARM_HEIGHT_M = 2.6, 5.0
LAMPS = ((RED_LAMP, 0.33), (YELLOW_LAMP, 0.0), (GREEN_LAMP, -0.33))


def put_sign(soup: Soup, row: Array, rng: np.random.Generator) -> None:
    """One sign: x, y, heading of the reader, kind (0 limit, 1 yield, 2 no parking)."""
    x, y, heading, kind = row
    place = (x, y, 0.0)
    soup.add(moved(tube((0, 0, 0), (0, 0, 2.9), 0.035, 5), place), "sign", 0, POLE)
    centre, radius = np.array([-0.06, 0.0, 2.5]), 0.36
    left, up = np.array([0.0, -radius, 0.0]), np.array([0.0, 0.0, radius])
    if kind == 1:
        corners = np.stack([centre - up * 1.1, centre + up * 0.8 + left * 1.1, centre + up * 0.8 - left * 1.1])
        face = Shape(corners, np.array([[0, 1, 2]]), np.array([[[0.5, 0.0], [1.0, 1.0], [0.0, 1.0]]]))
        name = "yield"
    else:
        face = disc(centre, left, up, 12)
        name = "no_parking" if kind == 2 else ("limit30", "limit50")[int(rng.integers(2))]
    back = Shape(face.vertices + [0.02, 0, 0], face.triangles[:, ::-1], face.uv[:, ::-1])
    soup.add(moved(face, place, heading), "sign", NUMBER[name])
    soup.add(moved(back, place, heading), "sign", 0, (0.5, 0.51, 0.53))


def light_heads(road_map: RoadMap) -> list[tuple[int, Array, float, float]]:
    """Heads of every traffic light: (light, place [2], heading of the driver it faces, height), near right and over the road."""
    number = {light.id: i for i, light in enumerate(road_map.lights)}
    heads = []
    by_light: dict[str, list[Array]] = {}
    for stop in road_map.stop_lines:
        if stop.light is not None:
            by_light.setdefault(stop.light, []).append(stop.line)
    for name, lines in by_light.items():
        way = lines[0][1] - lines[0][0]
        heading = float(np.arctan2(-way[0], way[1]))
        left = unit(heading + np.pi / 2)
        rights = np.array([line[0] for line in lines])
        outer = rights[np.argmin(rights @ left)]
        pole = outer - left * 1.1 + unit(heading) * 0.6
        heads.append((number[name], pole, heading, LIGHT_HEIGHT_M))
    return heads


def put_light(soup: Soup, place: Array, heading: float, height: float) -> None:
    """Pole, housing and hoods of one head. Its lamps are drawn with the actors, as their colours change."""
    at = (*place, 0.0)
    soup.add(moved(tube((0.12, 0, 0), (0.12, 0, height + 0.7), 0.06, 6), at), "light", 0, POLE)
    housing = moved(box((0.0, 0.0, height), (0.22, 0.36, 1.1)), at, heading)
    soup.add(housing, "light", 0, (0.10, 0.11, 0.10))
    board = moved(quad([(-0.111, 0.3, height - 0.7), (-0.111, -0.3, height - 0.7), (-0.111, -0.3, height + 0.7), (-0.111, 0.3, height + 0.7)]), at, heading)
    both = join([board, board._replace(triangles=board.triangles[:, ::-1])])
    soup.add(both, "light", 0, (0.06, 0.06, 0.06))


def add_lamps(soup: Soup, place: Array, heading: float, height: float) -> None:
    """The three lamps of one head."""
    for lamp, up in LAMPS:
        face = disc((-0.125, 0.0, height + up), (0.0, -0.13, 0.0), (0.0, 0.0, 0.13), 8)
        soup.add(moved(face, (*place, 0.0), heading), "light", 0, lamp=lamp)
