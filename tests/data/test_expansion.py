"""Map expansions without the layers that nothing needs and CAN messages without values: every reader opens them alike."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.data.nuscenes.expansion import ExpansionFile
from drive.data.nuscenes.maps import LINE_LAYERS, POLYGON_LAYERS, ExpansionMap
from drive.world.recorded.nuscenes import scene_world

EXPANSION = "maps/expansion/boston-seaport.json"
CAN = "can_bus/left-40m_pose.json"
UNUSED = ("road_segment", "road_block", "walkway", "carpark_area", "traffic_light", "canvas_edge", "version")
EMPTY = ("stop_line", "ped_crossing", "lane_divider", "road_divider", "line", "lane_connector")


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_layers_that_nothing_needs_may_be_missing(one_scene: Path) -> None:
    whole = open_dataset(one_scene)[3].target.map
    change(one_scene / EXPANSION, lambda d: [d.pop(name) for name in UNUSED])
    patch = open_dataset(one_scene)[3].target.map
    assert patch is not None and whole is not None
    for layer, rings in {**whole.polygons, **whole.lines}.items():
        for a, b in zip(rings, {**patch.polygons, **patch.lines}[layer], strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(scene_world(one_scene, "left-40m").map.lanes) >= 2
    report = check_dataset(one_scene)
    assert (report.errors, report.warnings) == ([], [])


def test_layers_taken_as_empty_are_named_by_the_check(one_scene: Path) -> None:
    change(one_scene / EXPANSION, lambda d: [d.pop(name) for name in EMPTY])
    patch = open_dataset(one_scene)[3].target.map
    assert patch is not None and patch.polygons["drivable_area"] and not patch.polygons["ped_crossing"] and not patch.lines["lane_divider"]
    assert not scene_world(one_scene, "left-40m").map.crossings
    report = check_dataset(one_scene)
    assert not report.errors and {w.field for w in report.warnings} == set(EMPTY)


def test_a_map_without_lanes_serves_samples_and_not_drives(one_scene: Path) -> None:
    change(one_scene / EXPANSION, lambda d: [d.pop(name) for name in ("arcline_path_3", "connectivity")])
    assert open_dataset(one_scene)[3].target.map is not None
    with pytest.raises(ValueError, match="no layer 'arcline_path_3'"):
        scene_world(one_scene, "left-40m")
    (warning,) = check_dataset(one_scene).warnings
    assert warning.field == "arcline_path_3" and "nobody can drive" in warning.message


@pytest.mark.parametrize(
    ("damage", "message", "samples_too"),
    [
        (lambda d: d.pop("drivable_area"), "no layer 'drivable_area'", True),
        (lambda d: d["node"].pop(0), "no token or field", True),
        (lambda d: d.update(ped_crossing=5), "ped_crossing: ", True),
        (lambda d: d.update(lane_connector=5), "lane_connector: ", False),
        (lambda d: next(iter(d["arcline_path_3"].values()))[0].update(shape="XYZ"), "L, S or R", False),
    ],
)
def test_damage_is_an_error_of_the_check_wherever_a_reader_refuses_it(
    one_scene: Path, damage: Callable[[Any], object], message: str, samples_too: bool
) -> None:
    change(one_scene / EXPANSION, damage)
    (error,) = check_dataset(one_scene).errors
    assert error.kind == "unreadable map expansion" and error.table == EXPANSION and message in error.message
    with pytest.raises(ValueError, match=message):
        scene_world(one_scene, "left-40m")
    if samples_too:
        with pytest.raises(ValueError, match=f"boston-seaport.json does not open.*{message}"):
            open_dataset(one_scene)[3]
    else:
        assert open_dataset(one_scene)[3].target.map is not None


def test_a_place_that_nuscenes_does_not_have(one_scene: Path) -> None:
    shutil.move(one_scene / EXPANSION, one_scene / "maps/expansion/pittsburgh.json")
    change(one_scene / "v1.0-mini" / "log.json", lambda rows: [row.update(location="pittsburgh") for row in rows])
    patch = open_dataset(one_scene)[3].target.map
    assert patch is not None and patch.lines["road_divider"]
    assert not check_dataset(one_scene).errors


def test_geometry_is_the_devkits(embedded: Path) -> None:
    from nuscenes.map_expansion.map_api import NuScenesMap

    for path in sorted((embedded / "maps" / "expansion").glob("*.json")):
        devkit, ours = NuScenesMap(str(embedded), path.stem), ExpansionMap(ExpansionFile(embedded, path.stem))
        for layer in POLYGON_LAYERS + LINE_LAYERS:
            rows = getattr(devkit, layer)
            if layer in LINE_LAYERS:
                expected = [devkit.extract_line(row["line_token"]) for row in rows]
            else:
                tokens = [t for row in rows for t in row.get("polygon_tokens", [row.get("polygon_token")])]
                expected = [shapely.make_valid(devkit.extract_polygon(token)) for token in tokens]
            found = ours._trees[layer].geometries
            assert len(found) == len(expected) and all(shapely.equals_exact(a, b) for a, b in zip(found, expected, strict=True))


def test_can_messages_without_a_value_leave_that_one_unknown(one_scene: Path) -> None:
    whole = [s.observation for s in open_dataset(one_scene, motion="can", maps=False)]
    change(one_scene / CAN, lambda messages: [m.pop("vel") for m in messages])
    observed = [s.observation for s in open_dataset(one_scene, motion="can", maps=False)]
    assert {o.speed_mps for o in observed} == {None}
    assert [(o.acceleration_mps2, o.yaw_rate_radps) for o in observed] == [(o.acceleration_mps2, o.yaw_rate_radps) for o in whole]
    report = check_dataset(one_scene)
    assert not report.errors and [(w.kind, w.field) for w in report.warnings] == [("CAN value missing", "vel")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda messages: messages[0].pop("utime"),
        lambda messages: messages[0].update(utime=1.5),
        lambda messages: messages[2].update(vel=[]),
        lambda messages: messages[2].update(vel="fast"),
        lambda messages: messages[2].update(rotation_rate={"z": 0.1}),
        lambda messages: messages.append("end"),
    ],
)
def test_damaged_can_messages_are_refused_by_loader_and_check_alike(one_scene: Path, damage: Callable[[Any], object]) -> None:
    change(one_scene / CAN, damage)
    with pytest.raises(ValueError, match=r"left-40m_pose.json is not a list of CAN pose messages"):
        open_dataset(one_scene, motion="can")[0]
    (error,) = check_dataset(one_scene).errors
    assert (error.kind, error.table) == ("unreadable CAN messages", CAN)
