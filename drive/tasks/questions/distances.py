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
        (
            "How far away is the nearest {noun}?",
            "What is the distance to the closest {noun}?",
            "How many metres to the nearest {noun}?",
            "The nearest {noun}: how far is it?",
            "How close is the closest {noun}?",
            "Distance of the nearest {noun}",
            "Tell me the distance of the closest {noun}.",
            "The {noun} that is nearest: how many metres is it from us?",
            "How many metres is it to the first {noun}?",
            "What distance have we got to the nearest {noun}?",
        ),
        _nearest_distance,
        {"noun": NEAREST},
    ),
    Intent(
        "nearest_where",
        (
            "Where is the nearest {noun}?",
            "On which side of me is the closest {noun}?",
            "In what direction is the nearest {noun}?",
            "Where do you see the closest {noun}?",
            "The nearest {noun}: is it ahead, left, right or behind?",
            "Tell me the side of the nearest {noun}.",
            "In which direction do I find the nearest {noun}?",
            "Is the closest {noun} in front, to the left, to the right or at the back?",
            "Which side of the car has the nearest {noun}?",
        ),
        _nearest_where,
        {"noun": NEAREST},
    ),
    Intent(
        "nearest_what",
        (
            "What is nearest to me?",
            "What kind of thing is closest to the car?",
            "Which thing is the closest one?",
            "What do you see nearest to you?",
            "Tell me what is nearest.",
            "Who or what is closest to us?",
            "What is the very nearest thing around the car?",
            "Name the nearest road user or thing.",
        ),
        _nearest_what,
    ),
    Intent(
        "own_speed",
        (
            "How fast am I driving?",
            "What is my speed?",
            "How quickly does the car move?",
            "At what speed do I drive?",
            "How fast am I now?",
            "Tell me my speed.",
            "At which speed are we moving?",
            "How fast does the car go at the moment?",
            "Give me the current speed.",
            "How many metres per second do we make?",
        ),
        _own_speed,
    ),
    Intent(
        "gap",
        (
            "How far ahead is who drives before me?",
            "What is the gap to whatever is next in my way?",
            "How many metres are free before me?",
            "How far is it to the one before me?",
            "What is the distance to whoever drives ahead?",
            "How near is the next one in my lane?",
            "How much room have I got before the one ahead?",
            "Tell me the gap to the one ahead.",
            "After how many metres does the next road user come in my lane?",
            "How large is the distance to the vehicle in front?",
            "How close am I behind the one in front?",
        ),
        _gap,
    ),
    Intent(
        "lead_speed",
        (
            "How fast is who drives before me?",
            "What is the speed of whatever is next in my way?",
            "How fast does the one before me drive?",
            "What is the speed of the car or whoever is ahead of me?",
            "At what speed does the one in front go?",
            "Tell me the speed of whoever is in front.",
            "How quickly does the vehicle in front of us move?",
            "How fast goes the one ahead?",
        ),
        _lead_speed,
    ),
    Intent(
        "light_distance",
        (
            "How far is the next traffic light?",
            "What is the distance to the light's stop line?",
            "How many metres to the next light?",
            "How near is the traffic light?",
            "The light: how many metres away is it?",
            "How far away are the traffic lights?",
            "Tell me the distance to the next light.",
            "After how many metres does a traffic light come?",
            "At what distance do I meet the next signal?",
        ),
        _light_distance,
    ),
    Intent(
        "line_distance",
        (
            "How far is the next junction?",
            "What is the distance to where traffic crosses?",
            "How many metres until I have to look for others?",
            "How near is the junction?",
            "The junction: how many metres away does it begin?",
            "How far away is the crossing?",
            "Tell me the distance to the next junction.",
            "After how many metres does the intersection come?",
            "How many metres are left before the crossroads?",
        ),
        _line_distance,
    ),
    Intent(
        "limit",
        (
            "How fast may I drive here?",
            "What is the speed limit?",
            "What speed is allowed?",
            "Which limit applies here?",
            "How fast is one allowed to go?",
            "Tell me the speed limit.",
            "What is the highest speed that is permitted here?",
            "How fast are we permitted to be?",
            "Up to which speed may I go on this road?",
        ),
        _limit,
    ),
)
