"""Planners that are shown less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drive.planners.less import newest
from drive.planners.network import NetworkPlanner
from drive.planners.wrapped import wrapper_of
from drive.schema import Window
from tests.model.conftest import make_network, make_observation


def test_newest_is_the_planner_as_at_the_beginning_of_a_drive() -> None:
    planner = NetworkPlanner(make_network(window=Window(frames=2)), "two")
    wrapped, whole = newest(planner), make_observation(frames=2)
    alone = replace(whole, frames=whole.frames[-1:])
    assert wrapped.name == "two-newest" and wrapped.spec == planner.spec and wrapper_of("newest:two") == (newest, "two")
    assert np.array_equal(wrapped.plan(whole).best, planner.plan(alone).best)
    first, second = (one.answer(seen, "plan:text") for one, seen in ((wrapped, whole), (planner, alone)))  # type: ignore[attr-defined]
    assert np.array_equal(first.best("plan:text"), second.best("plan:text"))
