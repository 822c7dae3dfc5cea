"""The nuScenes adapter: camera poses against the devkit, what loading refuses, and damage of every kind."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edit_tables import VERSION, edit

from drive.cameras import project
from drive.data.dataset import open_dataset
from drive.frames import invert_se3, se2_to_se3, transform_points


@pytest.mark.real
@pytest.mark.parametrize("name", ["nuscenes-mini", "pandaset-002"])
def test_projection_through_world_is_the_devkits(real_data: Path, name: str) -> None:
    """A point in the ego frame of t0 falls on the pixel that the devkit's chain of transforms gives it."""
    from nuscenes.utils.geometry_utils import view_points
    from pyquaternion import Quaternion

    dataset = open_dataset(real_data / name, limit=45, maps=False)
    rng = np.random.default_rng(0)
    for i in range(0, len(dataset), 11):
        sample = dataset[i]
        points = rng.uniform([-40, -40, -2], [40, 40, 4], (300, 3))
        world = transform_points(sample.world_from_ego, points)
        for image in sample.observation.frames[-1].cameras:
            row = dataset._tables.get("sample_data", dataset._tables.get("sample", sample.token)["data"][image.camera.name])
            seen = world.T
            for table, token in (("ego_pose", "ego_pose_token"), ("calibrated_sensor", "calibrated_sensor_token")):
                pose = dataset._tables.get(table, row[token])
                seen = Quaternion(pose["rotation"]).inverse.rotation_matrix @ (seen - np.array(pose["translation"])[:, None])
            front = seen[2] > 0.5
            expected = view_points(seen[:, front], image.camera.K, normalize=True)[:2].T
            pixels, before = project(image.camera, points)
            assert before[front].all()
            assert np.abs(pixels[front] - expected).max() < 1e-5


def test_camera_poses_hold_the_motion_between_camera_and_lidar(mini: Path) -> None:
    """A car at 9 m/s moves by 9 dt between a camera's time and t0; the mount stays where it is on the car."""
    for image in open_dataset(mini, split="straight", maps=False)[4].observation.frames[-1].cameras:
        assert image.mount is not None and image.time_s < 0
        moved = image.camera.ego_from_camera @ invert_se3(image.mount)
        assert np.allclose(moved, se2_to_se3([9 * image.time_s, 0, 0]), atol=1e-6)


def row_of(root: Path, table: str, channel: str, place: int = 0) -> str:
    """Token of the row of a table that belongs to a channel."""
    read = {name: json.loads((root / VERSION / f"{name}.json").read_text()) for name in ("sensor", "calibrated_sensor", "sample_data")}
    sensor = next(row["token"] for row in read["sensor"] if row["channel"] == channel)
    calibration = next(row["token"] for row in read["calibrated_sensor"] if row["sensor_token"] == sensor)
    if table == "calibrated_sensor":
        return calibration
    return [row["token"] for row in read["sample_data"] if row["calibrated_sensor_token"] == calibration][place]


IMPOSSIBLE: dict[str, tuple[str, str, Callable[[dict], Any], str]] = {
    "focal length 40 times too long": ("calibrated_sensor", "camera_intrinsic", lambda r: scaled(r, 40), "field of view"),
    "focal length 40 times too short": ("calibrated_sensor", "camera_intrinsic", lambda r: scaled(r, 1 / 40), "field of view"),
    "K transposed": ("calibrated_sensor", "camera_intrinsic", lambda r: np.transpose(r["camera_intrinsic"]).tolist(), "transposed"),
    "K of twice the image size": ("calibrated_sensor", "camera_intrinsic", lambda r: sized(r, 2), "outside"),
    "K of half the image size": ("calibrated_sensor", "camera_intrinsic", lambda r: sized(r, 0.5), "another image size"),
    "no K": ("calibrated_sensor", "camera_intrinsic", lambda r: [], "3, 3"),
    "NaN in K": ("calibrated_sensor", "camera_intrinsic", lambda r: [[float("nan")] * 3] * 3, "finite"),
    "mount not unit": ("calibrated_sensor", "rotation", lambda r: [2 * v for v in r["rotation"]], "no pose"),
    "mount NaN": ("calibrated_sensor", "translation", lambda r: [float("nan"), 0, 0], "no pose"),
    "pose not unit": ("ego_pose", "rotation", lambda r: [0, 0, 0, 0], "no pose"),
    "pose infinite": ("ego_pose", "translation", lambda r: [float("inf"), 0, 0], "no pose"),
    "pose token leads nowhere": ("sample_data", "ego_pose_token", lambda r: "nowhere", "nowhere"),
    "calibration leads nowhere": ("sample_data", "calibrated_sensor_token", lambda r: "nowhere", "nowhere"),
    "path upwards": ("sample_data", "filename", lambda r: "samples/../../secret.jpg", "leaves the data set"),
    "absolute path": ("sample_data", "filename", lambda r: "/etc/hostname", "leaves the data set"),
    "image width zero": ("sample_data", "width", lambda r: 0, "size must be positive"),
}


def scaled(row: dict, factor: float) -> list[list[float]]:
    k = np.array(row["camera_intrinsic"])
    k[:2, :2] *= factor
    return k.tolist()


def sized(row: dict, factor: float) -> list[list[float]]:
    k = np.array(row["camera_intrinsic"])
    k[:2] *= factor
    return k.tolist()


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_loading_refuses_what_cannot_be(one_scene: Path, case: str) -> None:
    table, field, change, message = IMPOSSIBLE[case]
    token = row_of(one_scene, table, "CAM_BACK", 5)
    with edit(one_scene, table) as rows:
        row = next(row for row in rows if row["token"] == token)
        row[field] = change(row)
    with pytest.raises(ValueError, match=message):
        list(open_dataset(one_scene, maps=False))


def test_loading_refuses_broken_chains(one_scene: Path) -> None:
    path = one_scene / VERSION / "sample.json"
    whole = path.read_text()
    for field, value, message in (("next", 2, "circle"), ("next", "nowhere", "nowhere"), ("timestamp", 0, "backwards")):
        path.write_text(whole)
        with edit(one_scene, "sample") as rows:
            rows[6][field] = rows[value]["token"] if value == 2 else value
        with pytest.raises(ValueError, match=message):
            open_dataset(one_scene)


def test_impossible_annotations(one_scene: Path) -> None:
    path = one_scene / VERSION / "sample_annotation.json"
    whole = path.read_text()
    for field, value, message in (
        ("size", [1.0, 0.0, 1.0], "impossible size"),
        ("size", [float("nan")] * 3, "impossible size"),
        ("rotation", [1, 1, 1, 1], "no pose"),
        ("instance_token", "same", "twice"),
    ):
        path.write_text(whole)
        with edit(one_scene, "sample_annotation") as rows:
            other = next(row for row in rows[1:] if row["sample_token"] == rows[0]["sample_token"])
            rows[0][field] = other["instance_token"] if value == "same" else value
        with pytest.raises(ValueError, match=f"scene left-40m.*{message}"):
            open_dataset(one_scene)[0]


@pytest.mark.parametrize("place", ["samples/CAM_FRONT", f"{VERSION}/sample.json", VERSION, "can_bus", "maps/expansion"])
def test_nothing_outside_the_root_is_read(one_scene: Path, tmp_path: Path, place: str) -> None:
    """A symbolic link that leads out of the root is refused, whatever it stands for."""
    outside = tmp_path / "outside"
    shutil.move(one_scene / place, outside)
    (one_scene / place).symlink_to(outside)
    with pytest.raises(ValueError, match="symbolic link"):
        list(open_dataset(one_scene, motion="can"))


def test_links_inside_the_root_are_fine(one_scene: Path) -> None:
    shutil.move(one_scene / "samples", one_scene / "elsewhere")
    (one_scene / "samples").symlink_to("elsewhere")
    assert len(list(open_dataset(one_scene))) == 14


def test_a_root_that_is_a_link_itself_is_fine(one_scene: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(one_scene)
    assert len(list(open_dataset(tmp_path / "link"))) == 14


VALUES = (None, "", "nowhere", -1, 0, 10**30, 1.5, float("nan"), [], {}, [1, 2, 3], [0, 0, 0, 0], True, "../x", [[1]], ["a"])


def damage(root: Path, seed: int) -> str:
    """One random change to one table; says what."""
    rng = random.Random(seed)
    path = rng.choice(sorted((root / VERSION).glob("*.json")))
    rows = json.loads(path.read_text())
    kind = rng.choice(["value", "value", "value", "field", "row", "double", "garbage", "file"])
    if not isinstance(rows, list) or kind in ("garbage", "file"):
        if kind == "file":
            path.unlink()
        else:
            path.write_text(rng.choice(["", "[", "{}", "null", "[1, 2]", '["a"]', "[[]]", "[{}]", "\x00", "[" * 100_000]))
        return f"{path.name}: {kind}"
    row = rng.choice(rows)
    field = rng.choice(sorted(row))
    if kind == "value":
        row[field] = rng.choice(VALUES)
    elif kind == "field":
        del row[field]
    elif kind == "row":
        rows.remove(row)
    else:
        rows.append(dict(row))
    path.write_text(json.dumps(rows))
    return f"{path.name}: {kind} of {field} -> {row.get(field)!r}"


@pytest.mark.parametrize("seeds", [range(24), pytest.param(range(24, 240), marks=pytest.mark.slow)])
def test_whatever_is_damaged_is_refused_by_name_or_harmless(one_scene: Path, seeds: range) -> None:
    """Any single damage: `open_dataset` raises nothing but ValueError, `check_dataset` nothing, and what loading refuses
    (or cannot read) is an error of the check."""
    from drive.data.check import check_dataset

    backup = one_scene / "backup"
    shutil.copytree(one_scene / VERSION, backup)
    refused = 0
    for seed in seeds:
        shutil.rmtree(one_scene / VERSION)
        shutil.copytree(backup, one_scene / VERSION)
        what = damage(one_scene, seed)
        try:
            for sample in open_dataset(one_scene, maps=False):
                assert np.isfinite(sample.observation.past.poses).all() and np.isfinite(sample.target.agents.centres).all(), what
            failed = False
        except ValueError:
            failed = True
        report = check_dataset(one_scene)
        refused += failed
        assert "Traceback" not in str(report)
        assert not failed or report.errors, f"loading refuses what the check does not see: {what}"
    assert 1 / 6 < refused / len(seeds) < 11 / 12
