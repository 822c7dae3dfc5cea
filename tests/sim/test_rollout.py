"""Episodes: outcomes, planners that fail, hashes, logs, scores."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.baselines import BASELINES
from drive.bicycle_fit import fitted_headings
from drive.expert.expert import Expert, LaneFollower
from drive.expert.privileged import PRIVILEGED
from drive.frames import Array
from drive.schema import Observation, Plan, PlanError
from drive.sim.episodes import Episode, drive_all
from drive.sim.page import save_page
from drive.sim.report import SimReport
from drive.sim.rollout import Loop, Rollout, rollout
from drive.sim.saved import replay_file
from drive.sim.scores import METRICS, ZERO_WHERE_FAILED, metric_results, score
from drive.sim.simulate import choose_episodes, run_episodes
from drive.world.state import LATERAL, SPEED, State
from drive.world.town.populate import EMPTY, town_world
from drive.world.world import World


def load(name: str) -> object:
    return PRIVILEGED[name]() if name in PRIVILEGED else BASELINES[name]()


def hash_of(episode: Episode, run: Rollout) -> str:
    return run.hash


@pytest.fixture(scope="module")
def world() -> World:
    return town_world(1)


@pytest.fixture(scope="module")
def expert_run(world: World) -> Rollout:
    return rollout(world, Expert(), Loop(2.0))


def test_expert_arrives_clean(expert_run: Rollout) -> None:
    result = score(expert_run)
    assert expert_run.outcome == "arrived" and result.values["success"] == 1.0
    assert result.values["pdm_score"] > 0.8 and result.values["neuroncap_score"] == 5.0
    assert result.facts["length_m"] >= 300 and result.facts["junctions"] >= 2 and result.facts["moving_agents_met"] >= 10


def test_standing_still_gets_nowhere(world: World) -> None:
    result = score(rollout(world, BASELINES["stand-still"]()))
    assert result.facts["outcome"] == "blocked" and result.values["success"] == 0.0 and result.values["route_completion"] < 0.2


def test_expert_recovers_from_beside_the_lane(world: World) -> None:
    ego = world.start.ego.copy()
    side = np.array([-np.sin(ego[2]), np.cos(ego[2])])
    ego[:2] += 0.8 * side
    ego[2] += 0.15
    moved = World(world.name, world.map, world.static, world.start._replace(ego=ego), world.goal_m, 12.0)
    run = rollout(moved, Expert())
    assert abs(run.ego[1, LATERAL]) > 0.5 and abs(run.ego[-1, LATERAL]) < 0.4 and run.outcome == "timeout"


class Positions(Expert):
    """The expert, of whose plans the headings are lost and found again."""

    def __init__(self, found: Callable[[Array], Array]) -> None:
        self.found = found

    def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
        xy = super().plan_in_world(world, state, observation).best[:, :2]
        return Plan(np.column_stack([xy, self.found(xy)])[None], observation.future_times_s)


def test_plans_of_positions_alone_hold_the_lane_in_bends() -> None:
    """Headings of chords come half a step late: a car that steers by them is carried out of every bend."""
    world = town_world(4, traffic=EMPTY)

    def chords(xy: Array) -> Array:
        return np.arctan2(*np.diff(xy, axis=0, prepend=0.0).T[::-1])

    wide = [np.abs(rollout(world, Positions(found), Loop(2.0)).ego[:, LATERAL]).max() for found in (fitted_headings, chords)]
    assert wide[0] < 0.5 < 0.7 < wide[1]


def test_the_last_bit_of_a_drive_is_the_same_whatever_the_threads() -> None:
    code = (
        "from tests.sim.test_rollout import *; from dataclasses import replace;"
        "print(rollout(replace(town_world(4, traffic=EMPTY), time_limit_s=8.0), Positions(fitted_headings), Loop(2.0)).hash)"
    )
    told = set()
    for threads in ("1", "2"):
        env = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        told.add(subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout)
    assert len(told) == 1


def test_whoever_plans_does_so_in_one_thread(world: World) -> None:
    """Also a network: its answer may tip where several threads add up in another order. Afterwards all is as before."""
    import torch  # here: workers and other processes that import this file do without

    seen: list[int] = []

    class Asked(Positions):
        def plan_in_world(self, world: World, state: State, observation: Observation) -> Plan:
            seen.append(torch.get_num_threads())
            return super().plan_in_world(world, state, observation)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        rollout(World(world.name, world.map, world.static, world.start, world.goal_m, 1.0), Asked(fitted_headings))
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


class Bad:
    """A planner that fails in a way."""

    def __init__(self, how: str) -> None:
        self.name, self.how = how, how

    def plan(self, observation: Observation, samples: int = 1) -> Plan | None:
        times = observation.future_times_s
        if self.how == "raises":
            raise RuntimeError("no idea")
        if self.how == "plan error":
            raise PlanError("cannot see")
        if self.how == "nothing":
            return None
        if self.how == "late":
            time.sleep(3.0)
        poses = np.zeros((1, len(times), 3))
        if self.how == "far":
            poses += 1e5
        plan = Plan(poses, times)
        if self.how == "nan":
            plan.trajectories[...] = np.nan
        return plan if self.how != "short" else Plan(poses[:, :1], times[:1] / 100)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", "raised RuntimeError: no idea"),
        ("plan error", "cannot see"),
        ("nothing", "returned nothing"),
        ("nan", "NaN or infinity"),
        ("far", "more than 1 km away"),
        ("short", "times must ascend"),
        ("late", "no plan within"),
    ],
)
def test_a_planner_that_fails_makes_a_failed_episode(world: World, how: str, reason: str) -> None:
    run = rollout(world, Bad(how), Loop(deadline_s=0.5))
    assert run.outcome.startswith("planner failed") and reason in run.outcome
    result = score(run)
    assert result.failed and all(result.values[m] == 0.0 if m in ZERO_WHERE_FAILED else np.isnan(result.values[m]) for m in METRICS)
    assert ("in plan\n" in run.traceback and result.facts["traceback"] == run.traceback) == (how in ("raises", "late"))


def test_failed_drives_define_no_rate_of_collisions(world: World) -> None:
    """They run no red light; the rate of the answered drives stands, and success counts them."""
    scores = [score(rollout(world, planner)) for planner in (LaneFollower(), Bad("raises"))]
    told = metric_results([replace(s, planner="one") for s in scores])
    assert [int(told[m].valid.sum()) for m in ("success", "pdm_score", "red_light", "comfort")] == [2, 2, 1, 1]
    assert told["red_light"].mean == scores[0].values["red_light"] and told["success"].mean == scores[0].values["success"] / 2


def test_failed_drives_stand_apart_in_table_page_and_report(world: World, tmp_path: Path) -> None:
    """One drive arrives (success set by hand), one is failed: 50 % (100 %), and no light run by the failed one."""
    done = score(rollout(world, LaneFollower()))
    values, facts = done.values | {"success": 1.0, "red_light": 0.0}, done.facts | {"outcome": "arrived"}
    good = replace(done, name="a", planner="one", values=values, facts=facts)
    bad = replace(score(rollout(world, Bad("raises"))), name="b", planner="one")
    report = SimReport([good, bad], {})
    rows = {r["metric"]: r for r in report.rows}
    assert (rows["success"]["value"], rows["success"]["answered"], rows["success"]["failed"]) == (0.5, 1.0, 1)
    assert rows["red_light"]["value"] == rows["red_light"]["answered"] == 0.0
    assert report.outcomes("one") == {"arrived": 1, "planner failed": 1}
    text, html = report.table(), save_page(report, tmp_path, {}).read_text()
    for told in (text, html):
        assert "50.0 (100.0)" in told and "(50.0)" not in told and "planner failed" in told
    saved = json.loads(report.save(tmp_path).read_text())
    assert saved["outcomes"]["one"] == {"arrived": 1, "planner failed": 1} and [e["failed"] for e in saved["episodes"]] == [False, True]


def test_latency_is_paid_in_simulated_time(world: World) -> None:
    prompt, late = rollout(world, LaneFollower(), Loop(5.0)), rollout(world, LaneFollower(), Loop(5.0, latency_s=0.5))
    assert (late.actions[:5] == 0).all() and (prompt.actions[0] != 0).any()
    assert late.ego[5, SPEED] <= prompt.ego[5, SPEED]


@pytest.mark.parametrize("deadline", [0.0, -1.0, float("nan"), float("inf")])
def test_deadlines_that_cannot_be_are_refused(deadline: float) -> None:
    with pytest.raises(ValueError, match="deadline_s above 0"):
        Loop(deadline_s=deadline)


@pytest.mark.parametrize("settings", [{"planning_hz": 1.0}, {"planning_hz": 50.0}, {"latency_s": -1.0}])
def test_loops_that_cannot_be_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Loop(**settings)


def test_same_bytes_whatever_order_and_workers() -> None:
    episodes = [Episode("town", seed) for seed in (7, 8)]
    drive = functools.partial(drive_all, planners=["lane-follower"], loop=Loop(), load=load, finish=hash_of)
    alone = {episode: found for episode, _, found in drive(episodes, workers=1)}
    shared = {episode: found for episode, _, found in drive(episodes[::-1], workers=2)}
    assert alone == shared and len(set(alone.values())) == 2


def test_a_run_is_reported_saved_and_replays(tmp_path: Path) -> None:
    episodes = choose_episodes(["town"], 2, 7, ["ordinary"], None)
    report = run_episodes(episodes, ["lane-follower", "stand-still"], load, Loop(), out=tmp_path, videos=0)
    saved = json.loads((tmp_path / "report.json").read_text())
    rows = {(row["planner"], row["metric"]): row for row in saved["rows"]}
    assert rows["stand-still", "success"]["value"] == 0.0 and rows["stand-still", "success"]["requested"] == 2
    assert saved["settings"]["distribution_hash"] and saved["settings"]["seeds"] == "7-8"
    assert all(row["samples"] == 2 for row in saved["comparisons"])
    assert report.faults("lane-follower") == saved["at_fault_collisions"]["lane-follower"] and not report.faults("stand-still")
    assert "moving_agents_met" in report.table() and "at-fault collisions of stand-still: none" in report.table()
    assert (tmp_path / "index.html").stat().st_size > 2000
    for path in sorted((tmp_path / "drives").glob("*.json")):
        run, stated = replay_file(path)
        assert run.hash == stated
    assert len(list((tmp_path / "drives").glob("*.npz"))) == 4


class Thinker:
    """Stands, and says how often it has thought."""

    name = "thinker"

    def __init__(self) -> None:
        self.asked = 0

    def plan(self, observation: Observation) -> Plan:
        self.asked += 1
        return Plan(np.zeros((1, 6, 3)), 0.5 * np.arange(1, 7), text=f"thought {self.asked}\nstop straight")


def test_thoughts_are_kept_beside_their_plans(tmp_path: Path) -> None:
    run_episodes([Episode("town", 7)], ["thinker"], lambda name: Thinker(), Loop(), out=tmp_path, videos=0)
    path = next((tmp_path / "drives").glob("*.json"))
    run, stated = replay_file(path)
    assert run.hash == stated and len(run.thoughts) == len(run.plans) > 10
    assert run.thoughts == tuple(f"thought {k + 1}\nstop straight" for k in range(len(run.plans)))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"thoughts": ["one too few"] * (len(run.plans) - 1)}))
    with pytest.raises(ValueError, match="thoughts of"):
        replay_file(path)


def test_a_saved_episode_of_another_world_is_refused(tmp_path: Path) -> None:
    run_episodes([Episode("town", 7)], ["stand-still"], load, Loop(), out=tmp_path, videos=0)
    path = next((tmp_path / "drives").glob("*.json"))
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"origin": {**about["origin"], "distribution_hash": "0" * 12}}))
    with pytest.raises(ValueError, match="made from another world"):
        replay_file(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="not a saved episode"):
        replay_file(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["nowhere"], 1, 0, ["ordinary"], None), "none of these: a town distribution"),
        ((["town"], 0, 0, ["ordinary"], None), "at least one episode"),
        ((["town"], 1, 0, ["meteor"], None), "no family 'meteor'"),
    ],
)
def test_bad_requests_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_episodes(*arguments)


def test_many_planners_are_compared_with_the_first(world: World, tmp_path: Path) -> None:
    one = score(rollout(replace(world, time_limit_s=1.0), LaneFollower()))
    report = SimReport([replace(one, planner=name) for name in ("first", "second", "third", "fourth")], {})
    assert {(row["planner"], row["against"]) for row in report.comparisons} == {("first", name) for name in ("second", "third", "fourth")}
    assert SimReport([], {}).comparisons == []
    page = save_page(report, tmp_path, {}).read_text()
    assert "Over the same episodes" in page and "<td>fourth</td>" in page and "4 drives of 4 planners in 1 episode<" in page
