"""Answers that are words and numbers: see, decide, describe, ask."""

from __future__ import annotations

import math

from drive.answers.ask import Reply
from drive.answers.decide import Decision
from drive.answers.describe import Description
from drive.answers.see import Seen
from drive.viz.answers.marks import Marks


def seen(value: Seen) -> Marks:
    """A short line for each part that is answered."""
    return Marks(words=tuple(_part(value, part) for part in value.parts))


def _part(value: Seen, part: str) -> str:
    if part == "bends" and value.bends is not None:
        return "bends " + ", ".join(f"{bend:+.3f}" for bend in value.bends) + " 1/m"
    if part == "cap" and value.cap_mps is not None:
        return f"limit {3.6 * value.cap_mps:.0f} km/h"
    if part == "lane" and value.lane is not None:
        side = "left" if value.lane.offset_m >= 0 else "right"
        return f"{abs(value.lane.offset_m):.1f} m {side} in lane, {math.degrees(value.lane.heading_rad):+.0f}\u00b0"
    if part == "lead" and value.lead is not None:
        return f"{value.lead.who} ahead, {value.lead.gap_m:.0f} m, {3.6 * value.lead.speed_mps:z.0f} km/h"
    if part == "light" and value.light is not None:
        return f"{value.light.colour}, {value.light.distance_m:.0f} m"
    if part == "line" and value.line is not None:
        return f"{'may enter' if value.line.may_enter else 'wait'}, line {value.line.distance_m:.0f} m"
    return {"lead": "nobody ahead", "light": "no light", "line": "no line", "lane": "in no lane"}[part]


def decision(value: Decision) -> Marks:
    """The decision."""
    return Marks(words=(str(value),))


def description(value: Description) -> Marks:
    """The critical objects where they are, and the scene in words."""
    places = tuple((thing.x_m, thing.y_m, f"{thing.noun} {thing.behaviour}") for thing in value.objects)
    return Marks(places=places, words=(value.words,))


def reply(value: Reply) -> Marks:
    """The answer as one would say it."""
    return Marks(words=(value.text,))
