"""NAVSIM's rules on made-up scenes with known answers, and against a plain restatement on random ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from navsim_scenes import LANE_M, ROAD, agent, plan, polygons, scene, state, strip, traffic

from drive.eval.navsim import epdms, pdms, v1, v2
from drive.eval.navsim.areas import ego_areas
from drive.eval.navsim.comfort import comfortable_v1, comfortable_v2, extended_rms, history_comfortable, resample_past
from drive.eval.navsim.contacts import at_fault, find_hits, time_to_collision
from drive.eval.navsim.runs import drive_plans
from drive.eval.navsim.scene import STEPS, Scene
from drive.eval.navsim.simulate import FRONT_M, REAR_M, WIDTH_M, body_points, simulate


def row(one: Scene, poses: np.ndarray, version: str = "v2") -> dict[str, float]:
    """Scores of one plan."""
    result = pdms([one], [poses]) if version == "v1" else epdms([one], [poses])
    assert not result.failures
    return {name: metric.values[0] for name, metric in result.metrics.items()}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_free_drive_is_perfect(version: str) -> None:
    values = row(scene(), plan(), version)
    assert values.pop("two_frame_extended_comfort", 0.0) == 0.0  # not valid: there is no frame before
    assert values == pytest.approx(dict.fromkeys(values, 1.0), abs=1e-3)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (agent(20.0), 0.0),  # a car that stands in the lane
        (agent(20.0, kind="traffic_cone"), 0.5),
        (agent(20.0, kind="pedestrian"), 0.0),
        (agent(-12.0, speed=14.0), 1.0),  # hits from behind
        (agent(25.0, speed=2.0), 0.0),  # driven into with the front bumper
        (agent(14.8, 6.5, speed=2.0, heading=-np.pi / 2), 1.0),  # drives into the ego's side, in the ego's own lane
        (agent(60.0), 1.0),  # not reached
    ],
)
def test_whose_fault_a_contact_is(version: str, other: tuple, expected: float) -> None:
    values = row(scene([other]), plan(), version)
    assert values["no_at_fault_collisions"] == expected
    if expected < 1:
        assert values["time_to_collision_within_bound"] == 0
    assert values["pdm_score"] <= expected


def test_between_lanes_a_contact_at_the_side_is_the_ego_s_fault() -> None:
    passing = agent(-3.0, 3.9, speed=9.0)
    inside = row(scene([passing]), plan(), "v1")
    across = row(scene([passing]), plan(lateral=1.8), "v1")
    assert inside["no_at_fault_collisions"] == 1 and across["no_at_fault_collisions"] == 0


def test_a_standing_ego_is_never_at_fault() -> None:
    still = np.zeros((8, 3))
    reference = np.zeros((STEPS, 3))
    values = row(scene([agent(30.0, speed=10.0, heading=np.pi)], speed=0.0, reference=reference), still, "v1")
    assert values["no_at_fault_collisions"] == 1 and values["time_to_collision_within_bound"] == 1


def test_whether_an_agent_stands_is_told_by_its_first_sight() -> None:
    """A car that moved when first seen and stops later, hit at its side by an ego in its own lane, is not a standing one."""
    crossing = traffic([agent(14.8, 6.5, speed=2.0, heading=-np.pi / 2)])
    crossing.velocities[:, 1:] = 0.0
    assert not crossing.stopped[0]
    assert row(scene(traffic=crossing), plan(), "v1")["no_at_fault_collisions"] == 1
    crossing = traffic([agent(14.8, 6.5, speed=2.0, heading=-np.pi / 2)])
    crossing.velocities[:, 0] = 0.0
    assert row(scene(traffic=crossing), plan(), "v1")["no_at_fault_collisions"] == 0


def test_an_innocent_contact_excuses_what_follows() -> None:
    """Hit from behind first; that the front would later touch the same car counts no more."""
    behind = traffic([agent(-4.2, speed=9.0)])
    behind.poses[:, 20:, 0] = 24.0
    assert row(scene(traffic=behind), plan(), "v1")["no_at_fault_collisions"] == 1
    behind.valid[:, :20] = False
    assert row(scene(traffic=behind), plan(), "v1")["no_at_fault_collisions"] == 0


def test_traffic_on_the_ego_at_the_start_counts_in_v1_only() -> None:
    inside = [agent(1.0, 0.5, kind="traffic_cone")]
    assert row(scene(inside), plan(), "v1")["no_at_fault_collisions"] == 0.5
    assert row(scene(inside), plan(), "v2")["no_at_fault_collisions"] == 1


def test_time_to_collision_sees_the_next_second_only() -> None:
    """At 8 m/s over 4 s the nose ends at 36 m; in v1 the last look ahead is at 4.9 s, in v2 at 4 s."""
    nose = 32.0 + FRONT_M
    barely, later = [agent(nose + 3.0 + 2.25)], [agent(nose + 8.0 + 2.25)]
    assert row(scene(barely), plan(), "v1")["time_to_collision_within_bound"] == 0
    assert row(scene(barely), plan(), "v2")["time_to_collision_within_bound"] == 1
    assert row(scene(later), plan(), "v1")["time_to_collision_within_bound"] == 1


def test_leaving_the_road() -> None:
    values = row(scene(), plan(lateral=6.0))
    assert values["drivable_area_compliance"] == 0 and values["epdms"] == 0
    assert row(scene(), plan(lateral=3.6))["drivable_area_compliance"] == 1


@pytest.mark.parametrize(("speed", "expected"), [(0.6, 1.0), (4.0, 0.5), (8.0, 0.0)])
def test_driving_off_the_route(speed: float, expected: float) -> None:
    one = scene(speed=speed, ego=state(speed, LANE_M), centreline=np.array([[-100.0, LANE_M], [200.0, LANE_M]]))
    poses = plan(speed)
    assert row(one, poses)["driving_direction_compliance"] == expected
    assert row(one, poses, "v1")["driving_direction_compliance"] == expected
    crossing = replace(one, polygons=polygons([*ROAD, ("INTERSECTION", "crossing", strip(10, -10))]))
    assert row(crossing, poses)["driving_direction_compliance"] == 1
    assert row(crossing, poses, "v1")["driving_direction_compliance"] == expected


def test_a_red_light_counts_while_it_is_red_and_on_the_route() -> None:
    parts = [*ROAD, ("LANE_CONNECTOR", "connector", strip(LANE_M / 2, -LANE_M / 2, 20.0, 40.0))]
    red = np.ones(STEPS, dtype=bool)
    one = scene(polygons=polygons(parts), route=frozenset({"own", "connector"}), red={"connector": red})
    assert row(one, plan())["traffic_light_compliance"] == 0
    assert row(replace(one, route=frozenset({"own"})), plan())["traffic_light_compliance"] == 1
    early = red.copy()
    early[15:] = False  # the nose comes to 20 m at 2 s
    assert row(replace(one, red={"connector": early}), plan())["traffic_light_compliance"] == 1
    assert row(one, plan(2.0))["traffic_light_compliance"] == 1


@pytest.mark.parametrize(("lateral", "expected"), [(0.0, 1.0), (0.45, 1.0), (0.9, 0.0)])
def test_lane_keeping(lateral: float, expected: float) -> None:
    one = scene(ego=state(8.0, lateral))
    assert row(one, plan())["lane_keeping"] == expected
    half = polygons([*ROAD, ("INTERSECTION", "crossing", strip(10, -10, 15.0, 200.0))])
    assert row(replace(one, polygons=half), plan())["lane_keeping"] == 1  # too few steps are left outside


def test_progress_is_measured_against_the_better_of_plan_and_reference() -> None:
    one = scene(speed=4.0)
    states, _ = drive_plans([one], [plan(4.0)])
    reference, driven = states[0, :, -1, 0] - states[0, :, 0, 0]
    assert row(one, plan(4.0))["ego_progress"] == pytest.approx(driven / reference, abs=1e-6)
    assert driven / reference < 0.6
    assert row(scene(), plan(10.0))["ego_progress"] == 1
    nobody = scene(speed=0.5, reference=np.zeros((STEPS, 3)))
    assert row(nobody, plan(0.5))["ego_progress"] == 1


def test_progress_of_a_violator_is_lost_in_v1_only() -> None:
    other = [agent(20.0)]
    assert row(scene(other), plan(), "v1")["ego_progress"] == 0
    assert row(scene(other), plan(), "v2")["ego_progress"] == 1


def braking(rate: float) -> np.ndarray:
    """Driven states at 12 m/s, braking at `rate` from 1.5 s on."""
    states = np.zeros((1, STEPS, 11))
    states[0, :, 5] = np.where(np.arange(STEPS) >= 15, -rate, 0.0)
    states[0, :, 3] = 12 + np.cumsum(states[0, :, 5]) * 0.1
    return states


def test_comfort_bounds() -> None:
    assert comfortable_v2(braking(1.0)).all()
    assert not comfortable_v2(braking(5.0)).any()
    turning = np.zeros((1, STEPS, 11))
    turning[0, :, 2] = (1.2 * 0.1 * np.arange(STEPS) + np.pi) % (2 * np.pi) - np.pi
    assert not comfortable_v2(turning).any() and not comfortable_v1(turning).any()
    turning[0, :, 2] = (0.8 * 0.1 * np.arange(STEPS) + np.pi) % (2 * np.pi) - np.pi
    assert comfortable_v2(turning).all() and comfortable_v1(turning).all()


def test_v1_smooths_a_short_jolt_away_that_v2_sees() -> None:
    states = np.zeros((1, STEPS, 11))
    states[0, 18:22, 5] = 3.5
    assert comfortable_v1(states).all() and not comfortable_v2(states).any()


@pytest.mark.parametrize("steps", [36, 128, 129])
def test_filters_equal_scipy_s_on_the_drive_itself(steps: int) -> None:
    from scipy.signal import savgol_filter

    rng = np.random.default_rng(3)
    states, still = np.zeros((4, steps, 11)), np.zeros((4, steps, 11))
    states[..., 5], states[..., 2] = rng.normal(0, 2, (4, steps)), np.cumsum(rng.normal(0, 0.3, (4, steps)), 1)
    states[..., 2] = (states[..., 2] + np.pi) % (2 * np.pi) - np.pi
    found = extended_rms(states, still)
    acceleration = savgol_filter(np.abs(states[..., 5]), 8, 2)
    heading = np.unwrap(states[..., 2])
    expected = {
        "acceleration": acceleration,
        "jerk": savgol_filter(acceleration, 15, 2, deriv=1, delta=0.1),
        "yaw_rate": savgol_filter(heading, 5, 2, deriv=1, delta=0.1),
        "yaw_accel": savgol_filter(heading, 5, 2, deriv=2, delta=0.1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], np.sqrt((values**2).mean(1)), atol=1e-6)


def test_history_comfort_sees_the_seam() -> None:
    past = np.zeros((4, 11))
    past[:, 0], past[:, 3] = -8.0 * np.array([1.5, 1.0, 0.5, 0.0]), 8.0
    states = np.zeros((1, STEPS, 11))
    states[..., 3] = 8.0
    assert history_comfortable(scene(past=past), states).all()
    jerked = past.copy()
    jerked[:, 5] = [0, 0, -6.0, -6.0]
    assert not history_comfortable(scene(past=jerked), states).any()
    assert history_comfortable(scene(), states).all()
    before = resample_past(past)
    np.testing.assert_allclose(before[:, 0], -8.0 * np.arange(1.5, 0.15, -0.1), atol=1e-9)
    np.testing.assert_array_equal(before[:, 8:], 0)


def test_extended_comfort_compares_with_the_frame_before() -> None:
    first = scene(token="a", log="drive", time_s=10.0)
    second = scene(token="b", log="drive", time_s=10.5, ego=state(8.0, 0.0, 4.0))
    other = scene(token="c", log="another", time_s=10.5)
    same = epdms([first, second, other], [plan(), plan(), plan()])
    comfort = same.metrics["two_frame_extended_comfort"]
    np.testing.assert_array_equal(comfort.valid, [False, True, False])
    assert comfort.values[1] == 1
    np.testing.assert_allclose(same.metrics["epdms"].values, 1, atol=1e-3)
    braked = epdms([first, second, other], [plan(), plan(3.0), plan()])
    assert braked.metrics["two_frame_extended_comfort"].values[1] == 0
    expected = {n: braked.metrics[n].values[1] for n in v2.WEIGHTS}
    weighted = sum(w * expected[n] for n, w in v2.WEIGHTS.items())
    assert braked.metrics["epdms"].values[1] == pytest.approx(weighted / 16)
    late = epdms([first, replace(second, time_s=10.6)], [plan(), plan()])
    assert not late.metrics["two_frame_extended_comfort"].valid.any()


def test_the_human_filter_excuses_what_the_human_did_too() -> None:
    aside = plan(lateral=6.0)
    one = scene(human=aside)
    assert row(one, aside)["drivable_area_compliance"] == 1
    assert epdms([one], [aside], human_filter=False).metrics["drivable_area_compliance"].values[0] == 0
    assert row(replace(one, original=False), aside)["drivable_area_compliance"] == 0
    assert row(scene(human=plan()), aside)["drivable_area_compliance"] == 0


# ---------------------------------------------------------------- a plain restatement of the two sequential rules


def random_scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    kinds = ("vehicle", "vehicle", "pedestrian", "bicycle", "traffic_cone", "generic_object")
    agents = [
        agent(
            rng.uniform(-10, 45), rng.uniform(-5, 5), rng.choice([0.0, rng.uniform(0, 12)]), rng.uniform(-np.pi, np.pi),
            str(rng.choice(kinds)), int(rng.integers(0, 15)),
        )
        for _ in range(rng.integers(1, 8))
    ]  # fmt: skip
    parts = [*ROAD, ("INTERSECTION", "crossing", strip(10, -10, 20.0, 35.0))]
    return scene(agents, token=f"random-{seed}", polygons=polygons(parts))


def plain_bearing(pose: np.ndarray, where: shapely.Point) -> float:
    way = np.array([where.x - pose[0], where.y - pose[1]])
    return float(np.degrees(np.arccos(np.cos(pose[2]) * way[0] / np.hypot(*way) + np.sin(pose[2]) * way[1] / np.hypot(*way))))


def plain_body(pose: np.ndarray, ahead: float = 0.0) -> shapely.Polygon:
    shape = shapely.box(-REAR_M + ahead, -WIDTH_M / 2, FRONT_M + ahead, WIDTH_M / 2)
    return shapely.affinity.translate(shapely.affinity.rotate(shape, pose[2], origin=(0, 0), use_radians=True), pose[0], pose[1])


def plain_agent(one: Scene, a: int, t: int) -> shapely.Polygon:
    x, y, heading = one.traffic.poses[a, t]
    length, width = one.traffic.sizes[a]
    shape = shapely.box(-length / 2, -width / 2, length / 2, width / 2)
    return shapely.affinity.translate(shapely.affinity.rotate(shape, heading, origin=(0, 0), use_radians=True), x, y)


def plain_no_collision(one: Scene, states: np.ndarray, loose: np.ndarray) -> float:
    score, excused = 1.0, set()
    for t in range(STEPS):
        for a in range(len(one.traffic.types)):
            other = plain_agent(one, a, t)
            if a in excused or not one.traffic.valid[a, t] or not plain_body(states[t]).intersects(other):
                continue
            first = one.traffic.valid[a].argmax()
            moving = one.traffic.types[a] in ("vehicle", "pedestrian", "bicycle")
            bumper = shapely.LineString([plain_body(states[t]).exterior.coords[0], plain_body(states[t]).exterior.coords[1]])
            if np.hypot(*states[t, 3:5]) <= 0.05:
                guilty = False
            elif not moving or np.hypot(*one.traffic.velocities[a, first]) <= 0.005:
                guilty = True
            elif plain_bearing(states[t], other.centroid) > 150:
                guilty = False
            else:
                guilty = bool(bumper.intersects(other) or loose[t])
            if guilty:
                score = min(score, 0.0 if moving else 0.5)
            else:
                excused.add(a)
    return score


def plain_ttc(one: Scene, states: np.ndarray, loose: np.ndarray, steps: int) -> float:
    score, excused = 1.0, set()
    for t in range(steps):
        for look in (0, 3, 6, 9):
            speed = np.hypot(*states[t, 3:5])
            for a in range(len(one.traffic.types)):
                other = plain_agent(one, a, t + look)
                hit = one.traffic.valid[a, t + look] and plain_body(states[t], speed * 0.1 * look).intersects(other)
                if a in excused or not hit or speed < 0.005:
                    continue
                bearing = plain_bearing(states[t], other.centroid)
                if bearing < 30 or (loose[t] and not bearing > 150):
                    score = 0.0
                else:
                    excused.add(a)
    return score


@pytest.mark.parametrize("seed", range(20))
def test_contacts_equal_the_plain_restatement(seed: int) -> None:
    one, rng = random_scene(seed), np.random.default_rng(100 + seed)
    states, _ = drive_plans([one], [plan(rng.uniform(0, 11), rng.uniform(-4, 4))])
    driven = states[0]
    points = body_points(driven)
    areas = ego_areas(one, points)
    collision, _ = at_fault(one, driven, points[..., :4, :], areas)
    ttc, _ = time_to_collision(one, driven, points[..., :4, :], areas, STEPS - 9)
    for p in range(2):
        loose = (areas.several_lanes | areas.off_road)[p]
        assert collision[p] == plain_no_collision(one, driven[p], loose)
        assert ttc[p] == plain_ttc(one, driven[p], loose | areas.axle_crossing[p], STEPS - 9)


def test_random_scenes_have_every_outcome() -> None:
    """The restatement above is only worth something where the answers differ."""
    scenes = [random_scene(seed) for seed in range(20)]
    states, _ = drive_plans(scenes, [plan()] * 20)
    scores = [v1.score(one, driven).scores for one, driven in zip(scenes, states, strict=True)]
    assert len({float(s["no_at_fault_collisions"][1]) for s in scores}) == 3
    assert len({float(s["time_to_collision_within_bound"][1]) for s in scores}) == 2


def test_traffic_that_ends_too_early_is_refused() -> None:
    one = scene(traffic=traffic([agent(20.0)], steps=STEPS))
    driven = simulate(one.ego[None], one.reference[None])
    with pytest.raises(ValueError, match="traffic covers 41 steps"):
        find_hits(driven, body_points(driven)[..., :4, :], one.traffic, (0, 9), STEPS)
    assert row(one, plan())["no_at_fault_collisions"] == 0
