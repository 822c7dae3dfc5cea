"""A folder in nuScenes format -> samples."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from drive.data.motion import Motion, MotionSource, motion_from_poses
from drive.data.nuscenes.annotated import Annotated, annotated
from drive.data.nuscenes.can_bus import CanBus
from drive.data.nuscenes.maps import MapSource
from drive.data.nuscenes.scenes import read_scene
from drive.data.nuscenes.splits import scene_names
from drive.data.nuscenes.tables import (
    FIND_THE_FAULT,
    find_version,
    key_frame_spacing,
    key_frames,
    load_tables,
    readable,
    refuse_impossible_cameras,
    refuse_other_conventions,
)
from drive.data.scenes import SceneLog, make_sample
from drive.schema import SceneSample, Window
from drive.words import did_you_mean

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes


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
        nusc = load_tables(root, version)
        names = scene_names(nusc, root, version, split)
        return NuScenesDataset(nusc, names, window, limit, command, motion, maps, lanes)


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


class NuScenesDataset(Sequence[SceneSample]):
    """A `drive.data.dataset.Dataset`: its samples, scene by scene in time order, one per key frame; windows are masked at a scene's ends.

    tokens: the samples' tokens. all_tokens: those of every sample in the tables, chosen or not. scenes: the names of the
    scenes they come from. root: the folder. name: its name.
    """

    def __init__(
        self,
        nusc: NuScenes,
        names: list[str],
        window: Window,
        limit: int | None,
        command: bool,
        motion: MotionSource,
        maps: bool,
        lanes: bool = False,
    ) -> None:
        self.root, self.window = Path(nusc.dataroot), window
        self.name = self.root.resolve().name
        self._nusc, self._command, self._motion = nusc, command, motion
        self._logs: dict[str, SceneLog] = {}
        self._can: dict[str, CanBus] = {}
        self._maps, self._lanes = MapSource(self.root) if maps else None, lanes
        with readable(str(self.root)):
            self._rows = {scene["name"]: scene for scene in nusc.scene}
            frames = [(name, index, sample) for name in names for index, sample in enumerate(key_frames(nusc, self._rows[name]))][:limit]
            self._spacing_s = key_frame_spacing(nusc)
            refuse_impossible_cameras(nusc, [sample for *_, sample in frames])
            refuse_other_conventions(nusc, [self._rows[name] for name in dict.fromkeys(name for name, *_ in frames)])
        self._places = [(name, index) for name, index, _ in frames]
        self.tokens: tuple[str, ...] = tuple(sample["token"] for *_, sample in frames)
        self.scenes: tuple[str, ...] = tuple(dict.fromkeys(name for name, _ in self._places))
        self.all_tokens: tuple[str, ...] = tuple(sample["token"] for sample in nusc.sample)
        self._index = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside, ValueError where its record is impossible."""
        name, index = self._places[i]
        log = self._log(name)
        patch = self._maps.patch(log, index) if self._maps else None
        lanes = self._maps.lanes(log, index) if self._maps and self._lanes else None
        return make_sample(log, index, self.window, self._motion_at(log, index), self._command, patch, lanes)

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        if token not in self._index:
            near = did_you_mean(token, self._index)
            raise ValueError(f"sample {token!r} is not among the {len(self)} samples of {self.name}; it may be another split's{near}")
        return self[self._index[token]]

    def annotated(self, token: str) -> Annotated:
        """All that is annotated in a sample, in the world, as the tables hold it. Raises ValueError as `sample`."""
        if token not in self._index:
            raise ValueError(f"sample {token!r} is not among the {len(self)} samples of {self.name}")
        return annotated(self._nusc, self._nusc.get("sample", token))

    def scene_of(self, token: str) -> str:
        """The name of a sample's scene."""
        return self._places[self._index[token]][0]

    def log(self, name: str) -> SceneLog:
        """One of `scenes` as it was recorded, whole."""
        return self._log(name)

    def without_maps(self) -> NuScenesDataset:
        """The same samples with `Target.map` left out, which is faster to read."""
        other = copy.copy(self)
        other._maps = None
        return other

    def _log(self, name: str) -> SceneLog:
        if name not in self._logs:
            with _explained(self.root, self._nusc.version):
                self._logs[name] = read_scene(self._nusc, self.root, self._rows[name], self._spacing_s)
        return self._logs[name]

    def _motion_at(self, log: SceneLog, index: int) -> Motion:
        if self._motion == "poses":
            return motion_from_poses(log.timestamps_us[: index + 1], log.world_from_ego[: index + 1])
        if log.name not in self._can:
            self._can[log.name] = CanBus(self.root, log.name)
        return self._can[log.name].motion(int(log.timestamps_us[index]))
