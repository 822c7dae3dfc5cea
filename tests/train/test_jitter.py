"""Jitter keeps pixels, rays and answers consistent; turning real frames is the rotation it says it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from drive.cameras import patch_centres, pluecker_rays, project, unproject
from drive.config import DatasetConfig, Jitter, NextTokenConfig
from drive.data.dataset import open_dataset
from drive.data.images import blackened
from drive.data.yaw import crop_window, turn_homography, yawed
from drive.frames import rotation_z
from drive.schema import SceneSample
from drive.train.jitter import jittered
from drive.train.networks import kind_of
from drive.train.objectives import NextToken
from drive.train.sources import DatasetSamples
from tests.analytic import analytic_set
from tests.train.tiny import MODEL


@pytest.fixture(scope="module")
def mini() -> Path:
    """All cameras."""
    return analytic_set()


@pytest.fixture(scope="module")
def sample(mini: Path) -> SceneSample:
    return open_dataset(mini, split="straight", maps=False)[3]


def test_turned_pictures_show_a_world_turned_about_the_camera(sample: SceneSample) -> None:
    angle = np.radians(5.0)
    for view in sample.observation.frames[0].cameras:
        camera = view.camera
        directions = unproject(camera, [[camera.width / 2, camera.height / 2], [camera.width * 0.4, camera.height * 0.6]])
        world = directions @ camera.ego_from_camera[:3, :3].T @ rotation_z(angle).T
        turned_pixels, front = project(camera, camera.ego_from_camera[:3, 3] + 10 * world)
        assert front.all()
        back = np.concatenate([turned_pixels, np.ones((2, 1))], -1) @ turn_homography(camera, angle).T
        expected = [[camera.width / 2, camera.height / 2], [camera.width * 0.4, camera.height * 0.6]]
        np.testing.assert_allclose(back[:, :2] / back[:, 2:], expected, atol=1e-6)


def test_target_turns_calibration_stays_and_no_border_shows(sample: SceneSample) -> None:
    views = [replace(v, image=np.full((v.camera.height, v.camera.width, 3), 200, np.uint8)) for v in sample.observation.frames[0].cameras]
    white = replace(sample, observation=replace(sample.observation, frames=(replace(sample.observation.frames[0], cameras=tuple(views)),)))
    left, right = yawed(white, 8, 8), yawed(white, -8, 8)
    for a, b in zip(left.observation.frames[0].cameras, right.observation.frames[0].cameras, strict=True):
        assert isinstance(a.image, np.ndarray) and (a.image == 200).all()
        np.testing.assert_array_equal(a.camera.K, b.camera.K)
        np.testing.assert_array_equal(a.camera.ego_from_camera, b.camera.ego_from_camera)
    end = left.target.future.poses[-1]
    assert np.degrees(np.arctan2(end[1], end[0])) == pytest.approx(8, abs=1e-6)
    assert np.degrees(end[2]) == pytest.approx(8, abs=1e-6)
    with pytest.raises(ValueError, match="leaves the margin"):
        yawed(white, 9, 8)


def test_lenses_that_bend_are_not_turned(sample: SceneSample) -> None:
    (frame,) = sample.observation.frames
    for change, what in (({"distortion": (-0.3, 0.1, 0.0, 0.0)}, "distorting lens"), ({"model": "fisheye"}, "fisheye camera")):
        views = [replace(v, camera=replace(v.camera, **change)) for v in frame.cameras]
        bent = replace(sample, observation=replace(sample.observation, frames=(replace(frame, cameras=tuple(views)),)))
        with pytest.raises(ValueError, match=f"CAM_.*{what}.*undistort"):
            yawed(bent, 3, 8)


def test_the_crop_is_as_large_as_it_can_be(sample: SceneSample) -> None:
    camera = sample.observation.frames[0].cameras[0].camera
    assert crop_window(camera, 0.0) == (0, 0, camera.width, camera.height)
    assert crop_window(camera, np.radians(4))[2] > crop_window(camera, np.radians(8))[2]


def test_jitter_moves_rays_with_pixels_and_turns_the_answer(mini: Path) -> None:
    samples = DatasetSamples(DatasetConfig(root=str(mini), split="straight"), kind_of(MODEL).needs(MODEL))
    objective = NextToken(NextTokenConfig(), MODEL, torch.device("cpu"))
    example = objective.example(samples[0])
    shifted = jittered(example, Jitter(shift=0.1), np.random.default_rng(0))
    before, after = example.prepared.parts["camera"][0][0], shifted.prepared.parts["camera"][0][0]
    was = before.camera
    moved = np.round((after.intrinsics - before.intrinsics)[2:4] * [was.width, was.height]).astype(int)
    assert moved.any()
    y, x = 15, 30
    np.testing.assert_array_equal(after.image[:, y + moved[1], x + moved[0]], before.image[:, y, x])
    told = replace(was, K=was.K + np.array([[0, 0, moved[0]], [0, 0, moved[1]], [0, 0, 0]]))
    expected = pluecker_rays(told, patch_centres(was.width, was.height, 2, 1))
    np.testing.assert_allclose(after.rays, expected, atol=1e-5)
    task = objective.tasks[0]
    first, second = (e.draw(task, 0, None) for e in (shifted, example))
    assert first is not None and second is not None
    np.testing.assert_array_equal(first.ids, second.ids)

    turned = jittered(example, Jitter(turn_degrees=20), np.random.default_rng(2))
    drawn = turned.draw(task, 0, None)
    assert drawn is not None
    future = task.decode(drawn.ids)
    angle = np.arctan2(future[-1, 1], future[-1, 0])
    assert angle == pytest.approx(turned.angle, abs=0.01)
    angle = turned.angle
    assert abs(angle) > 0.01
    view = turned.prepared.parts["camera"][0][0]
    expected = before.rays[0, 0, :3] @ rotation_z(angle).T
    np.testing.assert_allclose(view.rays[0, 0, :3], expected, atol=1e-6)
    np.testing.assert_array_equal(view.image, before.image)


def test_black_is_black(sample: SceneSample) -> None:
    for view in blackened(sample.observation).frames[0].cameras:
        assert isinstance(view.image, np.ndarray) and view.image.shape[2] == 3 and not view.image.any()


def test_a_real_picture_turned_there_and_back_is_itself(real_data: Path) -> None:
    sample = open_dataset(real_data / "pandaset-002", maps=False)[0]
    turned = yawed(sample, 4, 8)
    back = yawed(turned, -4, 4)
    for a, b in zip(yawed(sample, 0, 8).observation.frames[0].cameras, back.observation.frames[0].cameras, strict=True):
        left, top, width, height = crop_window(a.camera, np.radians(4))
        inner = np.asarray(a.image)[top : top + height, left : left + width]
        difference = cv2.absdiff(inner, np.asarray(b.image)).mean()
        assert difference < 6, f"{a.camera.name} differs by {difference:.1f} grey levels"
