"""What planners of this process have to say, for verbs that hold none of them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

_speaking: WeakKeyDictionary[Any, None] = WeakKeyDictionary()  # in the order in which they first spoke


def speaks(planner: Any) -> None:
    """Notes that a planner may have something to say in its `take_notes`."""
    _speaking.setdefault(planner, None)


def all_notes() -> list[str]:
    """What all of these have to say that was not said yet, each with its name."""
    return [f"{planner.name}: {note}" for planner in list(_speaking) for note in planner.take_notes()]
