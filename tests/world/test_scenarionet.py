"""Recorded scenes: what the format leaves open, real files, broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from drive.data.scenarionet.lanes import connected
from drive.expert.expert import Expert
from drive.maps import Lane
from drive.sim.rollout import Loop, replay_human, rollout
from drive.sim.scores import metric_results, score
from drive.world.map_arrays import CONFLICT_M
from drive.world.recorded.scenarionet import log_world
from drive.world.state import BY_LANE, FAULT, OFF_ROAD, RED_LIGHT
from tests.analytic.scenario import STEPS, light, nuscenes_scene, thinned, track, waymo_scene, write


def test_lanes_are_joined_widened_and_the_ego_put_right(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, nuscenes_scene()))
    assert world.map.lane("a").successors == ("b",) and world.map.lane("b").predecessors == ("a",)
    assert world.map.lane("a").kind == "road" and world.map.lane("b").kind == "connector" and world.map.lane("b").width_m == 4.0
    np.testing.assert_allclose(world.static.body[:2], [4.08, 1.73])
    assert world.static.mode[1] == BY_LANE and world.start.pose[0, 0] == pytest.approx(1.486)


def test_replay_is_the_record(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, nuscenes_scene()), reactive=False)
    run = replay_human(world)
    np.testing.assert_allclose(run.ego[:, 0], 0.5 * np.arange(STEPS), atol=1e-9)
    np.testing.assert_allclose(run.pose[:, 1, 0], 20 + 0.6 * np.arange(STEPS), atol=1e-9)
    assert score(run).values["success"] == 1.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("tracks",), None, "field 'tracks' must be a dict"),
        (("length",), 1, "length: 1 frames; a drive needs two"),
        (("length",), 10**9, "at most 5000 are read"),
        (("metadata", "sdc_id"), "nobody", "no track 'nobody'"),
        (("metadata", "ts"), np.arange(STEPS) * 3.0, "metadata.ts: frames must lie above 0 and at most 1 s apart"),
        (("metadata", "ts"), np.arange(STEPS) * 0.0, "metadata.ts: frames must lie above 0"),
        (("metadata", "ts"), None, "metadata.ts"),
        (("metadata", "dataset"), "SinD", "metadata.dataset: 'SinD' is none of nuscenes, waymo"),
        (("metadata", "dataset"), None, "metadata.dataset: None is none of"),
        (("map_features",), {}, "no lanes"),
        (("map_features", "a", "polyline"), [[0.0, np.nan], [1.0, 1.0]], "map feature 'a', polyline"),
        (("map_features", "a", "polyline"), [[0.0, 0.0], [1e7, 0.0]], "lanes span"),
        (("tracks", "car", "state", "heading"), np.zeros(3), "track 'car', state.heading"),
        (("tracks", "car", "state", "position"), np.full((STEPS, 3), np.inf), "track 'car', state"),
        (("tracks", "car", "state", "length"), np.full((STEPS, 1), 5000.0), "at most 60 m"),
        (("tracks", "ego", "state", "valid"), np.zeros(STEPS), "ego is not valid at every step"),
        (("tracks", "ego", "state", "position"), np.full((STEPS, 3), 90.0), "off the drivable area at 60 of 60 steps"),
    ],
)
def test_broken_files_are_refused_with_their_field(tmp_path: Path, path: tuple[str, ...], value: Any, message: str) -> None:
    data = nuscenes_scene()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=f"made.pkl.*{message}"):
        log_world(write(tmp_path, data))


def test_what_a_waymo_file_tells_is_used(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, waymo_scene()))
    first = world.map.lane("1")
    assert first.successors == ("2", "4") and first.left == "3" and world.map.lane("2").predecessors == ("1",)
    assert first.width_m == pytest.approx(3.2) and first.speed_limit_mps == pytest.approx(10.0)
    assert first.kind == "road" and world.map.lane("2").kind == "connector"
    assert len(world.map.crossings) == 1 and len(world.map.lines["road_edge"]) == 1
    (note,) = world.notes
    assert note == (
        "not used: 1 ROAD_EDGE_MEDIAN of one point, 1 ROAD_EDGE_SIDEWALK without a line, 1 SPEED_BUMP, 1 STOP_SIGN, "
        "1 connections to lanes outside the file"
    )


def test_the_road_reaches_to_its_edges_and_driveways(tmp_path: Path) -> None:
    area = shapely.union_all([shapely.Polygon(p.exterior, p.holes) for p in log_world(write(tmp_path, waymo_scene())).map.drivable])
    assert area.contains(shapely.Point(20, -2.5)) and not area.contains(shapely.Point(20, -2.7))
    assert not area.contains(shapely.Point(80, -2.5))  # the edge ends at 70 m
    assert area.contains(shapely.Point(4, 11)) and not area.contains(shapely.Point(30, 11))


def test_outlines_are_the_road_where_a_file_has_them(tmp_path: Path) -> None:
    data = nuscenes_scene()
    ring = [[-30.0, -6.0], [170.0, -6.0], [170.0, 6.0], [-30.0, 6.0], [-30.0, -6.0]]
    hole = [[60.0, 4.0], [70.0, 4.0], [70.0, 5.0], [60.0, 5.0], [60.0, 4.0]]
    data["map_features"] |= {f"boundary_{n}": {"type": "ROAD_LINE_SOLID_SINGLE_WHITE", "polyline": r} for n, r in enumerate((ring, hole))}
    world = log_world(write(tmp_path, data))
    (road,) = world.map.drivable
    assert shapely.Polygon(road.exterior, road.holes).area == pytest.approx(200 * 12 - 10)
    assert len(world.map.lines["road_edge"]) == 2 and not world.map.lines["lane_divider"]


@pytest.mark.parametrize(
    ("dataset", "centred", "swapped"), [("nuscenes", False, True), ("waymo", True, False), ("nuplan", True, False), ("av2", True, False)]
)
def test_the_egos_point_and_size_are_its_converters(tmp_path: Path, dataset: str, centred: bool, swapped: bool) -> None:
    data = nuscenes_scene()
    data["metadata"]["dataset"] = dataset
    data["tracks"]["ego"] = track(5 * np.arange(STEPS) * 0.1, 0.0, (1.8, 4.6, 1.5) if swapped else (4.6, 1.8, 1.5))
    world = log_world(write(tmp_path, data))
    np.testing.assert_allclose(world.static.body[:2], [4.6, 1.8])
    np.testing.assert_allclose(world.start.pose[0], [0.0 if centred else 1.486, 0.0, 0.0], atol=1e-9)


def test_recorded_lights_rule_the_lane_they_name_at_every_step(tmp_path: Path) -> None:
    states = ["LANE_STATE_UNKNOWN"] * 7 + ["LANE_STATE_STOP"] * 20 + ["LANE_STATE_CAUTION"] * 3 + ["LANE_STATE_GO"] * 30
    world = log_world(write(tmp_path, waymo_scene(4.0, states)))
    state, shown = world.start, []
    for _ in range(STEPS):
        shown.append(world.colours(state)[0])
        state = world.step_recorded(state)
    assert shown == ["off"] * 7 + ["red"] * 20 + ["yellow"] * 3 + ["green"] * 30
    assert len(world.map.lights) == 2 and len(world.static.stop_line) == 1  # the turning lane's red is not the route's
    np.testing.assert_allclose(world.static.stop_line[0], [60, -1.6, 60, 1.6], atol=1e-5)


def test_a_planner_that_passes_a_recorded_red_light_has_passed_one_and_the_expert_waits(tmp_path: Path) -> None:
    data = waymo_scene(8.0, ["LANE_STATE_STOP"] * STEPS)
    data["tracks"]["7"]["state"]["position"][:, 0] = np.minimum(8.0 * np.arange(STEPS) * 0.1, 40.0)
    data["tracks"]["7"]["state"]["position"][:, 0] += 12.0
    world = log_world(write(tmp_path, data))
    state = world.start
    for _ in range(STEPS):
        state = world.step(state, (1.0, 0.0))
        if state.flags[RED_LIGHT]:
            break
    assert state.flags[RED_LIGHT] and world.notes[0].startswith("not used")
    run = rollout(world, Expert(), Loop(2.0))
    assert not run.flags[:, [RED_LIGHT, FAULT]].any() and run.ego[-1, 0] + 1.486 + 2.5 < 60


def test_a_red_light_that_the_human_passes_rules_nobody_and_is_told(tmp_path: Path) -> None:
    world = log_world(write(tmp_path, waymo_scene(12.0, ["LANE_STATE_STOP"] * STEPS)))
    assert not replay_human(world).flags[:, RED_LIGHT].any() and not len(world.static.stop_line)
    assert any("passes the light of lane 2 at red at 4.7 s" in note for note in world.notes)


def test_where_the_human_drives_is_road_and_whom_it_touches_is_excused(tmp_path: Path) -> None:
    data = nuscenes_scene()
    y = np.where(np.arange(STEPS) < 40, 0.0, 2.0)
    data["tracks"]["ego"]["state"]["position"][:, 1] = y
    data["tracks"]["car"] = track(np.full(STEPS, 26.0), 2.5, (4.5, 1.9, 1.5))
    world = log_world(write(tmp_path, data), reactive=False)
    run = replay_human(world)
    assert not run.flags[:, [OFF_ROAD, FAULT]].any() and run.flags[:, 5].any()
    assert any("leaves the drivable area at 20 of 60 steps" in note for note in world.notes)
    assert any("touches 1 recorded agents (car)" in note for note in world.notes)


def test_a_scene_whose_human_stands_is_no_success_and_no_failure_for_anybody(tmp_path: Path) -> None:
    data = nuscenes_scene()
    data["tracks"] = {"ego": track(np.linspace(0.0, 1.0, STEPS), 0.0, (1.73, 4.08, 1.56))}
    world = log_world(write(tmp_path, data))
    assert not world.has_goal and any("success and route completion are undefined" in note for note in world.notes)
    for run in (replay_human(world), rollout(world, Expert(), Loop(2.0))):
        result = score(run)
        assert run.outcome == "record ended" and len(run.actions) == STEPS - 1
        assert all(np.isnan(result.values[name]) for name in ("success", "route_completion", "pdm_score", "driving_score"))
        assert result.values["off_road"] == 0.0 and result.values["at_fault_collision"] == 0.0
    assert not metric_results([result])["success"].valid.any() and metric_results([result])["off_road"].valid.all()


@pytest.mark.parametrize("every", [2, 5])
def test_records_of_other_rates_are_brought_to_simulation_steps(tmp_path: Path, every: int) -> None:
    states = ["LANE_STATE_STOP"] * 30 + ["LANE_STATE_GO"] * 30
    world = log_world(write(tmp_path, thinned(waymo_scene(8.0, states), every)))
    last = (STEPS - 1) // every * every
    assert len(world.static.human) == last + 1
    np.testing.assert_allclose(world.static.human[:, 0], 0.8 * np.arange(last + 1) - 1.486, atol=1e-6)
    np.testing.assert_allclose(world.static.human[:, 3], 8.0, atol=1e-4)
    assert [world.map.lights[0].colour(k * 0.1) for k in (0, 29, 30, last)] == ["red", "red", "green", "green"]


def test_lights_that_do_not_fit_are_refused_or_counted(tmp_path: Path) -> None:
    data = waymo_scene()
    data["dynamic_map_states"]["77"] = light(77, ["LANE_STATE_GO"] * STEPS, [0.0, 0.0])
    data["dynamic_map_states"]["4"] = light(4, ["LANE_STATE_FLASHING_STOP"] * STEPS, [60.0, 0.0])
    told = log_world(write(tmp_path, data)).notes[0]
    assert "1 lights of lanes outside the file" in told and "1 lights that show LANE_STATE_FLASHING_STOP" in told
    data["dynamic_map_states"]["2"]["state"]["object_state"] = ["LANE_STATE_GO"]
    with pytest.raises(ValueError, match="dynamic_map_states '2', state.object_state: need one for each of 60"):
        log_world(write(tmp_path, data))


def test_lanes_that_point_elsewhere_are_not_joined() -> None:
    a = Lane("a", np.array([[0.0, 0], [10, 0]]), 4.0, 10.0)
    turned = Lane("t", np.array([[10.0, 0], [10, 10]]), 4.0, 10.0)
    far = Lane("f", np.array([[10.0, CONFLICT_M], [20, CONFLICT_M]]), 4.0, 10.0)
    assert connected([a, turned, far])[0].successors == ()


def scenes(real_data: Path) -> list[Path]:
    files = sorted([*(real_data / "scenarionet").glob("*.pkl"), *(real_data / "scenarionet-others").glob("*.pkl")])
    if not files:
        pytest.skip("no ScenarioNet files")
    return files


@pytest.mark.real
def test_the_humans_replay_is_clean_in_every_published_scene(real_data: Path) -> None:
    """On the files' own outlines and edges, in replayed and reacting traffic; nothing of it is excused."""
    for file in scenes(real_data):
        for reactive in (True, False):
            world = log_world(file, reactive)
            run = replay_human(world)
            assert not run.flags[:, [FAULT, OFF_ROAD, RED_LIGHT]].any()
            assert run.outcome == ("arrived" if world.has_goal else "record ended")
        assert not any("counts as road" in note or "no fault" in note or "does not rule" in note for note in world.notes)


@pytest.mark.real
@pytest.mark.parametrize("scene", ["0061", "0103", "0655", "0796", "0916", "1077", "1100", "2a1e44d405a6833f"])
def test_the_expert_on_recorded_scenes(real_data: Path, scene: str) -> None:
    (file,) = (file for file in scenes(real_data) if scene in file.stem)
    run = rollout(log_world(file), Expert(), Loop(2.0))
    assert not run.flags[:, [FAULT, OFF_ROAD, RED_LIGHT]].any()
