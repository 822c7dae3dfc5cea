"""Road boundaries out of a map patch, and the road-boundary rate from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from drive.baselines import StandStill
from drive.eval.evaluate import evaluate
from drive.eval.openloop.batch import make_batch, recorded_plans
from drive.eval.openloop.bevplanner import BEVPLANNER
from drive.eval.openloop.boundary import HALF_LENGTH_M, HALF_WIDTH_M, MARGIN_M, POINTS, boundary_polylines
from drive.schema import MapPatch, Observation, Plan, SceneSample

# A straight road from 4 m right to 6 m left of the ego, in two pieces that share an edge, with an island.
ROAD = (
    np.array([[-80.0, -4.0], [5, -4], [5, 6], [-80, 6]]),
    np.array([[5.0, -4.0], [80, -4], [80, 6], [5, 6]]),
)
ISLAND = np.array([[20.0, 3.0], [20, 5], [24, 5], [24, 3]])


def test_boundary_is_the_outline_and_not_a_shared_edge() -> None:
    lines = boundary_polylines(MapPatch({"drivable_area": ROAD}))
    assert lines.shape == (2, POINTS, 2)
    assert sorted({round(float(y), 6) for y in lines[..., 1].ravel()}) == [-4.0, 6.0]
    assert np.abs(lines[..., 0]).max() == pytest.approx(HALF_LENGTH_M - MARGIN_M)
    np.testing.assert_allclose(np.abs(np.diff(lines[..., 0], axis=1)), 2 * (HALF_LENGTH_M - MARGIN_M) / (POINTS - 1))


def test_holes_are_boundaries_and_far_edges_are_not() -> None:
    lines = boundary_polylines(MapPatch({"drivable_area": (*ROAD, ISLAND)}))
    assert len(lines) == 3
    wide = np.array([[-80.0, -30.0], [80, -30], [80, 30], [-80, 30]])
    assert HALF_WIDTH_M < 30 and boundary_polylines(MapPatch({"drivable_area": (wide,)})).shape == (0, POINTS, 2)
    assert boundary_polylines(MapPatch()).shape == (0, POINTS, 2)


class Sideways:
    """Drives to a point beside itself."""

    def __init__(self, left_m: float) -> None:
        self.name, self.left_m = f"sideways {left_m}", left_m

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        poses = np.zeros((1, 6, 3))
        poses[..., 1] = self.left_m * np.linspace(1 / 6, 1, 6)
        return Plan(poses, observation.future_times_s)


def test_road_boundary_rate(drives: Callable[..., list[SceneSample]]) -> None:
    """A standing record on the road: who leaves it crosses the boundary, who stays does not; without a map no rate is told."""
    patch = MapPatch({"drivable_area": ROAD})
    samples = []
    for sample in drives(2, frames=8, agents=1):
        future = replace(sample.target.future, poses=np.zeros_like(sample.target.future.poses))
        samples.append(replace(sample, target=replace(sample.target, future=future, map=patch)))
    planners = [StandStill(), Sideways(-4.0), Sideways(6.0), Sideways(2.0)]
    rows = {(r["planner"], r["metric"]): r["value"] for r in evaluate(samples, planners, protocols=["bevplanner"]).rows}
    assert [rows[p.name, "ccr_3s"] for p in planners] == [0, 1, 1, 0]
    assert rows["sideways -4.0", "ccr_1s"] == 0 and rows["log", "ccr_3s"] == 0
    # A block without a complete sample tells nothing, and takes nothing away.
    torn = [replace(s, target=replace(s.target, future=replace(s.target.future, valid=np.zeros(6, dtype=bool)))) for s in samples]
    batch = make_batch(torn)
    assert BEVPLANNER.results(batch, recorded_plans(batch)).keys() == BEVPLANNER.results(
        make_batch(samples), recorded_plans(make_batch(samples))
    ).keys()
    blind = [replace(s, target=replace(s.target, map=None)) for s in samples]
    assert not any(r["metric"].startswith("ccr") for r in evaluate(blind, planners, protocols=["bevplanner"]).rows)
