"""Leaving out what is not seen changes nothing that is seen."""

from __future__ import annotations

import numpy as np
import pytest

from drive.cameras import Camera, resized
from drive.frames import Array
from drive.jit import kernel
from drive.render import culling, look, raster
from drive.render.culling import TILE_PX, PinholeView, refresh
from drive.render.lens import faces_of
from drive.render.pack import PackedMesh, pack_actors
from drive.render.picture import FAR_M
from drive.render.raster import Hits
from drive.render.renderer import Renderer, view_of
from drive.render.rigs import load_rig
from drive.render.scene import FINE_LAYER
from drive.render.weather import WEATHERS
from drive.world.advance import advance
from drive.world.state import BY_LANE, HEADING, X, Y
from drive.world.town.populate import town_world

cells_in_view, hidden, new_tiles = (kernel(part) for part in (culling.cells_in_view, culling.hidden, culling.new_tiles))
draw, draw_triangle, new_hits = (kernel(part) for part in (raster.draw, raster.draw_triangle, raster.new_hits))

SIZES = ((224, 128), (33, 17), (401, 203))


@pytest.fixture(scope="module")
def scene() -> tuple[tuple[PackedMesh, PackedMesh], Array]:
    """What stands and what moves in a street, and where the ego is."""
    world = town_world(1)
    state = world.start
    for _ in range(60):
        state = advance(world.static, state, 0.0, 0.0, BY_LANE, False)
    renderer = Renderer(world, WEATHERS["day"], 1)
    moving = pack_actors(look.actor_mesh(renderer.models, state))
    return (renderer.static, moving), np.array([state.ego[X], state.ego[Y], state.ego[HEADING]])


def cameras() -> list[Camera]:
    rig = load_rig("nuscenes")
    return [resized(camera, *size) for camera, size in zip((rig[0], rig[2], rig[-1]), SIZES, strict=True)]


def view(camera: Camera, ego: Array) -> PinholeView:
    return view_of(camera, faces_of(camera)[0], ego)


def drawn_plainly(seen_from: PinholeView, meshes: tuple[PackedMesh, PackedMesh]) -> Hits:
    """Every triangle but the fine ones, in order."""
    hits = new_hits(seen_from.width, seen_from.height, sum(len(mesh.layer) for mesh in meshes) + 1)
    used = first = 0
    for mesh in meshes:
        for t in np.flatnonzero(mesh.layer < FINE_LAYER):
            used = draw_triangle(seen_from, mesh.corners, t, mesh.layer[t], first + t, hits, used)
        first += len(mesh.layer)
    return hits


def test_pictures_are_those_of_all_triangles(scene: tuple[tuple[PackedMesh, PackedMesh], Array]) -> None:
    meshes, ego = scene
    for camera in cameras():
        seen_from = view(camera, ego)
        plain, room = drawn_plainly(seen_from, meshes), sum(len(mesh.layer) for mesh in meshes) + 1
        hits, tiles = new_hits(camera.width, camera.height, room), new_tiles(camera.width, camera.height)
        used = draw(seen_from, meshes[0], 0, FAR_M, hits, tiles, 0)
        draw(seen_from, meshes[1], len(meshes[0].layer), FAR_M, hits, tiles, used)
        shown = plain.which >= 0
        far = 1.0 / np.maximum(plain.key, 1e-9) < 0.9 * FAR_M
        assert (hits.key == plain.key)[far].all() and shown[far].mean() > 0.3
        same = hits.source[hits.which[far]] == plain.source[plain.which[far]]
        assert same.mean() > 0.999  # what lies in one plane on one layer may be told as either


def test_most_cells_of_a_street_are_left_out(scene: tuple[tuple[PackedMesh, PackedMesh], Array]) -> None:
    (still, _), ego = scene
    seen_from = view(resized(load_rig("nuscenes")[0], 224, 128), ego)
    hits, tiles = new_hits(224, 128, len(still.layer) + 1), new_tiles(224, 128)
    draw(seen_from, still, 0, FAR_M, hits, tiles, 0)
    cells = cells_in_view(seen_from, still.cell_box, FAR_M)
    assert len(cells) < 0.5 * len(still.cell_box)
    behind = [hidden(seen_from, still.cell_box[cell], tiles) for cell in cells]
    assert np.mean(behind) > 0.5
    gaps = np.maximum(np.maximum(still.cell_box[cells, :3] - seen_from.position, seen_from.position - still.cell_box[cells, 3:]), 0)
    assert (np.diff((gaps**2).sum(-1)) >= -1e-9).all()  # near first


def test_tiles_hold_the_farthest_pixel_of_each() -> None:
    key = np.random.default_rng(0).random((37, 53)).astype(np.float32)
    tiles = new_tiles(53, 37)
    refresh(key, tiles)
    for (i, j), least in np.ndenumerate(tiles):
        assert least == key[TILE_PX * i : TILE_PX * (i + 1), TILE_PX * j : TILE_PX * (j + 1)].min()


def test_a_box_is_hidden_only_behind_everything_in_its_place() -> None:
    position, rotation = np.zeros(3), np.eye(3)
    seen_from = PinholeView(position, rotation, np.array([64.0, 0.0, 64.0, 64.0, 32.0]), 128, 64)
    tiles = np.full((8, 16), 1 / 20, np.float32)  # a wall 20 m away
    box = np.array([-1, -1, 24, 1, 1, 26], np.float32)
    assert hidden(seen_from, box, tiles)
    assert not hidden(seen_from, box - np.float32([0, 0, 5, 0, 0, 5]), tiles)  # reaches 19 m
    tiles[4, 8] = 0.0  # a hole in the wall, right before the box
    assert not hidden(seen_from, box, tiles)
    assert hidden(seen_from, box + np.float32([9, 0, 0, 9, 0, 0]), tiles)  # beside the hole
    assert not hidden(seen_from, np.array([-1, -1, -1, 1, 1, 90], np.float32), tiles)  # around the camera
