"""Pictures that were resampled for a network: what is said of them, and how they are left as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drive.planners.untold import Untold

AS_THEY_ARE = "own-views"  # the word before a planner's name that leaves pictures as they are


class Foreign:
    """Counts views that were resampled, each with `sources` and `unseen` as of `drive.data.resample.Resampled`."""

    def __init__(self) -> None:
        self.sources: dict[str, None] = {}
        self.views, self.unseen = 0, 0.0

    def add(self, view: Any) -> None:
        """One view more."""
        self.sources.update(dict.fromkeys(view.sources))
        self.views += 1
        self.unseen += view.unseen

    def told(self) -> tuple[str, ...]:
        """The line, where there was any since the last one."""
        if not self.views:
            return ()
        share, names = f"{self.unseen / self.views:.0%}", ", ".join(self.sources) or "no camera"
        line = f"pictures of {names} were resampled into the views it was trained with; {share} of these no camera sees"
        told = f"{line} ({AS_THEY_ARE}: before its name leaves pictures as they are)"
        self.sources, self.views, self.unseen = {}, 0, 0.0
        return (told,)


def own_views(planner: Any) -> Any:
    """The planner, shown pictures as they are, whatever rig its network knows. Raises ValueError where it knows none."""
    if not getattr(planner, "rig", ()):
        raise ValueError(f"{AS_THEY_ARE}: stands directly before a checkpoint that knows one rig alone; {planner.name!r} names none")
    return replace(planner, name=f"{planner.name}-{AS_THEY_ARE}", rig=(), _foreign=Foreign(), _untold=Untold())
