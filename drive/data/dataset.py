"""`open_dataset`: a folder in nuScenes format -> a sequence of `SceneSample`."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drive.data.map_patch import MapSource
from drive.data.motion import CanBus, Motion, motion_from_poses
from drive.data.nuscenes import (
    FIND_THE_FAULT,
    key_frame_spacing,
    key_frames,
    load_tables,
    read_scene,
    readable,
    refuse_impossible_cameras,
    refuse_other_conventions,
)
from drive.data.paths import inside
from drive.data.scenes import SceneLog, make_sample
from drive.schema import SceneSample, Window

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes

MotionSource = Literal["poses", "can"]
DEFAULT_WINDOW = Window()


def open_dataset(
    root: str | Path,
    *,
    version: str | None = None,
    split: str | Sequence[str] | None = None,
    window: Window = DEFAULT_WINDOW,
    limit: int | None = None,
    command: bool = True,
    motion: MotionSource = "poses",
    maps: bool = True,
) -> Dataset:
    """Opens a data set in nuScenes format; pictures and maps are read when asked for, never before.

    root: the folder that holds the v1.0-* tables, samples/ and maps/. version: the folder of the tables, needed where
    there are several. split: a split of the devkit ("mini_val"), a split of a `splits.json` beside the tables (split name
    -> scene names), or scene names (a list, or one string with commas); None = all scenes. limit: at most this many samples.
    command: tell planners the route command, derived from the recorded future (see `drive.data.scenes.route_command`).
    motion: speed, acceleration and yaw rate from "poses" (backward differences) or "can" (the CAN bus; unknown where a
    scene has none). maps: fill `Target.map`.

    Raises ValueError where the tables do not hold together, a calibration is impossible, numbers of the chosen scenes look
    like another convention (`drive.data.conventions`), a file name leaves the root, or a name is unknown; reading a sample
    raises it for what only shows there.
    """
    root = Path(root)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be 1 or more, got {limit}")
    if motion not in ("poses", "can"):
        raise ValueError(f"motion must be 'poses' or 'can', got {motion!r}")
    version = find_version(root, version)
    with _explained(root, version):
        nusc = load_tables(root, version)
        names = _scene_names(nusc, root, version, split)
        return Dataset(nusc, names, window, limit, command, motion, maps)


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


class Dataset(Sequence[SceneSample]):
    """Samples of a data set, scene by scene in time order, one per key frame; windows are masked at a scene's ends.

    tokens: the samples' tokens. all_tokens: those of every sample in the tables, chosen or not. scenes: the names of the
    scenes they come from. root: the folder. name: its name.
    """

    def __init__(
        self, nusc: NuScenes, names: list[str], window: Window, limit: int | None, command: bool, motion: MotionSource, maps: bool
    ) -> None:
        self.root, self.window = Path(nusc.dataroot), window
        self.name = self.root.resolve().name
        self._nusc, self._command, self._motion = nusc, command, motion
        self._logs: dict[str, SceneLog] = {}
        self._can: dict[str, CanBus] = {}
        self._maps = MapSource(self.root) if maps else None
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
        return make_sample(log, index, self.window, self._motion_at(log, index), self._command, patch)

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        if token not in self._index:
            raise ValueError(f"sample {token!r} is not among the {len(self)} samples of {self.name}; is it another split's?")
        return self[self._index[token]]

    def without_maps(self) -> Dataset:
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


def find_version(root: Path, version: str | None) -> str:
    """The folder of tables in root: the one asked for, else the only one. Raises ValueError where there is not just one."""
    if not root.is_dir():
        raise ValueError(f"no data set at {root}: no such folder")
    found = sorted(p.name for p in root.glob("v1.0-*") if p.is_dir())
    if version is not None:
        if not inside(root, version).is_dir():
            raise ValueError(f"no tables {version!r} in {root}; it holds {', '.join(found) or 'none'}")
        return version
    if len(found) != 1:
        what = f"several table folders, {', '.join(found)}: name one as version" if found else "no v1.0-* folder of tables"
        raise ValueError(f"{root} holds {what}")
    return found[0]


def _scene_names(nusc: NuScenes, root: Path, version: str, split: str | Sequence[str] | None) -> list[str]:
    """A split -> names of the scenes in it that this data set has, in the order of its scene table."""
    with readable(str(root)):
        here = [scene["name"] for scene in nusc.scene]
    if split is None:
        return here
    splits = _splits(root, version)
    official = isinstance(split, str) and split in splits
    wanted = splits[str(split)] if official else split.split(",") if isinstance(split, str) else list(split)
    missing = [name for name in wanted if name not in here]
    chosen = [name for name in here if name in set(wanted)]
    if not chosen or (missing and not official):
        has = f"it has the scenes {', '.join(here[:10])}{' ...' if len(here) > 10 else ''}"
        raise ValueError(f"split {split!r}: no scene {', '.join(missing[:3])} in {root}; {has} and knows the splits {', '.join(splits)}")
    return chosen


def _splits(root: Path, version: str) -> dict[str, list[str]]:
    from nuscenes.utils.splits import create_splits_scenes

    splits: dict[str, list[str]] = create_splits_scenes()
    path = inside(root, f"{version}/splits.json")
    if path.is_file():
        splits |= read_splits(path)
    return splits


def read_splits(path: Path) -> dict[str, list[str]]:
    """A `splits.json`: split name -> scene names. Raises ValueError where it is none."""
    try:
        own: dict[str, list[str]] = json.loads(path.read_text())
        if not all(isinstance(scenes, list) and all(isinstance(s, str) for s in scenes) for scenes in own.values()):
            raise ValueError("a value is not a list of scene names")
    except (ValueError, AttributeError, RecursionError, OSError) as error:
        raise ValueError(f"{path} is not a mapping of split names to lists of scene names: {error}") from error
    return own
