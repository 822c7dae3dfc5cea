"""`drive ask`: who is asked, what is said where there is no answer, text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from drive.answers.ask import Reply, word
from drive.cli import main
from drive.schema import Answers, Observation, Plan, PlannerSpec
from drive.tasks.questions.put import put
from tests.tasks.crossroads import crossroads

PARROT = """
from drive.answers.ask import word
from drive.schema import Answers


class Parrot:
    name = "parrot"

    def plan(self, observation, samples=1):
        raise NotImplementedError

    def answer(self, observation, requests, samples=1):
        return Answers({request: (word("red"),) for request in requests})
"""


class Says:
    """Answers everything with one value, and notes what it was asked."""

    name = "says"

    def __init__(self, value: object, tasks: tuple[str, ...] = ()) -> None:
        self.value, self.asked, self.spec = value, [], PlannerSpec(tasks=tasks)  # type: ignore[var-annotated]

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        raise NotImplementedError

    def answer(self, observation: Observation, requests: Sequence[str], samples: int = 1) -> Answers:
        self.asked += list(requests)
        if isinstance(self.value, str):
            return Answers({}, failures=dict.fromkeys(requests, self.value))
        return Answers(dict.fromkeys(requests, (self.value,)))


class PlansAlone:
    """No `answer`."""

    name = "plans-alone"

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        raise NotImplementedError


def test_a_planner_is_asked_in_words_and_the_truth_stands_beside() -> None:
    planner = Says(word("green"))
    (one,) = put(planner, [crossroads(light="red")], "  What colour is\nthe light ahead? ")
    assert planner.asked == ["ask(What colour is the light ahead?)"]
    assert one.reply == word("green") and one.truth == word("red") and not one.reason


def test_other_words_have_no_truth() -> None:
    (one,) = put(Says(word("green")), [crossroads(light="red")], "Is the lamp, over there, glowing?")
    assert one.reply == word("green") and one.truth is None


@pytest.mark.parametrize(("value", "reason"), [("token 5 is not allowed", "token 5"), (3.5, "answered with float")])
def test_no_answer_says_why(value: object, reason: str) -> None:
    (one,) = put(Says(value), [crossroads()], "May I go?")
    assert one.reply is None and reason in one.reason


def test_planners_that_were_not_trained_to_answer_are_named() -> None:
    with pytest.raises(ValueError, match="says was not trained to answer questions: it answers plan:bins, see"):
        put(Says(word("red"), ("plan:bins", "see")), [], "May I go?")
    with pytest.raises(ValueError, match="plans-alone answers no questions, it plans alone"):
        put(PlansAlone(), [], "May I go?")
    with pytest.raises(ValueError, match="the question is empty"):
        put(Says(word("red")), [], "  ")


def test_the_record_answers_what_it_knows() -> None:
    lit, dark = put(None, [crossroads(light="red"), crossroads()], "Is the light ahead red?")
    assert lit.reply == Reply("yes_no", True) and dark.reply is None and "makes no sense" in dark.reason
    with pytest.raises(ValueError, match="the record cannot answer 'Is it warm"):
        put(None, [], "Is it warm?")


def test_the_verb_prints_text_and_json(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "parrots.py").write_text(PARROT)
    monkeypatch.chdir(tmp_path)
    question = "How many vehicles are within 30 metres?"
    assert main(["ask", str(embedded), question, "--planner", "log", "--limit", "2", "--json", "-q"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["answer"]["kind"] for row in rows] == ["count", "count"] and all(row["answer"] == row["truth"] for row in rows)
    assert main(["ask", str(embedded), question, "--planner", "parrots:Parrot", "--limit", "1", "-q"]) == 0
    said = capsys.readouterr().out
    assert "parrot is asked" in said and "  red   (true: " in said
    assert main(["ask", str(embedded), question, "--planner", "constant-velocity", "-q"]) == 2
    assert "answers no questions" in capsys.readouterr().err
