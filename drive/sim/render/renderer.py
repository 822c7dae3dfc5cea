"""`Renderer`: pictures of a world's states from any cameras. Same world, weather and seed: same bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drive.cameras import Camera
from drive.frames import Array, se2_to_se3
from drive.sim import look
from drive.sim.render.lens import Face, faces_of
from drive.sim.render.pack import Packed, pack, pack_actors
from drive.sim.render.raster import View, draw, new_hits
from drive.sim.render.scene import Buffers, Mesh
from drive.sim.render.shade import clear_table, empty_buffers, gather, pyramid, shade
from drive.sim.render.shadows import ShadowMap, actor_map, static_map
from drive.sim.render.sky import light_of
from drive.sim.render.weather import WEATHERS, Weather
from drive.sim.state import HEADING, State, X, Y
from drive.sim.world import World

FAR_M = 400.0  # cells beyond this are left out


class Renderer:
    """Draws a world. What never moves is built once; `render` poses the rest for a state."""

    def __init__(self, world: World, weather: Weather = WEATHERS["day"], seed: int = 0) -> None:
        self.world, self.weather = world, weather
        self.light = light_of(weather, seed)
        self.clear = clear_table(self.light.extinction)
        self.textures = pyramid(look.textures(seed))
        self.static = pack(look.static_mesh(world, weather, seed))
        self.models = look.actor_models(world, weather, seed)
        self.shadow = static_map(self.static, self.light.sun)

    def render(self, state: State, cameras: Sequence[Camera], heights: Array | None = None) -> tuple[Buffers, ...]:
        """One picture for each camera; `ego_from_camera` places it on the car. heights [A]: metres by which agents stand above the
        road's plane, where not all stand on it."""
        mesh = look.actor_mesh(self.models, state)
        moving = pack_actors(mesh if heights is None else lifted(mesh, heights))
        ego = np.array([state.ego[X], state.ego[Y], state.ego[HEADING]])
        own = pack_actors(look.ego_mesh(self.models, state))
        shadow = actor_map((moving, own), np.array([ego[0], ego[1], 0.0]), self.shadow.axes)
        return tuple(self._picture(camera, moving, shadow, ego) for camera in cameras)

    def _picture(self, camera: Camera, moving: Packed, shadow: ShadowMap, ego: Array) -> Buffers:
        out = empty_buffers(camera.height, camera.width)
        flat = out.rgb.reshape(-1, 3), out.depth.reshape(-1), out.semantic.reshape(-1), out.instance.reshape(-1)
        for face in faces_of(camera):
            view = view_of(camera, face, ego)
            hits = new_hits(face.width, face.height, len(self.static.layer) + len(moving.layer) + 1)
            used = draw(view, self.static, 0, FAR_M, hits, 0)
            used = draw(view, moving, len(self.static.layer), FAR_M, hits, used)
            looks = gather(hits, used, self.static, moving, self.light.wet)
            maps = self.shadow, shadow
            shade(view, face.pixels, face.points, hits, looks, self.textures, self.light, self.clear, *maps, ego, *flat)
        return out


def lifted(mesh: Mesh, heights: Array) -> Mesh:
    """Agents' mesh with each agent raised by its own height [A]."""
    vertices = mesh.vertices.copy()
    owner = np.zeros(len(vertices), dtype=np.int64)
    owner[mesh.triangles] = mesh.instance[:, None]
    vertices[:, 2] += np.concatenate([[0.0], heights]).astype(np.float32)[owner]
    return mesh._replace(vertices=vertices)


def view_of(camera: Camera, face: Face, ego: Array) -> View:
    """A face of a camera on the ego [3] (x, y, heading) as a view of the world."""
    world_from_camera = se2_to_se3(ego) @ camera.ego_from_camera
    rotation = np.ascontiguousarray(face.rotation @ world_from_camera[:3, :3].T)
    return View(np.ascontiguousarray(world_from_camera[:3, 3]), rotation, face.intrinsics, face.width, face.height)
