"""Recorded answers against their target: right ones pass in any wording, and whatever somebody changed is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drive.data.dataset import open_dataset
from drive.schema import SceneSample, Window
from drive.tasks import recomputed
from drive.tasks.messages import Record, read_record
from drive.tasks.questions import question_of
from drive.tasks.recomputed import Fault, Recomputer, difference
from drive.tasks.writer import Writer
from tests.tasks.crossroads import crossroads

REQUESTS = "see>decide>plan,boxes,roads,describe,ask,ask(May I go?),ask(Which colour has my light?)"
WANTED = "see>decide>plan,boxes,roads,describe,ask"
Edit = Callable[[dict[str, Any]], None]
GO, COLOUR = "May I go?", "Which colour has my light?"


@pytest.fixture(scope="module")
def sample() -> SceneSample:
    return crossroads(light="red", speed=3.0)


@pytest.fixture(scope="module")
def record(sample: SceneSample) -> Record:
    return Writer(REQUESTS, Window()).record(sample)


def faults(record: Record | dict[str, Any], sample: SceneSample, wanted: str = WANTED) -> list[Fault]:
    read = record if isinstance(record, Record) else read_record(json.dumps(record))
    return list(Recomputer(Window(), wanted=wanted).faults(read, sample))


def edited(record: Record, edit: Edit) -> dict[str, Any]:
    values = record.model_dump(mode="json")
    edit(values)
    return values


def turn(values: dict[str, Any], request: str, words: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """The text part (of questions in words) and the answer part of a request."""
    for question, answer in zip(values["messages"][::2], values["messages"][1::2], strict=True):
        texts = [part for part in question["content"] if part["type"] == "text"]
        for part in answer["content"]:
            if part["request"] == request and words in ("", *(text["text"] for text in texts)):
                return texts[0] if texts else {}, part
    raise AssertionError(f"{request} {words} is not asked")


def test_what_was_packed_is_right(mini: Path, record: Record, sample: SceneSample) -> None:
    assert faults(record, sample) == []
    for one in list(open_dataset(mini, lanes=True, limit=4)):
        packed = Writer(REQUESTS, Window(), mini).record(one)
        assert packed.unknown and list(Recomputer(Window(), mini, REQUESTS).faults(packed, one)) == []


def test_a_question_that_was_packed_and_is_another_now_is_missing(record: Record, sample: SceneSample) -> None:
    values = edited(record, lambda v: turn(v, "ask", GO)[0].update(text="Am I allowed to drive on?"))
    (found,) = faults(values, sample, REQUESTS)
    assert (found.kind, found.place) == (recomputed.MISSING, f"ask({GO})")


def test_every_wording_of_a_question_is_answered_the_same(record: Record, sample: SceneSample) -> None:
    question = question_of("May I go?")
    assert question is not None and len(question.texts) > 3
    for text in (*question.texts, "MAY I GO"):
        said = edited(record, lambda values: None)
        asked, answer = turn(said, "ask", GO)
        asked["text"] = text
        assert faults(said, sample) == []
        answer["value"]["value"] = True
        assert faults(said, sample) == [Fault(recomputed.DIFFERS, f"ask({text})", "answer.value: True, the target says False")]


EDITS: list[tuple[Edit, str, str]] = [
    (lambda v: turn(v, "ask", COLOUR)[1]["value"].update(value="green"), recomputed.DIFFERS, "'green', the target says 'red'"),
    (lambda v: turn(v, "ask", GO)[1].update(value={"kind": "word", "value": "red"}), recomputed.DIFFERS, "'word', the target says 'yes"),
    (lambda v: turn(v, "ask", GO)[1].update(value=False), recomputed.DIFFERS, "answer: False, the target says {"),
    (lambda v: turn(v, "ask", GO)[1]["value"].update(value=0), recomputed.DIFFERS, "value: 0, the target says False"),
    (lambda v: turn(v, "ask", GO)[1]["value"].update(unit="m"), recomputed.DIFFERS, "it has ['kind', 'unit', 'value']"),
    (lambda v: turn(v, "ask", GO)[0].update(text=COLOUR), recomputed.DIFFERS, "'yes_no', the target says 'word'"),
    (lambda v: turn(v, "ask", GO)[0].update(text="What about lunch?"), recomputed.NO_QUESTION, "none of this version's"),
    (lambda v: turn(v, "ask", GO)[0].update(text="Why may I go?"), recomputed.NOT_KNOWN, "the target knows no answer"),
    (lambda v: turn(v, "decide")[1]["value"].update(longitudinal="faster"), recomputed.DIFFERS, "longitudinal: 'faster'"),
    (lambda v: turn(v, "plan:bins")[1]["value"][2].__setitem__(0, 99.0), recomputed.DIFFERS, "answer[2][0]: 99.0"),
    (lambda v: turn(v, "plan:bins")[1]["value"].pop(), recomputed.DIFFERS, "it has 5 parts, the target says 6"),
    (lambda v: turn(v, "see")[1]["value"]["light"].update(colour="green"), recomputed.DIFFERS, "light.colour: 'green'"),
    (lambda v: turn(v, "boxes:16")[1]["value"].update(left_out=1.0), recomputed.DIFFERS, "left_out: 1.0"),
    (lambda v: turn(v, "boxes:16")[1]["value"].update(left_out=10**400), recomputed.DIFFERS, "left_out: 1000"),
    (lambda v: turn(v, "describe")[1]["value"].update(words="Nothing."), recomputed.DIFFERS, "words: 'Nothing.'"),
    (lambda v: v["messages"].__delitem__(slice(2, 4)), recomputed.MISSING, "when the records were packed"),
    (lambda v: v["unknown"].append("roads"), recomputed.KNOWN, "the target knows an answer"),
    (lambda v: v["unknown"].append("ask"), recomputed.KNOWN, "the target knows an answer"),
    (lambda v: v.update(scene="elsewhere"), recomputed.OTHER, "scene: 'elsewhere'"),
    (lambda v: v["messages"][0]["content"][0].update(speed_mps=9.0), recomputed.OTHER, "seen[0].speed_mps: 9.0, the target says 3.0"),
    (lambda v: v["messages"][2]["content"].append(v["messages"][0]["content"][0]), recomputed.OTHER, "later turns[0]: it has 1 parts"),
]


@pytest.mark.parametrize(("edit", "kind", "message"), EDITS)
def test_what_was_changed_is_named(edit: Edit, kind: str, message: str, record: Record, sample: SceneSample) -> None:
    (found,) = faults(edited(record, edit), sample)
    assert found.kind == kind and message in found.message and (found.place or kind == recomputed.OTHER)


def test_answers_of_another_record_are_found(record: Record, sample: SceneSample) -> None:
    green = crossroads(light="green", speed=10.0)
    found = faults(Writer(REQUESTS, Window()).record(green), sample)
    assert {fault.kind for fault in found} >= {recomputed.OTHER, recomputed.DIFFERS}
    assert {"see", "plan:bins", f"ask({GO})", f"ask({COLOUR})"} <= {fault.place for fault in found if fault.kind == recomputed.DIFFERS}


def test_values_are_compared_as_json() -> None:
    assert difference({"a": [1.0, None]}, {"a": [1.0 + 1e-9, None]}, "v") == "" and difference(2, 2.0, "v") == ""
    for got, expected in ((float("nan"), 1.0), (True, 1.0), (True, 1), (1, True), ("1", 1), (None, False), (1.00001, 1.0), ([], {})):
        assert difference(got, expected, "v").startswith("v: ")
    assert len(difference("x" * 10000, "y", "v")) < 100
