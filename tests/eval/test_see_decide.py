"""Scores of `see` and `decide`, and consistency, on answers whose scores are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from drive.answers.boxes import Boxes
from drive.answers.decide import Decision
from drive.answers.see import LanePlace, LeadSeen, LightSeen, LineSeen, Seen
from drive.eval.result import Result
from drive.eval.tasks import ACROSS, METRICS
from drive.frames import Array
from drive.schema import Observation, Trajectory

TIMES_S = np.arange(1, 7) / 2


def values(name: str, answers: list[Any], truths: list[Any]) -> dict[str, float]:
    return means(METRICS[name].score(answers, truths), len(truths))


def means(results: list[Result], count: int) -> dict[str, float]:
    return {result.name: result.over(np.ones(count, dtype=bool)) for result in results}


def light(colour: Any = None, distance: float = 10.0) -> Seen:
    return Seen(("light",), light=None if colour is None else LightSeen(colour, distance))


def lead(gap: float | None, speed: float = 5.0) -> Seen:
    return Seen(("lead",), lead=None if gap is None else LeadSeen("vehicle", gap, speed))


def test_lights_by_recall_over_colours_and_distance() -> None:
    truths = [light("green")] * 3 + [light("red", 20.0), light(), None]
    answers = [light("green"), light("green", 12.0), light("red"), light("red", 25.0), light("red"), light("red")]
    found = values("see", answers, truths)
    assert found["light_accuracy"] == pytest.approx(3 / 5)
    assert found["light_recall"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["light_distance"] == pytest.approx((0 + 2 + 0 + 5) / 4)


def test_missing_answers_are_wrong_words_and_no_numbers() -> None:
    results = METRICS["see"].score([None, light("red")], [light("red"), light("red")])
    assert means(results, 2) == {"light_accuracy": 0.5, "light_recall": 0.5, "light_distance": 0.0}
    assert all(result.failed.tolist() == [True, False] for result in results)


def test_leads_by_the_median_share_of_the_gap() -> None:
    truths = [lead(10.0), lead(20.0), lead(30.0), lead(31.0), lead(None)]
    found = values("see", [lead(11.0), lead(19.0), lead(None), lead(31.0), lead(4.0)], truths)
    assert found["lead_gap_share_30m"] == pytest.approx(0.1)  # of 0.1, 0.05 and, not told, 1
    assert found["lead_recall"] == pytest.approx((3 / 4 + 0) / 2)
    assert found["lead_gap"] == pytest.approx((1 + 1 + 0) / 3)


def test_all_parts_at_once_and_perfect() -> None:
    whole = Seen(
        lane=LanePlace(0.2, 0.1), bends=(0.0, 0.1, 0.0), cap_mps=8.3, lead=LeadSeen("person", 9.0, 0.0),
        light=LightSeen("red", 12.0), line=LineSeen(False, 12.0),
    )  # fmt: skip
    found = values("see", [whole] * 2, [whole] * 2)
    shares = {name for name in found if name.endswith(("accuracy", "recall"))}
    assert len(found) == 19 and all(found[name] == (1.0 if name in shares else 0.0) for name in found)


def test_see_baselines_are_the_commonest_word_and_the_mean_number() -> None:
    truths = [lead(None), lead(None), lead(None), lead(10.0), lead(20.0), None]
    always = METRICS["see"].baselines(truths)
    assert always["always the commonest"] == [lead(None)] * 6
    assert always["always the mean"] == [lead(15.0)] * 6
    assert METRICS["see"].baselines([None]) == {}


def test_what_nobody_knows_is_shown_as_such_and_answers_of_another_type_are_failed() -> None:
    unknown = METRICS["see"].score([lead(3.0), None], [None, None])
    assert {result.name for result in unknown} >= {"lead_recall", "lead_gap_share_30m"}
    assert not any(result.valid.any() or result.failed.any() for result in unknown)
    assert len(METRICS["see"].score([None], [None])) == 19
    wrong = METRICS["see"].score(["red"], [light("red")]) + METRICS["decide"].score(["stop"], [Decision("stop", "straight")])
    assert all(result.failed.all() for result in wrong)
    assert agree("see_plan", {"see": "red", "plan": STEADY}) == agree("decide_plan", {"decide": 3, "plan": STEADY}) == {}


def test_decisions_by_accuracy_and_recall() -> None:
    stop, go, turn = Decision("stop", "straight"), Decision("faster", "straight"), Decision("faster", "left")
    found = values("decide", [stop, stop, go, None, turn], [stop, stop, stop, turn, None])
    assert found["accuracy"] == pytest.approx(2 / 4) and found["recall"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["longitudinal_accuracy"] == pytest.approx(2 / 4) and found["lateral_recall"] == pytest.approx((1 + 0) / 2)
    assert METRICS["decide"].baselines([stop, stop, go, None])["always the commonest"] == [stop] * 4


def straight(*metres: float) -> Array:
    return np.column_stack([np.array(metres), np.zeros((len(metres), 2))])


def agree(name: str, said: dict[str, Any], speed: float | None = 5.0) -> dict[str, float]:
    none = Trajectory(np.zeros((1, 3)), np.zeros(1), np.ones(1, dtype=bool))
    observation = Observation("t", (), none, TIMES_S, speed_mps=speed)
    found = means(ACROSS[name].score([said], [observation]), 1)
    return {key: value for key, value in found.items() if not np.isnan(value)}


STEADY, STANDING = straight(*(5 * TIMES_S)), straight(*(0 * TIMES_S))


def test_a_decision_against_the_plan() -> None:
    assert agree("decide_plan", {"decide": Decision("steady", "straight"), "plan": STEADY})["decision_kept"] == 1.0
    wrong = agree("decide_plan", {"decide": Decision("stop", "straight"), "plan": STEADY})
    assert wrong == {"decision_kept": 0.0, "longitudinal_kept": 0.0, "lateral_kept": 1.0}
    assert agree("decide_plan", {"decide": Decision("stop", "straight"), "plan": STEADY}, None) == {}
    assert agree("decide_plan", {"plan": STEADY}) == {}


@pytest.mark.parametrize(("distance", "kept"), [(13.9, 0.0), (14.1, 1.0)])
def test_a_plan_of_15_m_and_a_red_light(distance: float, kept: float) -> None:
    assert agree("see_plan", {"see": light("red", distance), "plan": STEADY}) == {"red_kept": kept}
    assert agree("see_plan", {"see": light("green", distance), "plan": STEADY}) == {}


def test_a_plan_at_green() -> None:
    parts = ("lead", "light", "line")
    green = Seen(parts, light=LightSeen("green", 2.0), line=LineSeen(True, 2.0))
    assert agree("see_plan", {"see": green, "plan": STANDING}, 0.0) == {"green_goes": 0.0}
    assert agree("see_plan", {"see": green, "plan": straight(0, 0.1, 0.3, 0.6, 0.9, 1.2)}, 0.0) == {"green_goes": 1.0}
    assert agree("see_plan", {"see": green, "plan": STANDING}, 4.0) == {}
    held = Seen(parts, lead=LeadSeen("vehicle", 3.0, 0.0), light=green.light, line=green.line)
    assert agree("see_plan", {"see": held, "plan": STANDING}, 0.0) == {"lead_kept": 1.0}


def test_a_plan_behind_a_lead() -> None:
    assert agree("see_plan", {"see": lead(15.1, 0.0), "plan": STEADY}) == {"lead_kept": 1.0}
    assert agree("see_plan", {"see": lead(14.9, 0.0), "plan": STEADY}) == {"lead_kept": 0.0}
    assert agree("see_plan", {"see": lead(1.0, 5.0), "plan": STEADY}) == {"lead_kept": 1.0}


def test_a_plan_and_boxes() -> None:
    def box(x: float, speed: float, score: float) -> Boxes:
        return Boxes(("car",), [[x, 0, 0.8]], [[4, 2, 1.5]], [0.0], [[speed, 0]], [True], [score])  # type: ignore[arg-type]

    assert agree("boxes_plan", {"boxes": box(12.0, 0.0, 0.9), "plan": STEADY}) == {"boxes_clear": 0.0}
    assert agree("boxes_plan", {"boxes": box(12.0, 5.0, 0.9), "plan": STEADY}) == {"boxes_clear": 1.0}
    assert agree("boxes_plan", {"boxes": box(12.0, 0.0, 0.4), "plan": STEADY}) == {}
