"""ScenarioNet files as a data set: known answers on made ones, hostile ones refused by name, the same drive elsewhere known."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.dataset import Dataset
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.records.drives import Moment, drives_of
from tests.analytic.scenario import STEPS, nuscenes_scene, waymo_scene


def named(folder: Path, data: dict[str, Any], scenario: str, name: str = "") -> Path:
    """The file of a scene, with its id inside and in its name."""
    data["metadata"]["scenario_id"] = scenario
    path = folder / (name or f"sd_{data['metadata']['dataset']}_made_{scenario}.pkl")
    path.write_bytes(pickle.dumps(data))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    named(root, nuscenes_scene(), "scene-1")
    (root / "waymo").mkdir()
    (root / "dataset_summary.pkl").write_bytes(b"never opened")
    data = waymo_scene()
    data["tracks"]["7"]["state"]["position"][:, 2] = 20.8  # of the box's centre; it is 1.6 m high
    named(root / "waymo", data, "abc")
    return root


def test_a_sample_tells_what_was_written(folder: Path) -> None:
    dataset = open_dataset(folder, split="sd_nuscenes_made_scene-1", lanes=True)
    assert isinstance(dataset, Dataset) and len(dataset) == STEPS and len(dataset.all_tokens) == 2 * STEPS
    sample = dataset.sample("sd_nuscenes_made_scene-1:025")
    np.testing.assert_allclose(sample.target.future.poses[:, 0], 5 * np.arange(0.5, 3.01, 0.5), atol=1e-6)
    np.testing.assert_allclose(sample.observation.past.poses[:, 0], 5 * np.arange(-2, 0.01, 0.5), atol=1e-6)
    assert sample.target.future.valid.all() and sample.observation.speed_mps == pytest.approx(5.0)
    assert sample.observation.frames[-1].cameras == () and sample.observation.command == "straight"
    agents, lanes = sample.target.agents, sample.target.lanes
    assert agents is not None and agents.categories == ("vehicle.car",) and agents.points.tolist() == [[-1] * 11]
    np.testing.assert_allclose(agents.centres[0, agents.now], [20 + 2.5, 0, 0.75], atol=1e-6)  # on the ground: the file tells no heights
    np.testing.assert_allclose(agents.velocities[0, agents.now], [6, 0], atol=1e-6)
    assert agents.sizes.tolist() == [[4.5, 1.9, 1.5]]
    assert lanes is not None and lanes.ids == ("a", "b") and lanes.follows.tolist() == [[0, 1]] and not lanes.limit_known.any()
    assert sample.target.lights is None


def test_a_waymo_file_has_its_axle_its_ground_and_its_lights(folder: Path) -> None:
    dataset = open_dataset(folder, split="waymo", lanes=True)
    sample = dataset[30]
    np.testing.assert_allclose(sample.world_from_ego[:3, 3], [8 * 3.0 - EGO_CENTRE_AHEAD_M, 0, 20.0], atol=1e-6)
    lights, lanes = sample.target.lights, sample.target.lanes
    assert lights is not None and lanes is not None and lanes.limit_mps[lanes.ids.index("1")] == pytest.approx(10.0)
    shown = {lanes.ids[lane]: lights.colours[light] for light, lane in lights.rules}
    assert shown == {"2": "green", "4": "red"}
    assert dataset[5].target.lights.colours[0] is None  # type: ignore[union-attr]  # not seen yet


def test_one_file_is_a_data_set_too(folder: Path) -> None:
    path = folder / "sd_nuscenes_made_scene-1.pkl"
    assert open_dataset(path).tokens == open_dataset(folder, split="sd_nuscenes_made_scene-1").tokens


def test_a_folder_of_data_sets_is_none_itself(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").symlink_to(folder)
    with pytest.raises(ValueError, match="scenes looks like ScenarioNet scenes: name one of them"):
        open_dataset(tmp_path)


def test_check_counts_says_what_it_leaves_out_and_names_what_is_broken(folder: Path, tmp_path: Path) -> None:
    report = check_dataset(folder)
    assert not report.errors and report.counts == {"scenes": 2, "key frames": 2 * STEPS, "boxes": STEPS, "pictures": 0, "maps": 2}
    told = {finding.kind: finding.message for finding in report.warnings}
    assert told.keys() == {"no pictures", "not used"} and "1 STOP_SIGN" in told["not used"]
    data = nuscenes_scene()
    data["tracks"]["car"]["state"]["heading"] = np.zeros(3)
    named(tmp_path, data, "scene-2")
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({}))
    report = check_dataset(tmp_path)
    assert "track 'car', state.heading" in report.errors[0].message and "1 pickles that are not named sd_*.pkl: other.pkl" in str(report)


@pytest.mark.parametrize("told", ["scene-3", ""])
def test_a_file_that_is_named_otherwise_than_its_scenario_is_refused(tmp_path: Path, told: str) -> None:
    named(tmp_path, nuscenes_scene() | {"id": ""}, told, "sd_nuscenes_made_scene-4.pkl")
    with pytest.raises(ValueError, match="its name must end with|scenario_id is missing"):
        open_dataset(tmp_path)


class Hostile:
    """Runs a command where it is unpickled by Python."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 7",)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    (tmp_path / "sd_x_scene-1.pkl").write_bytes(pickle.dumps({"metadata": Hostile()}))
    with pytest.raises(ValueError, match="system"):
        open_dataset(tmp_path)


def test_the_same_drive_in_nuscenes_tables_is_one_drive(folder: Path) -> None:
    ours = [Moment(0, k, s.scene, s.token, s.timestamp_us, (0.0, 0.0)) for k, s in enumerate(open_dataset(folder, maps=False))]
    theirs = [Moment(1, k, name, f"{name} {k}", 1_500_000_000_000_000 + k, (0.0, 0.0)) for name in ("scene-1", "scene-9") for k in (0, 1)]
    found = drives_of([*ours, *theirs])
    assert found[1, "scene-1"] == found[0, "sd_nuscenes_made_scene-1"] and len(set(found.values())) == 3


def test_each_fifth_frame_of_a_real_file_has_the_boxes_of_nuscenes_tables(real_data: Path) -> None:
    """Its maker counted frames for the boxes, five a key frame, and took the ego's track from elsewhere, by time."""
    path = real_data / "scenarionet" / "sd_nuscenes_v1.0-mini_scene-0103.pkl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    ours, theirs = open_dataset(path, maps=False), open_dataset(real_data / "nuscenes-mini", split="scene-0103", maps=False)
    one, other = ours.log(ours.scenes[0]), theirs.log("scene-0103")  # type: ignore[attr-defined]
    row, found = {name: k for k, name in enumerate(one.tracks.instances)}, 0
    for k, name in enumerate(other.tracks.instances):
        seen = other.tracks.valid[k] & one.tracks.valid[row[name], ::5]
        np.testing.assert_allclose(one.tracks.centres[row[name], ::5][seen], other.tracks.centres[k, seen], atol=1e-3)
        found += int(seen.sum())
    assert found > 1900
    times, wanted = one.timestamps_us / 1e6, (other.timestamps_us - other.timestamps_us[0]) / 1e6
    places = np.stack([np.interp(wanted, times, one.world_from_ego[:, axis, 3]) for axis in (0, 1)], -1)
    off = np.hypot(*(places - other.world_from_ego[:, :2, 3]).T)
    assert np.median(off) < 0.15 and off.max() < 1.0
