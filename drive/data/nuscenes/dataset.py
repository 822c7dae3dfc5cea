"""A folder in nuScenes format -> samples."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drive.data.by_token import SamplesByToken
from drive.data.motion import Motion, MotionSource, motion_from_poses
from drive.data.nuscenes.annotated import Annotated, annotated
from drive.data.nuscenes.can_bus import CanBus
from drive.data.nuscenes.index import IndexedTables, load_tables
from drive.data.nuscenes.index.verdicts import doubtful
from drive.data.nuscenes.maps import MapSource
from drive.data.nuscenes.scenes import read_scene
from drive.data.nuscenes.splits import scene_names
from drive.data.nuscenes.tables import (
    FIND_THE_FAULT,
    find_version,
    frame_tokens,
    readable,
    refuse_impossible_cameras,
    refuse_other_conventions,
)
from drive.data.scenes import SceneLog, make_sample
from drive.schema import SceneSample, Window


def open_folder(
    root: Path,
    version: str | None,
    split: str | Sequence[str] | None,
    window: Window,
    limit: int | None,
    command: bool,
    motion: MotionSource,
    maps: bool,
    lanes: bool = False,
) -> NuScenesDataset:
    """As `drive.data.dataset.open_dataset`, which calls it."""
    version = find_version(root, version)
    with _explained(root, version):
        tables = load_tables(root, version)
        names = scene_names(tables, root, version, split)
        return NuScenesDataset(tables, names, window, limit, command, motion, maps, lanes)


@contextmanager
def _explained(root: Path, version: str) -> Iterator[None]:
    """Adds to the error of damaged tables which row it is, by the rules of `drive check`."""
    try:
        yield
    except ValueError as error:
        from drive.data.check import first_table_fault  # which imports this module

        message, fault = str(error), first_table_fault(root, version) if str(error).endswith(FIND_THE_FAULT) else ""
        if not fault:
            raise
        raise ValueError(f"{message.removesuffix(FIND_THE_FAULT)}; {fault}; mend it, `drive check` lists all") from error


class NuScenesDataset(SamplesByToken):
    """A `drive.data.dataset.Dataset`: its samples, scene by scene in time order, one per key frame; windows are masked at a scene's ends.

    root: the folder. name: its name. The rest is as `SamplesByToken`.
    """

    def __init__(
        self,
        tables: IndexedTables,
        names: list[str],
        window: Window,
        limit: int | None,
        command: bool,
        motion: MotionSource,
        maps: bool,
        lanes: bool = False,
    ) -> None:
        self.root, self.window = tables.root, window
        self.name = self.root.resolve().name
        self._tables, self._command, self._motion = tables, command, motion
        self._logs: dict[str, SceneLog] = {}
        self._can: dict[str, CanBus] = {}
        self._maps, self._lanes = MapSource(self.root) if maps else None, lanes
        with readable(str(self.root)):
            self._rows = {scene["name"]: scene for scene in tables.scene}
            frames = [(name, k, token) for name in names for k, token in enumerate(frame_tokens(tables, self._rows[name]))][:limit]
            self.place([(name, k) for name, k, _ in frames], [token for *_, token in frames])
            self._refuse_impossible()

    def _refuse_impossible(self) -> None:
        """Scenes that were found sound when the index was made are not looked at again."""
        tables, scenes = self._tables, [self._rows[name] for name in self.scenes]
        again = set(doubtful(tables, tables.numbers(scenes)))
        scenes = [scene for scene, number in zip(scenes, tables.numbers(scenes), strict=True) if number in again]
        names = {scene["name"] for scene in scenes}
        tokens = [token for (name, _), token in zip(self._places, self.tokens, strict=True) if name in names]
        refuse_impossible_cameras(tables, [tables.get("sample", token) for token in tokens])
        refuse_other_conventions(tables, scenes)

    @property
    def all_tokens(self) -> tuple[str, ...]:
        """The tokens of every sample that the folder holds, chosen or not."""
        return self._tables.tokens

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside, ValueError where its record is impossible."""
        name, index = self._places[i]
        log = self._log(name)
        patch = self._maps.patch(log, index) if self._maps else None
        lanes = self._maps.lanes(log, index) if self._maps and self._lanes else None
        return make_sample(log, index, self.window, self._motion_at(log, index), self._command, patch, lanes)

    def annotated(self, token: str) -> Annotated:
        """All that is annotated in a sample, in the world, as the tables hold it. Raises ValueError as `sample`."""
        if token not in self._index:
            raise ValueError(f"sample {token!r} is not among the {len(self)} samples of {self.name}")
        return annotated(self._tables, self._tables.get("sample", token))

    def log(self, scene: str) -> SceneLog:
        """One of `scenes` as it was recorded, whole."""
        return self._log(scene)

    def without_maps(self) -> NuScenesDataset:
        """The same samples with `Target.map` left out, which is faster to read."""
        other = copy.copy(self)
        other._maps = None
        return other

    def _log(self, name: str) -> SceneLog:
        if name not in self._logs:
            with _explained(self.root, self._tables.version):
                self._logs[name] = read_scene(self._tables, self.root, self._rows[name], self._tables.spacing_s)
        return self._logs[name]

    def _motion_at(self, log: SceneLog, index: int) -> Motion:
        if self._motion == "poses":
            return motion_from_poses(log.timestamps_us[: index + 1], log.world_from_ego[: index + 1])
        if log.name not in self._can:
            self._can[log.name] = CanBus(self.root, log.name)
        return self._can[log.name].motion(int(log.timestamps_us[index]))
