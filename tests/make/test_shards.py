"""Files of demonstrations: the default ones as they ever were, pasts that agree with themselves, targets that come back as they were."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.frames import wrap_angle
from drive.make.demonstrations import arriving, demonstrations
from drive.make.recipe import Displacement, Recipe
from drive.make.shards import make_shards, read_recipe, read_shard, rig_cameras, shard_path
from drive.make.target_arrays import pack, unpack
from drive.planners.load import load_planner
from drive.roads import Lanes, Lights, links
from drive.schema import Target, Trajectory, Window
from drive.sim.episodes import Episode, make_world
from drive.world.advance import advance
from drive.world.state import ACCEL, BY_LANE, HEADING, LATERAL, SPEED, STATION, State
from drive.world.target import target_of
from drive.world.world import World

TINY = Recipe(width=32, height=16, per_town=3, teacher="expert", balanced=False)  # that of first-drive, smaller
GOLDEN = Path(__file__).parents[1] / "golden/first_drive_shard.npz"  # made by the test's own call
SECOND = Window(past_s=1.0, frames=2)


def test_files_of_first_drives_recipe_are_what_they_ever_were(tmp_path: Path) -> None:
    make_shards(tmp_path, TINY, range(10_001, 10_002), 1, load_planner)
    _alike(shard_path(tmp_path, 10_001), GOLDEN)
    assert _sha(tmp_path / "recipe.json") == "f833c7dff6bb878a45565cfdc92b9f41e81fc3788a9e9bd672674f7b0edc33e7"
    shard = read_shard(shard_path(tmp_path, 10_001))
    assert shard.past is None and shard.earlier is None and shard.navigation_of(0) is None
    assert shard.target_of(0, TINY.window.future_times_s).lanes is None


def _alike(path: Path, golden: Path) -> None:
    """Processors round a sine's last digit differently, so a value may be off by that, and here and there a colour by one."""
    with np.load(path) as now, np.load(golden) as then:
        assert {name: now[name].shape for name in now.files} == {name: then[name].shape for name in then.files}
        assert [now[name].dtype for name in then.files] == [then[name].dtype for name in then.files]
        for name in set(then.files) - {"images"}:
            np.testing.assert_allclose(now[name], then[name], rtol=0, atol=1e-7, err_msg=name)
        off = np.abs(now["images"].astype(int) - then["images"])
        assert off.max() <= 1 and np.mean(off > 0) < 0.01


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_second_frame_needs_a_past() -> None:
    with pytest.raises(ValueError, match="set recipe.past"):
        Recipe(window=SECOND)
    assert Recipe(window=SECOND, past=True).past_s == 1.0 and Recipe(window=replace(SECOND, past_s=0.0), past=True).past_s == 0.5
    assert TINY.past_s == 0.0


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Episode("town", 10_002))


@pytest.fixture(scope="module")
def drive(world: World) -> list[State]:
    states = [world.start]
    while len(states) < 200:
        states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
    return states


def test_the_ego_arrives_where_it_is_shown(world: World, drive: list[State]) -> None:
    speeds = np.array([state.ego[SPEED] for state in drive])
    straight = [k for k in range(20, 200) if speeds[k] > 4 and np.ptp(np.unwrap([s.ego[HEADING] for s in drive[k - 20 : k + 1]])) < 0.02]
    last = drive[straight[0]]
    states = arriving(world, drive[: straight[0] + 1], 10, 0.8, 0.06, 6.0)
    end = states[-1].ego
    assert len(states) == 11 and states[-1].step == last.step
    assert end[SPEED] == pytest.approx(6.0, abs=1e-6) and wrap_angle(end[HEADING] - last.ego[HEADING]) == pytest.approx(0.06, abs=0.03)
    assert end[LATERAL] == pytest.approx(0.8 + 1.486 * np.sin(0.06), abs=0.15) and end[STATION] == pytest.approx(last.ego[STATION], abs=1.5)
    assert np.ptp([state.ego[ACCEL] for state in states]) < 1e-9
    others = [k for k in range(1, len(last.pose)) if np.hypot(*(last.pose[k, :2] - last.ego[:2])) > 80]
    np.testing.assert_array_equal(states[0].pose[others], drive[straight[0] - 10].pose[others])


def _with_past(kept: float) -> Recipe:
    return Recipe(teacher="expert", balanced=False, past=True, window=SECOND, displacement=Displacement(kept=kept))


def test_pasts_agree_with_speeds(world: World) -> None:
    shown = demonstrations(world, 30, _with_past(kept=0.2), np.random.default_rng(0))
    assert len(shown) > 15
    for one in shown:
        assert len(one.history) == 11 and one.observation.past.valid.all()
        steps = np.diff(one.observation.past.poses[:, :2], axis=0)
        speeds = [0.5 * (one.history[k].ego[SPEED] + one.history[k + 5].ego[SPEED]) for k in (0, 5)]
        np.testing.assert_allclose(np.hypot(*steps.T) / 0.5, speeds, atol=0.6)
        assert one.history[0].step == one.state.step - 10


def test_a_kept_state_has_the_past_of_its_drive(world: World, drive: list[State]) -> None:
    shown = demonstrations(world, 10, _with_past(kept=1.0), np.random.default_rng(0), drive)
    for one in shown:
        own = drive[one.state.step - 10 : one.state.step]
        assert all(np.array_equal(a.ego, b.ego) for a, b in zip(one.history[:-1], own, strict=True))
        np.testing.assert_allclose(one.state.ego[:4], drive[one.state.step].ego[:4], atol=1e-9)


def assert_same(a: Any, b: Any) -> None:
    """Two values of the target's types are equal to the last bit, None where None."""
    assert type(a) is type(b), (type(a), type(b))
    if is_dataclass(a):
        for f in fields(a):
            assert_same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and np.array_equal(a, b)
    else:
        assert a == b


def test_targets_come_back_as_they_were(world: World, drive: list[State]) -> None:
    targets = [target_of(world, drive, now, Window()) for now in (40, 100, 150)]
    none, no = np.zeros(0), np.zeros(0, dtype=bool)
    empty = Lanes((), (), none, no, none, no, no, links([]), links([]), links([]))
    dark = Lights(("a", "b"), (None, "red"), np.zeros(2), np.zeros(2, dtype=bool), np.ones(2), np.ones(2, dtype=bool), (), links([]))
    dark = replace(dark, stop_lines=(np.zeros((0, 2, 2)), np.ones((2, 2, 2))))
    future = targets[0].future
    targets += [Target(future), Target(future, lanes=empty, lights=dark, route=replace(targets[0].route, lanes=None))]  # type: ignore[type-var]
    columns = pack(targets)
    for k, target in enumerate(targets):
        assert_same(unpack(columns, k, target.future), target)
    assert all(column.dtype != object for column in columns.values())
    with pytest.raises(ValueError, match="no column 'lanes.width_m'"):
        unpack({name: column for name, column in columns.items() if not name.startswith("lanes.width_m")}, 0, future)


def test_shards_hold_pasts_and_targets(tmp_path: Path) -> None:
    recipe = replace(TINY, per_town=4, window=SECOND, past=True, target=True, empty_share=0.0)
    make_shards(tmp_path, recipe, range(10_003, 10_004), 1, load_planner)
    shard = read_shard(shard_path(tmp_path, 10_003))
    count, times = len(shard.commands), recipe.window.future_times_s
    assert shard.earlier is not None and shard.past is not None and shard.targets is not None and count >= 2
    assert shard.earlier.shape == (count, 1, 2, 16, 32, 3) and shard.past.shape == (count, 3, 3) and not shard.past[:, -1].any()
    for k in range(count):
        moved, target = float(np.hypot(*shard.past[k, 1, :2])), shard.target_of(k, times)
        assert np.array_equal(shard.earlier[k, 0], shard.images[k]) is False or moved < 0.01
        assert target.agents is not None and target.lights is not None and target.lanes is not None and target.route is not None
        assert isinstance(target.future, Trajectory) and np.array_equal(target.future.poses, shard.futures[k])
        assert target.agents.valid[:, target.agents.now :].any() and np.hypot(*target.route.points[0, :2]) < 4.0
    assert any(shard.navigation_of(k) is not None for k in range(count))


def test_pictures_taken_by_another_rig_are_resampled_into_the_views_of_its_own(tmp_path: Path) -> None:
    """The states are the same; through its own rig nothing changes, through a narrower one what that sees stays about as it was."""
    recipe, shards = replace(TINY, per_town=3), {}
    for name in ("", recipe.rig, "waymo"):
        folder, how = tmp_path / (Path(name).stem or "own"), replace(recipe, taken_by=name, drawn_px=384 if name == "waymo" else 0)
        make_shards(folder, how, range(10_001, 10_002), 1, load_planner)
        shards[name], read = read_shard(shard_path(folder, 10_001)), read_recipe(folder)
        assert read == how and rig_cameras(read)[0].K[0, 0] == rig_cameras(recipe)[0].K[0, 0]
    own, same, other = shards.values()
    assert np.array_equal(own.images, same.images)
    assert np.array_equal(own.futures, other.futures) and own.images.shape == other.images.shape
    off = np.abs(own.images.astype(int) - other.images).mean(-1)  # [N, C, H, W]
    assert off[:, 1, 4:8].mean() < 12 < off[:, 0, 12:].mean(), "ahead as it was; the road before the car is not seen from there"


def test_what_is_taken_by_another_rig_has_views_of_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"recipe\.rig is 'random': name one"):
        Recipe(rig="random", taken_by="waymo")
    assert "taken_by" not in TINY.to_json()


def test_a_rig_that_sees_nothing_of_the_views_is_refused(tmp_path: Path) -> None:
    rig = tmp_path / "back.yaml"
    rig.write_text("cameras: [{name: CAM_BACK, size: [64, 32], focal: [60, 60], position: [0, 0, 1.5], yaw: 180}]")
    with pytest.raises(ValueError, match="no camera of recipe.taken_by"):
        make_shards(tmp_path / "towns", replace(TINY, taken_by=str(rig)), range(10_001, 10_002), 1, load_planner)
