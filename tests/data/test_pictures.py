"""Own pictures: what is found in a folder, what samples know and do not know, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from drive.asking import plan_all
from drive.baselines import ConstantVelocity
from drive.cli import main
from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.data.images import read_image
from drive.data.pictures.dataset import PicturesDataset
from drive.data.pictures.key_frames import key_frames
from drive.data.pictures.told import ToldBeside
from drive.data.rig_files import mount, mount_angles, read_rig_file, rig_text
from drive.eval.evaluate import evaluate
from drive.frames import invert_se3, se2_to_se3
from drive.planners.load import load_planner
from drive.schema import MissingImage, SceneSample, Window

SIZE = (64, 36)
RIG = """
cameras:
  - {name: CAM_FRONT, size: [64, 36], focal: [40, 40], position: [1.5, 0, 1.6]}
  - {name: CAM_BACK, size: [64, 36], focal: [40, 40], position: [0, 0.1, 1.6], yaw: 180}
"""


def picture(value: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def folder(root: Path, names: list[str], rig: str = RIG, cameras: tuple[str, ...] = ("CAM_FRONT", "CAM_BACK")) -> Path:
    """A folder for each camera; the k-th picture of the c-th camera is grey of 10 k + c."""
    for c, camera in enumerate(cameras):
        (root / camera).mkdir(parents=True)
        for k, name in enumerate(names):
            cv2.imwrite(str(root / camera / name), picture(10 * k + c))
    (root / "rig.yaml").write_text(rig)
    return root


def stamped(count: int, hz: float = 2.0) -> list[str]:
    return [f"{1_600_000_000_000_000 + round(k / hz * 1e6)}.png" for k in range(count)]


def poses_csv(root: Path, columns: str = "time_s,x_m,y_m,heading_rad", speed: float = 4.0, rate: float = 0.1, seconds: float = 5.0) -> None:
    """A circle to the left at 10 m radius."""
    times = np.arange(0, seconds + 1e-9, rate)
    angle = speed * times / 10
    lines = [f"{t:.3f},{10 * np.sin(a):.9f},{10 - 10 * np.cos(a):.9f},{a:.9f}" for t, a in zip(times, angle, strict=True)]
    (root / "poses.csv").write_text("\n".join([columns, *lines]))


def greys(sample: SceneSample) -> list[int]:
    return [int(read_image(view)[1][0, 0, 0]) for view in sample.observation.frames[-1].cameras]


def test_pictures_alone_know_nothing_but_themselves(tmp_path: Path) -> None:
    dataset = open_dataset(folder(tmp_path / "drive-7", stamped(5)))
    assert isinstance(dataset, PicturesDataset) and len(dataset) == 5 and dataset.scenes == ("drive-7",)
    assert [greys(sample) for sample in dataset] == [[10 * k, 10 * k + 1] for k in range(5)]
    for k, sample in enumerate(dataset):
        seen, target = sample.observation, sample.target
        assert sample.timestamp_us == 1_600_000_000_000_000 + 500_000 * k and (sample.index, sample.frames_after) == (k, 4 - k)
        assert seen.past.valid.tolist() == [False] * 4 + [True] and not target.future.valid.any()
        assert seen.speed_mps is seen.acceleration_mps2 is seen.yaw_rate_radps is seen.command is None
        assert target.agents is target.map is target.lanes is target.ego_from_lidar is None
        assert [view.mount for view in seen.frames[-1].cameras] == [None, None]


def test_speed_and_command_are_what_is_told(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(5))
    dataset = open_dataset(root, told=ToldBeside(speed_mps=7.5, command="left"))
    assert {(s.observation.speed_mps, s.observation.command) for s in dataset} == {(7.5, "left")}
    rows = ["time_s,speed_mps,command", "0,3,straight", "0.9,4,", "1.5,,right", "10,9,left"]
    (root / "motion.csv").write_text("\n".join(rows))
    seen = [sample.observation for sample in open_dataset(root)]
    assert [s.speed_mps for s in seen] == [3, 3, 4, None, None]  # never a row of later, none older than a second
    assert [s.command for s in seen] == ["straight", "straight", "straight", "right", "right"]
    assert open_dataset(root, told=ToldBeside(speed_mps=1))[2].observation.speed_mps == 1


def test_poses_give_past_future_motion_and_the_way_between_cameras_times(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(9), cameras=("CAM_FRONT",))
    (root / "CAM_BACK").mkdir()
    for k in range(9):  # 50 ms later than the first camera
        cv2.imwrite(str(root / "CAM_BACK" / f"{1_600_000_000_050_000 + 500_000 * k}.png"), picture(k))
    poses_csv(root)
    sample = open_dataset(root)[4]
    past, future = sample.observation.past, sample.target.future
    assert past.valid.all() and future.valid.all()
    angle = 0.4 * past.times_s
    expected = np.stack([10 * np.sin(angle), 10 - 10 * np.cos(angle), angle], -1)
    assert np.abs(past.poses - expected).max() < 2e-3  # between poses of 0.1 s the arc is taken for its chord
    assert sample.observation.speed_mps == pytest.approx(4.0, abs=0.01)
    assert sample.observation.yaw_rate_radps == pytest.approx(0.4, abs=1e-6) and sample.observation.command == "left"
    assert open_dataset(root, command=False)[4].observation.command is None
    front, back = sample.observation.frames[-1].cameras
    moved = se2_to_se3([10 * np.sin(0.02), 10 - 10 * np.cos(0.02), 0.02]) @ back.mount
    assert back.time_s == pytest.approx(0.05) and np.abs(back.camera.ego_from_camera - moved).max() < 2e-3
    assert front.mount is not None and np.allclose(front.camera.ego_from_camera, front.mount, atol=1e-12)
    (plan,), errors = plan_all(lambda s: ConstantVelocity().plan(s.observation), [sample])[0].values(), {}
    assert plan.best[-1, 0] == pytest.approx(12, abs=0.2) and not errors


def test_motion_is_of_poses_at_or_before_t0(tmp_path: Path) -> None:
    """Poses lie between the pictures: the one after t0, from which the pose at t0 is interpolated, must not tell the speed."""
    root = folder(tmp_path / "d", stamped(5))
    names = "time_s,x_m,y_m,heading_rad"
    steady = [f"{t:.2f},{6 * t:.3f},0,0" for t in np.arange(-0.07, 3, 0.2)]
    braking = [f"{t:.2f},{min(6 * t, 5.9):.3f},0,0" for t in np.arange(-0.07, 3, 0.2)]  # stops behind the last pose before 1 s
    found = []
    for rows in (steady, braking):
        (root / "poses.csv").write_text("\n".join([names, *rows]))
        found.append(open_dataset(root)[2].observation)
    assert found[0].speed_mps == pytest.approx(6.0) and found[0].speed_mps == found[1].speed_mps
    assert found[0].acceleration_mps2 == found[1].acceleration_mps2


def test_quaternions_say_the_same_as_headings(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(5))
    poses_csv(root)
    before = open_dataset(root)[2]
    lines = (root / "poses.csv").read_text().splitlines()[1:]
    rows = ["timestamp_us,qw,qx,qy,qz,x_m,y_m,z_m"]
    for line in lines:
        t, x, y, heading = map(float, line.split(","))
        rows.append(f"{1_600_000_000_000_000 + round(t * 1e6)},{np.cos(heading / 2)},0,0,{np.sin(heading / 2)},{x},{y},3")
    (root / "poses.csv").write_text("\n".join(rows))
    after = open_dataset(root)[2]
    assert np.abs(after.observation.past.poses - before.observation.past.poses).max() < 1e-6
    assert np.abs(after.target.future.poses - before.target.future.poses).max() < 1e-6 and after.world_from_ego[2, 3] == 3


def test_key_frames_come_at_the_planners_rate_and_frames_lie_that_far_apart(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", [f"{k:06d}.png" for k in range(25)])
    dataset = open_dataset(root, told=ToldBeside(hz=10), window=Window(frames=2))
    assert dataset.tokens == ("000000", "000005", "000010", "000015", "000020")
    assert [frame.time_s for frame in dataset[3].observation.frames] == [-0.5, 0.0]
    assert len(open_dataset(root, told=ToldBeside(hz=10), window=Window(rate_hz=5))) == 13
    assert len(open_dataset(root, told=ToldBeside(hz=1))) == 25  # rarer than the planner wants: every picture


def test_key_frames_of_uneven_clocks_are_the_nearest() -> None:
    first = np.array([0, 90, 210, 300, 420, 480, 600, 700, 810, 900, 1000]) * 1000
    rows = key_frames([first, first + 20_000], 0.5)
    assert rows.tolist() == [[0, 0], [5, 5], [10, 10]]


@pytest.mark.parametrize("names", [["CAM_FRONT_{}.png", "CAM_FRONT_LEFT_{}.png"], ["CAM_FRONT{}.png", "CAM_FRONT_LEFT-{}.png"]])
def test_names_that_begin_with_the_cameras(tmp_path: Path, names: list[str]) -> None:
    for c, name in enumerate(names):
        for k in (9, 10):
            cv2.imwrite(str(tmp_path / name.format(k)), picture(10 * k + c))
    (tmp_path / "rig.yaml").write_text("hz: 2\n" + RIG.replace("CAM_BACK", "CAM_FRONT_LEFT"))
    assert [greys(sample) for sample in open_dataset(tmp_path)] == [[90, 91], [100, 101]]


def test_a_rig_says_where_pictures_are(tmp_path: Path) -> None:
    rig = RIG.replace("name: CAM_BACK", "pictures: rear view, name: CAM_BACK")
    root = folder(tmp_path / "d", stamped(2), rig, ("CAM_FRONT", "rear view"))
    assert greys(open_dataset(root)[1]) == [10, 11]


def film(path: Path, count: int, first: int = 0, fps: float = 10.0) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG" if path.suffix == ".avi" else "mp4v"), fps, SIZE)
    for k in range(count):
        writer.write(picture(first + 5 * k))
    writer.release()


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_for_each_camera(tmp_path: Path, suffix: str) -> None:
    for c, camera in enumerate(("CAM_FRONT", "CAM_BACK")):
        film(tmp_path / f"{camera}{suffix}", 21, 100 * c)
    (tmp_path / "rig.yaml").write_text(RIG)
    dataset = open_dataset(tmp_path)
    assert dataset.tokens == ("CAM_FRONT@0.000", "CAM_FRONT@0.500", "CAM_FRONT@1.000", "CAM_FRONT@1.500", "CAM_FRONT@2.000")
    for k in (4, 0, 2, 1, 3):  # in any order
        assert greys(dataset[k]) == pytest.approx([25 * k, 100 + 25 * k], abs=4)
    assert not check_dataset(tmp_path).errors
    view = dataset[1].observation.frames[-1].cameras[0]
    (tmp_path / f"CAM_FRONT{suffix}").unlink()
    from drive.data import video

    video._READERS.clear()
    with pytest.raises(MissingImage, match=rf"CAM_FRONT does not decode: CAM_FRONT{suffix}:5"):
        read_image(view)


def test_videos_that_do_not_end_together_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "CAM_FRONT.mp4", 30)
    film(tmp_path / "CAM_BACK.mp4", 20)
    (tmp_path / "rig.yaml").write_text(RIG)
    with pytest.raises(ValueError, match=r"do not end together: CAM_FRONT lasts 2.90 s, CAM_BACK 1.90 s"):
        open_dataset(tmp_path)


def refused(root: Path, says: str, told: ToldBeside | None = None) -> None:
    with pytest.raises(ValueError, match=says):
        open_dataset(root, told=told)
    if (root / "rig.yaml").exists():
        assert check_dataset(root, told=told).errors or "rig" in says or "tables" in says or "CSV" in says or "hz" in says


def test_missing_cameras_and_pictures_without_partners(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", [f"{k}.png" for k in range(4)], "hz: 2\n" + RIG)
    (root / "CAM_BACK" / "2.png").rename(root / "2.png")
    refused(root, "CAM_FRONT has 4 pictures, CAM_BACK 3, which do not pair up: 2 of CAM_FRONT has none in CAM_BACK")
    (root / "2.png").rename(root / "CAM_BACK" / "5.png")
    refused(root, "CAM_FRONT has 4 pictures, CAM_BACK 4, which do not pair up: 2 of CAM_FRONT has none in CAM_BACK")
    shutil.rmtree(root / "CAM_BACK")
    refused(root, r"CAM_BACK: no pictures in .*folder CAM_BACK/, files CAM_BACK_0001.jpg.*; there are CAM_FRONT, which are other cameras'")
    (root / "CAM_BACK_LEFT").mkdir()
    cv2.imwrite(str(root / "CAM_BACK_LEFT" / "0.png"), picture(3))
    refused(root, "; there are CAM_BACK_LEFT: say in the rig which is its, such as `pictures: CAM_BACK_LEFT`")
    (root / "CAM_BACK").mkdir()
    refused(root, "CAM_BACK holds no pictures")
    film(root / "CAM_BACK.mp4", 20)
    refused(root, "CAM_FRONT has numbers, CAM_BACK has a video: give all")


def test_stamps_that_do_not_pair_up(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(6))
    (root / "CAM_FRONT" / stamped(6)[3]).unlink()
    (root / "CAM_BACK" / stamped(6)[1]).unlink()
    refused(root, f"CAM_FRONT has 5 pictures, CAM_BACK 5, which do not pair up: {stamped(6)[1][:-4]} of CAM_FRONT has none in CAM_BACK")


def test_pictures_of_another_size(tmp_path: Path) -> None:
    double = RIG.replace("size: [64, 36], focal: [40, 40], position: [0", "size: [128, 72], focal: [80, 80], position: [0")
    root = folder(tmp_path / "d", stamped(3), double)
    refused(root, r"CAM_BACK: 16000000\d*.png is 64x36, the rig says 128x72: give the calibration of the pictures as they are")
    (root / "rig.yaml").write_text(RIG)
    cv2.imwrite(str(root / "CAM_BACK" / stamped(3)[1]), np.zeros((10, 20, 3), np.uint8))  # not the first: it shows when it is read
    with pytest.raises(ValueError, match="calibration of CAM_BACK is for 64x36"):
        greys(open_dataset(root)[1])
    (root / "CAM_FRONT" / stamped(3)[2]).write_bytes(b"no picture")
    (root / "CAM_FRONT" / stamped(3)[1]).write_bytes(b"")
    report = check_dataset(root)
    assert [error.kind for error in report.errors] == ["undecodable file", "undecodable file", "wrong image size"]
    assert [error.message for error in report.errors[:2]] == [
        "does not decode: the file is empty, 0 bytes; copied whole?",
        "does not decode: its 10 bytes are no picture, or one cut off in its head",
    ]
    with pytest.raises(MissingImage, match=rf"image of CAM_FRONT does not open: .*{stamped(3)[1]} \(the file is empty, 0 bytes"):
        greys(open_dataset(root)[1])


def test_names_that_tell_no_times_need_a_rate(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", ["1.png", "2.png"])
    refused(root, "names such as 1, 2 tell no times: say with --hz")
    assert len(open_dataset(root, told=ToldBeside(hz=2))) == 2
    refused(folder(tmp_path / "e", stamped(2)), "hz is for pictures whose names tell no times; these bear time stamps", ToldBeside(hz=2))
    assert len(open_dataset(folder(tmp_path / "f", ["0000000007.png"]))) == 1  # one moment needs none; zeros in front are a number's
    refused(folder(tmp_path / "g", ["1.png", "one.png"], "hz: 2\n" + RIG), "one.png holds no number, others do")
    refused(folder(tmp_path / "h", ["1.png", "01.png"], "hz: 2\n" + RIG), "are of one moment")


def test_rigs_that_are_missing_or_wrong(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(2))
    for text, says in (
        ("hz: -1\n" + RIG, "hz must be a number of 0.01 to 1000"),
        (RIG.replace("name: CAM_BACK", "pictures: CAM_FRONT, name: CAM_BACK"), "two cameras have one place of pictures"),
        (RIG.replace("name: CAM_BACK", "pictures: ../secret, name: CAM_BACK"), "leaves the data set"),
        (RIG.replace("focal: [40, 40]", "focal: [4000, 40]"), "field of view"),
    ):
        (root / "rig.yaml").write_text(text)
        with pytest.raises(ValueError, match=says):
            open_dataset(root)
    (root / "rig.yaml").unlink()
    with pytest.raises(ValueError, match="no rig.yaml, which says where its cameras stand: name one with --rig, or let `drive rig new"):
        open_dataset(root)
    with pytest.raises(ValueError, match="no rig file absent.yaml"):
        open_dataset(root, told=ToldBeside(rig=Path("absent.yaml")))


def test_check_judges_how_cameras_stand(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", stamped(2), RIG.replace("[1.5, 0, 1.6]", "[1500, 0, 1600]").replace("yaw: 180", "yaw: 180, roll: 180"))
    kinds = {(error.kind, error.token, error.field) for error in check_dataset(root).errors}
    assert kinds == {("length unit", "CAM_FRONT", "position"), ("camera upside down", "CAM_BACK", "yaw, pitch, roll")}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("poses.csv", "time_s,x_m,y_m\n0,0,0", "no column heading_rad"),
        ("poses.csv", "time_s,x_m,y_m,heading_rda\n0,0,0,0", "unknown column 'heading_rda'.*did you mean heading_rad"),
        ("poses.csv", "x_m,y_m,heading_rad\n0,0,0", "must name its columns, each once, one of them time_s or timestamp_us"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n0,0,0,0\n0.5,nan,0,0", "line 3, x_m: expected a finite number, got 'nan'"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n0,0,0,0\n0,1,0,0", "line 3: its time is not later"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n0,0,0,0\n0.5,1,0", "row 2 has 3 cells for 4 columns"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n", "it has no rows"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n0,0,0,0\n0.5,1,0,0", r"no pose for 16000\d* of CAM_FRONT, 1.000 s after the first"),
        ("poses.csv", "time_s,x_m,y_m,heading_rad\n0,0,0,0\n2,1,0,0", "no pose for .*gaps longer than 1 s"),
        ("poses.csv", "time_s,x_m,y_m,qw,qx,qy,qz\n0,0,0,2,0,0,0", "no unit quaternions"),
        ("motion.csv", "time_s,command\n0,U-turn", "line 2: command 'U-turn' is none of left, straight, right"),
        ("motion.csv", "time_s,speed_kmh\n0,50", "column 'speed_kmh'.*; it is wanted as speed_mps: divide by 3.6, renaming alone leaves"),
        ("poses.csv", "time_s,x_m,y_m,heading_deg\n0,0,0,0", "; it is wanted as heading_rad: multiply by pi / 180"),
        ("poses.csv", "time_ms,x_m,y_m,heading_rad\n0,0,0,0", "; it is wanted as time_s: divide by 1000, "),
        ("motion.csv", "time_s\n0", "none of the columns speed_mps"),
        ("motion.csv", "timestamp_us,speed_mps\n0.5,1", "timestamp_us: expected an integer"),
        ("motion.csv", "time_s,speed_mps\n0,5\n1,5000", "line 3, speed_mps: no car has 5000, expected less than 100: write it in the unit"),
        ("motion.csv", "time_s,yaw_rate_radps\n0,-12", "line 2, yaw_rate_radps: no car has -12, expected less than 2"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, name: str, text: str, says: str) -> None:
    root = folder(tmp_path / "d", stamped(3))
    (root / name).write_text(text)
    refused(root, says)


def test_links_that_lead_out_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, secret = folder(tmp_path / "d", stamped(2)), tmp_path / "secret.png"
    cv2.imwrite(str(secret), picture(3))
    (root / "CAM_BACK" / stamped(2)[1]).unlink()
    (root / "CAM_BACK" / stamped(2)[1]).symlink_to(secret)
    refused(root, "leaves the data set .* through a symbolic link")
    (root / "CAM_BACK" / stamped(2)[1]).unlink()
    (root / "CAM_BACK" / stamped(2)[1]).symlink_to("../CAM_FRONT/" + stamped(2)[1])
    monkeypatch.chdir(tmp_path)
    assert [greys(sample) for sample in open_dataset("d")] == [[0, 1], [10, 10]]  # a link inside


def test_what_is_for_tables_is_refused(tmp_path: Path, mini: Path) -> None:
    root = folder(tmp_path / "d", stamped(2))
    with pytest.raises(ValueError, match="holds one drive, d: leave out"):
        open_dataset(root, split="mini_val")
    with pytest.raises(ValueError, match="for data sets with tables"):
        open_dataset(root, motion="can")
    with pytest.raises(ValueError, match="holds tables, which tell its cameras"):
        open_dataset(mini, told=ToldBeside(speed_mps=3))
    assert len(open_dataset(root, split="d")) == 2


def test_nothing_is_scored_against_what_is_not_known(tmp_path: Path) -> None:
    dataset = open_dataset(folder(tmp_path / "d", stamped(2)))
    with pytest.raises(ValueError, match="does not know its agents: a collision rate without them would be invented"):
        evaluate(dataset)


def test_rig_files_round_trip(tmp_path: Path) -> None:
    from drive.render.rigs import load_rig

    for rig in (load_rig("fisheye4"), load_rig("random", 5), load_rig("pandaset")):
        (tmp_path / "rig.yaml").write_text(rig_text(rig, note="made\nby hand", hz=12.5))
        again = read_rig_file(tmp_path / "rig.yaml")
        assert again.hz == 12.5 and len(again.cameras) == len(rig)
        for a, b in zip(rig, again.cameras, strict=True):
            assert (a.name, a.width, a.height, a.model) == (b.name, b.width, b.height, b.model)
            assert np.allclose(a.K, b.K, atol=1e-6) and np.allclose(a.ego_from_camera, b.ego_from_camera, atol=1e-6)
            assert a.distortion == pytest.approx(b.distortion, abs=1e-9)


@pytest.mark.parametrize("angles", [(10.0, -20.0, 30.0), (-170.0, 5.0, -90.0), (180.0, 0.0, 0.0), (35.0, 90.0, 0.0), (-35.0, -90.0, 0.0)])
def test_angles_of_a_mount_are_its_own(angles: tuple[float, float, float]) -> None:
    pose = mount((1, 2, 3), *angles)
    assert np.allclose(mount((1, 2, 3), *mount_angles(pose)), pose, atol=1e-9)


def test_pandaset_as_a_plain_folder_is_the_data_set(real_data: Path, tmp_path: Path) -> None:
    """Pictures and mounts in a folder of one's own: the same cameras and pixels as the tables give, and the same plans."""
    source = open_dataset(real_data / "pandaset-002", maps=False)
    views = source[0].observation.frames[-1].cameras
    for view in views:
        (tmp_path / view.camera.name).symlink_to(real_data / "pandaset-002" / "samples" / view.camera.name)
    from dataclasses import replace

    rig = rig_text([replace(view.camera, ego_from_camera=view.mount) for view in views])
    (tmp_path / "rig.yaml").write_text(rig)
    with pytest.raises(ValueError, match="symbolic link"):
        open_dataset(tmp_path)
    for view in views:
        (tmp_path / view.camera.name).unlink()
        shutil.copytree(real_data / "pandaset-002" / "samples" / view.camera.name, tmp_path / view.camera.name)
    dataset, planner = open_dataset(tmp_path, told=ToldBeside(speed_mps=5.0, command="straight")), load_planner("first-drive")
    assert len(dataset) == len(source) == 16
    for i in (0, 9, 15):
        told = replace(source[i].observation, speed_mps=5.0, command="straight", acceleration_mps2=None, yaw_rate_radps=None)
        a, b = told.frames[-1].cameras, dataset[i].observation.frames[-1].cameras
        assert [view.image.read_bytes() for view in a] == [view.image.read_bytes() for view in b]  # type: ignore[union-attr]
        still = tuple(replace(view, camera=replace(view.camera, ego_from_camera=view.mount)) for view in a)
        told = replace(told, frames=(replace(told.frames[-1], cameras=still),))
        assert np.abs(planner.plan(told).best - planner.plan(dataset[i].observation).best).max() < 1e-6
        for x, y in zip(still, b, strict=True):
            assert np.abs(invert_se3(x.camera.ego_from_camera) @ y.camera.ego_from_camera - np.eye(4)).max() < 1e-5


def test_the_command_plans_checks_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder(tmp_path / "d", [f"{k}.png" for k in range(3)])
    out = ["--out", str(tmp_path / "plans.json")]
    assert main(["plan", str(root), "--planner", "constant-velocity", "--speed", "5", "--hz", "2", *out]) == 0
    assert "3 of 3 samples planned" in capsys.readouterr().out
    assert main(["plan", str(root), "--planner", "constant-velocity", "--hz", "2", *out]) == 1
    assert "neither a pose before t0 nor a speed is known" in capsys.readouterr().out
    assert main(["check", str(root), "--hz", "2"]) == 0
    said = capsys.readouterr().out
    assert "own pictures: 2 cameras, 6 pictures with numbers, 1 seconds, 3 key frames at 2 Hz" in said and "speed unknown" in said
    assert main(["view", str(root), "--hz", "2", "--planner", "stand-still", "--limit", "1", "--out", str(tmp_path / "view")]) == 0
    assert (tmp_path / "view" / "index.html").exists()
    assert main(["eval", str(root)]) == 2 and "tell no times" in capsys.readouterr().err
