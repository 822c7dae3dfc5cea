"""The comparison of what networks are told of their cameras: arms differ by that alone, towns are shown by each rig, runs go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.config import RunConfig, TownData, TownsConfig
from drive.config.load import load_config
from drive.make.recipe import Recipe
from drive.make.shard_samples import ShardFolder
from drive.make.shards import open_folder, rig_cameras, shard_path
from drive.model.config import ModelConfig, TransformerConfig
from drive.render.rigs import load_rig
from drive.train.folder import CHECKPOINT
from drive.train.networks import kind_of
from drive.train.sources import TownSamples
from tools import compare_geometry
from tools.compare_geometry import ARMS, BLACK, RIGS, SPENT, Comparison, measured, one_run, towns_by

CONFIG = "configs/geometry.yaml"


def write_town(data: TownData, seed: int) -> None:
    """A made-up town of two states whose rig is its own."""
    rng, recipe = np.random.default_rng(seed), data.recipe
    cameras = len(rig_cameras(recipe, seed))
    np.savez(
        shard_path(Path(data.folder), seed),
        images=rng.integers(0, 255, (2, cameras, recipe.height, recipe.width, 3), dtype=np.uint8),
        dynamics=np.full((2, 3), 4.0),
        commands=np.zeros(2, dtype=np.int64),
        futures=np.tile(np.linspace(0.5, 3, 6)[:, None] * [4.0, 0.0, 0.0], (2, 1, 1)),
        traffic=np.array(False),
    )


def made(data: TownsConfig) -> None:
    for part in data.towns:
        open_folder(Path(part.folder), part.recipe)
        for seed in range(part.first, part.first + part.count):
            write_town(part, seed)


@pytest.fixture
def base(tmp_path: Path) -> RunConfig:
    """The configuration with a few made-up towns, for two steps."""
    whole = load_config(CONFIG)

    def few(data: object, name: str, count: int) -> TownsConfig:
        assert isinstance(data, TownsConfig)
        return replace(data, towns=(replace(data.towns[0], folder=str(tmp_path / name), count=count),))

    assert isinstance(whole.model, ModelConfig)
    stage = replace(whole.stages[0], steps=2, batch_size=4, warmup_steps=1, data=few(whole.stages[0].data, "learn", 3))
    run = replace(whole, stages=(stage,), test=few(whole.test, "test", 2))
    for data in (stage.data, *(towns_by(run, rig) for rig in RIGS)):
        assert isinstance(data, TownsConfig)
        made(data)
    return run


def test_arms_differ_by_what_they_are_told_alone(tmp_path: Path) -> None:
    whole = load_config(CONFIG)
    for arm in ARMS:
        run = one_run(whole, tmp_path / arm, arm, 1)
        assert isinstance(run.model, ModelConfig) and isinstance(run.stages[0].data, TownsConfig)
        assert run.model.camera.geometry == ("none" if arm == BLACK else arm) and run.stages[0].data.black == (arm == BLACK)
        assert replace(run.model, camera=replace(run.model.camera, geometry="both")) == whole.model


def test_towns_of_random_rigs_are_read_with_the_cameras_that_they_were_drawn_by(base: RunConfig) -> None:
    data = base.stages[0].data
    assert isinstance(data, TownsConfig) and data.towns[0].recipe == Recipe("random", 96, 48, 24, drawn_px=256)
    samples = TownSamples(data, kind_of(base.model).needs(base.model))
    stored = ShardFolder(data.towns[0].folder)
    counts = set()
    for k, seed in enumerate(range(data.towns[0].first, data.towns[0].first + 3)):
        expected = load_rig("random", seed)
        for sample in (samples[2 * k + 1], stored[2 * k + 1]):
            cameras = [view.camera for view in sample.observation.frames[0].cameras]
            assert len(cameras) == len(expected) and {(c.width, c.height) for c in cameras} == {(96, 48)}
            for own, drawn in zip(cameras, expected, strict=True):
                assert np.array_equal(own.ego_from_camera, drawn.ego_from_camera)
                assert own.K[0, 0] / 96 == pytest.approx(drawn.K[0, 0] / drawn.width)
        counts.add(len(expected))
    assert len(counts) > 1


def test_a_comparison_trains_and_scores_each_run_once(base: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def trains(run: RunConfig) -> None:
        done.append(Path(run.out).name)
        (Path(run.out) / CHECKPOINT).mkdir(parents=True)

    def scores(run: RunConfig, rig: str, test: TownsConfig) -> compare_geometry.Values:
        assert isinstance(run.model, ModelConfig) and Path(test.towns[0].folder).name == f"test-{rig}"
        done.append(rig)
        off = {"none": 1.0, "rays": 0.75}[run.model.camera.geometry]
        return {f"{rig} l2_m": {"a": off, "b": 2 * off}, f"{rig} end_m": {"a": 3.0, "b": 3.0}}

    monkeypatch.setattr(compare_geometry, "train", trains)
    monkeypatch.setattr(compare_geometry, "scored", scores)
    first = Comparison(base, tmp_path / "runs", ("none", "rays"), ("random",), 2)
    first.go_on()
    assert done == ["none-2-0", "random", "rays-2-0", "random", "none-2-1", "random", "rays-2-1", "random"]
    rows = [line.split() for line in first.table().splitlines()]
    assert rows[0][:3] == ["told", "seeds", "towns"] and rows[1][:4] == ["none", "2", "2", "1.500"] and rows[2][3] == "1.125"
    assert rows[2][7].startswith("-0.375")
    more = replace(first, rigs=RIGS)
    more.go_on()
    assert done[8:12] == ["nuscenes", "waymo", "fisheye4", "one-camera"] and len(done) == 8 + 4 * 4
    more.go_on()
    assert len(done) == 24 and "one-camera end_m" in more.table()


def test_a_small_network_learns_and_is_scored(base: RunConfig, tmp_path: Path) -> None:
    assert isinstance(base.model, ModelConfig)
    camera = replace(base.model.camera, backbone="mobilenetv4_conv_small_035", weights=None, mixing=1)
    small = TransformerConfig(width=32, depth=1, heads=2, kv_heads=1, head_dim=16, mlp_width=48)
    run = one_run(replace(base, model=replace(base.model, camera=camera, transformer=small)), tmp_path / "run", "relative", 0)
    told = measured(run, {"nuscenes": towns_by(base, "nuscenes")})
    assert set(told) == {SPENT, "nuscenes l2_m", "nuscenes end_m"} and told["nuscenes end_m"].keys() == {"town-shard-0", "town-shard-1"}
    assert all(0 < value < 100 for towns in told.values() for value in towns.values())
    assert measured(run, {"nuscenes": towns_by(base, "nuscenes")}) == told
