"""Demonstrations in rendered towns as training samples, as those of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from drive.config import TownData, TownsConfig
from drive.data.images import blackened
from drive.frames import Array
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.make.shard_samples import ShardReader
from drive.make.shards import make_shards, open_folder, read_shard, rig_cameras, shard_path
from drive.outputs import writable_folder
from drive.planners.load import load_planner
from drive.render.rigs import load_rig
from drive.schema import Observation, SceneSample
from drive.train.sources.base import Needs

KEPT_TOWNS = 128  # whose numbers are in memory; what has not been looked at for longest is read again


class TownSamples:
    """The demonstrations of some towns, whose pictures stay on disk until they are looked at. Makes those that are missing.

    Raises ValueError where the network plans at other times, reads pictures at another size, or wants a past, which states
    drawn one by one do not have without `recipe.past`.
    """

    def __init__(self, data: TownsConfig, needs: Needs) -> None:
        check_towns(data.towns, needs)
        towns, self.window, self.black = data.towns, needs.window, data.black
        self._towns: list[tuple[Path, ShardReader]] = []
        self._traffic: list[bool] = []
        self._where: list[tuple[int, int]] = []
        for part in towns:
            folder, seeds = Path(part.folder), range(part.first, part.first + part.count)
            make_shards(folder, part.recipe, seeds, part.workers, load_planner, say=partial(print, flush=True))
            window = part.recipe.shown_to(needs.window, needs.past) or needs.window
            for seed in seeds:
                self._add(shard_path(folder, seed), ShardReader(rig_cameras(part.recipe, seed), window))
        self._shard = lru_cache(KEPT_TOWNS)(partial(read_shard, check=False))

    def _add(self, path: Path, reader: ShardReader) -> None:
        shard, town = read_shard(path), len(self._towns)
        self._towns.append((path, reader))
        self._traffic.append(shard.traffic)
        self._where += [(town, i) for i in range(len(shard.commands))]

    def __len__(self) -> int:
        return len(self._where)

    def turn_degrees(self, index: int) -> float:
        """Towns' pictures are never turned."""
        return 0.0

    def traffic(self, index: int) -> bool:
        """Whether sample `index` is of a town with traffic."""
        return self._traffic[self._where[index][0]]

    def observation(self, index: int) -> Observation:
        """What the planner may see."""
        town, state = self._where[index]
        path, reader = self._towns[town]
        observation = reader.observation(self._shard(path), state, f"town-shard-{town}")
        return blackened(observation) if self.black else observation

    def future(self, index: int) -> Array:
        """The expert's plan, [T, 3]."""
        town, state = self._where[index]
        return self._shard(self._towns[town][0]).futures[state]

    def __getitem__(self, index: int) -> SceneSample:
        """Sample `index` with what is known of it: the expert's plan, with `recipe.target` all that was around."""
        sample = self.unread(index)
        return replace(sample, observation=blackened(sample.observation)) if self.black else sample

    def unread(self, index: int) -> SceneSample:
        """Sample `index`, its pictures as they were drawn."""
        town, state = self._where[index]
        path, reader = self._towns[town]
        return reader.sample(self._shard(path), state, f"town-shard-{town}")


def check_towns(towns: Sequence[TownData], needs: Needs) -> None:
    """What can be known of towns before any is made. Raises ValueError where they do not fit the network or one another, are
    kept for tests, or their folder is another recipe's or cannot be written to."""
    for recipe in {data.recipe for data in towns}:
        _check_fit(recipe, needs)
        rig_cameras(recipe)
        if recipe.taken_by:
            load_rig(recipe.taken_by)
    if len({data.recipe.rig for data in towns}) != 1:
        raise ValueError(f"towns of one rig go together, got {sorted({data.recipe.rig for data in towns})}")
    for data in towns:
        if data.first + data.count > FIRST_TEST_TOWN:
            raise ValueError(f"towns from {FIRST_TEST_TOWN} on are for tests; got seeds up to {data.first + data.count - 1}")
        open_folder(writable_folder(data.folder), data.recipe)


def _check_fit(recipe: Recipe, needs: Needs) -> None:
    if recipe.shown_to(needs.window, needs.past) is None:
        raise ValueError(f"model.window {needs.window} differs from the towns' {recipe.window}: give recipe.window the same values")
    size, drawn = needs.size, (recipe.width, recipe.height)
    if size is not None and size != drawn:
        raise ValueError(f"model.camera is {size[0]}x{size[1]}, the towns' pictures {drawn[0]}x{drawn[1]}: give both the same size")
    if needs.navigation and not recipe.target:
        raise ValueError("what a navigator says is stored with targets: set recipe.target to true, or take navigation off inputs.others")
    if needs.past and not recipe.past:
        raise ValueError(
            "demonstrations in towns have no past: set model.inputs.history and model.inputs.motion to false, or recipe.past to true"
        )
