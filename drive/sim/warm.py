"""Compiles the simulator before anything is driven: once, in one process, with a line that says so; others load what it left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from drive.bicycle_fit import fitted_headings
from drive.expert.expert import Expert
from drive.expert.privileged import load_kernels
from drive.jit import on_disk
from drive.sim.rollout import rollout
from drive.sim.scores import score
from drive.sim.sight import Eyes, Sight
from drive.world.town.populate import EMPTY, set_stage, town_world
from drive.world.world import World, arrays_of, ego_actor

# The largest kernels, compiled after those that they call: where these are on disk, so are the others.
STEPPING = {"drive.world.advance": "advance", "drive.expert.proposals": "forecast"}
DRAWING = {"drive.render.picture": "draw_face"}


def compile_ahead(make: Callable[[], World], sight: Sight | None, say: Callable[[str], None]) -> None:
    """Compiles what a run uses where it is not yet on disk, and says so before.

    make: gives a world of the run; one that cannot be made is left to whoever drives it to complain of.
    """
    if is_compiled(sight is not None):
        return
    say(f"compiling the simulator{' and its cameras' if sight else ''}, once: about {'a minute' if sight else 'half a minute'}")
    with contextlib.suppress(ValueError, OSError):
        compile_all(make, sight)


def is_compiled(drawing: bool) -> bool:
    """Whether the kernels of this version that drive, or also those that draw, are on disk."""
    return all(on_disk(module, kernel) for module, kernel in (STEPPING | (DRAWING if drawing else {})).items())


def warm_up(world: World, sight: Sight | None) -> None:
    """A second's drive of the expert, scored, and one look: what a run compiles."""
    score(rollout(replace(world, time_limit_s=1.0), Expert()))
    if sight is not None:
        Eyes(world, sight).look(world.start)


def compile_all(make: Callable[[], World], sight: Sight | None) -> None:
    """Compiles whatever is not on disk for drives, and for pictures where there is a sight. make: as for `compile_ahead`."""
    with _drawing_beside(sight is not None):
        compile_driving()
    warm_up(make(), sight)


def compile_driving() -> None:
    """The kernels of towns, traffic and the expert."""
    load_kernels(town_world(0))


def compile_drawing() -> None:
    """The kernels of cameras and of plans read from positions, and none that `compile_driving` compiles: the world that is looked at
    has nobody placed in it."""
    stage = set_stage(0, traffic=EMPTY)
    static, start = arrays_of(stage.tables, [ego_actor(stage.path, stage.start_m, 0.0)], stage.town.furniture.parked)
    world = World("unplaced", stage.town.map, static, start, stage.goal_m, 1.0, furniture=stage.town.furniture)
    Eyes(world, Sight("first-drive")).look(start)
    fitted_headings([[1.0, 0.0]])


@contextlib.contextmanager
def _drawing_beside(wanted: bool) -> Iterator[None]:
    """Meanwhile a second process compiles what draws, where there is a core for it. What it does not get done is done by who needs it."""
    if not wanted or (os.cpu_count() or 1) < 2:
        yield
        return
    command, quiet = [sys.executable, "-m", "drive.sim.warm", "drawing"], subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as beside:
        try:
            yield
            beside.wait()
        finally:
            beside.kill()


if __name__ == "__main__":
    if sys.argv[1:] == ["drawing"]:
        compile_drawing()
    else:
        compile_all(lambda: town_world(0), Sight("first-drive"))
