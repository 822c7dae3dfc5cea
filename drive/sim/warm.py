"""Compiles the simulator before anything is driven: once, in one process, with a line that says so; others load what it left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from drive.bicycle_fit import fitted_headings
from drive.expert.expert import Expert
from drive.expert.privileged import load_kernels
from drive.jit import on_disk
from drive.pool import outcomes
from drive.sim.rollout import rollout
from drive.sim.scores import score
from drive.sim.sight import Eyes, Sight
from drive.world.town.populate import EMPTY, town_world
from drive.world.world import World

# The largest kernels, compiled after those that they call: where these are on disk, so are the others.
STEPPING = {"drive.world.advance": "advance", "drive.expert.proposals": "forecast"}
DRAWING = {"drive.render.picture": "draw_face"}


def compile_ahead(make: Callable[[], World], sight: Sight | None, say: Callable[[str], None]) -> None:
    """Compiles what a run uses where it is not yet on disk, and says so before.

    make: gives a world of the run; one that cannot be made is left to whoever drives it to complain of.
    """
    if is_compiled(sight is not None):
        return
    say(f"compiling the simulator{' and its cameras' if sight else ''}, once: about {'two minutes' if sight else 'a minute'}")
    with contextlib.suppress(ValueError, OSError):
        warm_up(make(), sight)


def is_compiled(drawing: bool) -> bool:
    """Whether the kernels of this version that drive, or also those that draw, are on disk."""
    return all(on_disk(module, kernel) for module, kernel in (STEPPING | (DRAWING if drawing else {})).items())


def warm_up(world: World, sight: Sight | None) -> None:
    """A second's drive of the expert, scored, and one look: what a run compiles."""
    score(rollout(replace(world, time_limit_s=1.0), Expert()))
    if sight is not None:
        Eyes(world, sight).look(world.start)


def compile_side_by_side() -> None:
    """Compiles all kernels of drives and pictures in two processes, each of which loads what the other has left on disk. For set-up."""
    list(outcomes(_compile, ["traffic", "expert", "pictures"], workers=2))  # whatever fails here is compiled by who needs it
    warm_up(town_world(0), Sight("first-drive"))


def _compile(part: str) -> None:
    """One third of the kernels: those of towns and their traffic, of the expert, of cameras and of plans read from positions."""
    if part == "traffic":
        town_world(0)
        return
    world = town_world(0, traffic=EMPTY)
    if part == "expert":
        load_kernels(world)
    else:
        Eyes(world, Sight("first-drive")).look(world.start)
        fitted_headings([[1.0, 0.0]])


if __name__ == "__main__":
    compile_side_by_side()

