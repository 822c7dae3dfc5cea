"""Brown-Conrady against OpenCV, forward and back; where lens models fold over; coefficients that no model has."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from drive.cameras import Camera, project, share_without_ray, unproject, view_cosine
from drive.distortion import brown, brown_fold, brown_inverse, fisheye_fold
from drive.frames import EGO_FROM_CAMERA_AXES, se3, transform_points

K = np.array([[1266.4, 0.0, 816.3], [0.0, 1260.1, 491.5], [0.0, 0.0, 1.0]])
POSE = se3(EGO_FROM_CAMERA_AXES, [1.7, 0.0, 1.5])
# 4, 5 and 8 coefficients of lenses as they are calibrated: a mild one, a wide one, a rational fit whose terms cancel.
LENSES = {
    "4": (-0.05, 0.06, 0.001, -0.0007),
    "5": (-0.356123, 0.172545, -0.00213, 0.000464, -0.05231),
    "8": (6.2, 2.9, 0.0002, -0.00011, 0.12, 6.55, 4.7, 0.63),
    "pincushion": (0.12, 0.03, 0.0, 0.0),
}


def camera(distortion: tuple[float, ...], model: str = "pinhole") -> Camera:
    return Camera("CAM_FRONT", 1600, 900, K, POSE, model, distortion)  # type: ignore[arg-type]


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_projection_is_opencvs(lens: tuple[float, ...]) -> None:
    points = np.random.default_rng(0).uniform([-6, -3.5, 10], [6, 3.5, 10.1], (500, 3))
    expected, _ = cv2.projectPoints(points[:, None], np.zeros(3), np.zeros(3), K, np.array(lens))
    pixels, front = project(camera(lens), transform_points(POSE, points))
    assert front.all()
    np.testing.assert_allclose(pixels, expected[:, 0], atol=1e-6)
    plain, _ = project(camera(()), transform_points(POSE, points))
    assert np.abs(pixels - plain).max() > 5  # it does bend


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_the_inverse_is_opencvs_and_comes_back_to_every_pixel(lens: tuple[float, ...]) -> None:
    pixels = np.stack(np.meshgrid(np.linspace(0, 1600, 81), np.linspace(0, 900, 46)), -1).reshape(-1, 2)
    rays = unproject(camera(lens), pixels)
    assert np.isfinite(rays).all()
    rule = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-12)
    expected = cv2.undistortPointsIter(pixels[:, None], K, np.array(lens), np.eye(3), np.eye(3), rule)[:, 0]
    np.testing.assert_allclose(rays[:, :2] / rays[:, 2:], expected, atol=1e-7)
    back, front = project(camera(lens), transform_points(POSE, rays * 20))
    assert front.all() and np.abs(back - pixels).max() < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_what_lies_before_the_fold_comes_back_from_any_lens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lens = tuple(rng.normal(0, [0.3, 0.1, 0.001, 0.001, 0.03]))
    reach = min(0.97 * brown_fold(lens), 1.5)
    points = rng.uniform(-1, 1, (2000, 2)) * reach / np.sqrt(2)
    bent, holds = brown(points, lens)
    assert holds.mean() > 0.99
    back, found = brown_inverse(bent[holds], lens)
    assert found.all()
    np.testing.assert_allclose(back, points[holds], atol=1e-6)


def test_beyond_the_fold_there_is_no_pixel_and_no_ray() -> None:
    """r (1 - 0.5 r^2) grows to r = sqrt(2/3), where it is 0.544: OpenCV puts r = 1.2 back at 0.336, amid the picture."""
    lens = (-0.5, 0.0, 0.0, 0.0)
    assert brown_fold(lens) == pytest.approx(np.sqrt(2 / 3))
    folding = Camera("CAM_FRONT", 1200, 800, np.array([[1150.0, 0, 600], [0, 1150, 400], [0, 0, 1]]), POSE, "pinhole", lens)
    inside, beyond = (transform_points(POSE, [10 * r, 0.0, 10.0]) for r in (0.8, 1.2))
    pixel, front = project(folding, inside)
    assert front and pixel == pytest.approx([600 + 1150 * 0.8 * 0.68, 400])
    pixel, front = project(folding, beyond)
    assert not front and np.isnan(pixel).all()
    edge = 1150 * brown_fold(lens) * 2 / 3
    assert np.isfinite(unproject(folding, [600 + edge - 0.01, 400])).all()
    assert np.isnan(unproject(folding, [600 + edge + 0.01, 400])).all()
    assert 0 < share_without_ray(folding.K, 1200, 800, "pinhole", lens) < 0.1  # corners
    assert view_cosine(folding) == pytest.approx(np.cos(np.arctan(np.sqrt(2 / 3))), abs=0.02)


def test_a_lens_that_folds_over_half_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"CAM_FRONT.*folds over within the picture: \d+% of it has no ray"):
        camera((-1.5, 0.0, 0.0, 0.0))


def test_a_fisheye_beyond_its_fold_has_no_pixel_either() -> None:
    k = (0.03, -0.012, 0.0025, -0.0003)
    fold = fisheye_fold(k)
    assert np.degrees(fold) == pytest.approx(136.16, abs=0.01)
    eye = Camera("CAM_FISH", 1280, 960, np.array([[376.0, 0, 640], [0, 376, 480], [0, 0, 1]]), np.eye(4), "fisheye", k)
    pixels, front = project(eye, [[np.sin(t), 0, np.cos(t)] for t in (fold - 0.01, fold + 0.01, 2.9)])
    assert front.tolist() == [True, False, False]
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1:]).all()
    assert np.isnan(unproject(eye, [640 + 376 * 2.3, 480])).all()


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 12, 14])
def test_other_counts_are_refused_by_name(count: int) -> None:
    with pytest.raises(ValueError, match=rf"{count} distortion coefficients for a pinhole camera, expected 4 or 5 or 8: k1, k2, p1"):
        camera((0.01,) * count)
    with pytest.raises(ValueError, match=rf"{count} distortion coefficients for a fisheye camera, expected 4: k1, k2, k3, k4"):
        camera((0.01,) * count, "fisheye")


@pytest.mark.parametrize("count", [5, 8])
def test_a_fisheye_has_four(count: int) -> None:
    with pytest.raises(ValueError, match="expected 4: k1"):
        camera((0.01,) * count, "fisheye")


def test_values_that_are_no_numbers_and_none_at_all() -> None:
    with pytest.raises(ValueError, match="finite"):
        camera((0.1, float("nan"), 0.0, 0.0))
    assert not camera(()).bends and not camera((0.0,) * 8).bends and camera((0.0, 0.0, 1e-3, 0.0)).bends
    assert replace(camera(()), model="fisheye").distortion == (0.0,) * 4
