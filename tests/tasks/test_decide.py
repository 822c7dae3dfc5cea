"""Decisions of futures whose speeds and places are known, at the thresholds and beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive.answers.decide import DECISIONS, Decision
from drive.frames import Array
from drive.schema import Window
from drive.tasks import declared, make_task
from drive.tasks.decide import ASIDE_M, CHANGE_MPS, STANDING_MPS, decision_of
from drive.tokens.vocab import Vocabulary
from tests.tasks.crossroads import crossroads

VOCABULARY = Vocabulary().extended(declared(["decide"], {}), ["decide"])
MIRRORED = {"left": "right", "straight": "straight", "right": "left"}


def straight(speeds: list[float], rate_hz: float = 2.0) -> tuple[Array, Array]:
    """Poses along +x with the speed of each step, and their times."""
    times = np.arange(1, len(speeds) + 1) / rate_hz
    return np.column_stack([np.cumsum(speeds) / rate_hz, np.zeros((len(speeds), 2))]), times


def along(now: float, *speeds: float) -> str:
    decision = decision_of(*straight(list(speeds)), now)
    assert decision is not None and decision.lateral == "straight"
    return decision.longitudinal


def aside(soon: float, later: float) -> str:
    """Places in 1 and 3 s."""
    poses, times = straight([6.0] * 6)
    poses[:, 1] = np.interp(times, [0, 1, 3], [0, soon, later])
    decision = decision_of(poses, times, 6.0)
    assert decision is not None
    return decision.lateral


def test_twelve() -> None:
    assert len(set(DECISIONS)) == 12


def test_speeds_at_the_thresholds() -> None:
    e = 1e-6
    assert along(5, 5, 5, 5, 5, 5, 5) == "steady"
    assert along(5, 5, 5, 5, 5, 5, 5 + CHANGE_MPS - e) == "steady" and along(5, 5, 5, 5, 5, 5, 5 + CHANGE_MPS + e) == "faster"
    assert along(5, 5, 5, 5, 5, 5, 5 - CHANGE_MPS + e) == "steady" and along(5, 5, 5, 5, 5, 5, 5 - CHANGE_MPS - e) == "slower"
    assert along(5, 5, 5, 5, 5, 5, STANDING_MPS + e) == "slower" and along(5, 5, 5, 5, 5, 5, STANDING_MPS - e) == "stop"


def test_what_comes_first_counts() -> None:
    assert along(5, 5, 4, 4, 5, 6, 7) == "slower"
    assert along(5, 5, 6, 6, 5, 4, 3) == "faster"
    assert along(5, 5, 5.5, 6, 5, 4, 4) == "slower"  # after 1 s it is no change yet


def test_standing_starting_and_reversing() -> None:
    assert along(0, 0, 0, 0, 0, 0, 0) == "stop"
    assert along(0, 0, 0, 0, 0.5, 1, 1.5) == "faster"
    assert along(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5) == "steady"  # creeping
    assert along(8, 6, 4, 2, 1, 0, 0) == "stop"
    assert along(0, 0, -0.5, -1, -1, -1, -1) == "stop"
    assert along(-1, -1, -1, -0.5, 0, 0.5, 1) == "faster"


def test_places_at_the_thresholds() -> None:
    e = 1e-6
    assert aside(0, ASIDE_M - e) == "straight" and aside(0, ASIDE_M + e) == "left" and aside(0, -ASIDE_M - e) == "right"
    assert aside(ASIDE_M + e, -5) == "left" and aside(-ASIDE_M + e, 5) == "left"


def test_a_mirrored_future_has_the_mirrored_decision_and_a_turned_frame_the_same() -> None:
    rng, task = np.random.default_rng(0), make_task("decide", VOCABULARY, Window())
    seen = set()
    for _ in range(300):
        now, bend, gain = rng.uniform(0, 12), rng.normal(0, 0.05), rng.normal(0, 1.5)
        speeds = np.maximum(now + gain * np.arange(1, 7) / 2, 0.0)
        heading = np.cumsum(speeds) / 2 * bend
        poses = np.column_stack([np.cumsum(speeds * np.cos(heading)) / 2, np.cumsum(speeds * np.sin(heading)) / 2, heading])
        decision = decision_of(poses, np.arange(1, 7) / 2, now)
        mirrored = decision_of(poses * [1, -1, -1], np.arange(1, 7) / 2, now)
        assert decision is not None and mirrored == Decision(decision.longitudinal, MIRRORED[decision.lateral])  # type: ignore[arg-type]
        assert task.turned(decision, 0.2) == decision
        seen.add(decision)
    assert len(seen) == 12


def test_longer_windows_tell_the_same_and_shorter_ones_nothing() -> None:
    poses, times = straight([4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 9, 9, 9, 9, 9, 9, 9, 9], rate_hz=4.0)
    assert decision_of(poses, times, 4.0) == decision_of(poses[1:12:2], times[1:12:2], 4.0) == Decision("slower", "straight")
    assert decision_of(poses[:11], times[:11], 4.0) is None
    late = times[1:12:2] + [0.01, 0, 0, 0, 0, -0.04]  # as records are
    assert decision_of(poses[1:12:2], late, 4.0) == Decision("slower", "straight")


def test_tokens_json_and_what_is_not_known() -> None:
    task = make_task("decide", VOCABULARY, Window())
    for decision in DECISIONS:
        ids = task.encode(decision)
        assert len(ids) == 2 and task.decode(ids) == decision and task.from_json(task.to_json(decision)) == decision
    with pytest.raises(ValueError, match="one of stop, slower"):
        task.from_json({"longitudinal": "fly", "lateral": "left"})
    with pytest.raises(ValueError, match="longitudinal and lateral"):
        task.from_json("left")
    sample = crossroads(speed=5.0)
    assert task.answer(sample) == Decision("steady", "straight")
    assert task.answer(replace(sample, observation=replace(sample.observation, speed_mps=None))) is None
    cut = replace(sample.target.future, valid=np.arange(6) < 5)
    assert task.answer(replace(sample, target=replace(sample.target, future=cut))) is None
