"""How far, how fast, where."""

from __future__ import annotations

from drive.answers.ask import Reply, metres, speed, word
from drive.tasks.questions.facts import VEHICLE, Facts
from drive.tasks.questions.intent import Intent

NONE = "none"
NEAREST = (VEHICLE, "car", "truck", "pedestrian", "bicycle", "cone")


def _nearest_distance(facts: Facts, noun: str) -> Reply | None:
    found = facts.those(noun)
    return None if found is None else metres(found[0].distance_m) if found else word(NONE)


def _nearest_where(facts: Facts, noun: str) -> Reply | None:
    found = facts.those(noun)
    return None if found is None else word(found[0].side if found else NONE)


def _nearest_what(facts: Facts) -> Reply | None:
    return None if facts.things is None else word(facts.things[0].noun if facts.things else NONE)


def _own_speed(facts: Facts) -> Reply | None:
    value = facts.sample.observation.speed_mps
    return None if value is None else speed(value)


def _gap(facts: Facts) -> Reply | None:
    if not facts.tells("lead"):
        return None
    return metres(facts.seen.lead.gap_m) if facts.seen.lead else word(NONE)


def _lead_speed(facts: Facts) -> Reply | None:
    if not facts.tells("lead"):
        return None
    return speed(facts.seen.lead.speed_mps) if facts.seen.lead else word(NONE)


def _light_distance(facts: Facts) -> Reply | None:
    if not facts.tells("light"):
        return None
    return metres(facts.seen.light.distance_m) if facts.seen.light else word(NONE)


def _line_distance(facts: Facts) -> Reply | None:
    if not facts.tells("line"):
        return None
    return metres(facts.seen.line.distance_m) if facts.seen.line else word(NONE)


def _limit(facts: Facts) -> Reply | None:
    return speed(facts.seen.cap_mps) if facts.tells("cap") and facts.seen.cap_mps is not None else None


INTENTS = (
    Intent(
        "nearest_distance",
        ("How far away is the nearest {noun}?", "What is the distance to the closest {noun}?", "How many metres to the nearest {noun}?"),
        _nearest_distance,
        {"noun": NEAREST},
    ),
    Intent(
        "nearest_where",
        ("Where is the nearest {noun}?", "On which side of me is the closest {noun}?", "In what direction is the nearest {noun}?"),
        _nearest_where,
        {"noun": NEAREST},
    ),
    Intent("nearest_what", ("What is nearest to me?", "What kind of thing is closest to the car?"), _nearest_what),
    Intent("own_speed", ("How fast am I driving?", "What is my speed?", "How quickly does the car move?"), _own_speed),
    Intent(
        "gap",
        ("How far ahead is who drives before me?", "What is the gap to whatever is next in my way?", "How many metres are free before me?"),
        _gap,
    ),
    Intent("lead_speed", ("How fast is who drives before me?", "What is the speed of whatever is next in my way?"), _lead_speed),
    Intent(
        "light_distance",
        ("How far is the next traffic light?", "What is the distance to the light's stop line?", "How many metres to the next light?"),
        _light_distance,
    ),
    Intent(
        "line_distance",
        (
            "How far is the next junction?",
            "What is the distance to where traffic crosses?",
            "How many metres until I have to look for others?",
        ),
        _line_distance,
    ),
    Intent("limit", ("How fast may I drive here?", "What is the speed limit?", "What speed is allowed?"), _limit),
)
