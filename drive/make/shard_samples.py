"""Files of demonstrations as samples: one by one, and a whole folder of towns as a data set to score on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.cameras import Camera
from drive.make.recipe import FIRST_TEST_TOWN
from drive.make.shards import NAME, Shard, read_recipe, read_shard, rig_cameras, town_of
from drive.schema import COMMANDS, CameraImage, Frame, Observation, SceneSample, Trajectory, Window


@dataclass(frozen=True, eq=False)
class ShardReader:
    """Makes samples of a shard's states. cameras: of its pictures. window: of its recipe."""

    cameras: tuple[Camera, ...]
    window: Window

    def sample(self, shard: Shard, state: int, scene: str) -> SceneSample:
        """State `state` with what is known of it: the expert's plan, with `recipe.target` all that was around."""
        observation = self.observation(shard, state, scene)
        target = shard.target_of(state, observation.future_times_s)
        return SceneSample(observation.token, scene, state, 0, np.eye(4), observation, target)

    def observation(self, shard: Shard, state: int, scene: str) -> Observation:
        """What a planner may see of a state."""
        speed, acceleration, yaw_rate = (float(v) for v in shard.dynamics[state])
        return Observation(
            token=f"{scene}:{state}",
            frames=tuple(self._frame(images, back) for back, images in _pictures(shard, state)),
            past=self._past(shard, state),
            future_times_s=self.window.future_times_s,
            speed_mps=speed,
            acceleration_mps2=acceleration,
            yaw_rate_radps=yaw_rate,
            command=COMMANDS[int(shard.commands[state])],
            navigation=shard.navigation_of(state),
        )

    def _frame(self, images: np.ndarray, back: int) -> Frame:
        time_s = -back / self.window.rate_hz if back else 0.0
        return Frame(time_s, tuple(CameraImage(camera, time_s, image) for camera, image in zip(self.cameras, images, strict=True)))

    def _past(self, shard: Shard, state: int) -> Trajectory:
        times = self.window.past_times_s
        if shard.past is None:
            return Trajectory(np.zeros((len(times), 3)), times, times == 0.0)
        return Trajectory(shard.past[state], times, np.ones(len(times), dtype=bool))


def _pictures(shard: Shard, state: int) -> list[tuple[int, np.ndarray]]:
    """How many frames before t0, and the pictures [C, H, W, 3] of then, oldest first."""
    earlier = [] if shard.earlier is None else list(shard.earlier[state])
    return [(len(earlier) - k, images) for k, images in enumerate([*earlier, shard.images[state]])]


class ShardFolder(Sequence[SceneSample]):
    """All states of all towns of a folder as a `drive.data.dataset.Dataset`, town by town, one town in memory at a time. Scenes are the
    towns; their states are no drives: they do not follow one another.

    split: names of some towns, with commas. limit: its first states alone. trained: how many of its towns are of those that
    configurations may learn from. Raises ValueError where the folder holds no towns, lacks one that is named, or a window is wanted that
    is not theirs.
    """

    def __init__(self, root: str | Path, window: Window | None = None, limit: int | None = None, split: str | None = None) -> None:
        self.root = Path(root)
        self.name, self.recipe = self.root.resolve().name, read_recipe(self.root)
        if window not in (None, Window()) and self.recipe.shown_to(window, past=True) is None:
            raise ValueError(f"{root}: its towns have the window {self.recipe.window}, the planner wants {window}")
        self._paths = _named(sorted(self.root.glob(NAME.format("*"))), self.root, split)
        self.window, self.scenes = self.recipe.window, tuple(path.stem for path in self._paths)
        self.trained = sum(town_of(path) < FIRST_TEST_TOWN for path in self._paths)
        counts = [_states(path) for path in self._paths]
        self._places = [(t, i) for t, count in enumerate(counts) for i in range(count)][:limit]
        self.tokens = tuple(f"{self.scenes[town]}:{state}" for town, state in self._places)
        self.all_tokens = self.tokens
        self._open: tuple[int, Shard, ShardReader] | None = None

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        town, state = self._places[i]
        if self._open is None or self._open[0] != town:
            cameras = rig_cameras(self.recipe, town_of(self._paths[town]))
            self._open = (town, read_shard(self._paths[town]), ShardReader(cameras, self.window))
        _, shard, reader = self._open
        return reader.sample(shard, state, self.scenes[town])

    def sample(self, token: str) -> SceneSample:
        """The state of a token such as town-900000:12. Raises ValueError where it is not among `tokens`."""
        if token not in self.tokens:
            raise ValueError(f"sample {token!r} is not among the {len(self)} of {self.name}; they are named like {self.tokens[0]}")
        return self[self.tokens.index(token)]

    def without_maps(self) -> ShardFolder:
        """Itself: states hold lanes, and no map."""
        return self


def _named(paths: list[Path], root: Path, split: str | None) -> list[Path]:
    """All towns, or those whose names are given."""
    if not paths:
        raise ValueError(f"{root} holds a recipe, but no {NAME.format('*')}")
    if split is None:
        return paths
    by_name, wanted = {path.stem: path for path in paths}, [name.strip() for name in split.split(",") if name.strip()]
    lacking = [name for name in wanted if name not in by_name]
    if lacking or not wanted:
        raise ValueError(f"{root} has no town {lacking[0] if lacking else split!r}; they are named like {paths[0].stem}")
    return [by_name[name] for name in wanted]


def is_shard_folder(path: Path) -> bool:
    """Whether a folder holds demonstrations in towns."""
    return (path / "recipe.json").is_file()


def _states(path: Path) -> int:
    with np.load(path, allow_pickle=False) as arrays:
        return len(arrays["commands"])
