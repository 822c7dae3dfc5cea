"""OpenScene logs: known answers on pickles of the original's layout, whole or partly there, hostile ones."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive import open_dataset
from drive.cli import main
from drive.data.check import check_dataset
from drive.data.images import read_image
from drive.data.layouts import layout_of
from drive.data.openscene.find import is_openscene
from drive.schema import MissingImage, Window
from tests.data.made.openscene import (
    ACCELERATION,
    BICYCLE,
    BICYCLE_MPS,
    CAMERAS,
    COMMANDS,
    FRAMES,
    LENS,
    LOG,
    PARKED,
    SPEED,
    YAW_RATE,
    ego,
    log_frame,
    turn,
    write_log,
    write_openscene,
)

WITH_PICTURES = 2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_openscene(tmp_path_factory.mktemp("openscene"), WITH_PICTURES)


def test_a_sample_tells_the_drive_that_was_written(made: Path) -> None:
    dataset = open_dataset(made, split="mini", window=Window(past_s=1.5, future_s=4.0, rate_hz=2.0))
    assert (len(dataset), dataset.scenes) == (FRAMES, (LOG,)) and dataset.tokens[4] == log_frame(4)["token"]
    sample = dataset[6]
    (x, y, z), heading = ego(3.0)
    np.testing.assert_allclose(sample.world_from_ego[:3, 3], [x, y, z])
    for told, times in ((sample.observation.past, np.arange(-1.5, 0.1, 0.5)), (sample.target.future, np.arange(0.5, 4.1, 0.5))):
        assert told.valid.all()
        for pose, time in zip(told.poses, times, strict=True):
            place, way = ego(3.0 + time)
            np.testing.assert_allclose(pose, [*(turn(-heading) @ (place - [x, y, z]))[:2], way - heading], atol=1e-6)
    assert not dataset[FRAMES - 3].target.future.valid[3:].any()  # the log ends


def test_motion_and_command_are_those_told(made: Path) -> None:
    dataset = open_dataset(made, split="mini")
    for k, command in enumerate(("left", "straight", "right", None)):
        seen = dataset[k].observation
        assert (seen.speed_mps, seen.acceleration_mps2, seen.command) == (SPEED, ACCELERATION, command)
        assert seen.yaw_rate_radps == pytest.approx(YAW_RATE)
    assert open_dataset(made, split="mini", command=False)[0].observation.command is None
    assert len(COMMANDS) == 4


def test_boxes_stand_and_move_as_they_did(made: Path) -> None:
    agents = open_dataset(made, split="mini")[4].target.agents
    assert agents is not None
    assert dict(zip(agents.instances, agents.categories, strict=True)) == {
        "car": "vehicle.car", "cone": "movable_object.trafficcone", "rider": "vehicle.bicycle",
    }  # fmt: skip
    (place, heading), rows = ego(2.0), {name: k for k, name in enumerate(agents.instances)}
    now, back = agents.now, turn(-heading)
    np.testing.assert_allclose(agents.centres[rows["car"], now], back @ (PARKED - place), atol=1e-6)
    np.testing.assert_allclose(agents.headings[rows["car"], now], 1.0 - heading, atol=1e-9)
    moved = BICYCLE + [BICYCLE_MPS * 2.0, 0.0, 0.0]
    np.testing.assert_allclose(agents.centres[rows["rider"], now], back @ (moved - place), atol=1e-6)
    np.testing.assert_allclose(agents.velocities[rows["rider"], now], (back @ [BICYCLE_MPS, 0.0, 0.0])[:2], atol=1e-6)
    assert agents.velocity_valid[:, now].tolist() == [True, False, True]  # the cone's is NaN
    assert agents.valid[rows["rider"]].tolist() == [k % 2 == 0 for k in range(11)]
    assert agents.sizes[rows["car"]].tolist() == [4.6, 2.0, 1.6]
    assert not agents.valid[:, 3].any()  # nobody stands in frame 3: an empty table of annotations


def test_eight_cameras_with_their_lenses(made: Path) -> None:
    views = open_dataset(made, split="mini")[0].observation.frames[-1].cameras
    assert [view.camera.name for view in views] == sorted(CAMERAS)
    for view in views:
        way = np.array([np.cos(a := np.radians(CAMERAS[view.camera.name])), np.sin(a), 0.0])
        np.testing.assert_allclose(view.camera.ego_from_camera[:3, 2], way, atol=1e-9)
        assert view.camera.distortion == tuple(LENS) and (view.camera.width, view.camera.height) == (1920, 1080)
        assert abs(int(read_image(view, 192, 108)[1][0, 0, 0]) - (30 if view.camera.name == "CAM_B0" else 90)) < 3


def test_pictures_may_be_absent(made: Path, tmp_path: Path) -> None:
    view = open_dataset(made, split="mini")[WITH_PICTURES].observation.frames[-1].cameras[0]
    with pytest.raises(MissingImage, match=f"CAM_B0/{WITH_PICTURES:016x}.jpg"):
        read_image(view)
    write_log(tmp_path / "a.pkl", [log_frame(k) for k in range(8)])
    assert len(open_dataset(tmp_path)) == 8 and open_dataset(tmp_path)[0].target.agents is not None


def test_a_split_without_annotations(made: Path) -> None:
    dataset = open_dataset(made, split="test")
    assert dataset[5].target.agents is None and dataset[5].target.future.valid.all()
    assert not set(dataset.tokens) & set(open_dataset(made, split="mini").tokens)


def test_a_log_of_two_splits_is_one(made: Path, tmp_path: Path) -> None:
    for split in ("mini", "trainval"):
        write_log(tmp_path / "navsim_logs" / split / f"{LOG}.pkl", [log_frame(k) for k in range(6)])
    assert len(open_dataset(tmp_path)) == 6 == len(open_dataset(tmp_path, split="trainval"))


def test_check_says_what_it_is_and_lacks(made: Path) -> None:
    report = check_dataset(made)
    assert not report.errors
    wanted = {"scenes": 2, "key frames": 2 * FRAMES, "boxes": 10 * 3 + 9 * 2, "pictures": 8 * WITH_PICTURES, "maps": 0}
    assert report.counts == wanted and "OpenScene/NAVSIM logs" in str(report)
    assert {w.kind for w in report.warnings} == {"not read", "no map", "not annotated", "picture not on disk"}


def test_a_frame_that_was_left_out_is_a_gap(tmp_path: Path) -> None:
    write_log(tmp_path / "a.pkl", [log_frame(k) for k in range(FRAMES) if k != 9])
    assert "gap between key frames" in {w.kind for w in check_dataset(tmp_path).warnings}
    future = open_dataset(tmp_path)[7].target.future
    assert future.valid.tolist() == [True] + [False] * 5


def test_the_verbs_take_it(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = [str(made), "--split", "mini"]
    assert main(["plan", *data, "--planner", "constant-velocity", "--out", str(tmp_path / "p.json"), "-q"]) == 0
    assert main(["eval", *data, "--plans", str(tmp_path / "p.json"), "-q"]) == 0
    assert "constant-velocity" in capsys.readouterr().out
    assert main(["view", *data, "--limit", "1", "--planner", "log", "--out", str(tmp_path / "v"), "-q"]) == 0
    assert main(["truth", str(made), str(tmp_path / "t.npz"), "--split", "mini", "-q"]) == 0
    one, other = open_dataset(tmp_path / "t.npz")[8].target, open_dataset(made, split="mini")[8].target
    np.testing.assert_array_equal(one.agents.velocities, other.agents.velocities)
    assert main(["pack", str(made), str(tmp_path / "r"), "--split", "mini", "--splits", "all:1", "-q"]) == 0
    assert open_dataset(tmp_path / "r").sample(log_frame(1)["token"]).observation.command == "straight"


def _changed(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda frame: frame.__setitem__(key, value)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.pop("driving_command"), "frame 1: no 'driving_command'"),
        (_changed("driving_command", np.array([1, 1, 0, 0])), "expected one 1 among left, forward, right, unknown"),
        (_changed("timestamp", 1.5), "timestamp is '1.5', expected microseconds"),
        (_changed("timestamp", log_frame(0)["timestamp"]), "do not increase"),
        (_changed("token", log_frame(0)["token"]), "two have one token"),
        (_changed("ego2global", 2 * np.eye(4)), "ego2global is no rigid motion"),
        (_changed("ego2global", np.eye(3)), "ego2global has the shape [3, 3]"),
        (_changed("ego_dynamic_state", [np.nan] * 4), "a value that is not finite"),
        (lambda frame: frame["anns"].update(gt_names=np.array(["dragon", "bicycle"])), "'dragon', which is none of nuPlan's 7"),
        (lambda frame: frame["anns"].update(track_tokens=["a"]), "track_tokens holds 1 values, expected 2"),
        (lambda frame: frame["anns"].update(track_tokens=["a", "a"]), "annotated twice"),
        (lambda frame: frame["cams"]["CAM_F0"].update(data_path="../../secret.jpg"), "leaves the data set"),
        (lambda frame: frame["cams"]["CAM_F0"].update(cam_intrinsic=[1, 2]), "CAM_F0: cam_intrinsic has the shape [2]"),
        (_changed("vehicle_name", Evil()), "names builtins.print"),
    ],
)
def test_impossible_values_are_named(tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    frames = [log_frame(k) for k in range(3)]
    change(frames[1])
    write_log(tmp_path / "a.pkl", frames)
    report = check_dataset(tmp_path)
    assert message in str(report)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends in the middle"),
        (pickle.dumps([{"a": 1}]), "frame 0: no 'timestamp'"),
        (pickle.dumps([Evil()]), "names builtins.print"),
        (pickle.dumps("log"), "holds a str, expected a list of frames"),
    ],
)
@pytest.mark.parametrize("folder", [".", "logs", "navsim_logs/mini", "meta_datas/mini"])
def test_a_log_that_is_none_hides_no_other(tmp_path: Path, content: bytes, message: str, folder: str) -> None:
    good, bad = (tmp_path / folder / f"{name}.pkl" for name in ("b", "a"))
    write_log(good, [log_frame(k) for k in range(3)])
    bad.write_bytes(content)
    report = check_dataset(tmp_path)
    assert report.counts["scenes"] == 2 and report.counts["key frames"] == 3
    assert [(error.kind, error.token) for error in report.errors] == [("unreadable scene", "a")] and message in str(report)
    with pytest.raises(ValueError, match=rf"a\.pkl.*{message}"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, split="b")) == 3


def test_a_split_of_damaged_logs_alone_is_no_empty_one(tmp_path: Path) -> None:
    write_log(tmp_path / "navsim_logs" / "test" / "b.pkl", [log_frame(k) for k in range(3)])
    (tmp_path / "navsim_logs" / "mini").mkdir()
    (tmp_path / "navsim_logs" / "mini" / "a.pkl").touch()
    with pytest.raises(ValueError, match=r"a\.pkl.*ends in the middle"):
        open_dataset(tmp_path, split="mini")
    assert main(["check", str(tmp_path)]) == 1


def test_pickles_of_something_else_beside_splits_are_no_split(tmp_path: Path) -> None:
    write_log(tmp_path / "navsim_logs" / "mini" / "b.pkl", [log_frame(k) for k in range(3)])
    (tmp_path / "navsim_logs" / "cache").mkdir()
    (tmp_path / "navsim_logs" / "cache" / "x.pkl").write_bytes(pickle.dumps({"id": 1}))
    assert len(open_dataset(tmp_path)) == 3
    (tmp_path / "meta_datas" / "scenes" / "more").mkdir(parents=True)
    (tmp_path / "meta_datas" / "scenes" / "more" / "x.pkl").write_bytes(pickle.dumps({"id": 1}))
    assert not is_openscene(tmp_path / "meta_datas" / "scenes")


def test_a_pipe_is_no_log_that_is_waited_for(tmp_path: Path) -> None:
    write_log(tmp_path / "navsim_logs" / "mini" / "b.pkl", [log_frame(k) for k in range(3)])
    os.mkfifo(tmp_path / "navsim_logs" / "mini" / "a.pkl")
    assert len(open_dataset(tmp_path)) == 3


def test_other_pickles_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"id": "scene", "tracks": {}}))
    assert not is_openscene(tmp_path) and layout_of(tmp_path) is None
    write_log(tmp_path / "logs" / "b.pkl", {"log_name": 1, "ego2global": 2, "driving_command": 3})
    with pytest.raises(ValueError, match="holds a dict, expected a list of frames"):
        open_dataset(tmp_path)
