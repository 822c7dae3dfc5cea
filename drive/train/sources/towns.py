"""Demonstrations in rendered towns as training samples, as those of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.config import TownData, TownsConfig
from drive.data.images import blackened
from drive.frames import Array
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.make.shards import Shard, make_shards, open_folder, read_shard, rig_cameras, shard_path
from drive.outputs import writable_folder
from drive.planners.load import load_planner
from drive.schema import COMMANDS, CameraImage, Frame, Observation, SceneSample, Trajectory
from drive.train.sources.base import Needs


class TownSamples:
    """The demonstrations of some towns, all in memory. Makes those that are missing.

    Raises ValueError where the network plans at other times, reads pictures at another size, or wants a past, which states
    drawn one by one do not have without `recipe.past`.
    """

    def __init__(self, data: TownsConfig, needs: Needs) -> None:
        check_towns(data.towns, needs)
        towns, self.window, self.black = data.towns, needs.window, data.black
        self.cameras: tuple[Camera, ...] = rig_cameras(towns[0].recipe)
        self._shards: list[Shard] = []
        for part in towns:
            folder, seeds = Path(part.folder), range(part.first, part.first + part.count)
            make_shards(folder, part.recipe, seeds, part.workers, load_planner)
            self._shards += [read_shard(shard_path(folder, seed)) for seed in seeds]
        self._where = [(s, i) for s, shard in enumerate(self._shards) for i in range(len(shard.commands))]

    def __len__(self) -> int:
        return len(self._where)

    def turn_degrees(self, index: int) -> float:
        """Towns' pictures are never turned."""
        return 0.0

    def traffic(self, index: int) -> bool:
        """Whether sample `index` is of a town with traffic."""
        return self._shards[self._where[index][0]].traffic

    def observation(self, index: int) -> Observation:
        """What the planner may see."""
        observation = self._observation(index)
        return blackened(observation) if self.black else observation

    def _observation(self, index: int, pictures: bool = True) -> Observation:
        s, i = self._where[index]
        shard = self._shards[s]
        speed, acceleration, yaw_rate = (float(v) for v in shard.dynamics[i])
        return Observation(
            token=f"town-shard-{s}:{i}",
            frames=tuple(self._frame(images, back, pictures) for back, images in self._pictures(shard, i)),
            past=self._past(shard, i),
            future_times_s=self.window.future_times_s,
            speed_mps=speed,
            acceleration_mps2=acceleration,
            yaw_rate_radps=yaw_rate,
            command=COMMANDS[int(shard.commands[i])],
            navigation=shard.navigation_of(i),
        )

    def _pictures(self, shard: Shard, i: int) -> list[tuple[int, np.ndarray]]:
        """How many frames before t0, and the pictures [C, H, W, 3] of then, oldest first."""
        earlier = [] if shard.earlier is None else list(shard.earlier[i])
        return [(len(earlier) - k, images) for k, images in enumerate([*earlier, shard.images[i]])]

    def _frame(self, images: np.ndarray, back: int, pictures: bool) -> Frame:
        time_s = -back / self.window.rate_hz if back else 0.0
        views = (CameraImage(camera, time_s, image) for camera, image in zip(self.cameras, images, strict=True))
        return Frame(time_s, tuple(views) if pictures else ())

    def _past(self, shard: Shard, i: int) -> Trajectory:
        times = self.window.past_times_s
        if shard.past is None:
            return Trajectory(np.zeros((len(times), 3)), times, times == 0.0)
        return Trajectory(shard.past[i], times, np.ones(len(times), dtype=bool))

    def future(self, index: int) -> Array:
        """The expert's plan, [T, 3]."""
        s, i = self._where[index]
        return self._shards[s].futures[i]

    def __getitem__(self, index: int) -> SceneSample:
        """Sample `index` with what is known of it: the expert's plan, with `recipe.target` all that was around."""
        return self._sample(index, self.observation(index))

    def bare(self, index: int) -> SceneSample:
        """Sample `index` without its pictures."""
        return self._sample(index, self._observation(index, pictures=False))

    def _sample(self, index: int, observation: Observation) -> SceneSample:
        shard, state = self._where[index]
        target = self._shards[shard].target_of(state, observation.future_times_s)
        return SceneSample(observation.token, f"town-shard-{shard}", state, 0, np.eye(4), observation, target)


def check_towns(towns: Sequence[TownData], needs: Needs) -> None:
    """What can be known of towns before any is made. Raises ValueError where they do not fit the network or one another, are
    kept for tests, or their folder is another recipe's or cannot be written to."""
    for recipe in {data.recipe for data in towns}:
        _check_fit(recipe, needs)
        rig_cameras(recipe)
    if len({data.recipe.rig for data in towns}) != 1:
        raise ValueError(f"towns of one rig go together, got {sorted({data.recipe.rig for data in towns})}")
    for data in towns:
        if data.first + data.count > FIRST_TEST_TOWN:
            raise ValueError(f"towns from {FIRST_TEST_TOWN} on are for tests; got seeds up to {data.first + data.count - 1}")
        open_folder(writable_folder(data.folder), data.recipe)


def _check_fit(recipe: Recipe, needs: Needs) -> None:
    if needs.window != recipe.window:
        raise ValueError(f"model.window {needs.window} differs from the towns' {recipe.window}: give recipe.window the same values")
    size, drawn = needs.size, (recipe.width, recipe.height)
    if size is not None and size != drawn:
        raise ValueError(f"model.camera is {size[0]}x{size[1]}, the towns' pictures {drawn[0]}x{drawn[1]}: give both the same size")
    if needs.past and not recipe.past:
        raise ValueError(
            "demonstrations in towns have no past: set model.inputs.history and model.inputs.motion to false, or recipe.past to true"
        )
