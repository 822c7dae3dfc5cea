"""What a world says of a moment: known answers on made maps, and a town's own values around the ego."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive.around import RADIUS_M, lanes_around, phase
from drive.frames import Array, compose_se2, invert_se2
from drive.maps import Junction, Lane, Light, RoadMap, StopLine, linked
from drive.roads import Navigation
from drive.schema import Window
from drive.sim.episodes import Episode, make_world
from drive.world.advance import advance
from drive.world.map_arrays import map_tables
from drive.world.navigation import TOLD, manoeuvres, navigation_at
from drive.world.observe import observe
from drive.world.paths import lane_path
from drive.world.recorded.scenarionet import log_world
from drive.world.state import ACTIVE, BY_LANE, State, V
from drive.world.target import sample_of, target_of
from drive.world.town.town import make_town
from drive.world.world import World, assemble, ego_actor
from tests.analytic.scenario import waymo_scene, write

WINDOW = Window()


def lane(name: str, *points: tuple[float, float], **more: object) -> Lane:
    return Lane(name, np.array(points, dtype=np.float64), 3.5, 10.0, **more)  # type: ignore[arg-type]


def world_of(lanes: list[Lane], way: tuple[str, ...], station: float, kind: str = "t", **parts: object) -> World:
    """A world whose ego's rear axle stands at a station of a way over one junction `j`."""
    road_map = RoadMap("made", linked(lanes), (), junctions=(Junction("j", kind, np.zeros(2), 10.0),), **parts)  # type: ignore[arg-type]
    tables = map_tables(road_map)
    path = lane_path(road_map, tables, way)
    static, start = assemble(tables, [ego_actor(path, station + 1.486, 5.0)], np.zeros((0, 5)))
    return World("made", road_map, static, start, 200.0, 60.0, route=way)


def crossroads(station: float = 0.0) -> World:
    """a (100 m, north) leads straight on into b or left into c; its light is 20 m ahead of an ego at station 80."""
    lanes = [
        lane("a", (3, 0), (3, 100), successors=("a-b", "a-c"), left="beside"),
        lane("beside", (0, 0), (0, 100), right="a", limit_known=False),
        lane("a-b", (3, 100), (3, 120), successors=("b",), kind="connector", junction="j"),
        lane("a-c", (3, 100), (0, 110), (-7, 113), successors=("c",), kind="connector", junction="j"),
        lane("b", (3, 120), (3, 300)),
        lane("c", (-7, 113), (-90, 113)),
        lane("far", (500, 0), (600, 0)),
    ]
    stop = StopLine(np.array([[4.7, 100.0], [1.3, 100.0]]), "a", "light", "light0")
    light = Light("light0", ("a-b", "a-c"), (("red", 10.0), ("green", 8.0), ("yellow", 3.0), ("red", 2.0)), offset_s=14.0)
    return world_of(lanes, ("a", "a-c", "c"), station, stop_lines=(stop,), lights=(light,))


def test_a_light_twenty_metres_ahead_with_its_lanes() -> None:
    target = target_of(crossroads(80.0), [crossroads(80.0).start], 0, WINDOW)
    assert target.lights is not None and target.lanes is not None and target.route is not None
    lights, lanes = target.lights, target.lanes
    assert lights.ids == ("light0",) and lights.colours == ("green",)
    np.testing.assert_allclose(lights.stop_lines[0], [[[20.0, -1.7], [20.0, 1.7]]], atol=1e-9)
    assert [lanes.ids[row] for _, row in lights.rules] == ["a-b", "a-c"]
    assert (lights.since_s[0], lights.remaining_s[0]) == (pytest.approx(4.0), pytest.approx(4.0))
    assert lights.since_known.all() and lights.remaining_known.all()
    np.testing.assert_allclose(target.route.gates[0, 0], 20.0, atol=0.6)
    assert target.route.lit.tolist() == [True] and target.route.light.tolist() == [0]


def test_links_of_a_junction_are_rows_of_the_lanes_that_are_near() -> None:
    lanes = target_of(crossroads(80.0), [crossroads(80.0).start], 0, WINDOW).lanes
    assert lanes is not None
    row = {name: k for k, name in enumerate(lanes.ids)}
    assert sorted(row) == ["a", "a-b", "a-c", "b", "beside", "c"]
    assert [lanes.ids[k] for k in lanes.successors(row["a"])] == ["a-b", "a-c"]
    assert [lanes.ids[k] for k in lanes.predecessors(row["c"])] == ["a-c"]
    assert lanes.left.tolist() == [[row["a"], row["beside"]]] and lanes.right.tolist() == [[row["beside"], row["a"]]]
    assert lanes.in_junction[row["a-b"]] and not lanes.in_junction[row["a"]]
    np.testing.assert_allclose(lanes.lines[row["a"]], [[-80, 0], [20, 0]], atol=1e-9)
    np.testing.assert_allclose(lanes.lines[row["beside"]][1], [20, 3], atol=1e-9)
    assert lanes.limit_mps[row["a"]] == 10.0 and lanes.limit_known[row["a"]]
    assert lanes.limit_mps[row["beside"]] == 0.0 and not lanes.limit_known[row["beside"]] and lanes.width_known.all()


def test_links_to_lanes_that_are_far_are_left_out() -> None:
    lanes = lanes_around(crossroads().map.lanes, np.array([3.0, 0.0, np.pi / 2]))
    assert lanes.ids == ("a", "beside") and lanes.follows.shape == (0, 2)


def test_the_route_leads_on_over_its_lanes() -> None:
    world = crossroads(80.0)
    target = target_of(world, [world.start], 0, WINDOW)
    assert target.route is not None and target.lanes is not None and target.route.lanes is not None
    assert [target.lanes.ids[k] for k in target.route.lanes] == ["a", "a-c", "c"]
    assert np.hypot(*target.route.points[0, :2]) < 1.0
    np.testing.assert_allclose(target.route.points[15], [15, 0, 0], atol=0.6)
    assert target.route.points[-1, 1] > 50 and target.signs is None and target.future.valid.sum() == 0


def roundabout(station: float) -> World:
    """50 m to a roundabout of four arms as a chain of lanes; the way takes its second exit."""
    ring = {"kind": "connector", "junction": "j"}
    lanes = [
        lane("a", (0, 0), (50, 0), successors=("in",)),
        lane("in", (50, 0), (55, 0), successors=("ring0",), **ring),
        lane("ring0", (55, 0), (60, 5), successors=("pass1", "out1"), **ring),
        lane("out1", (60, 5), (70, 5), successors=("b",), **ring),
        lane("pass1", (60, 5), (60, 10), successors=("ring1",), **ring),
        lane("ring1", (60, 10), (55, 15), successors=("pass2", "out2"), **ring),
        lane("out2", (55, 15), (55, 25), successors=("c",), **ring),
        lane("pass2", (55, 15), (50, 15), successors=("ring0",), **ring),
        lane("b", (70, 5), (200, 5)),
        lane("c", (55, 25), (55, 200)),
    ]
    return world_of(lanes, ("a", "in", "ring0", "pass1", "ring1", "out2", "c"), station, "roundabout")


def test_a_navigator_says_second_exit_in_forty_metres() -> None:
    world = roundabout(10.0)
    said = observe(world, world.start.ego[None], WINDOW).navigation
    assert said is not None and (said.turn, said.exit) == ("roundabout", 2) and said.distance_m == pytest.approx(40.0, abs=1e-6)
    assert navigation_at(world.manoeuvres, 120.0) is None


def test_exits_that_are_passed_count_no_more() -> None:
    world, ring = roundabout(10.0), float(np.hypot(5, 5))
    first, second = 55.0 + ring, 60.0 + 2 * ring
    (one,) = world.manoeuvres
    assert one.exits_m == (pytest.approx(first), pytest.approx(second))
    told = [navigation_at(world.manoeuvres, s) for s in (first - 0.1, first + 0.1, second - 0.1, second + 0.1, one.end_m - 0.1)]
    assert [(said.turn, said.exit) for said in told if said] == [("roundabout", n) for n in (2, 1, 1, 1, 1)]
    metres = second - first
    assert [said.distance_m for said in told if said] == pytest.approx([metres + 0.1, metres - 0.1, 0.1, 0.0, 0.0])


def test_a_navigator_says_left_and_knows_no_exit() -> None:
    world = crossroads(80.0)
    said = observe(world, world.start.ego[None], WINDOW).navigation
    assert said is not None and (said.turn, said.exit) == ("left", None) and said.distance_m == pytest.approx(20.0)


def two_turns(station: float, between: float) -> World:
    """Left 50 m ahead into a street of so many metres, at whose end the way goes right."""
    a, b = {"kind": "connector", "junction": "j"}, {"kind": "connector", "junction": "k"}
    lanes = [
        lane("a", (0, 0), (50, 0), successors=("a-b", "a-x")),
        lane("a-b", (50, 0), (60, 4), (64, 14), successors=("b",), **a),
        lane("a-x", (50, 0), (70, 0), successors=("x",), **a),
        lane("b", (64, 14), (64, 14 + between), successors=("b-c", "b-y")),
        lane("b-c", (64, 14 + between), (68, 24 + between), (78, 28 + between), successors=("c",), **b),
        lane("b-y", (64, 14 + between), (64, 34 + between), successors=("y",), **b),
        lane("c", (78, 28 + between), (300, 28 + between)),
        lane("x", (70, 0), (300, 0)),
        lane("y", (64, 34 + between), (64, 300)),
    ]
    junctions = (Junction("j", "t", np.array([60.0, 4.0]), 15.0), Junction("k", "four-way", np.array([64.0, 20.0 + between]), 15.0))
    road_map = RoadMap("made", linked(lanes), (), junctions=junctions)
    tables, way = map_tables(road_map), ("a", "a-b", "b", "b-c", "c")
    static, start = assemble(tables, [ego_actor(lane_path(road_map, tables, way), station + 1.486, 5.0)], np.zeros((0, 5)))
    return World("made", road_map, static, start, 200.0, 60.0, route=way)


def test_a_navigator_says_left_then_right() -> None:
    world = two_turns(10.0, 20.0)
    said = observe(world, world.start.ego[None], WINDOW).navigation
    crossing = float(np.hypot(10, 4) + np.hypot(4, 10))
    assert said is not None and (said.turn, said.distance_m) == ("left", pytest.approx(40.0)) and said.then is not None
    assert (said.then.turn, said.then.distance_m) == ("right", pytest.approx(40.0 + crossing + 20.0)) and said.then.then is None
    inside = navigation_at(world.manoeuvres, 55.0)
    assert inside is not None and (inside.turn, inside.distance_m) == ("left", 0.0) and inside.then is not None
    after = navigation_at(world.manoeuvres, 50.0 + crossing + 5.0)
    assert after is not None and (after.turn, after.distance_m) == ("right", pytest.approx(15.0)) and after.then is None


def test_what_comes_much_later_is_not_said_yet() -> None:
    world = two_turns(10.0, 90.0)
    said = observe(world, world.start.ego[None], WINDOW).navigation
    assert said == Navigation("left", said.distance_m if said else 0.0)


def test_every_way_out_of_a_junction_has_words_of_its_own() -> None:
    """In towns no two ways from one lane to different roads are told by the same words, so that who hears them knows the road."""
    for seed in (850_000, 850_007, 850_021):
        road_map = make_town(seed).map
        kinds = {junction.id: junction.kind for junction in road_map.junctions}
        for entry in (one for one in road_map.lanes if one.junction is None):
            roads: dict[tuple[str, int], set[str]] = {}
            for way in ways_over(road_map, entry):
                (said, *_) = manoeuvres(road_map, way) if kinds.get(road_map.lane(way[1]).junction or "") in TOLD else (None,)
                if said is not None:
                    roads.setdefault((said.turn, len(said.exits_m)), set()).add(road_map.lane(way[-1]).road)
            assert all(len(one) == 1 for one in roads.values()), (seed, entry.id, roads)


def ways_over(road_map: RoadMap, entry: Lane) -> list[tuple[str, ...]]:
    """Every way from a road's lane over the junction at its end to the next road's lane."""
    done: list[tuple[str, ...]] = []
    open_ways: list[tuple[str, ...]] = [(entry.id, name) for name in entry.successors]
    while open_ways:
        way = open_ways.pop()
        for name in road_map.lane(way[-1]).successors:
            if road_map.lane(name).junction is None:
                done.append((*way, name))
            elif name not in way:
                open_ways.append((*way, name))
    return done


def test_a_then_is_one_junction_further_on() -> None:
    near, far = Navigation("left", 5.0), Navigation("right", 30.0, None, Navigation("left", 50.0))
    for first, then in ((10.0, near), (10.0, far)):
        with pytest.raises(ValueError, match="one junction further on"):
            Navigation("straight", first, None, then)


NOBODY_SAYS = [("back", 1.0, None), ("left", -1.0, None), ("left", 1.0, 2), ("roundabout", 1.0, 0), ("roundabout", 1.0, None)]


@pytest.mark.parametrize(("turn", "distance", "number"), NOBODY_SAYS)
def test_what_no_navigator_says_is_refused(turn: str, distance: float, number: int | None) -> None:
    with pytest.raises(ValueError, match="got"):
        Navigation(turn, distance, number)  # type: ignore[arg-type]


def test_a_recorded_cycle_is_known_between_its_changes_only() -> None:
    light = Light("seen", ("a",), (("off", 1.0), ("red", 2.0), ("green", 3.0), ("off", 1.0), ("green", 1.0)))
    assert phase(light, 0.5, False) == (None, None, None)
    assert phase(light, 2.0, False) == ("red", None, pytest.approx(1.0))
    assert phase(light, 4.0, False) == ("green", pytest.approx(1.0), None)
    assert phase(light, 6.5 + 0.75, False) == ("green", None, None)
    repeated = Light("town", ("a",), (("red", 2.0), ("green", 3.0), ("red", 4.0)))
    assert phase(repeated, 6.0, True) == ("red", pytest.approx(1.0), pytest.approx(5.0))
    assert phase(repeated, 1.0, True) == ("red", pytest.approx(5.0), pytest.approx(1.0))
    assert phase(Light("dead", ("a",), (("red", 2.0),)), 1.0, True) == ("red", None, None)


@pytest.fixture(scope="module")
def town() -> World:
    return make_world(Episode("town", 5))


def in_ego(state: State, rows: Array) -> Array:
    """World places in the frame of a state's ego, [N, 2]."""
    return compose_se2(invert_se2(state.ego[:3]), rows[:, :3])[:, :2]


def around(state: State, rows: Array) -> np.ndarray:
    """Which places are in the square of a target."""
    return (np.abs(in_ego(state, rows)) <= RADIUS_M).all(-1)


def test_the_target_of_a_town_is_what_the_world_says(town: World) -> None:
    states = [town.start]
    for _ in range(80):
        states.append(advance(town.static, states[-1], 0.0, 0.0, BY_LANE, False))
    now = 30
    sample, state = sample_of(town, states, now, WINDOW), states[now]
    target, agents = sample.target, sample.target.agents
    assert agents is not None and target.lights is not None and target.future.valid.all() and agents.valid[:, agents.now].any()
    ahead = [states[now + 5 * k].ego[:2] for k in range(1, 7)]
    np.testing.assert_allclose(compose_se2(state.ego[:3], target.future.poses)[:, :2], ahead, atol=1e-9)
    for row, name in enumerate(agents.instances):
        if name.startswith("agent"):
            k = int(name.removeprefix("agent"))
            for step, at in enumerate(np.round(agents.times_s * 10).astype(int) + now):
                assert agents.valid[row, step] == (states[at].marks[k, ACTIVE] == 1)
                if agents.valid[row, step]:
                    place = compose_se2(state.ego[:3], np.array([*agents.centres[row, step, :2], agents.headings[row, step]]))
                    np.testing.assert_allclose(place[:2], states[at].pose[k, :2], atol=1e-9)
                    assert np.hypot(*agents.velocities[row, step]) == pytest.approx(abs(states[at].move[k, V]))
    assert town.furniture is not None and target.signs is not None
    parked = around(state, town.furniture.parked)
    told = [name for name in agents.instances if name.startswith("parked")]
    assert told and told == [f"parked{k}" for k in np.flatnonzero(parked)]
    np.testing.assert_allclose(target.signs.positions, in_ego(state, town.furniture.signs)[around(state, town.furniture.signs)], atol=1e-9)
    assert not target.signs.value_known.any() and set(target.signs.kinds) <= {"limit", "yield", "no parking"}
    colours = dict(zip((light.id for light in town.map.lights), town.colours(state), strict=True))
    assert all(colours[name] == shown for name, shown in zip(target.lights.ids, target.lights.colours, strict=True))
    assert target.map is not None and sample.observation.past.valid.all()
    np.testing.assert_allclose(sample.observation.past.poses[:-1, 0] < 0.0, True)


def test_steps_that_no_state_tells_are_not_valid(town: World) -> None:
    target = target_of(town, [town.start], 0, WINDOW)
    assert target.agents is not None and not target.future.valid.any()
    assert target.agents.valid[:, target.agents.now].any() and not np.delete(target.agents.valid, target.agents.now, 1).any()


def test_what_a_record_does_not_tell_stays_unknown(tmp_path: Path) -> None:
    states = ["LANE_STATE_UNKNOWN"] * 7 + ["LANE_STATE_STOP"] * 20 + ["LANE_STATE_CAUTION"] * 3 + ["LANE_STATE_GO"] * 30
    world = log_world(write(tmp_path, waymo_scene(4.0, states)))
    drive = [world.start]
    for _ in range(40):
        drive.append(world.step_recorded(drive[-1]))
    shown = [target_of(world, drive, now, WINDOW, 100.0).lights for now in (0, 10, 40)]
    assert [lights.colours[0] for lights in shown if lights] == [None, "red", "green"]
    assert [lights.since_known[0] for lights in shown if lights] == [False, False, True]
    assert [lights.remaining_known[0] for lights in shown if lights] == [False, True, False]
    assert shown[1] is not None and shown[1].remaining_s[0] == pytest.approx(1.7, abs=0.051)
    target = target_of(world, drive, 10, WINDOW)
    assert target.signs is None and target.route is not None and target.route.lanes is None
    assert observe(world, world.start.ego[None], WINDOW).navigation is None
    (tmp_path / "dark").mkdir()
    dark = log_world(write(tmp_path / "dark", {**waymo_scene(4.0), "dynamic_map_states": {}}))
    assert target_of(dark, [dark.start], 0, WINDOW).lights is None
