"""What is ahead: who is next in the way, the light, the road."""

from __future__ import annotations

import numpy as np

from drive.answers.ask import Reply, count, word, yes_no
from drive.tasks.questions.distances import NONE
from drive.tasks.questions.facts import MOVING_MPS, Facts
from drive.tasks.questions.intent import Intent

BEND_RAD = np.deg2rad(10)  # less over the next 40 m is straight


def _who_ahead(facts: Facts) -> Reply | None:
    return word(facts.seen.lead.who if facts.seen.lead else NONE) if facts.tells("lead") else None


def _anyone_ahead(facts: Facts) -> Reply | None:
    return yes_no(facts.seen.lead is not None) if facts.tells("lead") else None


def _lead_does(facts: Facts) -> Reply | None:
    if not facts.tells("lead"):
        return None
    lead = facts.seen.lead
    if lead is None:
        return word(NONE)
    return word("standing" if abs(lead.speed_mps) <= MOVING_MPS else "moving" if lead.speed_mps > 0 else "oncoming")


def _light(facts: Facts) -> Reply | None:
    return word(facts.seen.light.colour if facts.seen.light else NONE) if facts.tells("light") else None


def _any_light(facts: Facts) -> Reply | None:
    return yes_no(facts.seen.light is not None) if facts.tells("light") else None


def _is_red(facts: Facts) -> Reply | None:
    """Asked where there is a light."""
    return yes_no(facts.seen.light.colour == "red") if facts.tells("light") and facts.seen.light else None


def bend_of(facts: Facts) -> str | None:
    """Which way the road bends: left, right or straight; None where it is not known."""
    turn = facts.turn_ahead_rad
    return None if turn is None else "left" if turn > BEND_RAD else "right" if turn < -BEND_RAD else "straight"


def _bend(facts: Facts) -> Reply | None:
    bend = bend_of(facts)
    return None if bend is None else word(bend)


def _command(facts: Facts) -> Reply | None:
    command = facts.sample.observation.command
    return None if command is None else word(command)


def _beside(facts: Facts, way: str) -> Reply | None:
    beside = facts.lanes_beside
    return None if beside is None else yes_no(beside[way == "right"] > 0)


def _lanes(facts: Facts) -> Reply | None:
    beside = facts.lanes_beside
    return None if beside is None else count(1 + sum(beside))


INTENTS = (
    Intent(
        "who_ahead",
        (
            "What is ahead of me in my lane?",
            "Who or what is next in my way?",
            "What do I drive behind?",
            "What is in front?",
            "Which kind of road user drives before me?",
            "What do I see ahead on my way?",
            "Tell me what is in front of us.",
            "What sort of road user do I follow?",
            "What is the next thing in my lane?",
            "Who is in front of the car?",
        ),
        _who_ahead,
    ),
    Intent(
        "anyone_ahead",
        (
            "Is anyone ahead of me in my lane?",
            "Is there something in my way?",
            "Do I follow anybody?",
            "Is somebody before me?",
            "Is my way ahead taken?",
            "Does anyone drive ahead of me?",
            "Tell me whether somebody is in front.",
            "Is my lane occupied further on?",
            "Have I got someone in front of me?",
            "Is the lane before me free of others, or is someone there? Say yes for someone.",
            "Is there a road user in front of us?",
        ),
        _anyone_ahead,
    ),
    Intent(
        "lead_does",
        (
            "What does the one ahead of me do?",
            "Does whoever is before me stand or move?",
            "Is whoever is ahead standing, moving or oncoming?",
            "The one before me: what is it doing?",
            "Tell me what the one in front is doing.",
            "Is the one in front moving?",
            "The vehicle ahead: standing, moving or oncoming?",
            "Does the one in front of me stand still?",
        ),
        _lead_does,
    ),
    Intent(
        "light",
        (
            "What does the next traffic light show?",
            "What colour is the light ahead?",
            "Which colour has my light?",
            "Is my light green, yellow or red?",
            "What is the light showing?",
            "The traffic light ahead: which colour?",
            "Tell me the colour of the light.",
            "What is the state of the signal in front of us?",
            "Which lamp is lit at my traffic light?",
            "What does the signal say?",
            "In what colour is the traffic light lit?",
        ),
        _light,
    ),
    Intent(
        "any_light",
        (
            "Is there a traffic light ahead?",
            "Do I come to a traffic light?",
            "Is a light ahead of me?",
            "Will I pass a traffic light soon?",
            "Tell me whether a traffic light comes.",
            "Are there traffic lights on my way?",
            "Is the next junction ruled by a signal?",
            "Can you see a signal for me?",
        ),
        _any_light,
    ),
    Intent(
        "is_red",
        (
            "Is the light ahead red?",
            "Does my traffic light show red?",
            "Is it red?",
            "Do I have a red light?",
            "Is the traffic light red?",
            "Tell me whether the light is red.",
            "Has the signal turned red?",
            "Is the signal in front of us at red?",
            "Does the lamp for me show red?",
        ),
        _is_red,
    ),
    Intent(
        "bend",
        (
            "Which way does my road bend?",
            "Does the way ahead turn left or right, or go straight on?",
            "Is there a bend ahead, and to which side?",
            "Does the lane go left, right or straight?",
            "Tell me how the road goes on.",
            "In which direction does the road curve?",
            "Is the road ahead straight, or does it curve?",
            "Does a curve come, left or right?",
        ),
        _bend,
    ),
    Intent(
        "command",
        (
            "Which way does the navigator send me?",
            "Where am I told to go?",
            "Which way is my route?",
            "Do I have to go left, straight or right?",
            "Tell me the direction of the route.",
            "Where does the navigation want me to go?",
            "What does the route command say?",
            "In which direction shall I continue?",
        ),
        _command,
    ),
    Intent(
        "beside",
        (
            "Is there a lane of my direction to the {way} of mine?",
            "Does another lane run along on my {way}?",
            "To my {way}, is there another lane of my direction?",
            "Can one drive in a lane {way} of mine in the same direction?",
            "Tell me whether a lane of my direction is on the {way}.",
            "Have I got another lane on my {way}?",
            "Does the road have one more lane for me on the {way}?",
            "Could I change to a lane on the {way}?",
        ),
        _beside,
        {"way": ("left", "right")},
    ),
    Intent(
        "lanes",
        (
            "How many lanes lead my way here?",
            "Count the lanes of my direction.",
            "What number of lanes goes in my direction?",
            "On how many lanes can one drive my way?",
            "Tell me how many lanes lead in my direction.",
            "How many lanes has my side of the road?",
            "How many lanes are there for my direction?",
            "My direction has how many lanes?",
        ),
        _lanes,
    ),
)
