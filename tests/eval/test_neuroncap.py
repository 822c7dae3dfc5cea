"""NeuroNCAP: parity with its own code (neuroncap*.npz in DRIVE_GOLDEN), drives with known answers, hostile drives."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from goldens import FOLDER, Tally, set_names

from drive.eval.neuroncap import (
    EGO_CENTRE_AHEAD_M,
    EGO_LENGTH_M,
    EGO_WIDTH_M,
    Drive,
    RoadUser,
    aggregate,
    collides,
    first_impact,
    impact_speed,
    ncap,
    stars,
)

SETS = set_names("neuroncap*.npz")
TIMES = 0.5 * np.arange(9)
NOSE_M = EGO_CENTRE_AHEAD_M + EGO_LENGTH_M / 2


@pytest.mark.skipif(not SETS, reason=f"no sets (neuroncap*.npz) in {FOLDER}; set DRIVE_GOLDEN")
@pytest.mark.parametrize("name", SETS or ["none"])
def test_golden_neuroncap(name: str, tally: Tally) -> None:
    rows, answer = np.load(FOLDER / f"{name}.npz")["rows"], np.array(json.loads((FOLDER / f"{name}.json").read_text())["out"])
    ego, speed, actor, width, length, reference = rows[:, :3], rows[:, 3], rows[:, 4:7], rows[:, 8], rows[:, 9], rows[:, 10]
    velocity = rows[:, 7:8] * np.stack([np.cos(actor[:, 2]), np.sin(actor[:, 2])], -1)
    hit = collides(ego, actor, width, length)
    impact = impact_speed(ego, speed, velocity)
    np.testing.assert_array_equal(hit, answer[:, 0] == 1)
    np.testing.assert_allclose(np.where(hit, impact, 0.0), answer[:, 1], atol=1e-5)
    np.testing.assert_allclose(stars(hit, impact, reference), answer[:, 2], atol=1e-5)
    tally("neuroncap", len(rows), 3 * len(rows), [])


def drive(
    speed: float = 10.0, actors: tuple[RoadUser, ...] = (), reference: float = 10.0, token: str = "run", scenario: str = "frontal",
    sequence: str = "0103",
) -> Drive:  # fmt: skip
    poses = np.stack([speed * TIMES, np.zeros(9), np.zeros(9)], -1)
    return Drive(token, scenario, sequence, TIMES, poses, np.full(9, speed), actors, reference)


def actor(x: float, y: float = 0.0, speed: float = 0.0, category: str = "car", start: float = 0.0, end: float = 4.0) -> RoadUser:
    """Moves along x; its box is 2 m wide and 4 m long."""
    times = np.linspace(start, end, 9)
    poses = np.stack([x + speed * times, np.full(9, y), np.zeros(9)], -1)
    return RoadUser(category, times, poses, 2.0, 4.0)


def test_a_free_drive_has_five_stars() -> None:
    result = ncap([drive(), drive(actors=(actor(20.0, 5.0),), token="aside")])
    np.testing.assert_array_equal(result.metrics["ncap_score"].values, [5, 5])
    np.testing.assert_array_equal(result.metrics["collision"].values, [0, 0])


@pytest.mark.parametrize(("speed", "expected"), [(10.0, 0.0), (5.0, 2.0), (2.5, 3.0), (12.0, 0.0)])
def test_stars_fall_with_the_impact_speed(speed: float, expected: float) -> None:
    wall = actor(NOSE_M + 2.0 + 4.0)
    assert ncap([drive(speed, (wall,))]).metrics["ncap_score"].values[0] == pytest.approx(expected)


def test_impact_speed_is_relative() -> None:
    oncoming, leading = actor(30.0, speed=-4.0), actor(12.0, speed=6.0)
    assert first_impact(drive(10.0, (oncoming,))) == pytest.approx(14.0)
    assert first_impact(drive(10.0, (leading,))) == pytest.approx(4.0)


def test_a_collision_between_two_ticks_is_found() -> None:
    """A car that crosses within half a second: at no tick does it touch the ego."""
    times = np.array([0.0, 0.5, 1.0, 1.5])
    poses = np.stack([np.full(4, 9.0), [60.0, 20.0, -20.0, -60.0], np.full(4, -np.pi / 2)], -1)
    crossing = RoadUser("car", times, poses, 2.0, 4.0)
    ticks = np.stack([10.0 * TIMES, np.zeros(9), np.zeros(9)], -1)[:4]
    assert not collides(ticks, poses, 2.0, 4.0).any()
    assert first_impact(drive(10.0, (crossing,))) == pytest.approx(np.hypot(10.0, 80.0))


def test_pedestrians_and_absent_actors_are_not_looked_at() -> None:
    assert first_impact(drive(10.0, (actor(20.0, category="pedestrian"),))) is None
    assert first_impact(drive(10.0, (actor(20.0, start=0.0, end=0.5),))) is None
    assert first_impact(drive(10.0, (actor(20.0, category="bicycle"),))) == pytest.approx(10.0)


def test_the_first_of_two_collisions_counts() -> None:
    leading = actor(12.0, speed=6.0)  # reached after 1.9 s
    for standing, expected in ((actor(25.0), 4.0), (actor(20.0), 10.0)):  # reached after 2.1 s, 1.6 s
        assert first_impact(drive(10.0, (leading, standing))) == pytest.approx(expected)
        assert first_impact(drive(10.0, (standing, leading))) == pytest.approx(expected)


def test_speed_is_interpolated_between_ticks() -> None:
    braking = replace(drive(10.0, (actor(NOSE_M + 2.0 + 2.5),)), speeds_mps=np.linspace(10.0, 2.0, 9))
    assert first_impact(braking) == pytest.approx(10.0 - 1.0 * 0.5, abs=0.11)


def test_touching_counts_and_the_ego_s_heading_is_used() -> None:
    side = EGO_WIDTH_M / 2 + 1.0
    assert collides([[0, 0, 0]], [[0, side - 1e-9, 0]], 2.0, 4.0)[0]
    assert not collides([[0, 0, 0]], [[0, side + 1e-6, 0]], 2.0, 4.0)[0]
    assert collides([[0, 0, np.pi / 2]], [[0, side + 1.0, 0]], 2.0, 4.0)[0]


def test_the_world_s_place_does_not_matter() -> None:
    base = drive(5.0, (actor(14.0, 1.0, speed=-1.0),))
    there = replace(
        base,
        poses=base.poses + [1e5, -2e5, 0],
        actors=tuple(replace(a, poses=a.poses + [1e5, -2e5, 0]) for a in base.actors),
    )
    assert first_impact(there) == pytest.approx(first_impact(base), abs=1e-6)


def test_aggregate_averages_by_sequence_then_scenario() -> None:
    drives = [
        drive(token="a", scenario="frontal", sequence="1"), drive(token="b", scenario="frontal", sequence="1"),
        drive(token="c", scenario="frontal", sequence="2"), drive(token="d", scenario="side", sequence="1"),
    ]  # fmt: skip
    assert aggregate(drives, [5.0, 4.0, 1.0, 2.0]) == {"frontal": 2.75, "side": 2.0, "overall": 2.375}
    assert aggregate(drives, [1 / 3, 1 / 3, 1 / 3, 0.0])["frontal"] == 0.333
    with pytest.raises(ValueError, match="no drives"):
        aggregate([], [])


def poses_with(value: float) -> np.ndarray:
    poses = drive().poses.copy()
    poses[4, 0] = value
    return poses


HOSTILE = {
    "NaN": {"poses": poses_with(np.nan)}, "infinity": {"poses": poses_with(np.inf)}, "1,000 km": {"poses": poses_with(1e6)},
    "just beyond 1 km": {"poses": poses_with(1001.0)},
    "NaN at first": {"poses": np.full((9, 3), np.nan)}, "eight poses": {"poses": drive().poses[:8]},
    "NaN speed": {"speeds_mps": np.full(9, np.nan)}, "times that fall": {"times_s": TIMES[::-1]}, "no times": {"times_s": np.zeros(0)},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drive_is_never_safe(name: str) -> None:
    bad = replace(drive(token="bad"), **HOSTILE[name])
    result = ncap([bad, drive(token="good")])
    assert list(result.failures) == ["bad"] and result.failures["bad"]
    np.testing.assert_array_equal(result.metrics["ncap_score"].values, [0, 5])
    np.testing.assert_array_equal(result.metrics["collision"].values, [1, 0])
    np.testing.assert_array_equal(result.metrics["collision"].failed, [True, False])
    assert result.metrics["ncap_score"].valid.all()


def test_damaged_scenarios_are_refused() -> None:
    with pytest.raises(ValueError, match="different tokens"):
        ncap([drive(), drive()])
    with pytest.raises(ValueError, match="reference speeds must be > 0"):
        ncap([drive(actors=(actor(20.0),), reference=0.0)])
    with pytest.raises(ValueError, match="an actor needs"):
        RoadUser("car", np.zeros(2), np.zeros((2, 3)), 2.0, 4.0)
    with pytest.raises(ValueError, match="an actor needs"):
        RoadUser("car", np.array([0.0, 1.0]), np.full((2, 3), np.nan), 2.0, 4.0)
