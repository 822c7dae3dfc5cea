"""Cameras: rays against the devkit's projection, resizing and cropping, fisheye against OpenCV, impossible calibrations."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from nuscenes.utils.geometry_utils import view_points

from drive.cameras import Camera, cropped, patch_centres, pluecker_rays, project, resized, unproject
from drive.frames import EGO_FROM_CAMERA_AXES, invert_se3, rotation_z, se3, transform_points

K = np.array([[1266.4, 0.0, 816.3], [0.0, 1266.4, 491.5], [0.0, 0.0, 1.0]])
POSE = se3(rotation_z(0.9) @ EGO_FROM_CAMERA_AXES, [1.7, 0.2, 1.5])
FISHEYE_K = np.array([[420.0, 0, 640], [0, 420.0, 480], [0, 0, 1]])
PINHOLE = Camera("CAM_FRONT", 1600, 900, K, POSE)
FISHEYE = Camera("CAM_FISH", 1280, 960, FISHEYE_K, POSE, "fisheye", (0.02, -0.004, 0.0005, -0.00003))
BENT = replace(PINHOLE, distortion=(-0.3561, 0.1725, -0.0021, 0.0005, -0.0523))
CAMERAS = {"pinhole": PINHOLE, "distorted": BENT, "fisheye": FISHEYE}


def _pixels(camera: Camera, count: int = 500) -> np.ndarray:
    return np.random.default_rng(1).uniform([0, 0], [camera.width, camera.height], (count, 2))


def test_points_on_rays_project_back_by_the_devkits_own_projection() -> None:
    pixels = _pixels(PINHOLE)
    rays = pluecker_rays(PINHOLE, pixels)
    direction, moment = rays[:, :3], rays[:, 3:]
    nearest = np.cross(direction, moment)  # the ray's point nearest to the ego's origin
    ahead = np.random.default_rng(2).uniform(2, 80, (len(rays), 1)) - np.sum((nearest - POSE[:3, 3]) * direction, -1, keepdims=True)
    points = nearest + direction * ahead
    in_camera = transform_points(invert_se3(POSE), points)
    assert (in_camera[:, 2] > 0).all()
    seen = view_points(in_camera.T, K, normalize=True)[:2].T
    assert np.abs(seen - pixels).max() < 1e-6


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_project_inverts_unproject_and_moments_hold_every_point(camera: Camera) -> None:
    pixels = _pixels(camera)
    rays = pluecker_rays(camera, pixels)
    points = camera.ego_from_camera[:3, 3] + rays[:, :3] * np.linspace(1, 100, len(rays))[:, None]
    back, front = project(camera, points)
    assert front.all() and np.abs(back - pixels).max() < 1e-6
    np.testing.assert_allclose(np.cross(points, rays[:, :3]), rays[:, 3:], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(rays[:, :3], axis=-1), 1)


def test_fisheye_agrees_with_opencv() -> None:
    points = np.random.default_rng(3).normal(0, 5, (300, 3)) * [1, 1, 0] + [0, 0, 4]
    expected, _ = cv2.fisheye.projectPoints(points[:, None], np.zeros(3), np.zeros(3), FISHEYE.K, np.array(FISHEYE.distortion))
    here, _ = project(replace(FISHEYE, ego_from_camera=np.eye(4)), points)
    np.testing.assert_allclose(here, expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_resizing_and_cropping_image_and_calibration_together_leaves_rays(camera: Camera) -> None:
    pixels = _pixels(camera)
    rays = pluecker_rays(camera, pixels)
    small = resized(camera, 224, 128)
    np.testing.assert_allclose(pluecker_rays(small, pixels * [224 / camera.width, 128 / camera.height]), rays, atol=1e-9)
    window = cropped(camera, 100, 50, 900, 800)
    np.testing.assert_allclose(pluecker_rays(window, pixels - [100, 50]), rays, atol=1e-9)


def test_patch_centres_tile_the_image() -> None:
    centres = patch_centres(224, 128, 7, 4)
    assert centres.shape == (4, 7, 2)
    np.testing.assert_allclose(centres[0, 0], [16, 16])
    np.testing.assert_allclose(centres.mean((0, 1)), [112, 64])


def test_a_crop_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves the 1600x900 image"):
        cropped(PINHOLE, 1000, 0, 800, 900)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": K * [[40], [40], [1]]}, "field of view"),
        ({"K": K / [[40], [40], [1]]}, "field of view"),
        ({"K": K.T}, "transposed"),
        ({"K": K + [[0, 0, 900], [0, 0, 0], [0, 0, 0]]}, "outside the 1600x900"),
        ({"K": np.diag([0.5, 0.5, 1]) @ K}, "another image size"),
        ({"width": 800, "height": 450}, "outside the 800x450"),
        ({"K": np.full((3, 3), np.nan)}, "finite"),
        ({"K": K * [[-1], [1], [1]]}, "positive|transposed|must be"),
        ({"ego_from_camera": np.diag([1.0, 1.0, 2.0, 1.0])}, "orthonormal"),
        ({"model": "thin-lens"}, "pinhole"),
    ],
)
def test_impossible_calibrations_are_refused_by_name(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        replace(PINHOLE, **change)
    assert "CAM_FRONT" in str(error.value)


def test_points_behind_a_pinhole_have_no_pixel() -> None:
    pixels, front = project(PINHOLE, POSE[:3, 3] - POSE[:3, 2])
    assert not front and np.isnan(pixels).all()


def test_unprojected_directions_look_along_the_axis_at_the_principal_point() -> None:
    np.testing.assert_allclose(unproject(PINHOLE, K[:2, 2]), [0, 0, 1], atol=1e-12)
