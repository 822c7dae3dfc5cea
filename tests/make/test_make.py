"""`drive make`: what it writes loads in nuScenes-devkit, passes `drive check`, and says what the pictures show."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.make.nuscenes.annotate import all_classes_near
from drive.make.nuscenes.canvas import place_towns
from drive.make.nuscenes.make import make_dataset
from drive.make.nuscenes.scene import Recorder
from drive.make.nuscenes.tables import token
from drive.make.nuscenes.take import KEY_STEPS, SceneJob, Spec, Take, find_take
from drive.make.nuscenes.visibility import Outlines, level
from drive.render import look
from drive.render.rigs import load_rig
from drive.render.scene import Buffers
from drive.world.things import CLASS_RANGE_M, Things
from drive.world.town.town import make_town

SEED, SECONDS = 1, 2.0
JOB = SceneJob(0, SEED * 1000, 0, place_towns([make_town(SEED * 1000).map])[0][0])  # the set's only scene


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """Two cameras, two seconds, ten pictures a second, few LiDAR columns."""
    rig = tuple(camera for camera in load_rig("nuscenes", width=320) if camera.name in ("CAM_FRONT", "CAM_FRONT_LEFT"))
    return Spec(tmp_path_factory.mktemp("make") / "set", rig, SEED, "day", SECONDS, True, lidar_columns=720, background=4)


@pytest.fixture(scope="session")
def made(spec: Spec) -> Path:
    return make_dataset(spec, 1)


@pytest.fixture(scope="session")
def nusc(made: Path) -> Any:
    from nuscenes.nuscenes import NuScenes

    return NuScenes(version="v1.0-mini", dataroot=str(made), verbose=False)


def test_check_finds_nothing(made: Path) -> None:
    report = check_dataset(made)
    assert not report.errors and not report.warnings, str(report)


def test_own_reader_gives_samples_with_truth(made: Path) -> None:
    dataset = open_dataset(made, split="train", motion="can")
    sample = dataset[1]
    assert len(dataset) == 4 and sample.target.map is not None
    assert {"drivable_area", "lane", "lane_divider"} <= {*sample.target.map.polygons, *sample.target.map.lines}
    past = sample.observation.past.poses
    assert sample.observation.speed_mps == pytest.approx(float(np.hypot(*past[-2, :2])) / 0.5, abs=0.8)
    moving = [k for k, c in enumerate(sample.target.agents.categories) if c == "vehicle.car"]
    assert np.abs(sample.target.agents.velocities[moving]).max() < 25


def test_devkit_renders_and_maps_know_the_lanes(nusc: Any, made: Path, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from nuscenes.map_expansion.map_api import NuScenesMap

    for channel in ("CAM_FRONT", "LIDAR_TOP"):
        nusc.render_sample_data(nusc.sample[0]["data"][channel], out_path=str(tmp_path / f"{channel}.png"), verbose=False)
        assert (tmp_path / f"{channel}.png").stat().st_size > 10_000
    lane_map = NuScenesMap(dataroot=str(made), map_name=nusc.log[0]["location"])
    for pose in nusc.ego_pose:
        x, y, _ = pose["translation"]
        lane = lane_map.get_closest_lane(x, y, radius=2)
        points = np.array(lane_map.discretize_lanes([lane], 0.5)[lane])
        assert np.hypot(*(points[:, :2] - [x, y]).T).min() < 2.0
        assert lane_map.record_on_point(x, y, "drivable_area")
    layers = ("lane", "lane_connector", "road_segment", "road_block", "walkway", "ped_crossing", "stop_line")
    for layer in layers:
        rows = getattr(lane_map, layer)
        assert rows and all(lane_map.extract_polygon(row["polygon_token"]).is_valid for row in rows)
    onward = lane_map.get_outgoing_lane_ids(lane)
    assert onward and all(lane in lane_map.get_incoming_lane_ids(name) for name in onward)


def test_official_evaluation_of_the_truth_is_perfect(nusc: Any, tmp_path: Path) -> None:
    from nuscenes.eval.common.config import config_factory
    from nuscenes.eval.detection.constants import DETECTION_NAMES
    from nuscenes.eval.detection.evaluate import DetectionEval
    from nuscenes.eval.detection.utils import category_to_detection_name

    attributes = {row["token"]: row["name"] for row in nusc.attribute}
    results: dict[str, list] = {sample["token"]: [] for sample in nusc.sample}
    for row in nusc.sample_annotation:
        box = {key: row[key] for key in ("sample_token", "translation", "size", "rotation")}
        box |= {"velocity": nusc.box_velocity(row["token"])[:2].tolist(), "detection_score": 0.9}
        box |= {"detection_name": category_to_detection_name(row["category_name"])}
        box |= {"attribute_name": attributes[row["attribute_tokens"][0]] if row["attribute_tokens"] else ""}
        results[row["sample_token"]].append(box)
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"results": results, "meta": {"use_camera": True}}))
    with contextlib.redirect_stdout(io.StringIO()):
        check = DetectionEval(nusc, config_factory("detection_cvpr_2019"), str(path), "made_train", str(tmp_path), verbose=False)
        metrics, _ = check.evaluate()
    assert metrics.mean_ap == pytest.approx(1.0)
    assert min(metrics.mean_dist_aps[name] for name in DETECTION_NAMES) == pytest.approx(1.0)
    assert metrics.tp_errors["trans_err"] == pytest.approx(0.0, abs=1e-6)


@pytest.fixture(scope="session")
def take(spec: Spec, made: Path) -> Take:
    """The drive of the set's scene, found again from the same recipe."""
    return find_take(spec, JOB)


@pytest.mark.parametrize("category", CLASS_RANGE_M)
def test_a_drive_without_a_class_is_refused_before_it_is_drawn(take: Take, category: str) -> None:
    things = take.things
    left = [k for k, own in enumerate(things.categories) if own != category]
    fields = {name: getattr(things, name)[left] for name in ("size", "instance", "agent", "fixed")}
    names, categories = (tuple(own[k] for k in left) for own in (things.names, things.categories))
    assert all_classes_near(things, take.keys)
    assert not all_classes_near(Things(names, categories, **fields), take.keys)


@pytest.fixture(scope="session")
def pictures(spec: Spec, take: Take) -> list[tuple[Buffers, ...]]:
    """What the cameras see at each key frame."""
    return [take.renderer.render(state, spec.rig) for state in take.keys]


def test_projected_boxes_sit_on_the_drawn_things(nusc: Any, spec: Spec, take: Take, pictures: list[tuple[Buffers, ...]]) -> None:
    """The devkit's own projection of every box against the pixels of its instance."""
    from nuscenes.utils.geometry_utils import view_points

    numbers = {nusc_token(take, k): int(take.things.instance[k]) for k in range(len(take.things.names))}
    overlaps = []
    for k, sample in enumerate(nusc.sample):
        for camera, picture in zip(spec.rig, pictures[k], strict=True):
            _, boxes, K = nusc.get_sample_data(sample["data"][camera.name])
            for box in boxes:
                row = nusc.get("sample_annotation", box.token)
                rows, columns = np.nonzero(picture.instance == numbers[row["instance_token"]])
                corners = view_points(box.corners(), K, normalize=True)[:2]
                if len(rows) == 0 or box.corners()[2].min() < 0.5:
                    continue
                low, high = corners.min(1), corners.max(1)
                seen = np.array([columns.min(), rows.min()]), np.array([columns.max() + 1, rows.max() + 1])
                assert (seen[0] >= low - 1.5).all() and (seen[1] <= high + 1.5).all(), (box.name, low, high, seen)
                whole = (low >= 0).all() and (high <= [camera.width, camera.height]).all()
                if row["visibility_token"] == "4" and len(rows) > 60 and whole:
                    overlaps.append(_iou(low, high, *seen))
    assert len(overlaps) >= 8
    assert np.median(overlaps) > 0.7 and min(overlaps) > 0.4, (np.median(overlaps), min(overlaps))


def nusc_token(take: Take, k: int) -> str:
    """Token of thing k in the table of instances."""
    return token("instance", "scene-5000", take.things.names[k])


def _iou(low: np.ndarray, high: np.ndarray, other_low: np.ndarray, other_high: np.ndarray) -> float:
    shared = np.prod(np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None))
    return float(shared / (np.prod(high - low) + np.prod(other_high - other_low) - shared))


def test_lidar_points_lie_in_the_boxes_that_count_them(nusc: Any, made: Path) -> None:
    from nuscenes.utils.data_classes import LidarPointCloud
    from nuscenes.utils.geometry_utils import points_in_box

    for sample in nusc.sample:
        path, boxes, _ = nusc.get_sample_data(sample["data"]["LIDAR_TOP"])
        points = LidarPointCloud.from_file(path).points[:3]
        for box in boxes:
            counted = nusc.get("sample_annotation", box.token)["num_lidar_pts"]
            assert points_in_box(box, points, wlh_factor=1.03).sum() >= 0.97 * counted, (box.name, counted)


def test_sweeps_lead_up_to_their_key_frames(nusc: Any, spec: Spec) -> None:
    rows = [row for row in nusc.sample_data if row["channel"] == "CAM_FRONT"]
    rows.sort(key=lambda row: row["timestamp"])
    assert [row["is_key_frame"] for row in rows] == [n % KEY_STEPS == 0 for n in range(3 * KEY_STEPS + 1)]
    assert np.diff([row["timestamp"] for row in rows]).tolist() == [100_000] * (len(rows) - 1)
    for row in rows:
        assert (Path(nusc.dataroot) / row["filename"]).is_file()
        ahead = nusc.get("sample", row["sample_token"])["timestamp"] - row["timestamp"]
        assert 0 <= ahead < 500_000


def test_velocities_and_can_bus_are_the_worlds(nusc: Any, made: Path, take: Take) -> None:
    numbers = {nusc_token(take, k): k for k in range(len(take.things.names))}
    for row in nusc.sample_annotation:
        k, at = numbers[row["instance_token"]], [s["token"] for s in nusc.sample].index(row["sample_token"])
        agent = int(take.things.agent[k])
        near = [nusc.get("sample_annotation", row[way])["sample_token"] for way in ("prev", "next") if row[way]]
        if agent >= 0 and near == [nusc.sample[n]["token"] for n in (at - 1, at + 1) if 0 <= n < 4] and len(near) == 2:
            poses = [take.keys[n].pose[agent, :2] for n in (at - 1, at + 1)]
            assert nusc.box_velocity(row["token"])[:2] == pytest.approx(poses[1] - poses[0], abs=1e-3)  # over one second
    messages = json.loads((made / "can_bus" / "scene-5000_pose.json").read_text())
    assert [m["vel"][0] for m in messages] == pytest.approx([state.ego[3] for state in take.states], abs=1e-4)
    monitor = json.loads((made / "can_bus" / "scene-5000_vehicle_monitor.json").read_text())
    assert monitor[-1]["vehicle_speed"] == pytest.approx(3.6 * messages[-1]["vel"][0], abs=1e-3)


def test_same_recipe_same_bytes(spec: Spec, made: Path, tmp_path: Path, take: Take) -> None:
    again = replace(spec, root=tmp_path)
    rows, counts, _ = Recorder(again, JOB, take).record()
    assert min(counts.values()) > 0 and set(counts) == set(CLASS_RANGE_M)
    assert rows["sample_annotation"] == json.loads((made / "v1.0-mini" / "sample_annotation.json").read_text())
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) > 30
    assert [_digest(tmp_path / path) for path in files] == [_digest(made / path) for path in files]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_interrupted_run_leaves_nothing_that_loads(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(spec: Spec, job: SceneJob) -> None:
        (spec.root / "samples").mkdir(exist_ok=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("drive.make.nuscenes.make.record_scene", interrupt)
    broken = replace(spec, root=tmp_path / "set")
    for _ in range(2):  # the second run throws away what the first one left
        with pytest.raises(KeyboardInterrupt):
            make_dataset(broken, 1)
        assert not (tmp_path / "set").exists() and not list(tmp_path.rglob("v1.0-*"))
        with pytest.raises(ValueError, match="no v1.0"):
            open_dataset(tmp_path / "set.writing")


def test_what_is_there_is_left_alone(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "set.writing").mkdir()
    with pytest.raises(ValueError, match="not left by an interrupted run"):
        make_dataset(replace(spec, root=tmp_path / "set"), 1)
    with pytest.raises(ValueError, match="is there already"):
        make_dataset(replace(spec, root=tmp_path), 1)


def test_towns_must_have_room(spec: Spec, tmp_path: Path) -> None:
    for towns in (-1, 0, 65):
        with pytest.raises(ValueError, match="--towns"):
            make_dataset(replace(spec, root=tmp_path / "set"), 70, towns=towns)


@pytest.mark.parametrize(
    ("change", "scenes", "says"),
    [
        ({}, 0, "--scenes"),
        ({"seconds": 0.4}, 1, "--seconds"),
        ({"traffic": "wild"}, 1, "no traffic"),
        ({"weather": "hail"}, 1, "no weather"),
        ({"quality": 0}, 1, "quality"),
    ],
)
def test_impossible_recipes_are_refused(spec: Spec, tmp_path: Path, change: dict, scenes: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_dataset(replace(spec, root=tmp_path / "set", **change), scenes)
    assert not (tmp_path / "set.writing").exists()


def test_visibility_is_that_of_the_pictures(nusc: Any, spec: Spec, take: Take, pictures: list[tuple[Buffers, ...]]) -> None:
    """Whoever is not in the pictures has the lowest level; the outline never has fewer pixels than are seen."""
    state = take.keys[0]
    mesh = look.actor_mesh(take.renderer.models, state)
    outlines = Outlines(mesh.vertices[mesh.triangles], mesh.instance)
    levels = {
        row["instance_token"]: row["visibility_token"] for row in nusc.sample_annotation if row["sample_token"] == nusc.sample[0]["token"]
    }
    seen_fully = 0
    for k, agent in enumerate(take.things.agent):
        name = nusc_token(take, k)
        if agent < 0 or name not in levels:
            continue
        number = int(take.things.instance[k])
        seen = sum(int((picture.instance == number).sum()) for picture in pictures[0])
        whole = outlines.pixels(number, spec.rig, state.ego[:3])
        assert whole >= seen - 2
        seen_fully += seen > 100 and whole - seen < 0.02 * seen
        assert levels[name] == str(level(seen / whole) if seen else 1)
    assert seen_fully >= 1


@pytest.mark.slow
@pytest.mark.parametrize("rig", ["fisheye4", "waymo", "pandaset", "random"])
def test_any_rig_and_any_number_of_workers(rig: str, tmp_path: Path) -> None:
    """Two scenes by one worker and by two are the same bytes; `drive check` finds nothing."""
    digests = []
    for workers in (1, 2):
        spec = Spec(tmp_path / f"set{workers}", load_rig(rig, 3, 240), 2, "random", 2.0, lidar_columns=360)
        root = make_dataset(spec, 2, workers)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        digests.append([(str(path.relative_to(root)), _digest(path)) for path in files])
        report = check_dataset(root)
        assert not report.errors and not report.warnings, str(report)
    assert digests[0] == digests[1]
