"""What `see` says of a crossroads made by hand, where the right answers are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drive.answers.see import PARTS, LanePlace, LeadSeen, LightSeen, LineSeen, Seen
from drive.schema import SceneSample, Window
from drive.tasks import declared, make_task
from drive.tasks.see import SeeTask
from drive.tasks.truths.lead import lead_of
from drive.tasks.truths.way import FRONT_M, way_of
from drive.tokens.vocab import Vocabulary
from tests.tasks.crossroads import CROSS_M, Other, crossroads

REQUESTS = ["see", *(f"see:{part}" for part in PARTS)]
VOCABULARY = Vocabulary().extended(declared(REQUESTS, {}), REQUESTS)
NORTH = np.pi / 2
FROM_RIGHT = {"heading": NORTH, "speed": 8.0}


def task(request: str = "see") -> SeeTask:
    made = make_task(request, VOCABULARY, Window())
    assert isinstance(made, SeeTask)
    return made


def seen(**changes: Any) -> Seen:
    answer = task().answer(crossroads(**changes))
    assert answer is not None
    return answer


def may_enter(**changes: Any) -> bool:
    line = seen(**changes).line
    assert line is not None
    return line.may_enter


def south(metres_before: float, **changes: Any) -> Other:
    """Somebody from the right whose bumper is so far before its line."""
    x = changes.pop("line_m", 10.0) + FRONT_M + CROSS_M
    return Other(x, -8 - metres_before - 2.0, **{**FROM_RIGHT, **changes})


def test_an_empty_crossroads() -> None:
    answer = seen(speed=5.0, left_m=0.4)
    assert answer.lane == LanePlace(pytest.approx(0.4), pytest.approx(0.0))
    assert answer.bends == pytest.approx((0, 0, 0)) and answer.cap_mps == pytest.approx(11.1)
    assert answer.lead is None and answer.light is None
    assert answer.line == LineSeen(True, pytest.approx(10.0))


def test_bends_of_a_left_turn() -> None:
    """The turn begins 13.5 m ahead: nothing in the first stretch, a quarter turn in the two behind it."""
    bends = seen(turn="left").bends
    assert bends is not None
    assert bends[0] == pytest.approx(0.0, abs=0.01) and bends[1] > 0.03
    assert 10 * bends[1] + 20 * bends[2] == pytest.approx(np.pi / 2, abs=0.08)


def test_lane_offset_heading_and_none() -> None:
    sample = crossroads(left_m=-1.7)
    assert task("see:lane").answer(sample) == Seen(("lane",), LanePlace(pytest.approx(-1.7), pytest.approx(0.0)))
    off = crossroads(left_m=-1.8)
    assert task("see:lane").answer(off) == Seen(("lane",))
    turned = task().turned(Seen(("lane",), LanePlace(0.0, 0.1)), 0.3)
    assert turned.lane == LanePlace(0.0, pytest.approx(-0.2))


@pytest.mark.parametrize("colour", ["green", "yellow", "red"])
def test_the_next_light(colour: Any) -> None:
    assert seen(light=colour, line_m=23.0).light == LightSeen(colour, pytest.approx(23.0))


@pytest.mark.parametrize(("line_m", "there"), [(50.0, True), (50.5, False), (-0.9, True), (-1.1, False)])
def test_lights_and_lines_far_off_or_passed_are_none(line_m: float, there: bool) -> None:
    answer = seen(line_m=line_m, light="red")
    assert (answer.light is not None, answer.line is not None) == (there, there)


def test_of_two_lines_the_next_one_counts_and_the_light_may_be_behind_it() -> None:
    sample = crossroads(line_m=30.0, light="red")
    assert sample.target.route is not None
    route = replace(
        sample.target.route,
        gates=np.concatenate([[[12.0, 20.0]], sample.target.route.gates]),
        light=np.array([0, 0]),
        lit=np.array([False, True]),
    )
    two = replace(sample, target=replace(sample.target, route=route))
    assert task("see:light").answer(two) == Seen(("light",), light=LightSeen("red", pytest.approx(30.0)))
    assert task("see:line").answer(two) is None  # no lane of the map begins at the first line: who goes first there is not known
    inside = replace(two, target=replace(two.target, route=replace(route, gates=route.gates - [[9.5, 9.5], [0, 0]])))
    assert task("see:line").answer(inside) == Seen(("line",), line=LineSeen(False, pytest.approx(30.0)))


def test_lead_in_the_way_beside_it_and_hidden() -> None:
    ahead = Other(FRONT_M + 12.0 + 2.0, 0.2, speed=4.0)
    assert seen(others=[ahead]).lead == LeadSeen("vehicle", pytest.approx(12.0, abs=0.26), pytest.approx(4.0))
    assert seen(others=[replace(ahead, y=2.3)]).lead is None
    assert seen(others=[replace(ahead, visibility=1)]).lead is None
    assert seen(others=[replace(ahead, visibility=0)]).lead is not None
    assert seen(others=[replace(ahead, x=FRONT_M + 63.0)]).lead is None
    assert seen(others=[replace(ahead, x=-3.0)]).lead is None
    oncoming = replace(ahead, heading=np.pi)
    assert seen(others=[oncoming]).lead == LeadSeen("vehicle", pytest.approx(12.0, abs=0.26), pytest.approx(-4.0))
    assert task().answer(crossroads(others=[replace(ahead, velocity_known=False)])) is None


@pytest.mark.parametrize(
    ("category", "who"),
    [("vehicle.bicycle", "cyclist"), ("human.pedestrian.adult", "person"), ("movable_object.barrier", "thing"), ("obstacle", "thing")],
)
def test_who_is_ahead(category: str, who: str) -> None:
    lead = seen(others=[Other(15.0, 0.0, category=category, size=(0.6, 0.6, 1.7))]).lead
    assert lead is not None and lead.who == who


def test_a_walker_counts_where_it_will_be_unless_the_ego_has_passed() -> None:
    """4 m to the right, walking left at 1.5 m/s: in the way from 2 s on."""
    sample = crossroads(others=[Other(FRONT_M + 8.0, -4.0, NORTH, 1.5, "human.pedestrian.adult", (0.6, 0.6, 1.7))])
    way, people = way_of(sample.target), sample.target.agents
    assert way is not None and people is not None
    lead, known = lead_of(way, people, 5.0)
    assert known and lead is not None and lead.who == "person" and lead.gap_m == pytest.approx(8.0 - 0.4, abs=0.26)
    assert lead_of(way, people, 20.0) == (None, True)
    standing = replace(people, velocities=0 * people.velocities)
    assert lead_of(way, standing, 5.0) == (None, True)


def test_red_forbids_and_yellow_where_one_can_stop() -> None:
    assert not may_enter(light="red") and may_enter(light="green")
    # at 6 m/s and 3 m/s2 the car stops within 6 m
    assert not may_enter(light="yellow", line_m=6.1, speed=6.0) and may_enter(light="yellow", line_m=5.9, speed=6.0)
    assert not may_enter(light="yellow", line_m=0.1, speed=0.0)
    assert may_enter(light="yellow", line_m=-0.1, speed=0.0)


def test_who_goes_first_is_waited_for_while_it_comes() -> None:
    """From the right at 8 m/s: the ego, from a standstill 10 m before its line, needs 7.4 s to be through and 1.2 s more."""
    assert not may_enter(others=[south(20.0)])
    assert may_enter(others=[south(75.0)])
    assert may_enter(others=[south(20.0, visibility=1)])
    assert may_enter(others=[south(20.0, speed=0.2)])  # it stands
    assert may_enter(others=[south(20.0)], yields=[("south-north", "straight")])  # the ego goes first
    assert may_enter(others=[south(20.0)], light="green", cross_light="red")
    assert not may_enter(others=[south(20.0)], light="green", cross_light="green")


def test_who_is_over_its_line_is_waited_for_whoever_goes_first() -> None:
    for yields in ([("south-north", "straight")], []):
        assert not may_enter(others=[south(-3.0, speed=0.0)], yields=yields)
        assert not may_enter(others=[south(5.0, speed=9.0)], yields=yields)  # it can no longer stop
    assert not may_enter(others=[south(-3.0)], light="green", cross_light="red")
    assert may_enter(others=[south(-20.0)])  # its tail has left


def test_where_neither_goes_first_the_nearer_one_does() -> None:
    assert not may_enter(others=[south(6.0, speed=4.0)], yields=[])
    assert may_enter(others=[south(12.0, speed=4.0)], yields=[])


def test_a_left_turn_waits_for_oncoming_traffic_and_going_straight_does_not() -> None:
    oncoming = Other(60.0, 3.5, np.pi, 8.0)
    assert not may_enter(turn="left", light="green", others=[oncoming])
    assert may_enter(turn="straight", light="green", others=[oncoming])
    assert may_enter(turn="left", light="green", others=[replace(oncoming, x=5.0)])  # it has passed


def test_a_junction_is_not_entered_to_stand_in_it() -> None:
    behind_it = 10.0 + FRONT_M + 20.0 + 2.0
    assert not may_enter(others=[Other(behind_it + 5.0, 0.0)])
    assert may_enter(others=[Other(behind_it + 8.0, 0.0)])
    assert may_enter(others=[Other(behind_it + 5.0, 0.0, speed=4.0)])


def test_what_is_not_known_is_not_told() -> None:
    sample = crossroads()

    def answered(sample: SceneSample) -> set[str]:
        return {request for request in REQUESTS if task(request).answer(sample) is not None}

    assert answered(sample) == set(REQUESTS)
    known = sample.target
    no_route = replace(sample, target=replace(known, route=None, lights=None))
    assert answered(no_route) == {"see:lane", "see:cap", "see:lead", "see:bends"} - {"see:lead", "see:bends"}  # the lanes fork ahead
    future = replace(known.future, poses=np.column_stack([np.linspace(5, 40, 6), np.zeros((6, 2))]))
    assert answered(replace(no_route, target=replace(no_route.target, future=future))) == {"see:lane", "see:cap", "see:lead", "see:bends"}
    assert answered(replace(sample, target=replace(known, agents=None))) == set(REQUESTS) - {"see", "see:lead", "see:line"}
    assert answered(crossroads(yields=None)) == set(REQUESTS) - {"see", "see:line"}
    assert answered(crossroads(yields=None, line_m=60.0)) == set(REQUESTS) - {"see", "see:line"}  # there may be lines it does not know
    assert answered(replace(sample, target=replace(known, lanes=None, route=None))) == set()
    unpaced = replace(sample, observation=replace(sample.observation, speed_mps=None))
    assert answered(unpaced) == {"see:lane", "see:cap", "see:bends", "see:light"}


def test_without_a_route_the_way_follows_the_recorded_future() -> None:
    sample = crossroads(line_m=5.0)
    left = np.array([[6, 0, 0], [9, 0, 0], [13, 1, 0.3], [17, 5, 1], [20, 9, 1.4], [20.2, 13, 1.5]], dtype=float)
    target = replace(sample.target, route=None, future=replace(sample.target.future, poses=left))
    answer = task("see:bends").answer(replace(sample, target=target))
    assert answer is not None and answer.bends is not None and answer.bends[1] > 0.05


@pytest.mark.parametrize("request_", REQUESTS)
def test_tokens_and_json_come_back(request_: str) -> None:
    busy = crossroads(light="red", others=[Other(20.0, 0.0, speed=3.0)], speed=4.0)
    for sample in (busy, crossroads(left_m=-3.0)):
        answer = task(request_).answer(sample)
        assert answer is not None
        ids = task(request_).encode(answer)
        again = task(request_).decode(ids)
        np.testing.assert_array_equal(task(request_).encode(again), ids)
        assert task(request_).from_json(task(request_).to_json(again)) == again


def test_numbers_beyond_their_bounds_are_refused_by_encode_and_json_by_name() -> None:
    with pytest.raises(ValueError, match="bounds"):
        task("see:light").encode(Seen(("light",), light=LightSeen("red", 80.0)))
    with pytest.raises(ValueError, match=r"tells \('light',\)"):
        task("see:light").encode(Seen(("cap",), cap_mps=3.0))
    for wrong in (
        {},
        {"light": {"colour": "blue", "distance_m": 3.0}},
        {"light": {"colour": "red"}},
        {"light": {"colour": "red", "distance_m": True}},
    ):
        with pytest.raises(ValueError, match="see"):
            task("see:light").from_json(wrong)
