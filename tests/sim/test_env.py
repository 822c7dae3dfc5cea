"""The environments' vector against a plain agent-by-agent account of it; towns and cameras that are built once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive.sim import env as environments
from drive.sim.env import AGENT_ROW, LIMIT, NEAREST, ROUTE_POINTS, ROUTE_STEP_M, TownEnv, vector_of
from drive.sim.sight import Eyes
from drive.world.observe import relative_pose
from drive.world.state import ACCEL, ACTIVE, LATERAL, SPEED, STATION, STEER, State, V
from drive.world.world import World


def plain_vector(world: World, state: State) -> np.ndarray:
    """The observation as its definition says, one agent after the other."""
    ego, static = state.ego, world.static
    last = int(static.path_ptr[1]) - 1
    ahead = [min(int(ego[STATION]) + ROUTE_STEP_M * (n + 1), last) for n in range(ROUTE_POINTS)]
    route = [relative_pose(ego, static.path[at, :3])[:2] for at in ahead]
    gaps = [np.hypot(*(pose[:2] - ego[:2])) for pose in state.pose]
    there = [i for i in range(1, len(gaps)) if state.marks[i, ACTIVE] and gaps[i] < LIMIT]
    rows = np.zeros((NEAREST, AGENT_ROW))
    for row, i in enumerate(sorted(there, key=lambda i: gaps[i])[:NEAREST]):
        x, y, heading = relative_pose(ego, state.pose[i])
        rows[row] = [1.0, x, y, np.cos(heading), np.sin(heading), state.move[i, V], static.size[i, 0]]
    own = [ego[SPEED], ego[ACCEL], ego[STEER], ego[LATERAL]]
    return np.clip(np.concatenate([own, np.ravel(route), rows.ravel()]), -LIMIT, LIMIT).astype(np.float32)


@pytest.mark.parametrize(("distribution", "traffic"), [("town", True), ("village", True), ("country", True), ("town", False)])
def test_the_vector_is_the_plain_one_to_the_last_bit(distribution: str, traffic: bool) -> None:
    env, rng = TownEnv(distribution, towns=20), np.random.default_rng(4)
    seen, _ = env.reset(seed=4)
    for _ in range(150):
        assert env.world is not None and env.state is not None and isinstance(seen, np.ndarray)
        state = env.state if traffic else env.state._replace(marks=np.zeros_like(env.state.marks))
        np.testing.assert_array_equal(vector_of(env.world, state), plain_vector(env.world, state))
        np.testing.assert_array_equal(seen, vector_of(env.world, env.state))
        seen, *_ = env.step(np.array([0.5, rng.normal(0.0, 0.1)], dtype=np.float32))


def test_towns_already_built_are_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def counted(episode: environments.Episode) -> World:
        built.append(episode.name)
        return make_world(episode)

    make_world = environments.make_world
    monkeypatch.setattr(environments, "make_world", counted)
    environments._built.cache_clear()
    env, other = TownEnv(towns=2), TownEnv(towns=2)
    first, _ = env.reset(seed=0)
    for _ in range(5):
        env.step(np.ones(2, dtype=np.float32))
    again, _ = env.reset(seed=0)
    elsewhere, _ = other.reset(seed=0)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, elsewhere)
    assert len(built) == 1 and environments._built.cache_info().maxsize == environments.KEPT_TOWNS


def test_cameras_of_a_town_are_set_up_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig = tmp_path / "one.yaml"
    rig.write_text("cameras:\n  - {name: CAM_FRONT, size: [48, 27], focal: [38, 38], position: [1.7, 0.0, 1.5]}\n")
    made: list[World] = []

    class Counted(Eyes):
        def __init__(self, world: World, sight: environments.Sight) -> None:
            made.append(world)
            super().__init__(world, sight)

    monkeypatch.setattr(environments, "Eyes", Counted)
    env = TownEnv(towns=1, rig=str(rig))
    first, _ = env.reset(seed=0)
    env.step(np.ones(2, dtype=np.float32))
    again, _ = env.reset(seed=9)
    assert isinstance(first, dict) and isinstance(again, dict) and len(made) == 1
    np.testing.assert_array_equal(first["CAM_FRONT"], again["CAM_FRONT"])
