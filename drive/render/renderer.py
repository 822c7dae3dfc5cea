"""`Renderer`: pictures of a world's states from any cameras. Same world, weather and seed: same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import partial

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, resized
from drive.frames import Array, se2_to_se3
from drive.pool import alive
from drive.render import look
from drive.render.culling import PinholeView
from drive.render.ground import contact_map, lamp_map, still_boxes
from drive.render.lens import Face, faces_of
from drive.render.pack import PackedMesh, pack, pack_actors
from drive.render.picture import draw_face
from drive.render.pyramid import pyramid
from drive.render.rain import fall
from drive.render.scene import Buffers, Mesh
from drive.render.shade import Surroundings, empty_buffers
from drive.render.shadows import actor_map, static_map
from drive.render.sky import light_of
from drive.render.surface import clear_table
from drive.render.weather import WEATHERS, Weather
from drive.world.state import HEADING, State, X, Y
from drive.world.world import World


class Renderer:
    """Draws a world. What never moves is built once; `render` poses the rest for a state.

    hindsight: a recorded scene's scenery may keep clear of where its agents will be; only to look back at recordings.
    threads: cameras drawn at once; the bytes do not depend on it. supersample: colours are the mean of so many by so many rays a
    pixel, for smooth pictures and videos; the other buffers stay those of the pixels' centres. Raises ValueError below 1.
    """

    def __init__(
        self,
        world: World,
        weather: Weather = WEATHERS["day"],
        seed: int = 0,
        threads: int = 1,
        supersample: int = 1,
        hindsight: bool = False,
    ) -> None:
        if threads < 1 or supersample < 1:
            raise ValueError(f"threads and supersample must be at least 1, got {threads} and {supersample}")
        self.supersample = supersample
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.world, self.weather, self.seed = world, weather, seed
        self.light = light_of(weather, seed)
        self.clear = clear_table(self.light.extinction)
        self.textures = pyramid(look.textures(seed))
        still = look.static_mesh(world, weather, seed, hindsight)
        self.static, self.lamps, self.boxes = pack(still), lamp_map(still), still_boxes(world)
        self.models = look.actor_models(world, weather, seed)
        self.shadow = static_map(self.static, self.light.sun)

    def recast(self, world: World) -> Renderer:
        """A renderer of another cast in the same town: what never moves is shared with this one, and keeps its instance numbers."""
        other = copy(self)
        other.world, other.models = world, look.actor_models(world, self.weather, self.seed)
        return other

    def render(self, state: State, cameras: Sequence[Camera], heights: Array | None = None) -> tuple[Buffers, ...]:
        """One picture for each camera; `ego_from_camera` places it on the car. heights [A]: metres by which agents stand above the
        road's plane, where not all stand on it."""
        alive()
        mesh = look.actor_mesh(self.models, state)
        moving = pack_actors(mesh if heights is None else lifted(mesh, heights))
        ego = np.array([state.ego[X], state.ego[Y], state.ego[HEADING]])
        own = pack_actors(look.ego_mesh(self.models, state))
        shadow = actor_map((moving, own), np.array([ego[0], ego[1], 0.0]), self.shadow.axes)
        contact = contact_map(self.world, self.boxes, state, ego[:2])
        around = Surroundings(self.textures, self.light, self.clear, self.shadow, shadow, contact, self.lamps, ego)
        picture = partial(self._picture, moving=moving, around=around, step=int(state.step))
        return tuple((map if self._pool is None else self._pool.map)(picture, cameras))

    def _picture(self, camera: Camera, moving: PackedMesh, around: Surroundings, step: int) -> Buffers:
        out, many = self._rays(camera, moving, around), self.supersample
        if many > 1:
            fine = self._rays(resized(camera, many * camera.width, many * camera.height), moving, around)
            out = out._replace(rgb=averaged(fine.rgb, many))
        fall(out.rgb, self.weather.rain, float(self.light.haze.mean()), camera, self.seed, step)
        return out

    def _rays(self, camera: Camera, moving: PackedMesh, around: Surroundings) -> Buffers:
        out = empty_buffers(camera.height, camera.width)
        flat = Buffers(out.rgb.reshape(-1, 3), out.depth.reshape(-1), out.semantic.reshape(-1), out.instance.reshape(-1))
        for face in faces_of(camera):
            draw_face(view_of(camera, face, around.ego), face.pixels, face.points, self.static, moving, around, flat)
        return out


def averaged(rgb: NDArray[np.uint8], many: int) -> NDArray[np.uint8]:
    """Means of light over blocks of many by many pixels; bytes are roots of light."""
    height, width = rgb.shape[0] // many, rgb.shape[1] // many
    light = (rgb.astype(np.float32) ** 2).reshape(height, many, width, many, 3).mean((1, 3))
    return np.round(np.sqrt(light)).astype(np.uint8)


def lifted(mesh: Mesh, heights: Array) -> Mesh:
    """Agents' mesh with each agent raised by its own height [A]."""
    vertices = mesh.vertices.copy()
    owner = np.zeros(len(vertices), dtype=np.int64)
    owner[mesh.triangles] = mesh.instance[:, None]
    vertices[:, 2] += np.concatenate([[0.0], heights]).astype(np.float32)[owner]
    return mesh._replace(vertices=vertices)


def view_of(camera: Camera, face: Face, ego: Array) -> PinholeView:
    """A face of a camera on the ego [3] (x, y, heading) as a view of the world."""
    world_from_camera = se2_to_se3(ego) @ camera.ego_from_camera
    rotation = np.ascontiguousarray(face.rotation @ world_from_camera[:3, :3].T)
    return PinholeView(np.ascontiguousarray(world_from_camera[:3, 3]), rotation, face.intrinsics, face.width, face.height)
