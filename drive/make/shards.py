"""Demonstrations in rendered towns on disk: one file a town, made when it is missing, read back as arrays.

    FOLDER/recipe.json          how they were made; files of another recipe are refused
    FOLDER/town-010000.npz      images, dynamics, commands, futures, whether traffic moved
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.cameras import Camera, resized
from drive.data.images import read_image
from drive.frames import Array
from drive.make.demonstrations import demonstrations
from drive.make.recipe import FIRST_TEST_TOWN, Recipe
from drive.pool import Failed, outcomes, raise_failed
from drive.render.rigs import load_rig
from drive.schema import CameraImage
from drive.sim.episodes import Episode, MakePlanner, make_world
from drive.sim.rollout import Loop, rollout, states_of
from drive.sim.sight import Eyes, Sight


@dataclass(frozen=True, eq=False)
class Shard:
    """Demonstrations of one town, N states with C pictures each: images uint8 [N, C, H, W, 3]; dynamics [N, 3] (speed m/s,
    acceleration m/s^2, yaw rate rad/s); commands int64 [N]; futures [N, T, 3] in the ego frame; traffic: whether any moved."""

    images: np.ndarray
    dynamics: Array
    commands: np.ndarray
    futures: Array
    traffic: bool


def shard_path(folder: Path, seed: int) -> Path:
    """The file of a town."""
    return folder / f"town-{seed:06d}.npz"


def open_folder(folder: Path, recipe: Recipe) -> None:
    """Makes a folder for a recipe's files, or checks that it is one. Raises ValueError where another recipe filled it."""
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / "recipe.json", json.dumps(dataclasses.asdict(recipe), indent=1)
    if not path.exists():
        path.write_text(text)
    elif path.read_text() != text:
        raise ValueError(f"{folder} holds towns of another recipe (recipe.json); choose another folder or delete it")


def make_shards(folder: Path, recipe: Recipe, seeds: range, workers: int, load: MakePlanner) -> None:
    """Makes the files of towns that are missing; load makes the recipe's driver of its name, in the worker.

    Where some cannot be made, the others are, before what the first of them raised (JobError where its worker was lost) is raised.
    Raises ValueError for the test towns' seeds, and as `open_folder`.
    """
    if seeds.stop > FIRST_TEST_TOWN:
        raise ValueError(f"towns from {FIRST_TEST_TOWN} on are for tests; got seeds up to {seeds.stop - 1}")
    open_folder(folder, recipe)
    jobs = [(folder, recipe, seed, load) for seed in seeds if not shard_path(folder, seed).exists()]
    failed = [(job[2], made) for job, made in zip(jobs, outcomes(_make_shard, jobs, workers), strict=True) if isinstance(made, Failed)]
    if failed:
        names = ", ".join(str(seed) for seed, _ in failed)
        raise_failed(failed[0][1], f"towns {names} of {len(jobs)} were not made; the others are kept in {folder}. The first")


def read_shard(path: Path) -> Shard:
    """A town's file. Raises ValueError where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Shard(arrays["images"], arrays["dynamics"], arrays["commands"], arrays["futures"], bool(arrays["traffic"]))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{path} is no file of demonstrations ({error}); delete it and it is made again") from error


def rig_cameras(recipe: Recipe) -> tuple[Camera, ...]:
    """The cameras that belong to the stored pictures."""
    return tuple(resized(camera, recipe.width, recipe.height) for camera in load_rig(recipe.rig))


def _make_shard(job: tuple[Path, Recipe, int, MakePlanner]) -> None:
    """One town: its states, its weather, its pictures. Whatever is random in it follows from the town's seed."""
    folder, recipe, seed, load = job
    rng = np.random.default_rng([seed, 11])
    traffic = bool(rng.random() >= recipe.empty_share)
    world = make_world(Episode("town", seed, traffic="reactive" if traffic else "empty"))
    sight = Sight(recipe.rig, weather="random")
    drive = list(states_of(rollout(world, load(recipe.driver), Loop(2.0, sight=sight)))) if recipe.driver else None
    shown = demonstrations(world, recipe.per_town, recipe.window, recipe.displacement, rng, drive)
    eyes = Eyes(world, sight)
    images = np.stack([_pictures(eyes.look(one.state), recipe) for one in shown])
    path = shard_path(folder, seed)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            images=images,
            dynamics=np.stack([one.dynamics for one in shown]),
            commands=np.array([one.command for one in shown], dtype=np.int64),
            futures=np.stack([one.future for one in shown]),
            traffic=np.array(traffic),
        )
    partial.replace(path)


def _pictures(views: tuple[CameraImage, ...], recipe: Recipe) -> np.ndarray:
    """[C, H, W, 3] uint8 at the recipe's size."""
    return np.stack([read_image(view, recipe.width, recipe.height)[1] for view in views])
