"""Scenes of a data set, and the `Dataset` made of them: what adapters other than nuScenes' share."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from drive.around import lanes_around, lights_around
from drive.data.by_token import SamplesByToken
from drive.data.layouts import Wanted
from drive.data.motion import motion_from_poses
from drive.data.scenes import SceneLog, make_sample
from drive.frames import Array, heading_of
from drive.maps import RoadMap
from drive.roads import Lanes, Lights
from drive.schema import MapPatch, SceneSample

PATCH_M = 60.0
# Scenes are kept until they have places for so many boxes (some 130 bytes each); then the one read first goes.
MOST_BOXES = 5_000_000


class SceneSource(Protocol):
    """The scenes of a folder, read when asked for. Whatever is impossible in one raises ValueError that names file and field."""

    @property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Split -> the names of its scenes; every scene stands in one."""
        ...

    def tokens(self, scene: str) -> tuple[str, ...]:
        """The tokens of a scene's key frames, in time order."""
        ...

    def log(self, scene: str) -> SceneLog:
        """One whole scene."""
        ...

    def road_map(self, scene: str) -> RoadMap | None:
        """The map of a scene, in its world frame; None where there is none. Its lights' cycles are what was recorded, from the first key
        frame on."""
        ...


@runtime_checkable
class TellsNotes(Protocol):
    """A source that says what it does not read."""

    def notes(self, scene: str | None) -> list[str]:
        """Of a scene, after its map was asked for; None: of the folder."""
        ...


class SceneDataset(SamplesByToken):
    """A `drive.data.dataset.Dataset` of a source's scenes: key frames in time order, scene by scene.

    Raises ValueError for tables of several versions or a CAN bus, which these layouts do not have, and for a split that is none.
    """

    def __init__(self, root: Path, source: SceneSource, choice: Wanted) -> None:
        if choice.motion != "poses" or choice.version is not None:
            raise ValueError(f"{root}: version and motion='can' are of nuScenes tables alone; leave them out")
        self.root, self.window, self.name = root, choice.window, root.resolve().name
        self._source, self._choice = source, choice
        chosen = chosen_names(root, source.splits, choice.split)
        places = [(name, k) for name in chosen for k in range(len(source.tokens(name)))][: choice.limit]
        self.place(places, [source.tokens(name)[k] for name, k in places])
        self._logs: dict[str, SceneLog] = {}
        self._maps: dict[str, RoadMap | None] = {}

    @cached_property
    def all_tokens(self) -> tuple[str, ...]:
        """The tokens of every sample that the folder holds, chosen or not."""
        return tuple(token for names in self._source.splits.values() for name in names for token in self._source.tokens(name))

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside, ValueError where its record is impossible."""
        scene, index = self._places[i]
        log = self._log(scene)
        around = self._around(log, index) if self._choice.maps else (None, None, None)
        so_far = slice(0, index + 1)
        motion = log.motions[index] if log.motions else motion_from_poses(log.timestamps_us[so_far], log.world_from_ego[so_far])
        return make_sample(log, index, self.window, motion, self._choice.command, *around)

    def log(self, scene: str) -> SceneLog:
        """One of `scenes` as it was recorded, whole."""
        return self._log(scene)

    def without_maps(self) -> SceneDataset:
        """The same samples with `Target.map` left out, which is faster to read."""
        other = copy.copy(self)
        other._choice = Wanted(**{**vars(self._choice), "maps": False})
        return other

    def _log(self, scene: str) -> SceneLog:
        if scene not in self._logs:
            while sum(log.tracks.valid.size for log in self._logs.values()) > MOST_BOXES:
                self._logs.pop(next(iter(self._logs)))
            self._logs[scene] = self._source.log(scene)
        return self._logs[scene]

    def _around(self, log: SceneLog, index: int) -> tuple[MapPatch | None, Lanes | None, Lights | None]:
        if log.name not in self._maps:
            self._maps[log.name] = self._source.road_map(log.name)
        road_map, pose = self._maps[log.name], planar_pose(log.world_from_ego[index])
        if road_map is None:
            return None, None, None
        patch = road_map.patch(pose, PATCH_M)
        if not self._choice.lanes:
            return patch, None, None
        lanes = lanes_around(road_map.lanes, pose, PATCH_M)
        time_s = float(log.timestamps_us[index] - log.timestamps_us[0]) / 1e6
        # A map without lights may be one that does not tell them.
        return patch, lanes, lights_around(road_map, lanes, pose, time_s, repeats=False) if road_map.lights else None


def planar_pose(world_from_ego: Array) -> Array:
    """A pose [4, 4] as [3]: x, y, heading in the world's plane."""
    return np.array([*world_from_ego[:2, 3], heading_of(world_from_ego)])


def chosen_names(root: Path, splits: Mapping[str, Sequence[str]], split: str | Sequence[str] | None) -> list[str]:
    """The scenes of a split, or those that are named; all where None. Raises ValueError where one is not there."""
    here = list(dict.fromkeys(name for names in splits.values() for name in names))
    if split is None:
        return here
    if isinstance(split, str) and split in splits:
        return list(splits[split])
    wanted = [name.strip() for name in split.split(",")] if isinstance(split, str) else list(split)
    missing = [name for name in wanted if name not in here]
    if missing or not wanted:
        knows = ", ".join(name for name in splits if name) or "none"
        has = f"it has {', '.join(here[:5])}{' ...' if len(here) > 5 else ''} and the splits {knows}"
        raise ValueError(f"split {split!r}: no scene {', '.join(missing[:3])} in {root}; {has}")
    return [name for name in here if name in set(wanted)]
