"""The language of requests: what is written comes apart as it is meant, and mistakes are told."""

from __future__ import annotations

from typing import ClassVar

import pytest

from drive.tasks.requests import Request, parse_chains, parse_single, spelled


class Plan:
    parameters: ClassVar = ("bins", "text")
    prompted = False


class See:
    parameters: ClassVar = ()
    prompted = False


class Ask(See):
    prompted = True


KINDS = {"see": See, "plan": Plan, "ask": Ask}


def test_chains_and_spans() -> None:
    found = parse_chains("see > plan, plan:text,ask(may I go, or > wait (a while)?)", KINDS)
    asked = Request("ask", "", "may I go, or > wait (a while)?")
    assert found == ((Request("see"), Request("plan", "bins")), (Request("plan", "text"),), (asked,))
    assert [spelled(chain) for chain in found] == ["see>plan:bins", "plan:text", "ask(may I go, or > wait (a while)?)"]
    assert parse_chains([spelled(chain) for chain in found], KINDS) == parse_chains(",".join(map(spelled, found)), KINDS) == found
    assert str(asked) != asked.name == "ask"


def test_the_same_span_twice_is_one_and_a_request_in_two_spans_is_refused() -> None:
    assert parse_chains(["plan", "plan:bins"], KINDS) == ((Request("plan", "bins"),),)
    assert len(parse_chains("ask(why?),ask(may I go?)", KINDS)) == 2
    for text in ("see>plan,plan", "plan>plan:bins"):
        with pytest.raises(ValueError, match="plan:bins is asked twice.*leave one"):
            parse_chains(text, KINDS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pln", r"no task 'pln'; it has see, plan, ask; did you mean plan\?"),
        ("plan:txt", r"plan takes bins, text, not 'txt'; did you mean text\?"),
        ("see:far", "see takes no parameter, not 'far'"),
        ("see(what?)", "see takes no words in parentheses; tasks that do: ask"),
        ("ask(why", "parentheses do not match"),
        ("ask why)", "parentheses do not match"),
        ("ask(why)?", "nothing behind the parentheses"),
        ("see>>plan", "nothing stands before or behind a '>'"),
        ("see,", "nothing stands before or behind a ','"),
        ("", "nothing stands"),
    ],
)
def test_mistakes_are_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_chains(text, KINDS)


def test_a_single_request_is_no_chain() -> None:
    with pytest.raises(ValueError, match="has no task 'see>plan'"):
        parse_single("see>plan", KINDS)
