"""Answers handed to the expert: the way that lanes and a command tell, and cars that stand in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drive.answers.boxes import Boxes
from drive.answers.roads import LaneLines
from drive.planners.handed import Handed, told_world, way_ahead
from drive.schema import Answers, Frame, Observation, PlanError, PlannerSpec, Trajectory, Window

STRAIGHT = np.column_stack([np.arange(-10.0, 21.0, 5.0), np.zeros(7)])
TURNS = np.linspace(0, np.pi / 2, 7)[:, None]
LEFT = np.array([20.0, 0.0]) + 12.0 * np.concatenate([np.sin(TURNS), 1 - np.cos(TURNS)], 1)
RIGHT = LEFT * [1.0, -1.0]
ON = STRAIGHT + [30.0, 0.0]
FORK = (LEFT, ON, RIGHT, STRAIGHT, STRAIGHT[::-1] + [0.0, 3.5])


def observation(speed: float | None = 8.0, command: Any = "straight") -> Observation:
    window = Window()
    past = Trajectory(np.zeros((0, 3)), np.zeros(0), np.zeros(0, dtype=bool))
    return Observation("t", (Frame(0.0, ()),), past, window.future_times_s, speed_mps=speed, command=command)


def boxes(*places: tuple[float, float], speed: float = 0.0, score: float = 1.0) -> Boxes:
    n = len(places)
    centres = np.array([(*place, 0.8) for place in places]).reshape(-1, 3)
    velocities = np.tile([speed, 0.0], (n, 1))
    sizes = np.tile([4.5, 1.9, 1.6], (n, 1))
    return Boxes(("car",) * n, centres, sizes, np.zeros(n), velocities, np.ones(n, dtype=bool), np.full(n, score))


class Says:
    name, spec = "says", PlannerSpec(Window(), "unused", tasks=("boxes:8", "roads"))

    def __init__(self, boxes: Boxes, lanes: LaneLines | None) -> None:
        self.values = {"boxes:8": (boxes,)} | ({"roads": (lanes,)} if lanes else {})

    def answer(self, observation: Observation, requests: str, samples: int = 1) -> Answers:
        return Answers(self.values, {}, {} if "roads" in self.values else {"roads": "none was told"})


def planned(boxes: Boxes, observation: Observation, lines: tuple = FORK) -> np.ndarray:
    return Handed(Says(boxes, LaneLines(lines, np.ones(len(lines))))).plan(observation, 2).best


@pytest.mark.parametrize(("command", "end"), [("left", LEFT[-1]), ("right", RIGHT[-1])])
def test_the_way_turns_by_the_command(command: Any, end: np.ndarray) -> None:
    way = way_ahead(FORK, command)
    assert np.hypot(*(way - end).T).min() < 1e-9 and np.hypot(*(way - ON[-1]).T).min() > 5


def test_the_way_goes_straight_on_without_lanes() -> None:
    np.testing.assert_allclose(way_ahead((), "left"), [[0, 0], [80, 0]])
    assert np.abs(way_ahead(FORK, "straight")[:, 1]).max() < 1e-9
    circle = tuple(np.array(part) for part in ([[0.0, 0], [5, 0]], [[5.0, 0], [6, 1]], [[6.0, 1], [6, 5]], [[6.0, 5], [0, 0]]))
    assert np.isfinite(way_ahead(circle, "left")).all()  # lanes that lead back end


def test_an_empty_road_is_driven_and_a_standing_car_is_not_hit() -> None:
    free, behind = planned(boxes(), observation()), planned(boxes((17.0, 0.0)), observation())
    assert free[-1, 0] > 22 and abs(free[-1, 1]) < 0.3
    assert behind[-1, 0] < 17.0 - 2.25 - 3.4  # its rear, and the ego's front ahead of its axle
    unsure = planned(boxes((17.0, 0.0), score=0.3), observation())
    np.testing.assert_allclose(unsure, free)
    going = planned(boxes((17.0, 0.0), speed=8.0), observation())
    assert going[-1, 0] > behind[-1, 0] + 5


def test_it_turns_where_the_lanes_turn() -> None:
    plan = planned(boxes(), observation(4.0, "left"), (LEFT - [16.0, 0.0], STRAIGHT - [16.0, 0.0]))
    assert plan[-1, 1] > 2 and plan[-1, 2] > 0.5


def test_what_cannot_be_handed_over_is_told() -> None:
    with pytest.raises(PlanError, match="speed is unknown"):
        planned(boxes(), observation(None))
    with pytest.raises(PlanError, match="none was told"):
        Handed(Says(boxes(), None)).plan(observation())


def test_a_lane_without_length_is_no_lane() -> None:
    point = np.array([[5.0, 0.0], [5.0, 0.0]])
    np.testing.assert_allclose(planned(boxes(), observation(), (point, *FORK)), planned(boxes(), observation()))
    assert np.isfinite(planned(boxes(), observation(), (point,))).all()


def test_boxes_of_every_class_make_a_world() -> None:
    from drive.answers.boxes import CLASSES

    n = len(CLASSES)
    every = replace(boxes(*[(10.0 + 3 * k, 4.0) for k in range(n)]), classes=CLASSES)
    world = told_world(every, LaneLines((STRAIGHT,), np.ones(1)), observation())
    assert len(world.names) == n + 1 and np.allclose(world.start.pose[1:, 0], every.centres[:, 0])
