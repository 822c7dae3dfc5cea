"""gymnasium knows the environments once both packages are imported, in either order; checker and vector environments."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from drive.sim.env import LogEnv
from tests.analytic import analytic_set


@pytest.mark.parametrize("imports", ["import drive, gymnasium", "import gymnasium, drive", "import drive.sim.env, gymnasium"])
def test_environments_are_known_in_either_order(imports: str) -> None:
    code = f"{imports}\nprint(gymnasium.spec('drive/Town-v0').id, gymnasium.spec('drive/Log-v0').id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["drive/Town-v0", "drive/Log-v0"] and not done.stderr


@pytest.mark.filterwarnings("error")
def test_environments_pass_the_checker_made_by_name() -> None:
    import gymnasium
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make("drive/Town-v0").unwrapped)
    check_env(gymnasium.make("drive/Log-v0", file=str(analytic_set()), scene="brake").unwrapped)
    check_env(gymnasium.make("drive/Log-v0", file=str(analytic_set()), scene="straight", reactive=False, render_mode="rgb_array").unwrapped)


def test_render_shows_the_world_from_above() -> None:
    env = LogEnv(str(analytic_set()), scene="straight", render_mode="rgb_array")
    with pytest.raises(ValueError, match="call reset before render"):
        env.render()
    env.reset(seed=0)
    first = env.render()
    for _ in range(10):
        env.step(np.zeros(2, dtype=np.float32))
    later = env.render()
    assert first is not None and later is not None and first.shape == later.shape and first.dtype == np.uint8
    middle = tuple(side // 2 for side in first.shape[:2])
    assert (first[middle] == later[middle]).all() and (first != later).any()  # the ego stays in the middle
    assert env.metadata["render_fps"] == 10 and LogEnv(str(analytic_set()), scene="straight").render() is None
    with pytest.raises(ValueError, match="rgb_array"):
        LogEnv(str(analytic_set()), scene="straight", render_mode="human")


def test_vector_environments_repeat() -> None:
    import gymnasium

    many = gymnasium.make_vec("drive/Town-v0", num_envs=2)
    first, _ = many.reset(seed=3)
    after = [many.step(np.full((2, 2), 0.2, dtype=np.float32))[0] for _ in range(20)]
    again, _ = many.reset(seed=3)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(after, [many.step(np.full((2, 2), 0.2, dtype=np.float32))[0] for _ in range(20)])


@pytest.mark.slow
def test_vector_environments_in_processes_are_the_same() -> None:
    code = """if True:
        import drive, gymnasium, numpy as np
        if __name__ == "__main__":
            seen = []
            for mode in ("sync", "async"):
                many = gymnasium.make_vec("drive/Town-v0", num_envs=2, vectorization_mode=mode)
                seen.append([many.reset(seed=3)[0], *(many.step(np.full((2, 2), 0.3, dtype=np.float32))[0] for _ in range(30))])
                many.close()
            assert np.array_equal(*seen)
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
