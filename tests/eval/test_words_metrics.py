"""Metrics of answers in words: known scores, the question-only baseline, what counts and what does not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from drive.answers.ask import Reply, count, metres, speed, word, words, yes_no
from drive.answers.describe import CriticalObject, Description
from drive.eval.result import MetricResult, Result
from drive.eval.tasks import METRICS
from drive.tasks import TASKS

ASK, DESCRIBE = METRICS["ask"], METRICS["describe"]


def asked(reply: Reply, question: str) -> Reply:
    return replace(reply, question=question)


def value(results: list[Result], name: str) -> float:
    (one,) = [result for result in results if result.name == name]
    return one.over(np.ones(len(one.valid), dtype=bool))


RED, GO, FAR = "Is the light ahead red?", "May I go?", "How far is the next junction?"
TRUTHS = [
    asked(yes_no(True), RED),
    asked(yes_no(False), "Does my traffic light show red?"),
    asked(yes_no(False), RED),
    asked(yes_no(False), RED),
    asked(metres(10.0), FAR),
    asked(metres(20.0), FAR),
    asked(words("The light is red."), "Why may I not go?"),
    None,
]


def test_right_answers_are_right() -> None:
    results = ASK.score(TRUTHS, TRUTHS)
    assert value(results, "exact") == value(results, "balanced") == 1.0 and value(results, "distance_error") == 0.0
    assert math.isnan(value(results, "speed_error")) and math.isnan(value(results, "exact_count"))


def test_scores_by_hand() -> None:
    answers = [yes_no(True), yes_no(True), yes_no(False), None, metres(10.9), metres(17.0), words("The light is green."), word("red")]
    results = ASK.score(answers, TRUTHS)
    assert value(results, "exact") == pytest.approx(3 / 7)  # yes, no, 10.9 m; what has no truth is not counted
    assert value(results, "exact_yes_no") == pytest.approx(2 / 4) and value(results, "exact_number") == pytest.approx(1 / 2)
    assert value(results, "distance_error") == pytest.approx((0.9 + 3.0) / 2)
    # the light: yes 1 of 1, no 1 of 3; the junction: 10 m 1 of 1, 20 m 0 of 1; a question with one answer is left out
    assert value(results, "balanced") == pytest.approx(((1 + 1 / 3) / 2 + (1 + 0) / 2) / 2)
    (exact,) = [result for result in results if result.name == "exact"]
    assert exact.failed.tolist() == [False, False, False, True, False, False, False, False] and not exact.valid[-1]


def test_an_answer_of_another_kind_is_wrong_and_no_error_in_metres() -> None:
    results = ASK.score([word("none"), speed(10.0)], [asked(metres(10.0), FAR)] * 2)
    assert value(results, "exact") == 0.0 and math.isnan(value(results, "distance_error"))


def test_the_question_alone_tells_the_commonest_answer_and_the_median() -> None:
    (guesses,) = ASK.baselines(TRUTHS).values()
    assert guesses[:4] == [yes_no(False)] * 4 and guesses[4] == metres(15.0) and guesses[-1] is None
    results = ASK.score(guesses, TRUTHS)
    assert value(results, "balanced") == pytest.approx((1 / 2 + 0) / 2) and value(results, "distance_error") == 5.0


def test_words_that_are_no_template_are_a_question_of_their_own() -> None:
    truths = [asked(count(1), "Cars?"), asked(count(1), "Cars?"), asked(count(2), "Walkers?")]
    (guesses,) = ASK.baselines(truths).values()
    assert guesses == [count(1), count(1), count(2)]


CAR, WALKER = CriticalObject("car", 20.0, 0.0, "standing"), CriticalObject("pedestrian", 10.0, 2.0, "crossing to the left")


def test_objects_are_paired_by_noun_within_two_metres() -> None:
    truths = [Description((CAR, WALKER), "a"), Description((CAR,), "b"), Description((), "c"), None]
    near = replace(CAR, x_m=21.9, behaviour="going ahead")
    answers = [Description((near, replace(WALKER, noun="bicycle")), "a"), None, Description((WALKER,), "d"), Description((CAR,), "")]
    results = DESCRIBE.score(answers, truths)
    assert value(results, "objects_precision") == pytest.approx(1 / 3) and value(results, "objects_recall") == pytest.approx(1 / 3)
    assert value(results, "behaviour") == 0.0 and value(results, "words") == pytest.approx(1 / 3)
    assert value(DESCRIBE.score([replace(truths[0], objects=(replace(CAR, x_m=22.1),))], truths[:1]), "objects_f1") == 0.0  # type: ignore[type-var]
    assert value(DESCRIBE.score(truths, truths), "objects_f1") == value(DESCRIBE.score(truths, truths), "behaviour") == 1.0


def test_saying_nothing_scores_nothing() -> None:
    truths = [Description((CAR,), "a"), Description((), "a")]
    (guesses,) = DESCRIBE.baselines(truths).values()
    results = DESCRIBE.score(guesses, truths)
    assert value(results, "objects_recall") == 0.0 and value(results, "words") == 1.0


def test_something_that_is_no_answer_has_failed() -> None:
    for metric, truth in ((ASK, TRUTHS[0]), (DESCRIBE, Description((CAR,), "a"))):
        results = metric.score([object()], [truth])
        assert all(result.failed.all() for result in results)
        assert value(results, "exact" if metric is ASK else "objects_f1") == 0.0


@pytest.mark.parametrize("name", ["ask", "describe"])
def test_the_tasks_name_their_metrics(name: str) -> None:
    metric = METRICS[TASKS[name].metric or ""]
    results = metric.score([3.5], [None])
    assert set(metric.main) <= {result.name for result in results}
    assert all(isinstance(result, MetricResult) or math.isnan(result.over(np.ones(1, dtype=bool))) for result in results)
