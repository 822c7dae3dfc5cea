"""Why: the one reason that comes first, in words."""

from __future__ import annotations

from drive.answers.ask import Reply, words
from drive.tasks.questions.facts import MOVING_MPS, Facts
from drive.tasks.questions.intent import Intent
from drive.tasks.questions.rules import NEAR_LINE_M

LEAD_S, LEAD_M = 2.0, 6.0  # who is nearer than this time at the own speed, and this far, holds the car up
NEAR_BEND_RAD = 0.5
LEAD_WORDS = {"vehicle": "vehicle", "cyclist": "cyclist", "person": "person", "thing": "obstacle"}


def line_reason(facts: Facts) -> str | None:
    """Why one may or may not drive over a line that is near."""
    line = facts.line_near(NEAR_LINE_M)
    if line is None:
        return None
    light = facts.seen.light if facts.tells("light") else None
    ruled = light is not None and abs(light.distance_m - line.distance_m) < 1.0
    if ruled and light is not None and light.colour != "green":
        return f"The light is {light.colour}." if not line.may_enter else None
    if line.may_enter:
        return "The light is green." if ruled else "Nobody goes first."
    return "Others go first at the junction."


def lead_reason(facts: Facts) -> str | None:
    """Who is next in the way, where that holds the car up."""
    own, lead = facts.sample.observation.speed_mps, facts.seen.lead if facts.tells("lead") else None
    if own is None or lead is None or lead.gap_m > LEAD_M + LEAD_S * max(own, 0.0) or lead.speed_mps > own + MOVING_MPS:
        return None
    does = "stands in the way" if abs(lead.speed_mps) <= MOVING_MPS else "comes towards me" if lead.speed_mps < 0 else "drives ahead"
    return f"A{'n' if lead.who == 'thing' else ''} {LEAD_WORDS[lead.who]} {does}."


def slow_reason(facts: Facts) -> str | None:
    """Why the car slows down or stands; None where it does neither, or no known reason is there."""
    if not (facts.slows or facts.stands_at_the_end):
        return None
    line = facts.line_near(NEAR_LINE_M)
    held, stopped = lead_reason(facts), line_reason(facts) if line is not None and not line.may_enter else None
    if held and stopped and facts.seen.lead is not None and line is not None:
        return held if facts.seen.lead.gap_m < line.distance_m else stopped
    if held or stopped:
        return held or stopped
    turn = facts.turn_ahead_rad
    return "The road bends." if turn is not None and abs(turn) > NEAR_BEND_RAD else None


def _why_line(facts: Facts, may: str) -> Reply | None:
    line = facts.line_near(NEAR_LINE_M)
    reason = line_reason(facts) if line is not None and line.may_enter == (may == "may I") else None
    return words(reason) if reason else None


def _why_slow(facts: Facts) -> Reply | None:
    reason = slow_reason(facts)
    return words(reason) if reason else None


INTENTS = (
    Intent(
        "why_line",
        (
            "Why {may} go?",
            "For what reason {may} enter the junction?",
            "Tell me why {may} go.",
            "What is the reason why {may} go on?",
            "Give me the reason why {may} go.",
            "Why {may} pass the line?",
            "How come, why {may} drive on?",
            "Explain why {may} enter the intersection.",
        ),
        _why_line,
        {"may": ("may I", "may I not")},
    ),
    Intent(
        "why_slow",
        (
            "Why should I slow down or stand?",
            "What makes me brake or wait?",
            "Why am I not driving on?",
            "Why do I have to wait or brake?",
            "What is in the way of driving on?",
            "Tell me why I should be slow.",
            "Give me the reason to be slow.",
            "What is the cause of braking here?",
            "For what reason do we slow down?",
            "Explain why the car should not keep its speed.",
            "What holds us up?",
        ),
        _why_slow,
    ),
)
