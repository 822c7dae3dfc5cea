"""Demonstrations in rendered towns on disk: one file a town, made when it is missing, read back as arrays.

    FOLDER/recipe.json          how they were made; files of another recipe are refused
    FOLDER/town-010000.npz      images, dynamics, commands, futures, whether traffic moved; with recipe.past earlier images and past
                                poses, with recipe.target what a navigator says and the columns of the targets (`target_arrays`)
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from drive.cameras import Camera, resized
from drive.data.images import read_image
from drive.data.resample import needed, resample
from drive.frames import Array
from drive.make.demonstrations import Shown, demonstrations
from drive.make.mapped import checked, mapped_arrays
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.make.target_arrays import Columns, pack, unpack
from drive.pool import Failed, outcomes, raise_failed
from drive.progress import SILENT
from drive.render.rigs import load_rig
from drive.roads import TURNS, Navigation
from drive.schema import CameraImage, Plan, Target, Trajectory
from drive.sim.episodes import MakePlanner
from drive.sim.rollout import Loop, rollout, states_of
from drive.sim.sight import Eyes, Sight
from drive.sim.tracker import make_track
from drive.sim.warm import compile_ahead
from drive.world.advance import advance
from drive.world.state import AS_RECORDED, DT_S, State
from drive.world.target import target_of
from drive.world.town.populate import EMPTY, TrafficConfig, town_world
from drive.world.world import World

ALWAYS = ("images", "dynamics", "commands", "futures")
SOMETIMES = ("earlier", "past", "navigation", "navigated")
TARGET = "target."
NAME, RECIPE = "town-{}.npz", "recipe.json"


@dataclass(frozen=True, eq=False)
class Shard:
    """Demonstrations of one town, N states with C pictures each: images uint8 [N, C, H, W, 3]; dynamics [N, 3] (speed m/s,
    acceleration m/s^2, yaw rate rad/s); commands int64 [N]; futures [N, T, 3] in the ego frame; traffic: whether any moved.

    With a past: earlier uint8 [N, F - 1, C, H, W, 3], the pictures of the frames before, oldest first; past [N, P, 3], the poses at the
    window's past times, t0 last. With targets: navigation [N, 7] where navigated [N]: index into `TURNS`, metres, exit or 0, whether
    a junction follows soon, and the three of that (files of before have the first three); and the columns of the targets.
    """

    images: np.ndarray
    dynamics: Array
    commands: np.ndarray
    futures: Array
    traffic: bool
    earlier: np.ndarray | None = None
    past: Array | None = None
    navigation: Array | None = None
    navigated: np.ndarray | None = None
    targets: Columns | None = None

    def navigation_of(self, index: int) -> Navigation | None:
        """What a navigator says in state `index`; None where nothing is stored or there is nothing to say."""
        if self.navigation is None or self.navigated is None or not self.navigated[index]:
            return None
        row = self.navigation[index]
        return _said(row[:3], _said(row[4:]) if len(row) > 3 and row[3] else None)

    def target_of(self, index: int, times_s: Array) -> Target:
        """The target of state `index`: the expert's plan at the window's future times, and what is stored of its surroundings."""
        future = Trajectory(self.futures[index], times_s, np.ones(len(times_s), dtype=bool))
        return Target(future) if self.targets is None else unpack(self.targets, index, future)


def shard_path(folder: Path, seed: int) -> Path:
    """The file of a town."""
    return folder / NAME.format(f"{seed:06d}")


def town_of(path: Path) -> int:
    """The seed of a file's town."""
    return int(path.stem.rpartition("-")[2])


def open_folder(folder: Path, recipe: Recipe) -> None:
    """Makes a folder for a recipe's files, or checks that it is one. Raises ValueError where another recipe filled it."""
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / RECIPE, json.dumps(recipe.to_json(), indent=1)
    if not path.exists():
        path.write_text(text)
    elif path.read_text() != text:
        raise ValueError(f"{folder} holds towns of another recipe (recipe.json); choose another folder or delete it")


def read_recipe(folder: Path) -> Recipe:
    """The recipe that a folder's files were made by. Raises ValueError where it holds none."""
    path = folder / RECIPE
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return Recipe.from_json(values if isinstance(values, dict) else {})


def make_shards(
    folder: Path,
    recipe: Recipe,
    seeds: range,
    workers: int,
    load: MakePlanner,
    tests: bool = False,
    say: Callable[[str], None] = SILENT,
) -> None:
    """Makes the files of towns that are missing; load makes the recipe's driver of its name, in the worker. tests: of test towns, to score
    on. say: is told where the simulator has to be compiled first.

    Where some cannot be made, the others are, before what the first of them raised (JobError where its worker was lost) is raised.
    Raises ValueError for the test towns' seeds, with `tests` for all others, and as `open_folder`.
    """
    if tests and seeds.start < FIRST_TEST_TOWN:
        raise ValueError(f"towns below {FIRST_TEST_TOWN} are for training; got seeds from {seeds.start} on")
    if not tests and seeds.stop > FIRST_TEST_TOWN:
        raise ValueError(f"towns from {FIRST_TEST_TOWN} on are for tests; got seeds up to {seeds.stop - 1}")
    open_folder(folder, recipe)
    jobs = [(folder, recipe, seed, load) for seed in seeds if not shard_path(folder, seed).exists()]
    if jobs:
        compile_ahead(partial(town_world, jobs[0][2], traffic=EMPTY), _sight(recipe), say)
    failed = [(job[2], made) for job, made in zip(jobs, outcomes(_make_shard, jobs, workers), strict=True) if isinstance(made, Failed)]
    if failed:
        names = ", ".join(str(seed) for seed, _ in failed)
        raise_failed(failed[0][1], f"towns {names} of {len(jobs)} were not made; the others are kept in {folder}. The first")


def read_shard(path: Path, check: bool = True) -> Shard:
    """A town's file, its pictures where they lie on disk. check: read it all once before. Raises ValueError where it is damaged."""
    try:
        arrays = mapped_arrays(path)  # first: it refuses what is compressed, which may be endless
        if check:
            checked(path)
        own = {name: arrays[name] for name in (*ALWAYS, *(name for name in SOMETIMES if name in arrays))}
        targets = {name.removeprefix(TARGET): array for name, array in arrays.items() if name.startswith(TARGET)}
        return Shard(**own, traffic=bool(arrays["traffic"]), targets=targets or None)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of demonstrations ({error}); delete it and it is made again") from error


def rig_cameras(recipe: Recipe, seed: int = 0) -> tuple[Camera, ...]:
    """The cameras that belong to the stored pictures of a town; a random rig is each town's own."""
    return tuple(resized(camera, recipe.width, recipe.height) for camera in _drawn_rig(recipe, seed))


def _drawn_rig(recipe: Recipe, seed: int = 0) -> tuple[Camera, ...]:
    """The cameras of the recipe's rig at the size that pictures have before they are shrunk to the stored one."""
    return load_rig(recipe.rig, seed, None if recipe.taken_by else recipe.drawn_px or None)


def _sight(recipe: Recipe) -> Sight:
    return Sight(recipe.taken_by or recipe.rig, recipe.drawn_px or None)


def _eyes(world: World, sight: Sight, recipe: Recipe) -> Eyes:
    """Of a town: those cameras that its pictures are read from. Raises ValueError where none looks where the rig's do."""
    eyes = Eyes(world, sight)
    if recipe.taken_by:
        eyes.cameras = needed(eyes.cameras, _drawn_rig(recipe))
        if not eyes.cameras:
            raise ValueError(f"no camera of recipe.taken_by {recipe.taken_by!r} looks where those of {recipe.rig!r} do: all would be black")
    return eyes


def _make_shard(job: tuple[Path, Recipe, int, MakePlanner]) -> None:
    """One town: its states, its weather, its pictures. Whatever is random in it follows from the town's seed."""
    folder, recipe, seed, load = job
    sight, eyes, parts, traffic = replace(_sight(recipe), weather="random"), None, [], False
    for number, count in enumerate(_spread(recipe)):
        rng = np.random.default_rng([seed, 11, number] if number else [seed, 11])
        if not number:
            traffic = bool(rng.random() >= recipe.empty_share)
        world = town_world(seed, traffic=TrafficConfig() if traffic else EMPTY, drive=number)
        drive = list(states_of(rollout(world, load(recipe.driver), Loop(2.0, sight=sight)))) if recipe.driver else None
        shown = demonstrations(world, count, recipe, rng, drive)
        eyes = eyes.recast(world) if eyes else _eyes(world, sight, recipe)
        parts.append((world, shown, eyes))
    arrays = _arrays(parts, recipe) | {"traffic": np.array(traffic)}
    path = shard_path(folder, seed)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)


def _spread(recipe: Recipe) -> list[int]:
    """How many states each drive shows."""
    return [recipe.per_town // recipe.drives + (number < recipe.per_town % recipe.drives) for number in range(recipe.drives)]


def _arrays(parts: list[tuple[World, list[Shown], Eyes]], recipe: Recipe) -> dict[str, np.ndarray]:
    shown = [one for _, own, _ in parts for one in own]
    arrays = {
        "images": np.stack([_pictures(eyes.look(one.state), recipe) for _, own, eyes in parts for one in own]),
        "dynamics": np.stack([one.dynamics for one in shown]),
        "commands": np.array([one.command for one in shown], dtype=np.int64),
        "futures": np.stack([one.future for one in shown]),
    }
    if recipe.past:
        back = [round(k / recipe.window.rate_hz / DT_S) for k in range(recipe.window.frames - 1, 0, -1)]
        earlier = [[_pictures(eyes.look(one.history[-1 - steps]), recipe) for steps in back] for _, own, eyes in parts for one in own]
        shape = (len(shown), len(back), *arrays["images"].shape[1:])
        arrays["earlier"] = np.array(earlier, dtype=np.uint8).reshape(shape)
        arrays["past"] = np.stack([one.observation.past.poses for one in shown])
    if recipe.target:
        arrays |= _told([one.observation.navigation for one in shown])
        targets = [_target(world, one, recipe) for world, own, _ in parts for one in own]
        arrays |= {TARGET + name: column for name, column in pack(targets).items()}
    return arrays


def _said(row: Array, then: Navigation | None = None) -> Navigation:
    turn, metres, exit_number = row
    return Navigation(TURNS[int(turn)], float(metres), int(exit_number) or None, then)


def _row(one: Navigation | None) -> list[float]:
    return [TURNS.index(one.turn), one.distance_m, one.exit or 0] if one else [0.0, 0.0, 0.0]


def _told(said: list[Navigation | None]) -> dict[str, np.ndarray]:
    then = [one.then if one else None for one in said]
    rows = [[*_row(one), float(after is not None), *_row(after)] for one, after in zip(said, then, strict=True)]
    return {"navigation": np.array(rows, dtype=np.float64).reshape(-1, 7), "navigated": np.array([one is not None for one in said])}


def _target(world: World, one: Shown, recipe: Recipe) -> Target:
    """What is around a state; what others do next is simulated with the ego on the expert's plan."""
    times_s = recipe.window.future_times_s
    states = [*one.history, *_followed(world, one.state, Plan(one.future[None], times_s))]
    return target_of(world, states, len(one.history) - 1, recipe.window)


def _followed(world: World, state: State, plan: Plan) -> list[State]:
    """The states of a world, one a step, whose ego goes exactly where a plan says."""
    poses, states = make_track(plan, state.ego, 0).poses, [state]
    speeds = np.hypot(*np.diff(poses[:, :2], axis=0).T) / DT_S
    way = np.zeros((int(state.step) + len(poses), 4))  # the "human" of a replay stands at row `step`
    way[int(state.step) + 1 :] = np.column_stack([poses[1:], speeds])
    static = world.static._replace(human=way)
    for _ in speeds:
        states.append(advance(static, states[-1], 0.0, 0.0, AS_RECORDED, False))
    return states[1:]


def _pictures(views: tuple[CameraImage, ...], recipe: Recipe) -> np.ndarray:
    """[C, H, W, 3] uint8 at the recipe's size, in its rig's views."""
    if recipe.taken_by:
        views = tuple(one.image for one in resample(views, _drawn_rig(recipe)))
    return np.stack([read_image(view, recipe.width, recipe.height)[1] for view in views])
