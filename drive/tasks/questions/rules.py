"""What I may and what I should do."""

from __future__ import annotations

from drive.answers.ask import Reply, yes_no
from drive.tasks.questions.facts import Facts
from drive.tasks.questions.intent import Intent

NEAR_LINE_M = 40.0
TOO_FAST_MPS = 0.5  # above the limit
FASTER_MPS = 0.5


def _may_go(facts: Facts) -> Reply | None:
    """Asked where a line is near; one further off changes before the car is there."""
    line = facts.line_near(NEAR_LINE_M)
    return None if line is None else yes_no(line.may_enter)


def _must_wait(facts: Facts) -> Reply | None:
    line = facts.line_near(NEAR_LINE_M)
    return None if line is None else yes_no(not line.may_enter)


def _too_fast(facts: Facts) -> Reply | None:
    own = facts.sample.observation.speed_mps
    if own is None or not facts.tells("cap") or facts.seen.cap_mps is None:
        return None
    return yes_no(own > facts.seen.cap_mps + TOO_FAST_MPS)


def _slows(facts: Facts) -> Reply | None:
    return None if facts.change_mps is None else yes_no(facts.slows)


def _speeds_up(facts: Facts) -> Reply | None:
    return None if facts.change_mps is None else yes_no(facts.speeds_up)


def _stands(facts: Facts) -> Reply | None:
    return None if facts.end_mps is None else yes_no(facts.stands_at_the_end)


def _lead_faster(facts: Facts) -> Reply | None:
    """Asked where there is somebody, faster or slower by `FASTER_MPS` at least."""
    own, lead = facts.sample.observation.speed_mps, facts.seen.lead if facts.tells("lead") else None
    if own is None or lead is None or abs(lead.speed_mps - own) < FASTER_MPS:
        return None
    return yes_no(lead.speed_mps > own)


INTENTS = (
    Intent(
        "may_go",
        (
            "May I go?",
            "May I enter the junction now?",
            "Is it my turn at the next line?",
            "Can I go now?",
            "Am I allowed to drive on?",
            "Is it my turn?",
            "Can I drive into the junction?",
            "Tell me whether I may go.",
            "Is the way into the junction free for me?",
            "Am I permitted to pass the line?",
            "May we enter the intersection?",
            "Do I have the right of way?",
            "Is it allowed to cross now?",
        ),
        _may_go,
    ),
    Intent(
        "must_wait",
        (
            "Must I wait?",
            "Do I have to let others pass at the junction?",
            "Do I have to stop at the next line?",
            "Do I have to wait?",
            "Must I stop before the junction?",
            "Does somebody go before me?",
            "Tell me whether I must wait.",
            "Is it necessary to wait for others here?",
            "Shall I hold at the line?",
            "Do others have the right of way?",
            "Must we give way?",
            "Is waiting required before the intersection?",
        ),
        _must_wait,
    ),
    Intent(
        "too_fast",
        (
            "Am I too fast?",
            "Do I drive faster than is allowed?",
            "Is my speed above the limit?",
            "Am I speeding?",
            "Tell me whether I am too fast.",
            "Are we over the speed limit?",
            "Have I got more speed than permitted?",
            "Is the car going faster than it may?",
        ),
        _too_fast,
    ),
    Intent(
        "slows",
        (
            "Should I slow down?",
            "Is it time to brake?",
            "Do I have to brake?",
            "Must I drive more slowly?",
            "Should the car lose speed?",
            "Tell me whether I should slow down.",
            "Ought I to reduce my speed?",
            "Is braking called for?",
            "Shall we become slower?",
        ),
        _slows,
    ),
    Intent(
        "speeds_up",
        (
            "Should I speed up?",
            "Is it time to accelerate?",
            "Can I drive faster now?",
            "Should the car gain speed?",
            "Tell me whether I should speed up.",
            "Ought I to go faster?",
            "Is more speed called for?",
            "Shall we become faster?",
        ),
        _speeds_up,
    ),
    Intent(
        "stands",
        (
            "Will I stand in three seconds?",
            "Should I come to a stop, or stay stopped?",
            "Will the car be standing in 3 s?",
            "Is a stop due, or to be kept?",
            "Tell me whether I stand three seconds from now.",
            "Am I going to be at a standstill in 3 seconds?",
            "Will we have stopped three seconds on?",
            "Shall the car come to rest soon?",
        ),
        _stands,
    ),
    Intent(
        "lead_faster",
        (
            "Is whoever is before me faster than I am?",
            "Does the one ahead drive away from me?",
            "Does whoever is ahead go faster than me?",
            "Is the one before me the faster one?",
            "Tell me whether the one in front is faster than me.",
            "Is the vehicle in front quicker than us?",
            "Does the gap to the one in front grow?",
            "Has the one ahead got more speed than I?",
        ),
        _lead_faster,
    ),
)
