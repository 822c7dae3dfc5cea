"""NAVSIM scenes made of data sets: known answers on made drives, the reference planner's rules, what is missing said so."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive import evaluate, open_dataset
from drive.data.dataset import Dataset
from drive.eval.navsim import epdms, pdms
from drive.eval.navsim.from_samples import SAMPLES_WINDOW, Built, scenes_of
from drive.eval.navsim.ground import BEYOND
from drive.eval.navsim.pdm_closed import PROGRESS, SPEED, forecast, idm_step
from drive.eval.navsim.route import LaneGraph, route_ahead
from drive.eval.navsim.scene import PLAN_TIMES_S
from drive.eval.navsim.simulate import AX, FRONT_M, VX, VY
from drive.eval.navsim.states import measured_states
from drive.eval.table import text_table
from drive.geometry import EGO_CENTRE_AHEAD_M
from drive.roads import Lanes, links
from drive.schema import Window
from tests.analytic import scenario

STEPS = 100
STANDING = np.zeros((8, 3))


def opened(folder: Path, data: dict, name: str = "sd_made_made.pkl") -> Dataset:
    data["metadata"]["scenario_id"] = "made"
    (folder / name).write_bytes(pickle.dumps(data))
    return open_dataset(folder, window=SAMPLES_WINDOW, lanes=True)


@pytest.fixture(scope="module")
def along(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten seconds at 5 m/s along a lane, behind a car that does 6."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scenario, "STEPS", STEPS)
        return opened(tmp_path_factory.mktemp("along"), scenario.nuscenes_scene())


@pytest.fixture(scope="module")
def built(along: Dataset) -> Built:
    return scenes_of(along)


def test_scenes_are_half_a_second_apart_and_whole(built: Built) -> None:
    assert [scene.token[-3:] for scene in built.scenes] == ["015", "020", "025", "030", "035", "040", "045"]
    assert sum(built.left_out.values()) == 20 - 7 and list(built.left_out) == ["the record has not all of 1.5 s before and 5 s after"]


@pytest.mark.parametrize("jump_us", [10_000_000, 10**15])
def test_beyond_a_cut_of_the_record_nothing_is_known(along: Dataset, jump_us: int) -> None:
    samples = [along[i] for i in range(len(along))]
    cut = [replace(one, timestamp_us=one.timestamp_us + jump_us) if k >= 80 else one for k, one in enumerate(samples)]
    whole, ended = (scenes_of(made, limit=1).scenes[0] for made in (cut, samples[:80]))  # type: ignore[arg-type]
    assert whole.token == ended.token and whole.route == ended.route
    np.testing.assert_array_equal(whole.centreline, ended.centreline)
    np.testing.assert_array_equal(whole.reference, ended.reference)


def test_a_first_step_of_no_length_passes_over_no_scene(along: Dataset) -> None:
    samples = [along[i] for i in range(len(along))]
    early = [replace(one, timestamp_us=samples[1].timestamp_us - 1) if k == 0 else one for k, one in enumerate(samples)]
    assert len(scenes_of(early).scenes) >= 3  # type: ignore[arg-type]


def test_a_scene_holds_what_was_driven(built: Built) -> None:
    scene = built.scenes[0]
    np.testing.assert_allclose(scene.ego[[VX, VY, AX]], [5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(scene.human, np.column_stack([5 * PLAN_TIMES_S, STANDING[:, :2]]), atol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_allclose(scene.past[:, 0], [-7.5, -5, -2.5, 0], atol=1e-6)  # type: ignore[index]
    np.testing.assert_allclose(scene.traffic.poses[0, :, 0], 20 + 1.5 + 6 * 0.1 * np.arange(51), atol=1e-6)
    np.testing.assert_allclose(scene.traffic.velocities[0, :, 0], 6, atol=1e-6)
    assert scene.traffic.valid.all() and scene.traffic.types == ("vehicle",)
    assert scene.route == {"a", "b", BEYOND} and np.abs(scene.centreline[:, 1]).max() < 1e-9


def test_the_record_is_good_and_standing_makes_no_progress(built: Built) -> None:
    good = pdms(built.scenes, [scene.human for scene in built.scenes]).metrics
    idle = pdms(built.scenes, [STANDING] * len(built.scenes)).metrics
    for name in ("no_at_fault_collisions", "drivable_area_compliance", "time_to_collision_within_bound", "driving_direction_compliance"):
        assert good[name].mean == 1.0
    assert 0.5 < good["ego_progress"].mean < 1.0 and idle["ego_progress"].mean < 0.4 * good["ego_progress"].mean
    off = pdms(built.scenes, [np.column_stack([5 * PLAN_TIMES_S, 1.0 * PLAN_TIMES_S, STANDING[:, 2]])] * len(built.scenes)).metrics
    assert off["drivable_area_compliance"].mean == 0.0 and off["pdm_score"].mean == 0.0


def test_terms_that_the_data_do_not_tell_have_no_value(built: Built) -> None:
    assert {scene.lacks for scene in built.scenes} == {frozenset({"traffic lights"})}
    got = epdms(built.scenes, [scene.human for scene in built.scenes]).metrics
    assert not got["traffic_light_compliance"].valid.any() and not got["epdms"].valid.any()
    assert got["epdms_of_known_terms"].valid.all() and got["epdms_of_known_terms"].mean > 0.8
    whole = pdms(built.scenes, [scene.human for scene in built.scenes]).metrics
    assert whole["pdm_score"].valid.all() and "pdm_score_of_known_terms" not in whole  # v1 looks at no lights


def test_a_failed_plan_is_the_worst_in_what_is_known_alone(built: Built) -> None:
    got = epdms(built.scenes, [scene.human for scene in built.scenes[:-1]] + [None]).metrics
    assert not got["traffic_light_compliance"].valid.any() and not got["epdms"].valid.any()
    last = got["epdms_of_known_terms"]
    assert last.valid.all() and last.failed[-1] and last.values[-1] == 0.0 and got["lane_keeping"].values[-1] == 0.0


def test_without_lanes_the_road_and_comfort_are_left(along: Dataset) -> None:
    bare = [replace(sample, target=replace(sample.target, lanes=None)) for sample in (along[k] for k in range(0, 100, 5))]
    built = scenes_of(bare)
    got = pdms(built.scenes, [scene.human for scene in built.scenes]).metrics
    assert (
        {scene.lacks for scene in built.scenes} == {frozenset({"lanes"})}
        and not got["no_at_fault_collisions"].valid.any()
        and not got["pdm_score"].valid.any()
    )
    assert got["drivable_area_compliance"].mean == 1.0 and got["comfort"].mean == 1.0
    assert not got["driving_direction_compliance"].valid.any()


def test_red_lights_are_those_that_later_samples_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "STEPS", STEPS)
    dataset = opened(tmp_path, scenario.waymo_scene(states=["LANE_STATE_GO"] * 40 + ["LANE_STATE_STOP"] * (STEPS - 40)))
    built = scenes_of(dataset)
    assert not any(scene.lacks for scene in built.scenes)
    assert np.flatnonzero(built.scenes[1].red["2"])[0] == 20  # the scene of 2 s; the light turns red at 4 s
    scene = built.scenes[-1]  # of 4.5 s: the rear axle is 36 m along, less the way to the box's centre; the light stands at 60 m
    assert scene.red["2"].all() and scene.red["4"].all()
    assert scene.reference[-1, 0] + FRONT_M < 60 - 36 + EGO_CENTRE_AHEAD_M  # the reference planner waits
    plans = [scene.human, STANDING]
    results = [epdms([scene], [plan], human_filter=False).metrics["traffic_light_compliance"].mean for plan in plans]
    assert results == [0.0, 1.0]
    assert epdms([scene], [scene.human]).metrics["traffic_light_compliance"].mean == 1.0  # the human did it too


def test_the_verb_scores_a_data_set_with_its_own_horizon(along: Dataset) -> None:
    report = evaluate(along, protocols=["navsim1", "navsim2"])
    rows = {(row["planner"], row["protocol"], row["metric"]): row for row in report.rows}
    assert {row["planner"] for row in report.rows} == {"constant-velocity", "log", "pdm-closed"}
    assert rows["log", "navsim1", "pdm_score"]["requested"] == 7 and rows["log", "navsim2", "epdms"]["value"] is None
    assert rows["pdm-closed", "navsim1", "ego_progress"]["value"] > 0.95
    told = text_table(report)
    assert told.count("7 of 7 scenes lack traffic lights; without a value there: traffic_light_compliance") == 1  # v1 looks at none
    assert told.count("samples that make no scene: 13 x the record has not all of 1.5 s before and 5 s after") == 2


def test_too_short_a_window_says_which_one(along: Dataset) -> None:
    with pytest.raises(ValueError, match=r"1.5 s before and 5 s after t0 at 2 Hz; open the data set with that window"):
        evaluate(open_dataset(along.root, window=Window(), lanes=True), protocols=["navsim1"])


def test_planners_of_another_horizon_are_refused(along: Dataset) -> None:
    class Short:
        name, window = "short", Window()

    with pytest.raises(ValueError, match="short plans 3 s at 2 Hz"):
        evaluate(along, planners=[Short()], protocols=["navsim1"])  # type: ignore[list-item]


def test_the_idm_speeds_up_when_free_and_brakes_behind_a_leader() -> None:
    free, close = np.zeros((1, 3)), np.zeros((1, 3))
    free[0, PROGRESS], close[0, PROGRESS], close[0, SPEED] = 1e6, 12.0, 5.0
    _, faster = idm_step(np.zeros(1), np.array([5.0]), free, np.array([15.0]))
    _, slower = idm_step(np.zeros(1), np.array([5.0]), close, np.array([15.0]))
    assert faster[0] == pytest.approx(5.15, abs=1e-4)  # 1.5 m/s2
    assert slower[0] == pytest.approx(5 + 0.15 * (1 - (5 / 15) ** 10 - (8.5 / 12) ** 2))
    assert idm_step(np.zeros(1), np.array([15.0]), np.zeros((1, 3)), np.array([15.0]))[1][0] == pytest.approx(14.7)  # -3 m/s2 at most


def test_the_forecast_knows_nothing_of_what_comes(built: Built) -> None:
    scene = built.scenes[0]
    seen = forecast(scene.traffic, scene.ego)
    np.testing.assert_allclose(seen.poses[0, :, 0], 21.5 + 0.6 * np.arange(51), atol=1e-6)
    valid = scene.traffic.valid.copy()
    valid[0, 0] = False  # comes into sight later
    assert forecast(replace(scene.traffic, valid=valid), scene.ego).types == ()


def test_states_of_a_circle() -> None:
    times = np.array([-1.0, -0.6, 0.0, 0.5])
    angle, radius = 0.2 * times, 30.0
    states = measured_states(np.column_stack([radius * np.sin(angle), radius * (1 - np.cos(angle)), angle]), times)
    np.testing.assert_allclose(states[1:3, VX], 6.0, rtol=2e-3)
    np.testing.assert_allclose(states[1:3, AX + 1], 1.2, rtol=0.02)  # v^2 / r to the left


def lanes_of(lines: Sequence[Sequence[Sequence[float]]], follows: list[tuple[int, int]] | None = None) -> Lanes:
    n = len(lines)
    yes, none = np.ones(n, dtype=bool), links([])
    arrays = tuple(np.array(line, dtype=np.float64) for line in lines)
    return Lanes(tuple("abcdef"[:n]), arrays, np.full(n, 3.5), yes, np.zeros(n), ~yes, ~yes, links(follows or []), none, none)


def test_the_route_is_the_carriageway_of_the_drive() -> None:
    middle, left = [[-20.0, 0.0], [40.0, 0.0]], [[-20.0, 3.5], [40.0, 3.5]]
    against, on, away = [[40.0, -3.5], [-20.0, -3.5]], [[40.0, 0.0], [90.0, 0.0]], [[40.0, 0.0], [50.0, 10.0], [50.0, 60.0]]
    lanes = lanes_of([middle, left, against, on, away], [(0, 4), (0, 3)])
    assert LaneGraph(lanes).beside(0) == {1}
    drive = np.column_stack([np.arange(0.0, 30.0), np.zeros((30, 2))])
    straight = route_ahead(lanes, drive)
    assert straight is not None and straight.rows == (0, 1, 3) and straight.line[-1].tolist() == [90.0, 0.0]
    turned = route_ahead(lanes, np.concatenate([drive, [[48.0, 9.0, 0.9], [50.0, 20.0, 1.57]]]))
    assert turned is not None and turned.rows == (0, 1, 4) and turned.line[-1].tolist() == [50.0, 60.0]
    assert route_ahead(lanes, drive + [0, 30, 0]) is None
