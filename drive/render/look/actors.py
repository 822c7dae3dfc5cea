"""Models of a world's agents, and the mesh of those who are there in a state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drive.frames import Array
from drive.render.look.cycles import build_bicycle, build_motorcycle
from drive.render.look.ground import kerb_of
from drive.render.look.lights import add_lamps, light_heads
from drive.render.look.people import build_person
from drive.render.look.posing import Drawn, Models, pose_all
from drive.render.look.soup import SEMANTIC_CODE, Soup
from drive.render.look.things import build_obstacle
from drive.render.look.trucks import build_bus, build_trailer, build_truck
from drive.render.look.turns import signals
from drive.render.look.vehicles import build_car, build_van
from drive.render.scene import Mesh
from drive.render.weather import Weather
from drive.world.advance import light_colours
from drive.world.state import AS_RECORDED, BUS, CAR, CYCLIST, DT_S, EGO, MOTORCYCLE, PEDESTRIAN, TRAILER, TRUCK, State, Static
from drive.world.world import World

MEANING = ("car", "car", "truck", "bus", "trailer", "motorcycle", "bicycle", "pedestrian", "obstacle")
VEHICLE_MAKERS = {TRUCK: build_truck, BUS: build_bus, TRAILER: build_trailer, MOTORCYCLE: build_motorcycle, CYCLIST: build_bicycle}
VAN_HEIGHT_M, LOW_VAN_HEIGHT_M, VAN_LENGTH_M = 2.1, 1.85, 4.9  # a car higher than the first, or than the second and so long, is a van
DRIVES_M = 3.0  # a recorded vehicle that has moved less until then counts as parked: its brake lamps are dark


@dataclass(frozen=True, eq=False)
class ActorModels:
    """What the agents of a world look like."""

    static: Static
    models: Models


def actor_models(world: World, weather: Weather, seed: int) -> ActorModels:
    """Looks of every agent of a world by its kind and size; the same for the same seed."""
    static = world.static
    night = weather.lamps_on
    soups = [_model(static, i, night, kerb_of(world), np.random.default_rng([seed, 37, i])) for i in range(len(static.kind))]
    lamps, lights = _traffic_lamps(world)
    return ActorModels(static, _models(world, [*soups, lamps], lights, night))


def build(soup: Soup, kind: int, size: Array, rng: np.random.Generator, night: bool) -> None:
    """The model of one agent of a kind and a size (length, width, height)."""
    if kind in (EGO, CAR):
        van = size[2] > VAN_HEIGHT_M or (size[2] > LOW_VAN_HEIGHT_M and size[0] > VAN_LENGTH_M)
        (build_van if van else build_car)(soup, size, rng, night)
    elif kind in VEHICLE_MAKERS:
        VEHICLE_MAKERS[kind](soup, size, rng, night)
    else:
        (build_person if kind == PEDESTRIAN else build_obstacle)(soup, size, rng)


def _model(static: Static, i: int, night: bool, kerb_m: float, rng: np.random.Generator) -> Soup:
    """Somebody on foot is built lower by a kerb's height, so that the box still holds who stands on a pavement."""
    soup, kind = Soup(), int(static.kind[i])
    build(soup, kind, static.size[i] - [0.0, 0.0, kerb_m if kind == PEDESTRIAN else 0.0], rng, night)
    soup.sort_fine()
    return soup


def _traffic_lamps(world: World) -> tuple[Soup, list[int]]:
    """Lamps of all traffic lights in the world frame, and the light of each triangle."""
    soup, lights = Soup(), []
    for head in light_heads(world.map):
        before = sum(len(item) for item in soup.columns["lamp"])
        add_lamps(soup, head)
        lights += [head.light] * (sum(len(item) for item in soup.columns["lamp"]) - before)
    return soup, lights


def _models(world: World, soups: list[Soup], lights: list[int], night: bool) -> Models:
    static = world.static
    meshes = [soup.mesh() for soup in soups]
    meaning = [SEMANTIC_CODE[MEANING[kind]] for kind in static.kind] + [SEMANTIC_CODE["light"]]
    counts = [len(mesh.triangles) for mesh in meshes]
    return Models(
        vertices=np.concatenate([m.vertices for m in meshes]),
        bone=np.concatenate([soup.bones() for soup in soups]).astype(np.int32),
        triangles=np.concatenate([m.triangles for m in meshes]),
        uv=np.concatenate([m.uv for m in meshes]),
        texture=np.concatenate([m.texture for m in meshes]),
        tint=np.concatenate([m.tint for m in meshes]),
        semantic=np.repeat(meaning, counts).astype(np.uint8),
        glow=np.concatenate([m.glow for m in meshes]),
        layer=np.concatenate([m.layer for m in meshes]),
        lamp=np.concatenate([soup.lamps() for soup in soups]).astype(np.int32),
        light=np.concatenate([np.zeros(sum(counts[:-1])), lights]).astype(np.int32),
        vertex_ptr=_pointers([len(m.vertices) for m in meshes]),
        triangle_ptr=_pointers(counts),
        joints=np.concatenate([np.array(soup.joints) for soup in soups]),
        joint_ptr=_pointers([len(soup.joints) for soup in soups]),
        turn=signals(world),
        record=_record(static),
        kerb_m=kerb_of(world),
        night=night,
    )


def _pointers(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _record(static: Static) -> Array:
    """Way gone, acceleration, and whether it has driven, of recorded agents at every step, [T, A, 3]; nothing of later steps."""
    steps, agents = static.recorded.shape[:2]
    record = np.zeros((max(steps, 1), agents, 3))
    if steps < 2 or not (static.mode == AS_RECORDED).any():
        return record
    both = static.recorded_valid[1:] & static.recorded_valid[:-1]
    gone = np.hypot(*np.moveaxis(np.diff(static.recorded[..., :2], axis=0), -1, 0)) * both
    record[1:, :, 0] = np.cumsum(np.minimum(gone, 5.0), axis=0)
    window = np.ones(5) / 5  # of what was until then: lamps tell nothing of what comes
    speed = np.stack([np.convolve(np.pad(column, (4, 0), mode="edge"), window, "valid") for column in static.recorded[..., 3].T], -1)
    record[1:, :, 1] = np.diff(speed, axis=0) / DT_S
    record[..., 2] = record[..., 0] > DRIVES_M
    return record


def actor_mesh(actors: ActorModels, state: State) -> Mesh:
    """All agents that are there, but the ego, and the lamps of the traffic lights, as they are in a state."""
    return Mesh(*_drawn(actors, state, 1, len(actors.static.kind) + 1))


def ego_mesh(actors: ActorModels, state: State) -> Mesh:
    """The ego's car in a state; for its shadow and for cameras that look at it."""
    return Mesh(*_drawn(actors, state, 0, 1))


def _drawn(actors: ActorModels, state: State, first: int, last: int) -> Drawn:
    colours = light_colours(actors.static.light_cycle, actors.static.light_time, state.step * DT_S)
    return pose_all(actors.models, actors.static, state, colours, first, last)
