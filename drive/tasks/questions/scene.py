"""The scene in words, from what is known of it: EMMA's R1 (arXiv 2410.23262, section 3.3), as a rule writes it."""

from __future__ import annotations

from collections import Counter

from drive.tasks.questions.ahead import bend_of
from drive.tasks.questions.facts import MOVING_MPS, Facts
from drive.tasks.questions.intent import PLURAL
from drive.tasks.questions.rules import NEAR_LINE_M

TOLD_M = 30.0
MOST_KINDS = 4


def scene_words(facts: Facts) -> str:
    """Some sentences, always the same for the same facts; what is not known is not told, distances are whole metres."""
    told = (_lanes(facts), _road(facts), _light(facts), _line(facts), _lead(facts), _around(facts))
    return " ".join(sentence for sentence in told if sentence)


def _lanes(facts: Facts) -> str:
    if facts.lanes_beside is None:
        return ""
    lanes = 1 + sum(facts.lanes_beside)
    return "One lane leads my way." if lanes == 1 else f"{lanes} lanes lead my way."


def _road(facts: Facts) -> str:
    bend = bend_of(facts)
    return "" if bend is None else "The road goes straight on." if bend == "straight" else f"The road bends to the {bend}."


def _light(facts: Facts) -> str:
    light = facts.seen.light if facts.tells("light") else None
    return "" if light is None else f"The light {max(round(light.distance_m), 0)} m ahead is {light.colour}."


def _line(facts: Facts) -> str:
    line = facts.line_near(NEAR_LINE_M)
    if line is None:
        return ""
    where = f"the junction {max(round(line.distance_m), 0)} m ahead"
    return f"I may enter {where}." if line.may_enter else f"I must wait before {where}."


def _lead(facts: Facts) -> str:
    lead = facts.seen.lead if facts.tells("lead") else None
    if lead is None:
        return "Nobody is in my way." if facts.tells("lead") else ""
    does = "stands" if abs(lead.speed_mps) <= MOVING_MPS else "comes towards me" if lead.speed_mps < 0 else "drives"
    return f"A {lead.who} {does} {round(lead.gap_m)} m ahead of me."


def _around(facts: Facts) -> str:
    if facts.things is None:
        return ""
    kinds = Counter(thing.noun for thing in facts.things if thing.distance_m <= TOLD_M).most_common(MOST_KINDS)
    if not kinds:
        return "Nobody else is near."
    parts = [f"{number} {noun if number == 1 else PLURAL[noun]}" for noun, number in kinds]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Within {TOLD_M:.0f} m I see {listed}."
