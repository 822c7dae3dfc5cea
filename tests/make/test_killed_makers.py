"""Workers killed by somebody else, while data sets and towns are made: what is made is the same."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drive.make.nuscenes.make import make_dataset
from drive.make.nuscenes.take import Spec
from drive.make.recipe import Recipe
from drive.make.shards import make_shards, read_shard, shard_path
from drive.planners.load import load_planner
from drive.pool import JobError
from drive.render.rigs import load_rig

RECIPE = Recipe(width=32, height=16, per_town=3, empty_share=1.0)


@contextlib.contextmanager
def killing(count: int, after_s: float = 1.5) -> Iterator[list[int]]:
    """Kills so many workers, each when it has lived for a while; gives the list of those killed."""
    killed: list[int] = []
    done = threading.Event()

    def hunt() -> None:
        seen: dict[int, float] = {}
        while len(killed) < count and not done.wait(0.05):
            for child in multiprocessing.active_children():
                born = seen.setdefault(int(child.pid or 0), time.monotonic())
                if len(killed) < count and child.pid not in killed and time.monotonic() - born > after_s:
                    child.kill()
                    killed.append(int(child.pid or 0))

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        done.set()
        hunter.join()


@pytest.mark.slow
def test_towns_are_made_whoever_is_killed(tmp_path: Path) -> None:
    make_shards(tmp_path / "alone", RECIPE, range(2), 1, load_planner)
    with killing(2) as killed:
        make_shards(tmp_path / "killed", RECIPE, range(2), 2, load_planner)
    assert len(killed) == 2
    for seed in range(2):
        one, two = (read_shard(shard_path(tmp_path / folder, seed)) for folder in ("alone", "killed"))
        assert np.array_equal(one.images, two.images) and np.array_equal(one.futures, two.futures)


def test_towns_whose_workers_always_die_are_named(tmp_path: Path) -> None:
    with killing(99, 0.3) as killed, pytest.raises(JobError, match=r"towns 0, 1 of 2 were not made.*SIGKILL"):
        make_shards(tmp_path, RECIPE, range(2), 2, load_planner)
    assert len(killed) == 4


@pytest.mark.slow
def test_a_data_set_is_the_same_whoever_is_killed(tmp_path: Path) -> None:
    rig = tuple(camera for camera in load_rig("nuscenes", width=160) if camera.name == "CAM_FRONT")
    told = []
    for folder, workers, deaths in (("alone", 1, 0), ("killed", 2, 2)):
        spec = Spec(tmp_path / folder / "set", rig, 1, "day", 1.0, lidar_columns=180, background=4)
        with killing(deaths, 6.0) as killed:
            root = make_dataset(spec, 2, workers)
        assert len(killed) == deaths
        files = sorted(path for path in root.rglob("*") if path.is_file())
        told.append({path.relative_to(root): hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    assert told[0] == told[1]
