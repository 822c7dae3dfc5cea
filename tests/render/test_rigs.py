"""Rigs: what the named ones see, that a file's angles mean what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive.cameras import project, unproject
from drive.render.rigs import NARROWER, RIGS, load_rig, mount

COUNTS = {"nuscenes": 6, "pandaset": 6, "waymo": 5, "fisheye4": 4}


@pytest.mark.parametrize("name", RIGS)
def test_named_rigs_look_around_from_the_car(name: str) -> None:
    cameras = load_rig(name)
    assert len(cameras) == COUNTS[name]
    assert len({camera.name for camera in cameras}) == len(cameras)
    front = next(camera for camera in cameras if camera.name == "CAM_FRONT")
    pixel, before = project(front, np.array([20.0, 0.0, 1.0]))
    assert before and 0 < pixel[0] < front.width and 0 < pixel[1] < front.height
    for camera in cameras:
        assert -1.0 < camera.ego_from_camera[0, 3] < 4.0 and 0.5 < camera.ego_from_camera[2, 3] < 2.5
        assert camera.ego_from_camera[2, 1] < -0.8  # upright: the image's down is the world's


def test_fisheyes_see_190_degrees_and_everything_around() -> None:
    cameras = load_rig("fisheye4")
    edge = unproject(cameras[0], [[0.0, 480.0], [1280.0, 480.0]])
    angle = np.degrees(np.arccos(edge[0] @ edge[1]))
    assert 360 - angle == pytest.approx(190, abs=1)
    around = np.radians(np.arange(0, 360, 5))
    points = np.stack([12 * np.cos(around), 12 * np.sin(around), np.full(len(around), 0.5)], -1)
    seen = np.zeros(len(points), dtype=bool)
    for camera in cameras:
        pixel, _ = project(camera, points)
        seen |= ((pixel >= 0) & (pixel < [camera.width, camera.height])).all(-1)
    assert seen.all()


def test_angles_turn_left_up_and_clockwise() -> None:
    axis = np.array([0.0, 0.0, 1.0])
    assert mount((0, 0, 1), 90)[:3, :3] @ axis == pytest.approx([0, 1, 0], abs=1e-12)
    assert mount((0, 0, 1), 0, 90)[:3, :3] @ axis == pytest.approx([0, 0, 1], abs=1e-12)
    # rolled clockwise, the camera's right points to the ground
    assert mount((0, 0, 1), 0, 0, 90)[:3, :3] @ [1.0, 0, 0] == pytest.approx([0, 0, -1], abs=1e-12)


@pytest.mark.parametrize("name", [*RIGS, "random"])
def test_width_scales_the_pictures_and_keeps_the_rays(name: str) -> None:
    whole, small = load_rig(name, 3), load_rig(name, 3, width=320)
    assert max(camera.width for camera in small) == 320
    for a, b in zip(whole, small, strict=True):
        point = a.ego_from_camera[:3, :3] @ [0.3, 0.2, 5.0] + a.ego_from_camera[:3, 3]
        (pa, _), (pb, _) = project(a, point), project(b, point)
        assert pb / [b.width, b.height] == pytest.approx(pa / [a.width, a.height], abs=1e-9)


def test_random_rigs_follow_the_seed() -> None:
    rigs = [load_rig("random", seed) for seed in range(60)]
    assert {len(rig) for rig in rigs} == set(range(1, 9))
    assert {rig[0].model for rig in rigs} == {"pinhole", "fisheye"}
    again = load_rig("random", 7)
    assert all(
        np.array_equal(a.K, b.K) and np.array_equal(a.ego_from_camera, b.ego_from_camera) for a, b in zip(rigs[7], again, strict=True)
    )


def test_narrow_random_rigs_look_through_longer_lenses() -> None:
    ratios = []
    for seed in range(40):
        wide, narrow = load_rig("random", seed), load_rig("random-narrow", seed)
        assert [camera.name for camera in narrow] == [camera.name for camera in wide] and narrow[0].model == wide[0].model
        ratios.append(narrow[0].K[0, 0] / wide[0].K[0, 0])
    assert min(ratios) > 0.85 and np.mean(ratios) > 1.15 and 1.5 < max(ratios) < NARROWER / 0.85


CAMERA = "name: CAM_A, size: [400, 225], focal: [300, 300], position: [1, 0, 1.5]"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"cameras:\n  - {{{CAMERA}, yaw: 180}}\n")
    (camera,) = load_rig(path)
    assert (camera.name, camera.width, camera.K[0, 2]) == ("CAM_A", 400, 200.0)
    assert project(camera, [-20.0, 0.0, 1.5])[0] == pytest.approx([200, 112.5])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cameras: []", "1 to 32"),
        ("- 1", "1 to 32"),
        ("cameras: [", "not YAML"),
        ("cameras: [7]", "camera 0: expected a mapping"),
        (f"cameras: [{{{CAMERA}, foo: 1}}]", "unknown key 'foo'"),
        ("cameras: [{name: CAM_A}]", "no 'size'"),
        (f"cameras: [{{{CAMERA}, yaw: .nan}}]", "yaw: expected a finite number"),
        (f"cameras: [{{{CAMERA}, distortion: [1, 2]}}]", "distortion: 2 distortion coefficients"),
        (f"cameras: [{{{CAMERA.replace('CAM_A', 'FRONT')}}}]", "starts with CAM_"),
        (f"cameras: [{{{CAMERA.replace('300, 300', '3, 3')}}}]", "field of view"),
        (f"cameras: [{{{CAMERA}}}, {{{CAMERA}}}]", "one name"),
        ("cameras: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_a_file_that_describes_no_rig_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        load_rig(path)


def test_unknown_rigs_are_refused() -> None:
    with pytest.raises(ValueError, match="there are nuscenes"):
        load_rig("kitti")
    with pytest.raises(ValueError, match="no rig file"):
        load_rig("absent.yaml")


@pytest.mark.parametrize("width", [4, 1_000_000])
def test_absurd_widths_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"16 to 8192 pixels, got {width}"):
        load_rig("nuscenes", width=width)
