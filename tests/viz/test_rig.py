"""A rig's drawing and its first file: known horizons, shares and gaps; what is guessed is said; what is there is not written over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.cameras import Camera, project, resized
from drive.cli import main
from drive.data.pictures.draft import channel, draft_rig
from drive.data.rig_files import mount, read_rig_file, rig_text
from drive.render.rigs import load_rig
from drive.schema import CameraImage
from drive.viz.rig import HORIZON, camera_facts, draw_from_above, draw_on_picture, unseen_sectors

SIZE = (320, 180)


def camera(name: str, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, fov: float = 90.0, height: float = 1.5) -> Camera:
    focal = SIZE[0] / 2 / np.tan(np.radians(fov) / 2)
    K = np.array([[focal, 0, SIZE[0] / 2], [0, focal, SIZE[1] / 2], [0, 0, 1]])
    return Camera(name, *SIZE, K, mount((0, 0, height), yaw, pitch, roll))


def test_facts_are_those_of_the_angles() -> None:
    level, up = camera_facts(camera("CAM_A", 20), ()), camera_facts(camera("CAM_A", 0, 10), ())
    assert (level.yaw, level.width, level.height_m) == pytest.approx((20, 90, 1.5))
    assert level.horizon == pytest.approx(0.5, abs=2e-3)
    assert up.horizon == pytest.approx(0.5 + 160 * np.tan(np.radians(10)) / 180, abs=2e-3)  # looking up, the horizon sinks
    assert camera_facts(camera("CAM_A", 0, -60), ()).horizon is None


def test_neighbours_share_what_their_angles_share() -> None:
    a, b, c = camera("CAM_A", 0), camera("CAM_B", 45), camera("CAM_C", 180)
    assert camera_facts(a, (a, b, c)).overlaps["CAM_B"] == pytest.approx(0.4, abs=0.11)  # the left half, but for slanted corners
    assert set(camera_facts(a, (a, b, c)).overlaps) == {"CAM_B"}
    assert camera_facts(c, (a, b, c)).overlaps == {}


def test_what_no_camera_sees() -> None:
    assert unseen_sectors([camera("CAM_A", 0, fov=89)]) == [(45, 315)]
    assert unseen_sectors([camera(f"CAM_{k}", 45 * k) for k in range(8)]) == []
    assert unseen_sectors([camera("CAM_A", 180, fov=89)]) == [(-135, 135)]
    assert len(unseen_sectors([camera("CAM_A", 0), camera("CAM_B", 180)])) == 2


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (6.0, 4.0), (-5.0, -8.0)])
def test_the_horizon_is_drawn_where_it_projects(pitch: float, roll: float) -> None:
    own = camera("CAM_A", 30, pitch, roll)
    picture = draw_on_picture(CameraImage(own, 0.0, np.zeros((SIZE[1], SIZE[0], 3), np.uint8)), (own,), width=SIZE[0])
    red = (picture[..., 0] > 120) & (picture[..., 1] < 110)
    for turn in (-20, 0, 20):
        way = np.radians(30 + turn)
        (u, v), seen = project(own, [1e6 * np.cos(way), 1e6 * np.sin(way), 1.5])
        assert seen and red[max(int(v) - 3, 0) : int(v) + 4, int(u)].any()
    assert HORIZON[0] > 200


def test_tints_mark_what_the_neighbour_sees() -> None:
    a, b = camera("CAM_A", 0), camera("CAM_B", 60)
    grey = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    alone = draw_on_picture(CameraImage(a, 0.0, grey), (a,), width=SIZE[0]).astype(int)
    both = draw_on_picture(CameraImage(a, 0.0, grey), (a, b), width=SIZE[0]).astype(int)
    changed = np.abs(both - alone).max(-1) > 8
    edge = int(project(a, [30 * np.cos(np.radians(15)), 30 * np.sin(np.radians(15)), 1.5])[0][0])
    assert changed[100, 40 : edge - 5].all() and not changed[100, edge + 5 :].any()


def test_fisheyes_are_drawn_too() -> None:
    cameras = [resized(one, 320, 240) for one in load_rig("fisheye4")]
    facts = camera_facts(cameras[0], cameras)
    assert facts.width == pytest.approx(190, abs=2) and len(facts.overlaps) >= 2 and unseen_sectors(cameras) == []
    picture = draw_on_picture(CameraImage(cameras[0], 0.0, np.zeros((240, 320, 3), np.uint8)), cameras, width=320)
    (u, v), _ = project(cameras[0], [1e6, 0, cameras[0].ego_from_camera[2, 3]])
    column = picture[max(int(v) - 3, 0) : int(v) + 4, int(u)].astype(int)
    assert (column[:, 0] - column[:, 1]).max() > 60 and draw_from_above(cameras).any()


def test_a_lone_degree_between_two_pictures_is_no_gap() -> None:
    gaps = [gap for yaw in np.arange(40, 100, 0.25) for gap in unseen_sectors([camera("CAM_A"), camera("CAM_B", yaw)])]
    assert all(last > first for first, last in gaps) and min(last - first for first, last in gaps) == 1


def test_from_above_is_a_picture_of_every_camera() -> None:
    one, two = draw_from_above([camera("CAM_A")]), draw_from_above([camera("CAM_A"), camera("CAM_B", 180)])
    assert one.shape == two.shape == (720, 720, 3) and (one[:300] == two[:300]).all() and (one[450:] != two[450:]).any()


def pictures(root: Path, *places: str, size: tuple[int, int] = SIZE) -> Path:
    for place in places:
        (root / place).mkdir(parents=True)
        for k in range(3):
            cv2.imwrite(str(root / place / f"{k}.png"), np.full((size[1], size[0], 3), 100, np.uint8))
    return root


def test_a_first_file_says_what_it_guesses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "d", "front", "cam-rear left", "image_02")
    assert main(["rig", "new", str(root), "--out", str(tmp_path / "out")]) == 1  # two guesses are one and the same pose
    said = capsys.readouterr().out
    assert "wrong: CAM_IMAGE_02, position: CAM_IMAGE_02 and CAM_FRONT have one pose" in said
    rig = read_rig_file(root / "rig.yaml")
    assert [c.name for c in rig.cameras] == ["CAM_FRONT", "CAM_IMAGE_02", "CAM_BACK_LEFT"]
    assert rig.pictures == ("front", "image_02", "cam-rear left")
    assert "CAM_IMAGE_02: guessed focal and centre (70 degrees wide), position, yaw (its name tells none), level" in said
    assert "CAM_BACK_LEFT: yaw 125.0" in said and "seen by no camera" in said
    assert (tmp_path / "out" / "CAM_BACK_LEFT.png").is_file() and (tmp_path / "out" / "index.html").is_file()
    assert main(["rig", "new", str(root)]) == 2
    assert "is not written over" in capsys.readouterr().err
    assert main(["rig", "draw", str(root), "--at", "3", "--out", str(tmp_path / "out")]) == 2
    assert "the cameras have 3 pictures" in capsys.readouterr().err


def test_cameras_are_taken_over_where_names_fit(tmp_path: Path) -> None:
    like = [camera("CAM_FRONT", 3, 2, 1), camera("CAM_LEFT", 80)]
    root = pictures(tmp_path / "d", "CAM_FRONT", "CAM_RIGHT", size=(640, 360))
    draft = draft_rig(root, like)
    (tmp_path / "rig.yaml").write_text(draft.text)
    front, right = read_rig_file(tmp_path / "rig.yaml").cameras
    assert set(draft.guessed) == {"CAM_RIGHT"} and front.width == 640 and front.K[0, 0] == pytest.approx(2 * like[0].K[0, 0])
    assert np.allclose(front.ego_from_camera, like[0].ego_from_camera, atol=1e-6) and right.ego_from_camera[1, 2] == pytest.approx(-1)
    square = draft_rig(pictures(tmp_path / "e", "CAM_FRONT", size=(300, 300)), like)
    assert "the shape is another" in square.guessed["CAM_FRONT"]


def test_data_sets_with_tables_lend_their_cameras(mini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from drive import open_dataset

    view = open_dataset(mini, maps=False, limit=1)[0].observation.frames[-1].cameras[0]
    root = pictures(tmp_path / "d", view.camera.name, size=(view.camera.width, view.camera.height))
    assert main(["rig", "new", str(root), "--like", str(mini), "--out", str(tmp_path / "out")]) == 0
    assert "guessed" not in capsys.readouterr().out
    (own,) = read_rig_file(root / "rig.yaml").cameras
    mounted = view.camera.ego_from_camera if view.mount is None else view.mount
    assert np.allclose(own.ego_from_camera, mounted, atol=1e-6) and np.allclose(own.K, view.camera.K, atol=1e-6)


def test_a_rig_that_cannot_be_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = pictures(tmp_path / "d", "CAM_FRONT")
    turned = replace(camera("CAM_FRONT"), ego_from_camera=mount((1, 0, 1.5), 0, 0, 180))
    (root / "rig.yaml").write_text(rig_text([turned]))
    assert main(["rig", "draw", str(root), "--out", str(tmp_path / "out")]) == 1
    assert "CAM_FRONT, yaw, pitch, roll: CAM_FRONT is upside down" in capsys.readouterr().out


def test_names_become_channels() -> None:
    names = {"CAM_FRONT": "CAM_FRONT", "camera-front": "CAM_FRONT", "rear": "CAM_BACK", "cam0": "CAM_0", "image_02": "CAM_IMAGE_02"}
    assert {name: channel(name) for name in names} == names
    with pytest.raises(ValueError, match="holds no pictures"):
        draft_rig(Path("nowhere"))


def test_two_names_of_one_camera_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cam-front and front would both be CAM_FRONT; rename one"):
        draft_rig(pictures(tmp_path, "front", "cam-front"))
