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
            "Tell me how many {nouns} stand or move within {radius} metres.",
            "How many {nouns} do you find closer than {radius} m?",
            "{nouns} in a radius of {radius} metres: how many?",
            "Please count all {nouns} less than {radius} metres from the car.",
            "How many {nouns} have you got around you, up to {radius} m?",
            "Give me the number of {nouns} nearer than {radius} metres.",
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
            "Do any {nouns} stand or move within {radius} metres?",
            "Is a {noun} closer than {radius} m?",
            "Have you got a {noun} around you, up to {radius} m?",
            "Tell me whether a {noun} is nearer than {radius} metres.",
            "Could there be a {noun} less than {radius} metres from the car?",
            "Is at least one {noun} within {radius} metres?",
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
            "Tell me how many {nouns} you find {where}.",
            "{nouns} {where}: how many?",
            "Please count all {nouns} {where}.",
            "Give me the number of {nouns} {where}, 30 metres at most.",
            "How many {nouns} stand or move {where}?",
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
            "Tell me whether a {noun} is {where}.",
            "Have you got a {noun} {where}?",
            "Is at least one {noun} {where}?",
            "Do any {nouns} stand or move {where}?",
            "Could there be a {noun} {where}?",
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
            "Tell me how many {nouns} are in motion within {radius} metres.",
            "Please count the {nouns} that do not stand, up to {radius} m.",
            "How many {nouns} closer than {radius} metres are not standing?",
            "Give me the number of {nouns} that are going somewhere, {radius} m around.",
        ),
        _count_moving,
        {"noun": ("vehicle", "pedestrian"), "radius": (15, 30)},
    ),
)
