"""NAVSIM parity, scene by scene, with what the projects' own code answered (v1.1 and v2.2).

Sets: nav*.npz of the golden folder (`goldens`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.eval.navsim import Scene, epdms, load_scenes, pdms, v1, v2
from drive.eval.navsim.comfort import extended_comfortable, extended_rms
from drive.eval.navsim.runs import PLAN, drive_plans

SETS = set_names("nav*.npz")
TOLERANCE = 1e-5
DISCRETE = {
    "no_at_fault_collisions", "drivable_area_compliance", "driving_direction_compliance", "traffic_light_compliance",
    "time_to_collision_within_bound", "comfort", "lane_keeping", "history_comfort",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not SETS, reason=f"no NAVSIM sets (nav*.npz) in {FOLDER}; set DRIVE_GOLDEN")


@dataclass
class Golden:
    name: str
    scenes: list[Scene]
    plans: list[np.ndarray]
    states: np.ndarray

    def answers(self, kind: str) -> dict:
        path = FOLDER / f"{self.name}.{kind}.json"
        if not path.is_file():
            pytest.skip(f"no {path.name} in {FOLDER}")
        return json.loads(path.read_text())


@pytest.fixture(scope="module", params=SETS or ["none"])
def golden(request: pytest.FixtureRequest) -> Golden:
    path = FOLDER / f"{request.param}.npz"
    scenes = load_scenes(path)
    with np.load(path) as arrays:
        plans = [arrays[f"s{i}_pred"] for i in range(len(scenes))]
    states, failures = drive_plans(scenes, plans)
    assert not failures
    return Golden(request.param, scenes, plans, states)


def check_row(found: dict[str, float], expected: dict, where: str) -> int:
    """Discrete scores equal, others to TOLERANCE; returns how many were compared."""
    for name, value in found.items():
        if name in DISCRETE:
            assert value == expected[name], f"{where}: {name}"
        else:
            assert value == pytest.approx(expected[name], abs=TOLERANCE), f"{where}: {name}"
    return len(found)


def test_golden_navsim_v1(golden: Golden, tally: Tally) -> None:
    compared = 0
    for i, (scene, states, answer) in enumerate(zip(golden.scenes, golden.states, golden.answers("navsim1")["scenes"], strict=True)):
        np.testing.assert_allclose(states[PLAN], answer["sim_states"], atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(states[0, -1], answer["sim_states_ref_last"], atol=TOLERANCE, rtol=0)
        found = v1.score(scene, states)
        compared += check_row(
            {name: float(value[PLAN]) for name, value in found.scores.items()}, {**answer, "pdm_score": answer["score"]}, f"scene {i}"
        )
        np.testing.assert_allclose(found.progress_m, answer["progress_raw"], atol=TOLERANCE)
        np.testing.assert_array_equal(found.collision_step, np.array(answer["t_collision"], dtype=float))
        np.testing.assert_array_equal(found.ttc_step, np.array(answer["t_ttc"], dtype=float))
        areas = [found.areas.several_lanes, found.areas.off_road, found.areas.off_route]
        assert [bool(area[PLAN].any()) for area in areas] == answer["ego_area_any"], f"scene {i}"
    tally("navsim v1.1", len(golden.scenes), compared, [])
    means = pdms(golden.scenes, golden.plans).metrics["pdm_score"]
    assert means.mean == pytest.approx(np.mean([s["score"] for s in golden.answers("navsim1")["scenes"]]), abs=TOLERANCE)


@pytest.mark.parametrize("human_filter", ["filter_off", "filter_on"])
def test_golden_navsim_v2(golden: Golden, human_filter: str, tally: Tally) -> None:
    answers = golden.answers("navsim2")["scenes"]
    rows, compared = v2.sub_scores(golden.scenes, golden.states, {}, human_filter == "filter_on"), 0
    for i, (scene, states, answer) in enumerate(zip(golden.scenes, golden.states, answers, strict=True)):
        np.testing.assert_allclose(states[PLAN], answer["sim_states"], atol=TOLERANCE, rtol=0)
        row = {name: value for name, value in rows[scene.token].items() if name != v2.EXTENDED_COMFORT}
        compared += check_row(row, answer[human_filter], f"{human_filter}, scene {i}")
        product = np.prod([row[name] for name in v2.FACTORS])
        assert product == pytest.approx(answer[human_filter]["multiplicative_metrics_prod"], abs=TOLERANCE)
        weighted = [row[name] for name in v2.WEIGHTS]
        np.testing.assert_allclose(weighted, answer[human_filter]["weighted_metrics"][: len(weighted)], atol=TOLERANCE)
        if answer[human_filter]["progress_raw"] is not None:
            np.testing.assert_allclose(v2.score(scene, states).progress_m, answer[human_filter]["progress_raw"], atol=TOLERANCE)
    tally(f"navsim v2.2 {human_filter}", len(answers), compared, [])


def test_golden_epdms(golden: Golden, tally: Tally) -> None:
    answer = golden.answers("epdms")
    previous = np.array(answer["ec_prev_states"])
    now = golden.states[:, PLAN, : previous.shape[1]]
    rms = extended_rms(now, previous)
    for name, values in rms.items():
        np.testing.assert_allclose(values, [row[name] for row in answer["ec_rms"]], atol=TOLERANCE)
    comfort = extended_comfortable(now, previous).astype(float)
    np.testing.assert_array_equal(comfort, answer["ec"])
    for human_filter in ("filter_off", "filter_on"):
        rows = v2.sub_scores(golden.scenes, golden.states, {}, human_filter == "filter_on")
        scores = [v2.final_score({**rows[s.token], v2.EXTENDED_COMFORT: c}) for s, c in zip(golden.scenes, comfort, strict=True)]
        np.testing.assert_allclose(scores, answer[f"epdms_{human_filter}"], atol=TOLERANCE)
        assert np.mean(scores) == pytest.approx(answer["mean_epdms"][f"epdms_{human_filter}"], abs=TOLERANCE)
    tally("navsim v2.2 epdms", len(golden.scenes), 7 * len(golden.scenes), [])
    unpaired = epdms(golden.scenes, golden.plans, human_filter=False)
    assert unpaired.metrics["pdm_score"].mean == pytest.approx(answer["mean_pdm_score_no_ec"], abs=TOLERANCE)
    np.testing.assert_allclose(unpaired.metrics["epdms"].values, unpaired.metrics["pdm_score"].values, atol=1e-12)
