"""Argoverse 2 logs: known answers on a made one, hostile ones refused by name, and the real one where it is present."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.schema import Window
from tests.data.made import CAR_SIZE, SPEED_MPS, car_from_ego

pytest.importorskip("pyarrow")
from tests.data.made.av2 import AXLE_M, CAMERA_LATE_NS, FIRST_NS, FRAMES, MOUNT, STEP_NS, write, write_log  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("av2")
    write_log(root / "val" / "log-a")
    write_log(root / "test" / "log-b", pictures=False, boxes=False)
    return root


def test_a_sample_tells_what_was_written(made: Path) -> None:
    dataset = open_dataset(made, split="val", lanes=True)
    assert (len(dataset), dataset.scenes, dataset.name) == (FRAMES, ("log-a",), made.name)
    assert len(dataset.all_tokens) == 2 * FRAMES
    sample = dataset.sample(f"log-a:{FIRST_NS + 25 * STEP_NS}")
    np.testing.assert_allclose(sample.target.future.poses[:, 0], SPEED_MPS * np.arange(0.5, 3.01, 0.5), atol=1e-6)
    np.testing.assert_allclose(sample.target.future.poses[:, 1:], 0, atol=1e-6)
    np.testing.assert_allclose(sample.observation.past.poses[:, 0], SPEED_MPS * np.arange(-2, 0.01, 0.5), atol=1e-6)
    assert sample.target.future.valid.all() and sample.observation.past.valid.all()
    assert sample.observation.speed_mps == pytest.approx(SPEED_MPS)
    assert sample.observation.command == "straight"
    assert sample.world_from_ego[2, 3] == pytest.approx(12.0)  # on the ground, not at the axle


def test_boxes_stand_where_they_were(made: Path) -> None:
    agents = open_dataset(made, split="log-a", maps=False)[25].target.agents
    assert agents is not None and agents.categories == ("vehicle.car", "static_object.bollard")
    np.testing.assert_allclose(agents.centres[0, agents.now], car_from_ego(2.5), atol=1e-6)
    np.testing.assert_allclose(agents.headings[0], 0.3, atol=1e-6)
    np.testing.assert_allclose(agents.velocities[0], 0, atol=1e-5)
    assert agents.sizes[0].tolist() == list(CAR_SIZE) and agents.points[0].tolist() == [7] * 11
    np.testing.assert_allclose(agents.velocities[1, :, 0], SPEED_MPS, atol=1e-5)  # a post that goes along with the car


def test_a_late_picture_has_the_motion_in_its_pose(made: Path) -> None:
    image = open_dataset(made, split="val", maps=False)[10].observation.frames[-1].cameras[0]
    assert image.camera.name == "ring_front_center" and image.time_s == pytest.approx(CAMERA_LATE_NS / 1e9)
    late = np.array([SPEED_MPS * CAMERA_LATE_NS / 1e9, 0, 0])
    np.testing.assert_allclose(image.camera.ego_from_camera[:3, 3], MOUNT + (0, 0, AXLE_M) + late, atol=1e-6)
    np.testing.assert_allclose(image.mount[:3, 3], MOUNT + (0, 0, AXLE_M), atol=1e-9)  # type: ignore[index]
    assert not image.camera.bends  # the pictures are undistorted, whatever k1 says
    assert read_image(image)[1].shape == (48, 64, 3)


def test_the_map_tells_lanes_with_their_links(made: Path) -> None:
    target = open_dataset(made, split="val", lanes=True)[0].target
    lanes = target.lanes
    assert lanes is not None and lanes.ids == ("1", "2", "3", "4")  # the one for bicycles is left out
    np.testing.assert_allclose(lanes.width_m, [4, 4, 4, 3], atol=1e-6)
    assert not lanes.limit_known.any() and lanes.in_junction.tolist() == [False, True, False, False]
    assert lanes.follows.tolist() == [[0, 1]]  # 99 is not there
    assert lanes.right.tolist() == [[0, 3]] and lanes.left.tolist() == [[3, 0]]  # lane 3 comes the other way
    np.testing.assert_allclose(lanes.lines[0][[0, -1]], [[-20, 0], [60, 0]], atol=1e-6)
    assert target.map is not None and {len(target.map.polygons[name]) for name in ("drivable_area", "ped_crossing")} == {1}
    assert len(target.map.lines["road_divider"]) == 4  # lanes 1 and 3 share theirs


def test_a_log_without_annotations_or_pictures(made: Path) -> None:
    dataset = open_dataset(made, split="test", window=Window(rate_hz=10.0))
    assert len(dataset) == FRAMES and dataset[3].target.agents is None and dataset[3].observation.frames[-1].cameras == ()
    assert dataset[3].target.future.valid.all()
    assert len(open_dataset(made / "test" / "log-b")) == FRAMES  # the folder of one log


def test_check_says_what_it_is_and_what_is_missing(made: Path) -> None:
    report = check_dataset(made)
    assert not report.errors and report.counts["key frames"] == 2 * FRAMES and report.counts["pictures"] == FRAMES
    assert "Argoverse 2 sensor logs" in str(report)
    assert {w.kind for w in report.warnings} == {"not annotated", "no pictures"}


@pytest.mark.parametrize("option", [{"motion": "can"}, {"version": "v1.0"}, {"split": "train"}])
def test_what_the_layout_does_not_have_is_refused(made: Path, option: dict) -> None:
    with pytest.raises(ValueError, match=r"nuScenes tables alone|no scene train"):
        open_dataset(made, **option)


def _poses(root: Path, **change: object) -> None:
    from pyarrow import feather

    path = root / "city_SE3_egovehicle.feather"
    rows = feather.read_table(path).to_pylist()
    rows[4] = {**rows[4], **change}
    write(path, rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qw": 2.0}, "row 4: quaternion"),
        ({"tx_m": float("nan")}, "tx_m: row 4 is not finite"),
        ({"tx_m": None}, "tx_m: double with 1 nulls"),
        ({"timestamp_ns": FIRST_NS}, "do not increase"),
        ({"timestamp_ns": FIRST_NS + 2 * STEP_NS + 1}, "no pose at 31597000020"),
        ({"tx_m": 1e6}, "ego jump"),
    ],
)
def test_impossible_poses_are_named(tmp_path: Path, change: dict, message: str) -> None:
    log = write_log(tmp_path / "log", pictures=False)
    _poses(log, **change)
    report = check_dataset(tmp_path)
    assert any(message in f"{error.kind} {error}" for error in report.errors), str(report)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("annotations.feather", b"none", "no feather table"),
        ("sensors/cameras/ring_front_center/now.jpg", b"", "not named by nanoseconds"),
        (f"sensors/cameras/ring_front_center/{FIRST_NS + CAMERA_LATE_NS}.jpg", b"\xff\xd8", "does not decode"),
        ("map/log_map_archive_log____PIT_city_57819.json", b"{}", "no field 'lane_segments'"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    (write_log(tmp_path / "log") / file).write_bytes(content)
    assert any(message in str(error) for error in check_dataset(tmp_path).errors)


def test_an_unknown_category_is_no_guess(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", pictures=False)
    from pyarrow import feather

    rows = feather.read_table(log / "annotations.feather").to_pylist()
    write(log / "annotations.feather", [{**rows[0], "category": "UFO"}, *rows[1:]])
    with pytest.raises(ValueError, match="category 'UFO' is none of"):
        open_dataset(tmp_path)[0]


def test_a_log_behind_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path / "elsewhere" / "log", pictures=False)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "log").symlink_to(tmp_path / "elsewhere" / "log")
    with pytest.raises(ValueError, match="leaves the data set"):
        open_dataset(tmp_path / "set")


def test_a_log_without_its_poses_is_named(tmp_path: Path) -> None:
    write_log(tmp_path / "val" / "log-a")
    (write_log(tmp_path / "val" / "log-b") / "city_SE3_egovehicle.feather").unlink()
    assert "log-b/city_SE3_egovehicle.feather: no such file" in str(check_dataset(tmp_path).errors[0])
    with pytest.raises(ValueError, match="log-b/city_SE3_egovehicle.feather: no such file, beside a log's other parts"):
        open_dataset(tmp_path, split="val")
    assert open_dataset(tmp_path, split="log-a").scenes == ("log-a",)


@pytest.mark.real
def test_the_real_log(real_data: Path) -> None:
    root = real_data / "av2-sensor"
    if not root.is_dir():
        pytest.skip(f"no {root}")
    dataset = open_dataset(root, split="val")
    assert len(dataset) == 156 and not check_dataset(root).errors
    sample = dataset[60]
    agents, patch = sample.target.agents, sample.target.map
    assert agents is not None and patch is not None and patch.polygons["drivable_area"]
    # The ground height that comes with the map lies where the ego frame's origin does.
    folder = next((root / "val").glob("*"))
    place = json.loads(next(folder.glob("map/*img_Sim2_city.json")).read_text())
    heights = np.load(next(folder.glob("map/*ground_height*.npy")))
    pixels = [np.round((s.world_from_ego[:2, 3] + place["t"]) * place["s"]).astype(int) for s in dataset]
    off = [s.world_from_ego[2, 3] - heights[row, column] for s, (column, row) in zip(dataset, pixels, strict=True)]
    assert abs(float(np.median(off))) < 0.02 and float(np.abs(off).max()) < 0.05
