"""What the package works out anew each time it is asked, and a process of tests once: it takes seconds, or is asked for hundreds of times.

Tests of the working out itself call what is below: `drive.render.look.static.static_mesh`, `drive.render.look.textures.textures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from drive.data.kept import Kept
from drive.data.nuscenes import index
from drive.render import look
from drive.render.scene import Mesh
from drive.render.weather import Weather
from drive.world.world import World

TOWNS = 12  # some megabytes each


def index_once(patch: pytest.MonkeyPatch, *unchanging: Path) -> None:
    """The index of tables in these folders, which is not kept on disk since they are small."""
    make, usual, made = index.kept, index.WORTH_BYTES, dict[tuple[Path, ...], Kept]()

    def once(what: str, sources: Sequence[Path], *rest: Any) -> Kept:
        if usual != index.WORTH_BYTES or not any(sources[0].is_relative_to(folder.resolve()) for folder in unchanging):
            return make(what, sources, *rest)
        if tuple(sources) not in made:
            made[tuple(sources)] = make(what, sources, *rest)
        return made[tuple(sources)]

    patch.setattr(index, "kept", once)


def scenery_once(patch: pytest.MonkeyPatch) -> None:
    """What stands still in a town, and the textures of a seed."""
    build, made = look.static_mesh, dict[tuple[Any, ...], tuple[World, Mesh]]()

    def once(world: World, weather: Weather, seed: int, hindsight: bool = False) -> Mesh:
        recorded = world.furniture is None  # then its agents count too
        place = (id(world),) if recorded else (id(world.map), id(world.furniture), len(world.static.kind))
        key = *place, weather.night, seed, recorded and hindsight
        if key not in made:
            if len(made) == TOWNS:
                made.pop(next(iter(made)))
            made[key] = world, build(world, weather, seed, hindsight)  # the world is held, so that nothing else gets its ids
        return made[key][1]

    patch.setattr(look, "static_mesh", once)
    textures: Callable[[int], Any] = lru_cache(TOWNS)(look.textures)
    patch.setattr(look, "textures", textures)
