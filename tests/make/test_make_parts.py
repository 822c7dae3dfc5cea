"""Parts of `drive make` with known answers: arcs, canvases, LiDAR, outlines."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from drive.cameras import Camera, unproject
from drive.make.nuscenes.arcline import arcline_paths
from drive.make.nuscenes.canvas import LOCATIONS, MAX_TOWNS, place_towns
from drive.make.nuscenes.lidar import EGO_FROM_LIDAR, make_lidar
from drive.make.nuscenes.visibility import clipped, count_covered, level
from drive.render.scene import Buffers
from drive.world.things import AGENTS, CLASS_RANGE_M
from drive.world.town.town import make_town


def test_arcs_follow_circles_and_lines() -> None:
    angle = np.linspace(0, np.pi / 2, 30)
    turn = np.stack([20 * np.sin(angle), 20 - 20 * np.cos(angle)], -1)  # to the left, radius 20 m
    line = np.concatenate([np.stack([np.arange(-30.0, 0), np.zeros(30)], -1), turn])
    paths = arcline_paths(line)
    assert len(paths) <= 4
    assert sum(sum(path["segment_length"]) for path in paths) == pytest.approx(30 + 10 * np.pi, abs=0.1)
    assert [path["shape"] for path in paths][-1] == "LSL" and paths[-1]["radius"] == pytest.approx(20, abs=0.05)
    assert paths[-1]["end_pose"] == pytest.approx([20, 20, np.pi / 2], abs=0.05)
    mirrored = arcline_paths(line * [1, -1])
    assert mirrored[-1]["shape"] == "RSR" and mirrored[-1]["end_pose"] == pytest.approx([20, -20, -np.pi / 2], abs=0.05)


def test_towns_do_not_touch_on_their_canvases() -> None:
    maps = [make_town(seed).map for seed in range(3)] * 6
    places, canvases = place_towns(maps)
    assert [canvas.location for canvas in canvases] == list(LOCATIONS[:2])
    boxes: dict[str, list] = {canvas.location: [] for canvas in canvases}
    for road_map, place in zip(maps, places, strict=True):
        points = np.concatenate([polygon.exterior for polygon in road_map.drivable]) + place.shift
        boxes[place.location].append(shapely.box(*(points.min(0) - 39), *(points.max(0) + 39)))
    for canvas in canvases:
        area = shapely.union_all(boxes[canvas.location])
        assert area.area == pytest.approx(sum(box.area for box in boxes[canvas.location]))
        assert shapely.box(0, 0, canvas.width_m, canvas.height_m).contains(area)
    with pytest.raises(ValueError, match="do not fit"):
        place_towns(maps[:1] * (MAX_TOWNS + 1))


def test_lidar_reads_a_plane_from_its_depth_images() -> None:
    """Over bare ground every beam that looks down ends on it, at the height of the LiDAR below it."""
    lidar = make_lidar(360)

    def ground(camera: Camera) -> Buffers:
        rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
        down = (unproject(camera, np.stack([columns, rows], -1)) @ camera.ego_from_camera[:3, :3].T)[..., 2]
        depth = np.where(down < 0, camera.ego_from_camera[2, 3] / np.maximum(-down, 1e-9), np.inf).astype(np.float32)
        zero = np.zeros(depth.shape)
        return Buffers(np.zeros((*depth.shape, 3), np.uint8), depth, zero.astype(np.uint8), zero.astype(np.int32))

    points = lidar.sweep([ground(camera) for camera in lidar.cameras]).points
    assert len(points) > 6000
    assert np.abs(points[:, 2] + EGO_FROM_LIDAR[2, 3]).max() < 1e-3
    elevation = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    assert np.abs(elevation - np.interp(points[:, 4], [0, 31], [-30.67, 10.67])).max() < 1.0
    azimuth = np.histogram(np.arctan2(points[:, 1], points[:, 0]), 36)[0]
    assert azimuth.min() > 0.7 * azimuth.max()


def test_outlines_count_pixel_centres() -> None:
    square = np.array([[[10.0, 10], [30, 10], [30, 20]], [[30, 20], [10, 20], [10.0, 10]]])
    assert count_covered(square, 100, 100) == 200
    assert count_covered(square[:, ::-1], 100, 100) == 200
    assert count_covered(square - [20, 0], 100, 100) == 100  # half of it left of the image
    behind = np.array([[[0.0, 0, -1], [1, 0, 1], [-1, 0, 1]]])
    assert (clipped(behind, 0.1)[..., 2] >= 0.1 - 1e-12).all() and len(clipped(behind, 0.1)) == 2
    assert len(clipped(-behind[:, :, ::-1] - 5, 0.1)) == 0
    assert [level(share) for share in (0.0, 0.39, 0.41, 0.61, 0.81, 1.0)] == [1, 1, 2, 3, 4, 4]


def test_every_kind_of_traffic_has_a_category() -> None:
    assert set(AGENTS.values()) <= set(CLASS_RANGE_M) and len(CLASS_RANGE_M) == 10
