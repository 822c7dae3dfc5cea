"""Answers on the pictures: where they are drawn, in which colour, and in words beside what is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.answers.boxes import Boxes
from drive.answers.roads import LaneLines
from drive.answers.see import LeadSeen, LightSeen, LineSeen, Seen
from drive.data.dataset import open_dataset
from drive.schema import Answers, Observation, PlanError, PlannerSpec, SceneSample, Window
from drive.tasks import TASKS, chains
from drive.viz.answers import DRAWN, marks_of
from drive.viz.answers.said import Said, said_of
from drive.viz.bev import draw_bev
from drive.viz.frame import draw_frame
from drive.viz.style import ANSWER
from drive.viz.view import view

REQUESTS = "decide>plan,boxes,roads,ask(is there a car ahead?)"


@pytest.fixture(scope="module")
def sample(mini: Path) -> SceneSample:
    return open_dataset(mini, lanes=True)[1]


def one_box(x: float, y: float) -> Boxes:
    return Boxes(("car",), [[x, y, 0.8]], [[4.5, 1.9, 1.6]], [0.0], [[0.0, 0.0]], [True], [0.9])


def painted(picture: np.ndarray) -> np.ndarray:
    """Pixels nearly of the answers' colour."""
    return (np.abs(picture.astype(int) - ANSWER) < 40).all(-1)


def test_a_box_is_drawn_where_it_is_said(sample: SceneSample) -> None:
    bare = draw_bev(sample, width=400, height=400)
    for x, y in ((20.0, 6.0), (-8.0, -6.0)):
        said = painted(draw_bev(sample, width=400, height=400, said=marks_of(one_box(x, y)))) & ~painted(bare)
        rows, columns = np.nonzero(said)
        scale = 400 / 65  # 45 m ahead, 20 behind
        assert abs(rows.mean() - (45 - x) * scale) < 4 and abs(columns.mean() - (200 - y * scale)) < 4


def test_the_front_camera_alone_shows_a_box_ahead(sample: SceneSample) -> None:
    said = (Said("boxes:16", one_box(15.0, 0.0), None),)
    with_box, without = draw_frame(sample, said=said), draw_frame(sample)
    changed = painted(with_box) & ~painted(without)
    front, back = changed[:350, 640:1280], changed[720:, :640]
    assert front.sum() > 100 and back.sum() == 0


def test_words_of_see_say_what_there_is_and_what_is_not() -> None:
    full = Seen(("lead", "light", "line"), lead=LeadSeen("vehicle", 12.4, 5.0), light=LightSeen("red", 23.0), line=LineSeen(False, 24.0))
    assert marks_of(full).words == ("vehicle ahead, 12 m, 18 km/h", "red, 23 m", "wait, line 24 m")
    assert marks_of(Seen(("lead",), lead=LeadSeen("vehicle", 12.4, -0.05))).words == ("vehicle ahead, 12 m, 0 km/h",)  # and not -0
    assert marks_of(Seen(("lead", "light", "line", "lane"))).words == ("nobody ahead", "no light", "no line", "in no lane")


def test_every_task_but_the_plan_has_a_drawing(sample: SceneSample) -> None:
    writer = said_of(None, ",".join(name for name, kind in TASKS.items() if not kind.prompted and name != "plan"), Window())
    for one in writer(sample):
        if one.truth is not None:
            assert type(one.truth) in DRAWN and marks_of(one.truth).words, one.request


class _Half:
    """Says what is true of boxes, refuses the rest, and fails on one sample."""

    name, spec = "half", PlannerSpec(tasks=("boxes:16",))

    def __init__(self, fails_on: str = "") -> None:
        self.fails_on = fails_on

    def plan(self, observation: Observation, samples: int = 1) -> Any:
        raise PlanError("no plan today")

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> Answers:
        if observation.token == self.fails_on:
            raise RuntimeError("broken lens")
        names = [str(link) for chain in chains(requests) for link in chain]
        return Answers({"boxes:16": (one_box(9.0, 0.0),)}, {}, {name: "not trained for it" for name in names if name != "boxes:16"})


def test_the_page_tells_answers_truths_and_reasons(sample: SceneSample, mini: Path, tmp_path: Path) -> None:
    other = replace(open_dataset(mini, lanes=True)[2])
    made = view([sample, other], tmp_path, said_of=said_of(_Half(other.token), REQUESTS, Window()))
    page = made.page.read_text()
    assert "1 car" in page and "no answer: not trained for it" in page and "no answer: raised RuntimeError: broken lens" in page
    assert page.count("<td>boxes:16</td>") == 2


def test_a_question_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="write the question"):
        said_of(None, "ask", Window())


def test_lanes_are_lines(sample: SceneSample) -> None:
    lanes = LaneLines((np.array([[0.0, 5.0], [30.0, 5.0]]),), [1.0])
    rows, columns = np.nonzero(painted(draw_bev(sample, width=400, height=400, said=marks_of(lanes))))
    assert rows.max() - rows.min() > 150 and np.abs(columns - (200 - 5 * 400 / 65)).max() < 4


class _Odd(_Half):
    """Answers with what is no answer: nothing, another type, and not at all."""

    def answer(self, observation: Observation, requests: list[str], samples: int = 1) -> Answers:
        return Answers({"boxes:16": (), "roads": ("a road",)})


class _PlansAlone:
    name = "plans"

    def plan(self, observation: Observation, samples: int = 1) -> Any:
        raise PlanError("no plan today")


def test_every_missing_answer_has_its_reason(sample: SceneSample) -> None:
    odd = {one.request: one for one in said_of(_Odd(), "boxes,roads,decide>plan", Window())(sample)}
    assert all(one.answer is None for one in odd.values())
    assert odd["boxes:16"].reason == odd["decide"].reason == "was not answered"
    assert odd["roads"].reason == "answered with str, which is no answer of roads"
    plans = said_of(_PlansAlone(), "decide>plan,boxes", Window())(sample)
    assert [one.reason for one in plans] == ["plans answers plan alone"] * 2


def test_odd_answers_fail_where_they_are_scored_and_saved(sample: SceneSample) -> None:
    from drive.eval.tasks.evaluate import score_tasks
    from drive.planners.answers import answer_all

    found = answer_all(_Odd(), [sample], "boxes,roads,decide>plan")
    assert found.failed == {"boxes:16": 1, "roads": 1, "decide": 1, "plan:bins": 1} and found.results == {sample.token: {}}
    assert found.errors[sample.token]["roads"] == "answered with str, which is no answer of roads"
    report = score_tasks([sample], "boxes,decide>plan", [_Odd()])  # type: ignore[arg-type]
    asked = ("boxes:16", "decide", "plan:bins")
    assert [failure["reason"] for failure in report.failures] == [f"{name}: was not answered" for name in asked]
