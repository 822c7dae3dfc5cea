"""More, nearer, faster."""

from __future__ import annotations

from drive.answers.ask import Reply, word, yes_no
from drive.tasks.questions.facts import Facts
from drive.tasks.questions.intent import Intent

NEAR_M = 30.0
LEAST_APART_M = 0.5  # of two things nearly as far away nobody can say which is nearer


def _more(facts: Facts, one: str, other: str) -> Reply | None:
    first, second = facts.those(one, NEAR_M), facts.those(other, NEAR_M)
    return None if first is None or second is None else yes_no(len(first) > len(second))


def _nearer(facts: Facts, one: str, other: str) -> Reply | None:
    first, second = facts.those(one), facts.those(other)
    if not first or not second or abs(first[0].distance_m - second[0].distance_m) < LEAST_APART_M:
        return None
    return word(one if first[0].distance_m < second[0].distance_m else other)


def _busier(facts: Facts, noun: str) -> Reply | None:
    found = facts.those(noun, NEAR_M)
    if found is None:
        return None
    left, right = (sum(thing.side == side for thing in found) for side in ("left", "right"))
    return word("left" if left > right else "right" if right > left else "same")


PAIRS = ("car", "truck", "pedestrian", "bicycle")
INTENTS = (
    Intent(
        "more",
        (
            "Are there more {ones} than {others} within 30 metres?",
            "Do the {ones} outnumber the {others} near me?",
            "Are the {ones} more than the {others} within 30 m?",
            "More {ones} than {others} here?",
            "Tell me whether there are more {ones} than {others}.",
            "Do you count more {ones} than {others}?",
            "Is the number of {ones} larger than that of {others}?",
            "Have we got more {ones} around us than {others}?",
        ),
        _more,
        {"one": PAIRS, "other": PAIRS},
    ),
    Intent(
        "nearer",
        (
            "Which is nearer, the nearest {one} or the nearest {other}?",
            "What is closer to me, a {one} or a {other}?",
            "Is a {one} or a {other} nearer?",
            "{one} or {other}: which one is closest?",
            "Tell me which is nearer, a {one} or a {other}.",
            "Which comes first in distance, the {one} or the {other}?",
            "What have I got nearer to me: a {one} or a {other}?",
            "Is the nearest {one} or the nearest {other} the closer one?",
        ),
        _nearer,
        {"one": PAIRS, "other": PAIRS},
    ),
    Intent(
        "busier",
        (
            "On which side are more {nouns} within 30 metres, left or right?",
            "Which of my sides has more {nouns}, or is it the same?",
            "Are more {nouns} on the left or on the right?",
            "Left or right: where do you see more {nouns}?",
            "Tell me which side has more {nouns}.",
            "Do you count more {nouns} to the left or to the right?",
            "The {nouns} around us: more of them left or right?",
            "Which side is fuller of {nouns}?",
        ),
        _busier,
        {"noun": ("vehicle", "pedestrian")},
    ),
)
