"""NAVSIM on hostile plans, damaged scenes, moved worlds, many scenes at once, and in two stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from navsim_scenes import ROAD, agent, moved, plan, polygons, scene, state, strip, traffic

from drive.eval.navsim import Scene, epdms, load_scenes, pdms
from drive.eval.navsim.scene import REPLAY_STEPS, STEPS, Polygons
from drive.eval.navsim.two_stage import Group, follow_up_weights, navhard
from drive.schema import PlanError


def spoiled(value: float, column: int = 0) -> np.ndarray:
    poses = plan()
    poses[3, column] = value
    return poses


HOSTILE = {
    "NaN": spoiled(np.nan),
    "NaN heading": spoiled(np.nan, 2),
    "infinity": spoiled(np.inf, 1),
    "1,000 km": spoiled(1e6),
    "1.1 km sideways": spoiled(-1.1e3, 1),
    "1e308": np.full((8, 3), 1e308),
    "seven poses": plan()[:7],
    "forty poses": np.zeros((40, 3)),
    "positions only": plan()[:, :2],
    "empty": np.zeros((0, 3)),
    "ragged": [[1.0, 2.0, 0.0], [1.0]],
    "text": [["a", "b", "c"]] * 8,
    "none": None,
    "planner's error": PlanError("the planner gave up"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("benchmark", [pdms, epdms])
def test_a_hostile_plan_scores_zero_and_says_why(benchmark, name: str) -> None:
    result = benchmark([scene(token="bad"), scene(token="good")], [HOSTILE[name], plan()])
    assert list(result.failures) == ["bad"] and len(result.failures["bad"]) > 10
    for metric in result.metrics.values():
        np.testing.assert_array_equal(metric.failed, [True, False])
        assert metric.values[0] == 0 and metric.valid[0], metric.name
    final = result.metrics["pdm_score"]
    assert final.values[1] == pytest.approx(1, abs=1e-3) and final.mean == pytest.approx(0.5, abs=1e-3)


def test_a_hostile_plan_changes_no_other_scene() -> None:
    scenes = [scene([agent(30.0, speed=3.0)], token=str(i)) for i in range(3)]
    clean = epdms(scenes, [plan(), plan(6.0), plan()])
    mixed = epdms(scenes, [spoiled(np.nan), plan(6.0), spoiled(1e300)])
    for name, metric in clean.metrics.items():
        assert metric.values[1] == mixed.metrics[name].values[1]


def test_a_plan_a_little_short_of_the_limit_is_scored() -> None:
    far = plan()
    far[-1, 0] = 999.0
    assert not pdms([scene()], [far]).failures
    far[-1, 0] = 1001.0
    assert "1000 m" in pdms([scene()], [far]).failures["one"]


def test_batch_equals_single() -> None:
    rng = np.random.default_rng(0)
    scenes, plans = [], []
    for i in range(6):
        agents = [agent(rng.uniform(-5, 40), rng.uniform(-4, 4), rng.uniform(0, 9), rng.uniform(-3, 3)) for _ in range(5)]
        scenes.append(scene(agents, token=str(i), human=plan(7.0)))
        plans.append(plan(rng.uniform(2, 10), rng.uniform(-3, 3)))
    for benchmark in (pdms, epdms):
        together = benchmark(scenes, plans)
        for i in range(6):
            alone = benchmark(scenes[i : i + 1], plans[i : i + 1])
            for name, metric in alone.metrics.items():
                assert together.metrics[name].values[i] == pytest.approx(metric.values[0], abs=1e-9), name


def test_no_scenes_give_no_numbers() -> None:
    for benchmark in (pdms, epdms):
        result = benchmark([], [])
        assert all(len(metric.values) == 0 and np.isnan(metric.mean) for metric in result.metrics.values())


@pytest.mark.parametrize("benchmark", [pdms, epdms])
def test_scores_do_not_depend_on_the_place_in_the_world(benchmark) -> None:
    rng = np.random.default_rng(1)
    past = np.zeros((4, 11))
    past[:, 0], past[:, 3] = -8.0 * np.array([1.5, 1.0, 0.5, 0.0]), 8.0
    parts = polygons([*ROAD, ("INTERSECTION", "crossing", strip(10, -10, 20.0, 35.0))])
    for _ in range(6):
        agents = [agent(rng.uniform(-5, 40), rng.uniform(-4, 4), rng.uniform(0, 9), rng.uniform(-3, 3)) for _ in range(6)]
        here = scene(agents, polygons=parts, past=past, human=plan(7.0), red={"own": rng.random(REPLAY_STEPS) < 0.01})
        there = moved(here, rng.uniform(-3, 3), rng.choice([-1e5, 1e5], 2))
        poses = plan(rng.uniform(3, 10), rng.uniform(-2.5, 2.5))
        a, b = benchmark([here], [poses]).metrics, benchmark([there], [poses]).metrics
        for name in a:
            assert a[name].values[0] == pytest.approx(b[name].values[0], abs=1e-6), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ego": np.zeros(10)}, "ego"),
        ({"ego": np.full(11, np.nan)}, "ego"),
        ({"reference": np.zeros((40, 3))}, "reference"),
        ({"centreline": np.zeros((5, 3))}, "centreline"),
        ({"past": np.zeros((4, 9))}, "past"),
        ({"human": np.zeros((7, 3))}, "human"),
        ({"traffic": traffic(steps=STEPS - 1)}, "at least 41 steps"),
        ({"red": {"own": np.ones(3, dtype=bool)}}, "at least 41 steps"),
    ],
)
def test_a_damaged_scene_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scene(**change)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kinds: .'RUNWAY'"):
        polygons([("RUNWAY", "r", strip(1, -1))])
    with pytest.raises(ValueError, match="unknown agent types .'dragon'"):
        traffic([agent(1.0, kind="dragon")])
    with pytest.raises(ValueError, match="one kind"):
        Polygons(("LANE",), (), np.array([], dtype=object))


def test_plans_and_scenes_must_match() -> None:
    with pytest.raises(ValueError, match="one plan per scene"):
        pdms([scene()], [])
    with pytest.raises(ValueError, match="different tokens"):
        pdms([scene(), scene()], [plan(), plan()])


def test_a_scene_file_says_what_is_missing(tmp_path) -> None:
    np.savez(tmp_path / "scenes.npz", n=1, s0_ego0=np.zeros(11))
    with pytest.raises(ValueError, match="scene scenes-0 has no array s0_"):
        load_scenes(tmp_path / "scenes.npz")
    np.savez(tmp_path / "none.npz", x=1)
    with pytest.raises(ValueError, match="no array n"):
        load_scenes(tmp_path / "none.npz")
    np.savez(tmp_path / "pickled.npz", n=np.array([object()]))
    with pytest.raises(ValueError, match="pickle"):
        load_scenes(tmp_path / "pickled.npz")


def group_of_scenes(aside: float = 0.0) -> tuple[list[Scene], Group]:
    """Two frames half a second apart and, 4 s on, two pairs of follow-ups: on the ego's track and `aside` of it."""
    first = [scene(token="now", log="d", time_s=0.5), scene(token="before", log="d", time_s=0.0)]
    scenes = list(first)
    for k, y in enumerate((0.0, aside)):
        for token, frame in (("now", first[0]), ("before", first[1])):
            late = replace(frame, token=f"{token}{k}", ego=state(8.0, y, 32.0), time_s=frame.time_s + 4, original=False)
            reference = late.reference + [32.0, 0, 0]
            scenes.append(replace(late, reference=reference))
    return scenes, Group("now", "before", (("now0", "before0"), ("now1", "before1")))


def test_two_stages_multiply() -> None:
    scenes, group = group_of_scenes()
    result = navhard(scenes, [plan()] * 6, [group])
    assert {name: m.mean for name, m in result.metrics.items()} == pytest.approx(dict.fromkeys(result.metrics, 1.0), abs=1e-3)
    blocked = [replace(s, traffic=traffic([agent(52.0)])) if s.token == "now1" else s for s in scenes]
    result = navhard(blocked, [plan()] * 6, [group])
    # Both follow-ups start where the plan ends, so each counts half; one of the two frames loses half of its second stage.
    assert result.metrics["epdms_stage_two"].values[0] == pytest.approx(0.75, abs=1e-3)
    assert result.metrics["epdms"].values[0] == pytest.approx(0.75, abs=1e-3)


def test_a_follow_up_far_from_the_plan_s_end_hardly_counts() -> None:
    scenes, group = group_of_scenes(aside=1.5)
    blocked = [replace(s, traffic=traffic([agent(52.0, 1.5)])) if s.token.endswith("1") else s for s in scenes]
    assert navhard(blocked, [plan()] * 6, [group]).metrics["epdms_stage_two"].values[0] == pytest.approx(1, abs=1e-3)


def test_a_failure_in_either_stage_counts_as_zero() -> None:
    scenes, group = group_of_scenes()
    first = navhard(scenes, [HOSTILE["NaN"], *[plan()] * 5], [group])
    assert first.metrics["epdms"].values[0] == pytest.approx(0.5, abs=1e-3) and list(first.failures) == ["now"]
    assert first.metrics["epdms"].failed.all()
    second = navhard(scenes, [*[plan()] * 5, None], [group])
    assert second.metrics["epdms_stage_two"].values[0] == pytest.approx(0.75, abs=1e-3)


def test_a_group_without_its_scenes_is_refused() -> None:
    scenes, group = group_of_scenes()
    with pytest.raises(ValueError, match="missing scenes: .'now0'"):
        navhard([s for s in scenes if s.token != "now0"], [plan()] * 5, [group])
    with pytest.raises(ValueError, match="second-stage pairs"):
        navhard(scenes, [plan()] * 6, [replace(group, second=())])


def test_follow_up_weights() -> None:
    weights = follow_up_weights([0.0, 0.0], [[0.0, 0.0], [0.3, 0.4]])
    assert weights.sum() == pytest.approx(1) and weights[1] / weights[0] == pytest.approx(np.exp(-0.25 / 0.2))
    np.testing.assert_allclose(follow_up_weights([0, 0], [[100.0, 0], [0, 200.0]]), 0.5)
