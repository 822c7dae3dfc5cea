"""Answers of tasks as pictures and words: each answer's type says in a file here what of it can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drive.answers.ask import Reply
from drive.answers.boxes import Boxes
from drive.answers.decide import Decision
from drive.answers.describe import Description
from drive.answers.roads import LaneLines
from drive.answers.see import Seen
from drive.viz.answers import things, told
from drive.viz.answers.marks import Marks

DRAWN: dict[type, Callable[[Any], Marks]] = {
    Seen: told.seen,
    Decision: told.decision,
    Description: told.description,
    Reply: told.reply,
    Boxes: things.boxes,
    LaneLines: things.lanes,
}


def marks_of(value: Any) -> Marks:
    """What of an answer is drawn; nothing of a plan, which has drawings of its own, nor of a type that none is known for."""
    return DRAWN[type(value)](value) if type(value) in DRAWN else Marks()
