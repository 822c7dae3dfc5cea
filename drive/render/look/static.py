"""Everything of a world that never moves, as one mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from drive.frames import Array
from drive.geometry import box_corners
from drive.render.look.ground import GroundPlan, kerb_of, lay_ground, plan_ground, road_area, wear_road
from drive.render.look.houses import build_house
from drive.render.look.lights import light_heads, put_lights, sight_areas
from drive.render.look.markings import paint_arrows, paint_crossings, paint_edges, paint_lines, paint_stops
from drive.render.look.plants import plant_tree, plant_woods
from drive.render.look.signs import lamp_places, put_lamp, put_sign
from drive.render.look.soup import Soup
from drive.render.look.surroundings import driven_area, surroundings
from drive.render.look.things import build_barrier, build_cone, build_digger
from drive.render.look.vehicles import build_car, build_van
from drive.render.scene import Mesh
from drive.render.weather import Weather
from drive.world.furniture import PAVEMENT_M, Furniture
from drive.world.world import World

FORECOURT_M = 5.0


def static_mesh(world: World, weather: Weather, seed: int, hindsight: bool = False) -> Mesh:
    """Ground, markings, buildings, trees, signs, parked cars; the same bytes for the same seed. hindsight: see `record`."""
    soup, rng = Soup(), np.random.default_rng([seed, 41])
    furniture, road = world.furniture, shapely.simplify(road_area(world.map), 0.04)
    extra = shapely.Polygon()
    if furniture is None:
        road = driven_area(world, road, hindsight)
        furniture, extra = surroundings(world, road, rng, hindsight)
    courts = [shapely.Polygon(c).buffer(FORECOURT_M, join_style="mitre") for c in box_corners(furniture.buildings[:, :5])]
    plan = plan_ground(road, PAVEMENT_M, shapely.union_all([extra, *courts]), kerb_of(world))
    lay_ground(soup, plan, rng)
    wear_road(soup, world.map, rng)
    paint_lines(soup, world.map, bool(rng.random() < 0.4))
    if world.furniture is not None:
        paint_edges(soup, world.map)
    paint_stops(soup, world.map)
    paint_crossings(soup, world.map)
    paint_arrows(soup, world.map)
    plant_woods(soup, plan.bounds, rng)
    heads = light_heads(world.map)
    put_lights(soup, heads)
    sight = sight_areas(world.map, heads)
    taken = shapely.union_all([extra, sight, *(shapely.Polygon(c) for c in box_corners(furniture.buildings[:, :5]))])
    for place, heading in lamp_places(world.map, plan.road, taken):
        put_lamp(soup, place, heading, weather.night)
    _furnish(soup, replace(furniture, trees=_clear(furniture.trees, sight)), plan, len(world.static.kind) + 1, weather.night, seed)
    return soup.mesh()


def _clear(trees: Array, sight: BaseGeometry) -> Array:
    """The trees whose crowns leave an area free."""
    return trees[shapely.distance(shapely.points(trees[:, :2]), sight) > trees[:, 2]] if len(trees) and not sight.is_empty else trees


def _furnish(soup: Soup, furniture: Furniture, plan: GroundPlan, first: int, night: bool, seed: int) -> None:
    """What stands beside the roads; each thing has a generator of its own, so one does not change the next. first: instance of
    the first parked car."""
    for n, row in enumerate(furniture.buildings):
        build_house(soup, row, night, np.random.default_rng([seed, 43, n]))
    for n, row in enumerate(furniture.trees):
        plant_tree(soup, row, np.random.default_rng([seed, 47, n]))
    for n, row in enumerate(furniture.signs):
        put_sign(soup, row, np.random.default_rng([seed, 53, n]))
    for n, row in enumerate(furniture.parked):
        model, rng = Soup(), np.random.default_rng([seed, 59, n])
        (build_van if row[6] else build_car)(model, row[3:6], rng, False)
        soup.absorb(model, (row[0], row[1], 0.0), float(row[2]), "car", first + n)
    for n, row in enumerate(furniture.works):
        model, meaning = Soup(), "truck" if row[6] == 0 else "obstacle"
        floor = 0.0 if plan.road.contains(shapely.Point(row[:2])) else plan.kerb_m
        (build_digger, build_cone, build_barrier)[int(row[6])](model, row[3:6] - [0.0, 0.0, floor])
        soup.absorb(model, (row[0], row[1], floor), float(row[2]), meaning, first + len(furniture.parked) + n)
