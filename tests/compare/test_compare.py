"""Recorded scenes beside their rendering: the road's plane, the photo from above, where the map's lines lie, scene and step found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.cameras import Camera, project, unproject
from drive.cli import main
from drive.compare.rerender import flat_from_ego
from drive.compare.road_photo import CELL_M, REACH_M, SIDE, fit_lines, take_photo
from drive.frames import invert_se3, se3, transform_points
from drive.render.renderer import lifted
from drive.render.rigs import load_rig
from drive.render.scene import Mesh


def test_the_level_frame_has_the_road_at_zero() -> None:
    plane = np.array([0.2, -0.03, 0.02])
    xy = np.random.default_rng(1).uniform(-40, 40, (50, 2))
    road = np.column_stack([xy, plane[0] + xy @ plane[1:]])
    flat = transform_points(flat_from_ego(plane), road)
    np.testing.assert_allclose(flat[:, 2], 0.0, atol=1e-9)
    np.testing.assert_allclose(flat[:, :2], xy, atol=0.1)  # places hardly move
    ahead = transform_points(flat_from_ego(plane), [[0.0, 0.0, 0.2], [10.0, 0.0, -0.1]])
    assert abs(ahead[1, 1] - ahead[0, 1]) < 1e-9  # the same heading
    np.testing.assert_allclose(flat_from_ego(np.zeros(3)), np.eye(4), atol=1e-12)


def painted(camera: Camera, left_m: float) -> np.ndarray:
    """What a camera sees of a grey plane with dashes 0.15 m wide along x at some offsets, the leftmost at left_m."""
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    ray = unproject(camera, np.stack([u, v], -1)) @ camera.ego_from_camera[:3, :3].T
    down = ray[..., 2] < -1e-3
    far = np.where(down, camera.ego_from_camera[2, 3] / np.where(down, -ray[..., 2], 1.0), 0.0)
    x, y = (camera.ego_from_camera[i, 3] + far * ray[..., i] for i in range(2))
    paint = np.zeros(u.shape, bool)
    for offset, dashed in ((left_m, True), (left_m - 3.5, False)):
        paint |= down & (np.abs(y - offset) < 0.1) & ((np.mod(x, 9.0) < 3.0) | (not dashed))
    return np.repeat(np.where(paint, 230, 110).astype(np.uint8)[..., None], 3, -1)


def lines_at(left_m: float) -> list[np.ndarray]:
    """The same lines as a map has them, as pixels of a photo."""
    made = []
    for offset in (left_m, left_m - 3.5):
        made.append(np.array([[REACH_M - offset, 0.0], [REACH_M - offset, 2 * REACH_M]]) / CELL_M)
    return made


@pytest.mark.parametrize("beside_m", [0.0, 0.5, -0.3])
def test_lines_are_moved_onto_paint(beside_m: float) -> None:
    cameras = load_rig("nuscenes", width=800)
    photo = take_photo(cameras, [painted(camera, 1.2 + beside_m) for camera in cameras])
    fit = fit_lines(photo, lines_at(1.2))
    np.testing.assert_allclose(fit.shift, [0.0, beside_m], atol=0.1)
    assert fit.score > 3 * fit.mean
    column = round((REACH_M - (1.2 + beside_m - 3.5)) / CELL_M)
    assert (photo.pixels[100, column] > 180).all() and photo.seen[100, column] and not photo.seen[SIDE // 2, SIDE // 2]


def test_lines_stay_where_there_is_no_paint() -> None:
    cameras = load_rig("nuscenes", width=400)
    grey = [np.full((camera.height, camera.width, 3), 110, np.uint8) for camera in cameras]
    np.testing.assert_array_equal(fit_lines(take_photo(cameras, grey), lines_at(1.2)).shift, 0.0)


def test_agents_are_lifted_one_by_one() -> None:
    blank = np.zeros(2, np.int32)
    vertices = np.zeros((6, 3), np.float32)
    mesh = Mesh(vertices, np.arange(6, dtype=np.int32).reshape(2, 3), *(blank,) * 4, np.array([2, 1], np.int32), *(blank,) * 2)  # type: ignore[arg-type]
    np.testing.assert_allclose(lifted(mesh, np.array([0.5, -0.25])).vertices[:, 2], [-0.25] * 3 + [0.5] * 3)
    assert not vertices.any()


def test_another_data_set_is_refused(real_data: Path, mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = real_data / "scenarionet" / "sd_nuscenes_v1.0-mini_scene-0103.pkl"
    if not file.is_file():
        pytest.skip(f"no {file}")
    assert main(["view", "--compare", str(mini), str(file)]) == 2
    assert "has the agents of" in capsys.readouterr().err


@pytest.mark.slow
def test_real_scenes_coincide_with_their_rendering(real_data: Path) -> None:
    from drive.compare.compare import compare_key_frame
    from drive.compare.rerender import match
    from drive.data.nuscenes.scenes import Scenes
    from drive.render.renderer import Renderer
    from drive.world.recorded.scenarionet import log_world

    file = real_data / "scenarionet" / "sd_nuscenes_v1.0-mini_scene-0103.pkl"
    if not file.is_file():
        pytest.skip(f"no {file}")
    root = real_data / "nuscenes-mini"
    recast = match(Scenes(root), log_world(file, reactive=False))
    assert recast.log.name == "scene-0103" and recast.steps.tolist() == list(range(0, 200, 5)) and np.abs(recast.offset).max() < 0.01
    found = compare_key_frame(recast, Renderer(recast.world), 0)
    cars = [o for o in found.overlaps if o.category == "vehicle.car"]
    assert len(cars) >= 3 and np.median([o.iou for o in cars]) > 0.8 and np.median([o.off_px for o in found.overlaps]) < 5
    np.testing.assert_allclose(found.lines.shift, [0.0, 0.6], atol=0.15)
    assert found.lines.score > 2.5 * found.lines.at_zero


def test_photo_pixels_are_where_they_say() -> None:
    """A mark on the ground comes out at its own place."""
    camera = load_rig("nuscenes", width=1600)[0]
    flat = se3(np.eye(3), np.zeros(3))
    pixel = project(camera, transform_points(invert_se3(flat), [[12.0, 1.0, 0.0]]))[0][0]
    picture = np.zeros((camera.height, camera.width, 3), np.uint8)
    cv2.circle(picture, (int(pixel[0]), int(pixel[1])), 3, (255, 255, 255), -1)
    rows, columns = np.nonzero(take_photo([camera], [picture]).pixels[..., 0] > 128)
    np.testing.assert_allclose([REACH_M - (rows.mean() + 0.5) * CELL_M, REACH_M - (columns.mean() + 0.5) * CELL_M], [12.0, 1.0], atol=0.15)
