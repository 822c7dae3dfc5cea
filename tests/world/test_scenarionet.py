"""Recorded scenes: what the format leaves open, real files, broken files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.expert.expert import Expert
from drive.maps import Lane
from drive.sim.rollout import Loop, replay_human, rollout
from drive.sim.scores import score
from drive.world.map_arrays import CONFLICT_M
from drive.world.recorded.scenarionet import connected, log_world
from drive.world.state import BY_LANE, FAULT, OFF_ROAD

STEPS = 60


def track(x: np.ndarray, y: float, size: tuple[float, float, float], kind: str = "VEHICLE") -> dict[str, Any]:
    zeros, ones = np.zeros(STEPS), np.ones(STEPS)
    state = {
        "position": np.stack([x, np.full(STEPS, y), zeros], -1),
        "heading": zeros,
        "velocity": np.stack([np.gradient(x, 0.1), zeros], -1),
        "valid": ones,
        "length": np.full((STEPS, 1), size[0]),
        "width": np.full((STEPS, 1), size[1]),
        "height": np.full((STEPS, 1), size[2]),
    }
    return {"type": kind, "state": state, "metadata": {"type": "vehicle.car"}}


def scene() -> dict[str, Any]:
    """The ego drives 5 m/s along two joined lanes, the first with a polygon, the second without; a car ahead does 6 m/s."""
    t = np.arange(STEPS) * 0.1
    ring = [[-20.0, -2.0], [40.0, -2.0], [40.0, 2.0], [-20.0, 2.0]]
    return {
        "id": "made",
        "length": STEPS,
        "metadata": {"sdc_id": "ego", "ts": t},
        "tracks": {"ego": track(5 * t, 0.0, (1.73, 4.08, 1.56)), "car": track(20 + 6 * t, 0.0, (4.5, 1.9, 1.5))},
        "map_features": {
            "a": {"type": "LANE_SURFACE_STREET", "polyline": [[-20.0, 0.0], [40.0, 0.0]], "polygon": ring},
            "b": {"type": "LANE_SURFACE_STREET", "polyline": [[40.0, 0.0], [160.0, 0.0]]},
            "l": {"type": "ROAD_LINE_SOLID_SINGLE_YELLOW", "polyline": [[0.0, 2.0], [40.0, 2.0]]},
        },
    }


def write(folder: Path, data: Any) -> Path:
    path = folder / "made.pkl"
    path.write_bytes(pickle.dumps(data))
    return path


def test_lanes_are_joined_widened_and_the_ego_put_right(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, scene()))
    assert world.map.lane("a").successors == ("b",) and world.map.lane("b").predecessors == ("a",)
    assert world.map.lane("a").kind == "road" and world.map.lane("b").kind == "connector" and world.map.lane("b").width_m == 4.0
    np.testing.assert_allclose(world.static.body[:2], [4.08, 1.73])
    assert world.static.mode[1] == BY_LANE and world.start.pose[0, 0] == pytest.approx(1.486)


def test_replay_is_the_record(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, scene()), reactive=False)
    run = replay_human(world)
    np.testing.assert_allclose(run.ego[:, 0], 0.5 * np.arange(STEPS), atol=1e-9)
    np.testing.assert_allclose(run.pose[:, 1, 0], 20 + 0.6 * np.arange(STEPS), atol=1e-9)
    assert score(run).values["success"] == 1.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("tracks",), None, "field 'tracks' must be a dict"),
        (("length",), 1, "length: must be 2"),
        (("length",), 10**9, "length: must be 2"),
        (("metadata", "sdc_id"), "nobody", "no track 'nobody'"),
        (("metadata", "ts"), np.arange(STEPS) * 1.0, "metadata.ts"),
        (("map_features",), {}, "no lanes"),
        (("map_features", "a", "polyline"), [[0.0, np.nan], [1.0, 1.0]], "map feature 'a', polyline"),
        (("map_features", "a", "polyline"), [[0.0, 0.0], [1e7, 0.0]], "lanes span"),
        (("tracks", "car", "state", "heading"), np.zeros(3), "track 'car', state.heading"),
        (("tracks", "car", "state", "position"), np.full((STEPS, 3), np.inf), "track 'car', state"),
        (("tracks", "car", "state", "length"), np.full((STEPS, 1), 5000.0), "at most 60 m"),
        (("tracks", "ego", "state", "valid"), np.zeros(STEPS), "ego is not valid at every step"),
        (("tracks", "ego", "state", "position"), np.full((STEPS, 3), 90.0), "starts off the drivable area"),
    ],
)
def test_broken_files_are_refused_with_their_field(tmp_path: Path, path: tuple[str, ...], value: Any, message: str) -> None:
    data = scene()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=f"made.pkl.*{message}"):
        log_world(write(tmp_path, data))


def test_lanes_that_point_elsewhere_are_not_joined() -> None:
    a = Lane("a", np.array([[0.0, 0], [10, 0]]), 4.0, 10.0)
    turned = Lane("t", np.array([[10.0, 0], [10, 10]]), 4.0, 10.0)
    far = Lane("f", np.array([[10.0, CONFLICT_M], [20, CONFLICT_M]]), 4.0, 10.0)
    assert connected([a, turned, far])[0].successors == ()


def scenes(real_data: Path) -> list[Path]:
    files = sorted((real_data / "scenarionet").glob("*.pkl"))
    if not files:
        pytest.skip("no ScenarioNet files")
    return files


@pytest.mark.real
def test_two_metres_to_each_side_hold_the_humans_drives(real_data: Path) -> None:
    """Measured of the files: no step off the lanes' union in five scenes, 19 or 20 of 201 in scene-0916, as one draws the body."""
    off = {}
    for file in scenes(real_data):
        run = replay_human(log_world(file))
        assert run.outcome == "arrived" and not run.flags[:, FAULT].any()
        off[file.stem[-4:]] = int(run.flags[:, OFF_ROAD].sum())
    assert off.pop("0916") in (19, 20) and len(off) == 5 and not any(off.values())


@pytest.mark.real
@pytest.mark.parametrize("scene", ["0061", "0103", "0655", "0796", "0916", "1077"])
def test_the_expert_on_recorded_scenes(real_data: Path, scene: str) -> None:
    (file,) = (file for file in scenes(real_data) if scene in file.stem)
    world = log_world(file)
    human, expert = replay_human(world), rollout(world, Expert(), Loop(2.0))
    assert not expert.flags[:, FAULT].any()
    assert human.flags[:, OFF_ROAD].any() or not expert.flags[:, OFF_ROAD].any()
