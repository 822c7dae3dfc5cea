"""Typed ranges of numbers that tasks and codecs share: a number of one unit is the same token in every answer.

The first kinds of wave that embed a number (`drive.model.network`) are as long as `Grid.wave`: numbers nearer than half of it
look alike to an untrained network. A configuration may give each range another grid, by name (`model.numbers`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drive.tokens.vocab import Grid, IdRange, numbers

METRE, SPEED, ANGLE, SIZE, CURVATURE, PROBABILITY, COUNT = "metre", "speed_mps", "angle_rad", "size_m", "curvature", "probability", "count"
# Positions in the ego frame; speeds, also backwards; angles of a whole turn; edges of boxes; 1/m; shares; things that are counted.
GRIDS: dict[str, Grid] = {
    METRE: Grid(-60.0, 120.0, 0.05),
    SPEED: Grid(-20.0, 45.0, 0.1, wave=2.0),
    ANGLE: Grid(-round(np.pi, 2), round(np.pi, 2), 0.02, wave=0.5),
    SIZE: Grid(0.0, 25.0, 0.05, wave=1.0),
    CURVATURE: Grid(-0.25, 0.25, 0.0025, wave=0.05),
    PROBABILITY: Grid(0.0, 1.0, 0.01, wave=0.25),
    COUNT: Grid(0.0, 63.0, 1.0, wave=4.0),
}

# What their numbers are counted in, "" where they are shares or counts.
UNITS: dict[str, str] = {METRE: "m", SPEED: "m/s", ANGLE: "rad", SIZE: "m", CURVATURE: "1/m"}


def shared(name: str, given: Mapping[str, Grid]) -> IdRange:
    """The range of a shared kind of number, on the grid that a configuration gives, else on its own."""
    return numbers(name, given.get(name, GRIDS[name]))
