"""Speeds that nobody told to networks that are given one: what is said of plans made without."""

from __future__ import annotations

from collections.abc import Sequence

from drive.schema import Observation


class Untold:
    """Counts observations, and those without a speed."""

    def __init__(self) -> None:
        self.seen, self.without = 0, 0

    def add(self, observations: Sequence[Observation]) -> bool:
        """Some more; whether one of them has no speed."""
        without = sum(observation.speed_mps is None for observation in observations)
        self.seen += len(observations)
        self.without += without
        return without > 0

    def told(self) -> tuple[str, ...]:
        """The line, where most since the last one had no speed; the first moments of drives have none, and are no news."""
        without, seen = self.without, self.seen
        self.seen = self.without = 0
        if 2 * without <= seen:
            return ()
        told = f"the car's speed was unknown for {without} of {seen} answers, which guess it"
        return (f"{told}: plans can end metres elsewhere; where it is known, tell it (own pictures: --speed, motion.csv or poses.csv)",)
