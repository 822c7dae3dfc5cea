"""Rendered pictures: what they show is what a plain ray caster finds, and what light and weather must do."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from drive.cameras import Camera, project, resized, unproject
from drive.frames import Array
from drive.render import look
from drive.render.ground import GroundMap
from drive.render.pyramid import pyramid
from drive.render.renderer import Renderer
from drive.render.rigs import load_rig, mount
from drive.render.scene import SEMANTIC, Buffers, Mesh
from drive.render.weather import WEATHERS, Weather, choose_weather
from drive.world.advance import advance
from drive.world.state import BY_LANE, KIND_NAMES, State
from drive.world.town.populate import TrafficConfig, town_world
from drive.world.world import World
from tests.render.raycaster import agreement, away_from_edges, meshes_of, random_pixels

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = 3


@cache
def make_town() -> tuple[World, State]:
    """A town with traffic, after six seconds."""
    world = town_world(SEED, traffic=TrafficConfig(vehicles=(21, 21), walkers=(8, 8), least_met=0))
    state = world.start
    for _ in range(60):
        state = advance(world.static, state, 0.0, 0.0, BY_LANE, False)
    return world, state


@pytest.fixture(scope="module")
def town() -> tuple[World, State]:
    return make_town()


@pytest.fixture(scope="module")
def renderer(town: tuple[World, State]) -> Renderer:
    return Renderer(town[0], WEATHERS["day"], SEED)


@pytest.fixture(scope="module")
def meshes(renderer: Renderer, town: tuple[World, State]) -> tuple[Mesh, ...]:
    return meshes_of(renderer, town[1], SEED)


def pinhole(width: int, height: int, focal: float, pose: Array) -> Camera:
    k = np.array([[focal, 0.4, 0.48 * width], [0.0, 1.1 * focal, 0.53 * height], [0, 0, 1]])
    return Camera("CAM_FRONT", width, height, k, pose)


def fisheye(width: int, height: int, fov_deg: float, pose: Array) -> Camera:
    focal = width / np.radians(fov_deg)
    k = np.array([[focal, 0.0, 0.51 * width], [0.0, focal, 0.48 * height], [0, 0, 1]])
    return Camera("CAM_FRONT", width, height, k, pose, "fisheye", (0.02, -0.004, 0.001, 0.0))


ODD_CAMERAS = {
    "odd size": pinhole(131, 77, 70.0, mount([1.7, 0.0, 1.5])),
    "rolled": pinhole(97, 140, 80.0, mount([1.7, 0.1, 1.4], 40.0, -3.0, 37.0)),
    "wide, back, near the ground": pinhole(203, 101, 60.0, mount([-0.5, 0.0, 0.12], 170.0, 5.0)),
    "upside down": pinhole(64, 65, 40.0, mount([0.0, 0.5, 1.9], -75.0, -12.0, 180.0)),
    "straight down": pinhole(89, 88, 30.0, mount([1.0, 0.0, 6.0], 0.0, -90.0)),
    "tele": pinhole(160, 90, 600.0, mount([1.7, 0.0, 1.5], 3.0)),
}
FISHEYES = {
    "fisheye 190": fisheye(161, 121, 190.0, mount([3.5, 0.0, 0.7], 0.0, -15.0)),
    "fisheye 280, rolled": fisheye(150, 150, 280.0, mount([1.0, 0.0, 1.9], 90.0, 10.0, 25.0)),
    "distorted pinhole": replace(
        pinhole(160, 90, 95.0, mount([1.7, 0.0, 1.5])), distortion=(-0.25, 0.08, 0.002, -0.001, -0.01)
    ),
}


@pytest.mark.parametrize("name", ODD_CAMERAS)
def test_pixels_show_what_a_ray_caster_finds(name: str, renderer: Renderer, town: tuple[World, State], meshes: tuple[Mesh, ...]) -> None:
    """Edges included: a pixel shows what the ray through its centre meets."""
    camera = ODD_CAMERAS[name]
    same = agreement(meshes, renderer.render(town[1], [camera])[0], town[1], camera, *random_pixels(camera, 1000, 1))
    assert same.all(-1).mean() >= 0.99, same.mean(0)


@pytest.mark.parametrize("name", FISHEYES)
def test_fisheyes_show_what_a_ray_caster_finds(name: str, renderer: Renderer, town: tuple[World, State], meshes: tuple[Mesh, ...]) -> None:
    camera = FISHEYES[name]
    pixels = random_pixels(camera, 1000, 1)
    same = agreement(meshes, renderer.render(town[1], [camera])[0], town[1], camera, *pixels)
    inner = away_from_edges(meshes, town[1], camera, *pixels)
    assert same[inner].all(-1).mean() >= 0.99 and inner.mean() > 0.6, same[inner].mean(0)
    assert same.all(-1).mean() > 0.9


# ---- scenes of a few triangles, drawn in place of the town ----


def polygons(rows: list[tuple[Array, int, str, float, int]]) -> Mesh:
    """A mesh of fans: corners [N, 3], instance, semantic, glow, layer."""
    fans = [
        np.stack([np.stack([c[0], c[k], c[k + 1]]) for k in range(1, len(c) - 1)])
        for c in (np.asarray(row[0], dtype=float) for row in rows)
    ]
    counts = [len(fan) for fan in fans]
    corners = np.concatenate(fans).astype(np.float32)
    many = len(corners)

    def column(n: int, dtype: type) -> Array:
        return np.repeat(np.array([row[n] for row in rows]), counts).astype(dtype)

    semantic = np.repeat([SEMANTIC.index(row[2]) for row in rows], counts).astype(np.uint8)
    triangles = np.arange(3 * many, dtype=np.int32).reshape(-1, 3)
    uv, texture, tint = np.zeros((many, 3, 2), np.float32), np.zeros(many, np.int32), np.full((many, 3), 0.7, np.float32)
    return Mesh(
        corners.reshape(-1, 3), triangles, uv, texture, tint, semantic, column(1, np.int32), column(3, np.float32), column(4, np.int8)
    )


def rectangle(low: tuple[float, float], high: tuple[float, float], z: float = 0.0) -> Array:
    """Corners of a level rectangle that faces up."""
    return np.array([[low[0], low[1], z], [high[0], low[1], z], [high[0], high[1], z], [low[0], high[1], z]])


NOTHING = polygons([(rectangle((0, 0), (1, 1)), 0, "sky", 0.0, 0)])
NOTHING = Mesh(NOTHING.vertices, *(part[:0] for part in NOTHING[1:]))
LEVEL = mount([0.0, 0.0, 1.5])


class Scene:
    """A renderer of given meshes with the ego at the origin."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, town: tuple[World, State], still: Mesh, weather: Weather = WEATHERS["day"]) -> None:
        self.still, self.moving = still, NOTHING
        monkeypatch.setattr(look, "static_mesh", lambda *_: still)
        monkeypatch.setattr(look, "actor_mesh", lambda *_: self.moving)
        monkeypatch.setattr(look, "actor_models", lambda *_: None)
        monkeypatch.setattr(look, "ego_mesh", lambda *_: NOTHING)
        monkeypatch.setattr("drive.render.renderer.contact_map", lambda *_: GroundMap(np.zeros((2, 2), np.float32), np.zeros(2), 1.0))
        monkeypatch.setattr(look, "textures", lambda _: np.full((1, 2, 2, 3), 255, np.uint8))
        self.state = town[1]._replace(ego=np.zeros(8))
        self.renderer = Renderer(town[0], weather, SEED)

    def draw(self, camera: Camera) -> Buffers:
        return self.renderer.render(self.state, [camera])[0]

    def colour_at(self, camera: Camera, point: tuple[float, float, float]) -> float:
        """Mean brightness of the pixel that shows a point of the ego frame."""
        (u, v), front = project(camera, np.array(point))
        assert front
        return float(self.draw(camera).rgb[int(v), int(u)].mean())


def test_triangles_cover_the_pixels_whose_centres_they_cover(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    """Corners land where `project` puts them, to a pixel's fraction, at any roll and any size."""
    scene, rng = Scene(monkeypatch, town, NOTHING), np.random.default_rng(5)
    for _ in range(40):
        camera = pinhole(int(rng.integers(17, 90)), int(rng.integers(17, 90)), 60.0, mount(rng.normal(size=3), *rng.uniform(-30, 30, 3)))
        corners = np.stack([rng.uniform(3, 30, 3), rng.uniform(-9, 9, 3), rng.uniform(-9, 9, 3)], -1)
        pixels = project(camera, corners)[0]
        if np.cross(pixels[1] - pixels[0], pixels[2] - pixels[0]) > 0:
            corners, pixels = corners[::-1], pixels[::-1]
        scene.moving = polygons([(corners, 7, "car", 0.0, 0)])
        u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        sides = [(q[0] - p[0]) * (v - p[1]) - (q[1] - p[1]) * (u - p[0]) for p, q in zip(pixels, np.roll(pixels, -1, 0), strict=True)]
        shown = scene.draw(camera)
        certain = np.abs(sides).min(0) > 1e-3 * np.abs(pixels).max()
        np.testing.assert_array_equal((shown.instance == 7)[certain], (np.max(sides, 0) < 0)[certain])
        scene.moving = polygons([(corners[::-1], 7, "car", 0.0, 0)])
        assert not scene.draw(camera).instance.any()  # backs are not drawn


def test_triangles_through_the_camera_are_cut_at_its_plane(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    rng = np.random.default_rng(6)
    rows = [(rng.normal(scale=6.0, size=3) + rng.normal(scale=5.0, size=(3, 3)), n + 1, "car", 0.0, 0) for n in range(60)]
    mesh = polygons(rows)
    scene = Scene(monkeypatch, town, mesh)
    for camera in (*ODD_CAMERAS.values(), *FISHEYES.values()):
        i, j = random_pixels(camera, 1000, 2)
        same = agreement((mesh,), scene.draw(camera), scene.state, camera, i, j)
        assert same.all(-1).mean() >= (0.99 if camera.model == "pinhole" else 0.97), (camera, same.mean(0))


def test_depth_is_the_distance_along_the_ray(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    wall = np.array([[10.0, -99.0, -99.0], [10.0, -99.0, 99.0], [10.0, 99.0, 99.0], [10.0, 99.0, -99.0]])
    scene = Scene(monkeypatch, town, polygons([(wall, 3, "building", 0.0, 0)]))
    bent = replace(pinhole(50, 40, 50.0, LEVEL), distortion=(-0.3, 0.1, 0.0, 0.0))
    for camera in (pinhole(50, 40, 30.0, LEVEL), bent, fisheye(60, 60, 150.0, LEVEL)):
        u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        ahead = unproject(camera, np.stack([u, v], -1))[..., 2]
        shown = scene.draw(camera)
        seen = np.isfinite(shown.depth)
        np.testing.assert_allclose(shown.depth[seen], 10.0 / ahead[seen], rtol=2e-4)
        assert seen.mean() > 0.8 and (shown.instance[seen] == 3).all() and not shown.instance[~seen].any()


def test_of_surfaces_in_one_plane_the_higher_layer_is_seen(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    rows = [(rectangle((-50, -300), (400, 300)), 0, "road", 0.0, 0)]
    rows += [(rectangle((x, -40), (x + 2, 40)), 0, "marking", 0.0, 1) for x in range(2, 120, 4)]
    rows += [(rectangle((1, -1), (120, 1)), 0, "crossing", 0.0, 2)]
    camera = pinhole(211, 120, 100.0, LEVEL)
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = unproject(camera, np.stack([u, v], -1)) @ camera.ego_from_camera[:3, :3].T
    with np.errstate(divide="ignore"):
        x, y = (rays[..., n] * 1.5 / -rays[..., 2] for n in (0, 1))
    near = (rays[..., 2] < 0) & (x > 3) & (x < 100)
    expected = np.where((np.abs(y) < 1), "crossing", np.where((np.abs(y) < 40) & (x % 4 > 2), "marking", "road"))
    for order in (rows, rows[::-1]):
        shown = np.array(SEMANTIC)[Scene(monkeypatch, town, polygons(order)).draw(camera).semantic]
        assert (shown == expected)[near].mean() > 0.995


@pytest.mark.parametrize("moves", [False, True])
def test_things_cast_shadows_away_from_the_sun(moves: bool, monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    weather = Weather(sun_azimuth_rad=0.3, sun_elevation_rad=0.8, cloud=0.0)
    ground, plate = (rectangle((-80, -80), (80, 80)), 0, "road", 0.0, 0), (rectangle((10, -2), (14, 2), 3.0), 1, "car", 0.0, 0)
    scene = Scene(monkeypatch, town, polygons([ground] if moves else [ground, plate]), weather)
    scene.moving = polygons([plate]) if moves else NOTHING
    camera = pinhole(120, 120, 60.0, mount([0.0, 0.0, 14.0], 0.0, -50.0))
    reach = 3.0 / np.tan(0.8)
    centre = np.array([12.0, 0.0]) - reach * np.array([np.cos(0.3), np.sin(0.3)])
    shadow = scene.colour_at(camera, (*centre, 0.0))
    for shift in ((-3.0, 0.0), (0.0, -3.5), (0.0, 3.5)):
        assert scene.colour_at(camera, (*(centre + shift), 0.0)) > 1.3 * shadow
    overcast = Scene(monkeypatch, town, scene.still, WEATHERS["overcast"])
    overcast.moving = scene.moving
    assert overcast.colour_at(camera, (*centre, 0.0)) == pytest.approx(overcast.colour_at(camera, (*(centre - 3), 0.0)), abs=4)


def test_fog_hides_what_is_far(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    """Over the visibility contrast falls to 5 %, by the same share each metre. Bytes are roots of light."""
    walls = [
        (np.array([[x, y, 0.0], [x, y, 9.0], [x, y + x / 6, 9.0], [x, y + x / 6, 0.0]]), 0, "building", 0.0, 0)
        for x, y in ((20.0, 2.0), (70.0, -18.0))
    ]
    camera = pinhole(160, 90, 100.0, LEVEL)
    scene = Scene(monkeypatch, town, polygons(walls), replace(WEATHERS["fog"], fog_visibility_m=70.0))
    haze, near, far = (scene.colour_at(camera, point) ** 2 for point in ((70.0, 30.0, 2.0), (20.0, 3.0, 2.0), (70.0, -15.0, 4.0)))
    fog = np.exp(-3.0 * (np.linalg.norm([70.0, 15.0, 2.5]) - np.linalg.norm([20.0, 3.0, 0.5])) / 70.0)
    assert (haze - far) / (haze - near) == pytest.approx(fog, abs=0.01) and haze > 1.2 * near


def test_at_night_lamps_and_the_egos_headlights_are_what_is_bright(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    lamp = np.array([[30.0, 6.0, 4.0], [30.0, 6.0, 5.0], [30.0, 7.0, 5.0], [30.0, 7.0, 4.0]])
    rows = [(rectangle((-80, -80), (80, 80)), 0, "road", 0.0, 0), (lamp, 0, "light", 1.0, 0)]
    scene = Scene(monkeypatch, town, polygons(rows), WEATHERS["night"])
    front, left = pinhole(160, 90, 80.0, mount([1.7, 0.0, 1.5], 0.0, -5.0)), pinhole(160, 90, 80.0, mount([0.0, 0.5, 1.5], 90.0, -10.0))
    ahead, beside = scene.colour_at(front, (14.0, 0.0, 0.0)), scene.colour_at(left, (0.0, 14.0, 0.0))
    assert ahead > 2 * beside and beside < 60
    assert scene.colour_at(front, (30.0, 6.5, 4.5)) > 150
    assert scene.draw(left).rgb.mean() < 60


# ---- the town's own pictures ----


def digest(pictures: tuple[Buffers, ...]) -> str:
    parts = (getattr(picture, name) for picture in pictures for name in ("rgb", "depth", "semantic", "instance"))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_same_seed_same_bytes_in_another_process(renderer: Renderer, town: tuple[World, State]) -> None:
    code = (
        "from tests.render.test_render import *\n"
        "world, state = make_town()\n"
        "print(digest(Renderer(world, WEATHERS['day'], SEED).render(state, load_rig('nuscenes', width=120))))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert other.stdout.strip() == digest(renderer.render(town[1], load_rig("nuscenes", width=120)))


def test_order_and_company_of_cameras_change_nothing(renderer: Renderer, town: tuple[World, State]) -> None:
    cameras = [*load_rig("nuscenes", width=96), FISHEYES["fisheye 190"]]
    pictures = renderer.render(town[1], cameras)
    for camera, picture in zip(cameras[::-1], renderer.render(town[1], cameras[::-1]), strict=True):
        assert digest((picture,)) == digest((pictures[cameras.index(camera)],)) == digest(renderer.render(town[1], [camera]))
    assert renderer.render(town[1], []) == ()
    assert not any(np.shares_memory(a.rgb, b.rgb) for a in pictures for b in renderer.render(town[1], cameras))


def test_threads_change_no_byte_and_supersampling_no_geometry(renderer: Renderer, town: tuple[World, State]) -> None:
    """Smooth colours are the mean light of finer pictures, and closer to those of very many rays."""
    cameras = [*load_rig("nuscenes", width=96), FISHEYES["fisheye 190"]]
    plain = renderer.render(town[1], cameras)
    smooth = Renderer(town[0], WEATHERS["day"], SEED, threads=2, supersample=2).render(town[1], cameras)
    for a, b in zip(plain, smooth, strict=True):
        for name in ("depth", "semantic", "instance"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for camera, a, b in list(zip(cameras, plain, smooth, strict=True))[::3]:
        finer, finest = (
            mean_light(renderer.render(town[1], [resized(camera, many * camera.width, many * camera.height)])[0].rgb, many)
            for many in (2, 6)
        )
        np.testing.assert_allclose(b.rgb, finer, atol=0.51)
        assert np.abs(b.rgb - finest).mean() < 0.8 * np.abs(a.rgb - finest).mean()
    with pytest.raises(ValueError, match="at least 1"):
        Renderer(town[0], supersample=0)


def mean_light(rgb: Array, many: int) -> Array:
    """Blocks of many by many pixels: the root of the mean of squares."""
    squares = [rgb[i::many, j::many].astype(float) ** 2 for i in range(many) for j in range(many)]
    return np.sqrt(np.mean(squares, axis=0))


def test_buffers_tell_one_story(renderer: Renderer, town: tuple[World, State]) -> None:
    """Sky is what is infinitely far; an instance has the meaning of its kind, and only agents and parked cars are instances."""
    world, state = town
    agents, seen = len(world.static.kind), set()
    for picture in renderer.render(state, load_rig("nuscenes", width=320)):
        assert (picture.depth.dtype, picture.semantic.dtype, picture.instance.dtype) == (np.float32, np.uint8, np.int32)
        np.testing.assert_array_equal(picture.semantic == 0, np.isinf(picture.depth))
        pairs = np.unique(np.stack([picture.instance, picture.semantic], -1).reshape(-1, 2), axis=0)
        for instance, semantic in pairs[pairs[:, 0] > 0]:
            kind = KIND_NAMES[world.static.kind[instance - 1]] if instance <= agents else "car"
            assert SEMANTIC[semantic] == kind and instance <= agents + len(world.static.parked)
            seen.add(int(instance))
        assert not np.isin(pairs[pairs[:, 0] == 0, 1], [SEMANTIC.index(k) for k in KIND_NAMES[1:]]).any()
    assert len(seen) > 8


def test_colours_fit_what_is_seen(renderer: Renderer, town: tuple[World, State]) -> None:
    pictures = renderer.render(town[1], load_rig("nuscenes", width=320))
    rgb = np.concatenate([p.rgb.reshape(-1, 3) for p in pictures]).astype(float)
    semantic = np.concatenate([p.semantic.reshape(-1) for p in pictures])
    mean = {name: rgb[semantic == n].mean(0) for n, name in enumerate(SEMANTIC) if (semantic == n).sum() > 50}
    assert mean["vegetation"].argmax() == 1 and mean["sky"].argmax() == 2
    assert mean["marking"].mean() > 1.3 * mean["road"].mean()
    assert np.ptp(mean["road"]) < 25


def test_weathers_look_different(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    ground = polygons([(rectangle((-80, -80), (80, 80)), 0, "road", 0.0, 0)])
    camera = pinhole(60, 40, 30.0, LEVEL)
    means = {name: Scene(monkeypatch, town, ground, weather).draw(camera).rgb.mean() for name, weather in WEATHERS.items()}
    assert means["night"] < 0.6 * min(value for name, value in means.items() if name != "night"), means
    assert len({round(float(value)) for value in means.values()}) == len(means), means


def test_weather_out_of_range_is_refused() -> None:
    for bad in ({"sun_elevation_rad": -0.1}, {"sun_azimuth_rad": np.nan}, {"cloud": 1.5}, {"rain": -1.0}, {"fog_visibility_m": 1.0}):
        with pytest.raises(ValueError, match="must"):
            Weather(**bad)
    with pytest.raises(ValueError, match="no weather 'hail'"):
        choose_weather("hail", 0)
    assert choose_weather("random", 4) == choose_weather("random", 4) != choose_weather("random", 5)


def test_textures_of_another_shape_are_refused() -> None:
    for shape in ((2, 48, 48, 3), (2, 64, 32, 3), (64, 64, 3), (2, 64, 64, 4)):
        with pytest.raises(ValueError, match="textures must be"):
            pyramid(np.zeros(shape, np.uint8))
