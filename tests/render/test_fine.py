"""What may be thinner than a pixel tints it by the share that it covers."""

from __future__ import annotations

import numpy as np
import pytest

from drive.cameras import Camera, resized
from drive.frames import Array
from drive.jit import fast_kernel
from drive.render import share
from drive.render.scene import FINE_LAYER, SEMANTIC, UPRIGHT_LAYER
from drive.render.weather import Weather
from drive.world.state import State
from drive.world.world import World
from tests.render.test_render import FISHEYES, LEVEL, Scene, make_town, pinhole, polygons, rectangle

take_strip, take_share, new_pen = fast_kernel(share.take_strip), fast_kernel(share.take_share), fast_kernel(share.new_pen)
FINER = 12
CLEAR = Weather(cloud=1.0)


@pytest.fixture(scope="module")
def town() -> tuple[World, State]:
    return make_town()


def light_of(rgb: Array) -> Array:
    """Linear light of bytes."""
    return (rgb.astype(float) / 255) ** 2


def averaged(scene: Scene, camera: Camera) -> Array:
    """Linear light of a camera from many rays a pixel."""
    fine = light_of(scene.draw(resized(camera, FINER * camera.width, FINER * camera.height)).rgb)
    return fine.reshape(camera.height, FINER, camera.width, FINER, 3).mean((1, 3))


def bar(x: float, y: float, width: float = 0.07) -> Array:
    """An upright bar 6 m high that faces the ego."""
    return np.array([[x, y, 0.0], [x, y - width, 0.0], [x, y - width, 6.0], [x, y, 6.0]])


def test_shares_are_areas() -> None:
    """Over all pixels a triangle's shares make up its area, each pixel's is what many points say, and its middle lies in the pixel."""
    rng, pen = np.random.default_rng(3), new_pen()
    grid = np.stack(np.meshgrid((np.arange(60) + 0.5) / 60, (np.arange(60) + 0.5) / 60), -1)
    for _ in range(30):
        corners = rng.uniform(0.2, 5.8, (3, 2))
        pen.whole[:, :3] = corners.T
        sides = [corners[(k + 1) % 3] - corners[k] for k in range(3)]
        turn = np.sign(np.cross(sides[0], sides[1]))
        total = 0.0
        for row in range(6):
            many = take_strip(pen, 3, row)
            for column in range(6 if many else 0):
                take_share(pen, many, row, column)
                points = grid + [column, row]
                within = np.all([turn * np.cross(side, points - corner) > 0 for side, corner in zip(sides, corners, strict=True)], axis=0)
                assert pen.found[0] == pytest.approx(within.mean(), abs=0.012)
                total += pen.found[0]
                if pen.found[0] > 1e-9:
                    assert column - 1e-9 <= pen.found[1] <= column + 1 + 1e-9 and row - 1e-9 <= pen.found[2] <= row + 1 + 1e-9
        assert total == pytest.approx(abs(np.cross(sides[0], sides[1])) / 2, rel=1e-9)


def test_thin_things_look_as_with_many_rays(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    """Lines on the road, some of them through the camera's plane, and bars before the sky, beside the mean of 144 rays a pixel."""
    road = (rectangle((-50, -300), (400, 300)), 0, "road", 0.0, 0)
    rows = [(rectangle((-3, y), (90, y + 0.12)), 0, "marking", 1.0, FINE_LAYER) for y in (-5.3, -1.9, 1.62, 4.8)]
    rows += [(bar(*place), 0, "light", 1.0, UPRIGHT_LAYER) for place in ((12.0, 3.0), (25.0, -4.0), (40.0, 1.0))]
    one_ray = [(*row[:4], 3) for row in rows]
    for camera in (pinhole(96, 60, 60.0, LEVEL), pinhole(201, 97, 150.0, LEVEL)):
        scenes = [polygons([road, *some]) for some in ([], rows, one_ray)]
        drawn, many = [], []
        for mesh in scenes:
            scene = Scene(monkeypatch, town, mesh, CLEAR)
            drawn.append(light_of(scene.draw(camera).rgb))
            many.append(averaged(scene, camera))
        expected = many[1] - many[0]
        wrong, wrong_plain = (np.abs(drawn[k] - drawn[0] - expected) for k in (1, 2))
        assert wrong.mean() < 0.0015 and np.quantile(wrong, 0.99) < 0.06 and wrong.mean() < 0.3 * wrong_plain.mean()


def test_what_stands_before_hides_what_is_fine(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    wall = np.array([[10.0, 3.0, 0.0], [10.0, -3.0, 0.0], [10.0, -3.0, 9.0], [10.0, 3.0, 9.0]])
    camera = pinhole(96, 60, 60.0, LEVEL)
    behind, before = (bar(20.0, 0.1, 0.2), 0, "light", 1.0, UPRIGHT_LAYER), (bar(6.0, 0.1), 0, "light", 1.0, UPRIGHT_LAYER)
    first = (wall, 0, "building", 0.0, 0)
    scenes = [first], [first, behind], [first, behind, before]
    alone, hidden, seen = (Scene(monkeypatch, town, polygons(rows), CLEAR).draw(camera) for rows in scenes)
    np.testing.assert_array_equal(alone.rgb, hidden.rgb)
    assert (seen.rgb != alone.rgb).any()


def test_lines_tell_dashed_from_solid_at_forty_metres(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    """In pictures as a planner reads them: along a solid line no row is dark, along a dashed one dashes and gaps take turns."""
    road = (rectangle((-50, -300), (400, 300)), 0, "road", 0.0, 0)
    solid = (rectangle((2, 1.7), (120, 1.82)), 0, "marking", 1.0, FINE_LAYER)
    dashes = [(rectangle((x, 1.7), (x + 3, 1.82)), 0, "marking", 1.0, FINE_LAYER) for x in np.arange(2.0, 120.0, 7.5)]
    camera = pinhole(192, 96, 206.0, LEVEL)
    scenes = [road], [road, solid], [road, *dashes]
    bare, line, broken = (light_of(Scene(monkeypatch, town, polygons(rows), CLEAR).draw(camera).rgb).mean(-1) for rows in scenes)
    rows_at = [int(0.53 * 96 + 1.1 * 206 * 1.5 / x) for x in (40.0, 12.0)]
    strength = (line - bare).sum(1)[min(rows_at) : max(rows_at)]
    expected = np.array([0.12 * (i + 0.5 - 0.53 * 96) / (1.1 * 1.5) for i in range(min(rows_at), max(rows_at))])  # width in pixels
    assert (strength > 0).all() and np.corrcoef(strength, expected)[0, 1] > 0.99
    profile = ((broken - bare).sum(1) / np.maximum((line - bare).sum(1), 1e-9))[min(rows_at) : max(rows_at)]
    assert profile.min() < 0.1 and profile.max() > 0.7 and np.count_nonzero(np.diff(profile > 0.5)) >= 4


def test_fisheyes_show_thin_lines_whole(monkeypatch: pytest.MonkeyPatch, town: tuple[World, State]) -> None:
    road = (rectangle((-50, -300), (400, 300)), 0, "road", 0.0, 0)
    line = (rectangle((0, 1.7), (60, 1.82)), 0, "marking", 1.0, FINE_LAYER)
    camera = FISHEYES["fisheye 190"]
    bare, with_line = (Scene(monkeypatch, town, polygons(rows), CLEAR).draw(camera) for rows in ([road], [road, line]))
    changed = (bare.rgb != with_line.rgb).any(-1)
    centres = with_line.semantic == SEMANTIC.index("marking")
    assert changed[centres].all() and changed.sum() > 1.5 * centres.sum()
