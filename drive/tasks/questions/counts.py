"""How many, and is there any."""

from __future__ import annotations

from drive.answers.ask import Reply, count, yes_no
from drive.tasks.questions.facts import SIDES, Facts
from drive.tasks.questions.intent import Intent

COUNTED = ("vehicle", "car", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "cone", "barrier")
SIDE_M = 30.0


def _count_within(facts: Facts, noun: str, radius: int) -> Reply | None:
    found = facts.those(noun, radius)
    return None if found is None else count(len(found))


def _any_within(facts: Facts, noun: str, radius: int) -> Reply | None:
    found = facts.those(noun, radius)
    return None if found is None else yes_no(bool(found))


def _count_side(facts: Facts, noun: str, side: str) -> Reply | None:
    found = facts.those(noun, SIDE_M, lambda thing: thing.side == side)
    return None if found is None else count(len(found))


def _any_side(facts: Facts, noun: str, side: str) -> Reply | None:
    found = facts.those(noun, SIDE_M, lambda thing: thing.side == side)
    return None if found is None else yes_no(bool(found))


def _count_moving(facts: Facts, noun: str, radius: int) -> Reply | None:
    found = facts.those(noun, radius)
    if found is None or any(thing.moving is None for thing in found):
        return None
    return count(sum(bool(thing.moving) for thing in found))


INTENTS = (
    Intent(
        "count_within",
        (
            "How many {nouns} are within {radius} metres?",
            "Count the {nouns} up to {radius} m away.",
            "What is the number of {nouns} no further than {radius} metres from here?",
            "Within {radius} m, how many {nouns} do you count?",
            "How many {nouns} can you see around here, {radius} metres at most?",
            "Number of {nouns} in {radius} m",
        ),
        _count_within,
        {"noun": COUNTED, "radius": (10, 20, 30)},
    ),
    Intent(
        "any_within",
        (
            "Is there any {noun} within {radius} metres?",
            "Do you see a {noun} up to {radius} m away?",
            "Are there {nouns} no further than {radius} metres from here?",
            "Within {radius} m, is there a {noun}?",
            "Can you see any {nouns} around here, {radius} metres at most?",
            "Any {noun} in {radius} m?",
        ),
        _any_within,
        {"noun": COUNTED, "radius": (10, 20, 30)},
    ),
    Intent(
        "count_side",
        (
            "How many {nouns} are {where} within 30 metres?",
            "Count the {nouns} {where}, up to 30 m away.",
            "What number of {nouns} is near and {where}?",
            "How many {nouns} are there {where}?",
            "How many {nouns} can you see {where}?",
        ),
        _count_side,
        {"noun": ("vehicle", "car", "pedestrian"), "side": SIDES},
    ),
    Intent(
        "any_side",
        (
            "Is any {noun} {where} within 30 metres?",
            "Do you see a {noun} {where}, up to 30 m away?",
            "Are there {nouns} near and {where}?",
            "Can you see a {noun} {where}?",
            "Is there a {noun} {where}?",
        ),
        _any_side,
        {"noun": ("vehicle", "car", "bicycle", "pedestrian"), "side": SIDES},
    ),
    Intent(
        "count_moving",
        (
            "How many {nouns} within {radius} metres are moving?",
            "Count the moving {nouns} up to {radius} m away.",
            "Of the {nouns} in {radius} m, how many move?",
            "How many {nouns} on the move can you see, {radius} metres at most?",
        ),
        _count_moving,
        {"noun": ("vehicle", "pedestrian"), "radius": (15, 30)},
    ),
)
