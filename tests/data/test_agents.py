"""Agents: closed forms on the synthetic set, the devkit's own answers on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.data.dataset import open_dataset
from drive.data.nuscenes.index import load_tables
from drive.data.nuscenes.scenes import read_scene
from drive.data.nuscenes.tables import find_version
from drive.data.tracks import track_velocities
from drive.frames import transform_points, wrap_angle
from drive.schema import Agents, SceneSample, Window


@pytest.fixture(scope="module")
def straight(mini: Path) -> SceneSample:
    return open_dataset(mini, split="straight", maps=False)[5]


def by_speed(agents: Agents, low: float, high: float) -> np.ndarray:
    speed = np.linalg.norm(agents.velocities[:, agents.now], axis=-1)
    return np.flatnonzero((speed >= low) & (speed < high) & agents.velocity_valid[:, agents.now])


def test_tracks_on_a_straight_road(straight: SceneSample) -> None:
    agents = straight.target.agents
    assert agents.times_s.tolist() == [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3] and agents.now == 4
    assert len(set(agents.instances)) == len(agents.instances) == len(agents.categories) == len(agents.valid)
    (lead,) = by_speed(agents, 8.5, 9.5)
    assert np.allclose(agents.velocities[lead], [9, 0], atol=1e-5) and agents.valid[lead].all()
    assert np.allclose(agents.centres[lead, :, 0] - agents.centres[lead, 4, 0], 9 * agents.times_s, atol=1e-5)
    assert np.allclose(agents.centres[lead, :, 1:], [0, 0.75], atol=1e-5) and np.allclose(agents.headings[lead], 0, atol=1e-6)
    assert np.allclose(agents.sizes[lead], [4.5, 1.85, 1.5])
    for oncoming in by_speed(agents, 5.5, 8.5):
        assert np.allclose(np.abs(wrap_angle(agents.headings[oncoming][agents.valid[oncoming]])), np.pi, atol=1e-6)
        assert np.allclose(agents.centres[oncoming, agents.valid[oncoming], 1], 3.5, atol=1e-5)
    parked = by_speed(agents, 0, 0.1)
    assert len(parked) >= 3 and {agents.categories[i] for i in parked} <= {"vehicle.car", "vehicle.truck"}


def test_what_is_not_annotated_holds_nothing(mini: Path) -> None:
    partly = False
    for sample in open_dataset(mini, maps=False):
        agents = sample.target.agents
        assert agents.valid.any(1).all() and not (agents.velocity_valid & ~agents.valid).any()
        off = ~agents.valid
        partly |= bool(off.any())
        assert not agents.centres[off].any() and not agents.headings[off].any()
        assert not agents.velocities[~agents.velocity_valid].any()
        assert (agents.points[off] == -1).all() and (agents.visibility[off] == 0).all()
        assert (agents.points[agents.valid] >= 0).all() and np.isin(agents.visibility[agents.valid], [1, 2, 3, 4]).all()
    assert partly


def test_lidar_points_lie_on_the_boxes(mini: Path) -> None:
    for sample in open_dataset(mini, maps=False):
        agents, now = sample.target.agents, sample.target.agents.now
        front = sample.observation.frames[-1].cameras[0].image
        assert isinstance(front, Path) and sample.target.ego_from_lidar is not None
        (file,) = (mini / "samples" / "LIDAR_TOP").glob(f"{sample.scene}__LIDAR_TOP__{sample.timestamp_us}.pcd.bin")
        points = transform_points(sample.target.ego_from_lidar, np.fromfile(file, dtype="<f4").reshape(-1, 5)[:, :3])
        inside = np.zeros(len(points), dtype=bool)
        for box, count in zip(agents.boxes(now)[agents.valid[:, now]], agents.points[agents.valid[:, now], now], strict=True):
            offset = points[:, :2] - box[:2]
            along = offset @ [np.cos(box[2]), np.sin(box[2])], offset @ [-np.sin(box[2]), np.cos(box[2])]
            on = (np.abs(along[0]) < box[3] / 2 + 1e-3) & (np.abs(along[1]) < box[4] / 2 + 1e-3)
            assert on.sum() == count
            inside |= on
        assert inside.all()


def test_between_key_frames_agents_move_on_a_line_and_their_points_are_unknown(mini: Path) -> None:
    sample = open_dataset(mini, split="straight", window=Window(1.0, 2.0, 4.0), maps=False)[6]
    agents = sample.target.agents
    (lead,) = by_speed(agents, 8.5, 9.5)
    assert np.allclose(agents.centres[lead, :, 0] - agents.centres[lead, agents.now, 0], 9 * agents.times_s, atol=1e-5)
    on_key_frame = np.isclose(agents.times_s * 2, np.round(agents.times_s * 2))
    assert (agents.points[lead] >= 0).tolist() == on_key_frame.tolist() == (agents.visibility[lead] > 0).tolist()


def test_velocities_take_what_neighbours_there_are() -> None:
    times = np.array([0.0, 0.5, 1.0, 1.5, 5.0])
    x = np.array([[0.0, 1, 3, 7, 9]])
    centres = np.stack([x, 0 * x, 0 * x], -1)
    velocity, known = track_velocities(centres, np.array([[True, True, True, False, True]]), times)
    assert known.tolist() == [[True, True, False, False, False]]  # 4.5 s between the neighbours of the third, 4 s before the last
    assert velocity[0, :, 0].tolist() == [2.0, 3.0, 0.0, 0.0, 0.0]
    velocity, known = track_velocities(centres, np.array([[True, False, True, True, False]]), times)
    assert known.tolist() == [[True, False, True, True, False]]
    np.testing.assert_allclose(velocity[0, :, 0], [3, 0, 7 / 1.5, 8, 0])  # over the skipped key frame
    assert not track_velocities(centres, np.array([[False, True, False, False, False]]), times)[1].any()
    _, known = track_velocities(centres, np.ones((1, 5), dtype=bool), times)
    assert known.tolist() == [[True, True, True, False, False]]


def devkit(root: Path) -> Any:
    """The tables of a folder as nuscenes-devkit opens them."""
    from nuscenes.nuscenes import NuScenes

    return NuScenes(version=find_version(root, None), dataroot=str(root), verbose=False)


def differing_velocities(root: Path) -> tuple[int, int, int]:
    """How many annotations a data set has, of how many the devkit knows no velocity, and how many differ from the devkit's."""
    nusc, tables = devkit(root), load_tables(root, find_version(root, None))
    count = unknown = differ = 0
    for scene in nusc.scene:
        log = read_scene(tables, root, scene, 0.5)
        rows = {name: k for k, name in enumerate(log.tracks.instances)}
        for step, sample in enumerate(log.tokens):
            for token in nusc.get("sample", sample)["anns"]:
                k, expected = rows[nusc.get("sample_annotation", token)["instance_token"]], nusc.box_velocity(token)
                velocity = np.where(log.tracks.velocity_valid[k, step], log.tracks.velocities[k, step], np.nan)
                count, unknown = count + 1, unknown + bool(np.isnan(expected).any())
                differ += not np.allclose(velocity, expected, rtol=0, atol=1e-9, equal_nan=True)
    return count, unknown, differ


def test_every_velocity_of_the_embedded_set_is_the_devkits(embedded: Path) -> None:
    assert differing_velocities(embedded) == (1945, 43, 0)


@pytest.mark.real
@pytest.mark.parametrize(("name", "expected"), [("nuscenes-mini", (18389, 30, 0)), ("pandaset-002", (1517, 2, 0))])
def test_every_velocity_of_real_sets_is_the_devkits(real_data: Path, name: str, expected: tuple[int, int, int]) -> None:
    assert differing_velocities(real_data / name) == expected


@pytest.mark.real
def test_boxes_and_velocities_are_the_devkits(real_data: Path) -> None:
    """Parity with nuscenes-devkit: boxes in the ego frame, `box_velocity`, on scenes with tilted poses."""
    from pyquaternion import Quaternion

    dataset = open_dataset(real_data / "nuscenes-mini", split="scene-0103,scene-1077", maps=False)
    nusc = devkit(dataset.root)
    compared = 0
    for i in range(0, len(dataset), 7):
        sample = dataset[i]
        agents, now = sample.target.agents, sample.target.agents.now
        record = nusc.get("sample", sample.token)
        pose = nusc.get("ego_pose", nusc.get("sample_data", record["data"]["LIDAR_TOP"])["ego_pose_token"])
        rows = {name: k for k, name in enumerate(agents.instances)}
        assert len(record["anns"]) == agents.valid[:, now].sum()
        for token in record["anns"]:
            k = rows[nusc.get("sample_annotation", token)["instance_token"]]
            box = nusc.get_box(token)
            box.translate(-np.array(pose["translation"]))
            box.rotate(Quaternion(pose["rotation"]).inverse)
            assert np.allclose(agents.centres[k, now], box.center, atol=1e-6)
            length, width, height = agents.sizes[k]
            assert np.allclose([width, length, height], box.wlh, atol=0.02)  # of t0, which this is
            forward = box.orientation.rotate([1, 0, 0])
            assert wrap_angle(agents.headings[k, now] - np.arctan2(forward[1], forward[0])) == pytest.approx(0, abs=1e-6)
            velocity = Quaternion(pose["rotation"]).inverse.rotate(nusc.box_velocity(token))[:2]
            if agents.velocity_valid[k, now]:
                assert np.allclose(agents.velocities[k, now], velocity, atol=1e-6)
                compared += 1
            else:
                assert np.isnan(velocity).all()
    assert compared > 400
