"""Scenes of a nuScenes data set as worlds: motion between key frames, lanes from arc-line paths, missing and broken maps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nuscenes.map_expansion.arcline_path_utils import discretize_lane

from drive.data.nuscenes.expansion import arcline
from drive.expert.expert import LaneFollower
from drive.sim.episodes import Episode, make_world
from drive.sim.rollout import replay_human, rollout
from drive.sim.saved import replay_file, save_rollout
from drive.sim.scores import score
from drive.sim.simulate import choose_episodes
from drive.world.recorded.nuscenes import scene_names, scene_world
from drive.world.recorded.resample import interpolated
from drive.world.state import BY_LANE, FAULT, OFF_ROAD, PEDESTRIAN, SPEED
from tests.analytic import analytic_set
from tests.analytic.scenes import DRIVES

SCENES = [name for name, *_ in DRIVES]
EXPANSION = "maps/expansion/boston-seaport.json"


@pytest.mark.parametrize("scene", SCENES)
def test_the_humans_drive_is_clean(scene: str) -> None:
    run = replay_human(scene_world(analytic_set(), scene, reactive=False))
    result = score(run)
    assert not run.flags[:, [FAULT, OFF_ROAD]].any() and len(run.actions) == 65
    if scene == "stopped":  # there is no way to go: neither a success nor a failure
        assert run.outcome == "record ended" and np.isnan(result.values["success"]) and result.facts["length_m"] == 0
    else:
        assert run.outcome == "arrived" and result.values["success"] == result.values["route_completion"] == 1.0
        assert result.facts["length_m"] > 20


def test_motion_between_key_frames_is_the_cars_own() -> None:
    """The script behind the set gives closed forms: 3 m/s and 1 m/s^2; 8 m/s on a circle of 40 m."""
    t = np.arange(66) * 0.1
    human = scene_world(analytic_set(), "accelerate").static.human
    way = np.hypot(*(human[:, :2] - human[0, :2]).T)
    np.testing.assert_allclose(way, 3 * t + t**2 / 2, atol=0.01)
    np.testing.assert_allclose(human[:, 3], 3 + t, atol=0.01)
    human = scene_world(analytic_set(), "left-40m").static.human
    np.testing.assert_allclose(np.unwrap(human[:, 2]) - human[0, 2], 8 * t / 40, atol=1e-6)
    np.testing.assert_allclose(human[:, 3], 8.0, atol=0.03)


def test_agents_lanes_and_crossings_come_along() -> None:
    world = scene_world(analytic_set(), "brake")
    assert {lane.kind for lane in world.map.lanes} == {"road"} and len(world.map.lanes) >= 2
    assert all(abs(lane.width_m - 3.5) < 0.1 for lane in world.map.lanes)
    (crossing,) = world.map.crossings
    walk = crossing.walk[1] - crossing.walk[0]
    heading = world.static.human[-1, 2]
    assert abs(walk @ [np.cos(heading), np.sin(heading)]) < 0.02 * np.hypot(*walk) and 9 < np.hypot(*walk) < 12
    kinds, modes = world.static.kind, world.static.mode
    assert (kinds == PEDESTRIAN).sum() >= 2 and (modes[kinds != PEDESTRIAN] == BY_LANE).sum() >= 2


def test_a_chain_of_arcs_is_the_devkits() -> None:
    paths = json.loads((analytic_set() / EXPANSION).read_text())["arcline_path_3"]
    for chain in paths.values():
        theirs = np.array(discretize_lane(chain, 0.5))[:, :2]
        ours = arcline(chain, 0.25)
        gaps = np.hypot(*np.moveaxis(theirs[:, None] - ours[None], -1, 0))
        assert gaps.min(1).max() < 0.13 and np.hypot(*(ours[-1] - chain[-1]["end_pose"][:2])) < 1e-3


def test_an_s_bend_ends_where_it_must() -> None:
    """A quarter to the left, 10 m straight on, a quarter to the right: 20 + 10 m up, 20 m along."""
    path = {"start_pose": [0, 0, 0], "shape": "LSR", "radius": 10.0, "segment_length": [5 * np.pi, 10.0, 5 * np.pi]}
    line = arcline([path])
    np.testing.assert_allclose(line[-1], [20.0, 30.0], atol=1e-9)
    assert np.hypot(*np.diff(line, axis=0).T).max() < 1.001


@pytest.mark.parametrize("shape", ["LS", "LXR", "LLLL"])
def test_a_path_that_is_none_is_refused(shape: str) -> None:
    with pytest.raises(ValueError, match="three segments"):
        arcline([{"start_pose": [0, 0, 0], "shape": shape, "radius": 10.0, "segment_length": [1.0, 1.0, 1.0]}])


def test_gaps_stay_gaps() -> None:
    times = np.arange(6) * 0.5
    poses = np.column_stack([4.0 * times, np.zeros(6), np.full(6, 3.1)])
    poses[4:, 2] = -3.1  # the short way round
    rows, known = interpolated(times, poses, np.array([True, False, True, True, True, False]), 26, 1.0)
    np.testing.assert_array_equal(np.flatnonzero(known), [0, *range(10, 21)])
    np.testing.assert_allclose(rows[10:21, 0], 0.4 * np.arange(10, 21), atol=1e-9)
    assert (np.abs(rows[15:21, 2]) > 3.09).all() and not rows[~known].any()
    assert not interpolated(times * 3, poses, np.ones(6, dtype=bool), 60, 1.0)[1][5:10].any()


def test_a_saved_drive_replays(tmp_path: Path) -> None:
    episode = Episode(str(analytic_set()), scene="right-30m")
    run = rollout(make_world(episode), LaneFollower())
    found, stated = replay_file(save_rollout(run, episode, tmp_path, episode.name))
    assert found.hash == stated and episode.name == "right-30m" and run.ego[:, SPEED].max() > 5


def test_a_data_set_gives_its_scenes() -> None:
    assert scene_names(analytic_set()) == SCENES
    assert [e.scene for e in choose_episodes([str(analytic_set())], 3, 2, ["ordinary"], None)] == SCENES[2:5]
    with pytest.raises(ValueError, match="no scene number 99"):
        choose_episodes([str(analytic_set())], 3, 99, ["ordinary"], None)
    with pytest.raises(ValueError, match="no scene 'nowhere'"):
        scene_world(analytic_set(), "nowhere")


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """The tables of the embedded set, linked, with a copy of its map to damage."""
    (tmp_path / "maps" / "expansion").mkdir(parents=True)
    shutil.copytree(analytic_set() / "v1.0-mini", tmp_path / "v1.0-mini")
    shutil.copy(analytic_set() / "maps" / "synthetic.png", tmp_path / "maps")
    return tmp_path


def test_a_missing_map_is_named(damaged: Path) -> None:
    with pytest.raises(ValueError, match="maps/expansion/boston-seaport.json: no such file"):
        scene_world(damaged, "brake")


def _first_path(data: dict[str, Any], **values: Any) -> None:
    for chain in data["arcline_path_3"].values():
        chain[0].update(values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d.pop("connectivity"), "no layer 'connectivity'"),
        (lambda d: d["node"][0].pop("x"), "node: no token or field 'x'"),
        (lambda d: d["node"].clear(), "no token or field"),
        (lambda d: d["arcline_path_3"].clear(), "no lane with an arc-line path"),
        (lambda d: _first_path(d, radius=float("nan")), "lane .*three segments"),
        (lambda d: _first_path(d, segment_length=[1e9, 0, 0]), "shorter than"),
        (lambda d: _first_path(d, start_pose=[0, 0]), "lane .*unpack"),
        (lambda d: d["drivable_area"].clear(), "off the drivable area at 66 of 66 steps"),
        (lambda d: d.update(lane=[1, 2]), "lane 1"),
    ],
)
def test_a_broken_map_is_refused_with_its_place(damaged: Path, damage: Any, message: str) -> None:
    data = json.loads((analytic_set() / EXPANSION).read_text())
    damage(data)
    (damaged / EXPANSION).write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message):
        scene_world(damaged, "brake")


def test_what_is_no_json_is_refused(damaged: Path) -> None:
    (damaged / EXPANSION).write_text("{" * 5)
    with pytest.raises(ValueError, match="boston-seaport.json: not JSON"):
        scene_world(damaged, "brake")
