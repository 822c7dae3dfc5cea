"""Episodes, pictures and made data sets, byte for byte, as first recorded: what a change may not move without saying so.

Where the bytes are to change, record them anew in the commit that changes them and say why. They hold where elementary functions
round, and kernels are compiled, as on the machine that recorded them; elsewhere these tests are skipped.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from drive.cli import main
from drive.planners.load import load_sim_planner
from drive.sim.episodes import Episode, drive_episode, make_world
from drive.sim.rollout import Loop
from drive.sim.sight import Eyes, Sight

PROCESSOR = "icelake-server"  # LLVM's name
ROUNDING = "6e7e46a433a74fef"  # of numpy's functions
EPISODES = {
    "expert in a town": (Episode("town", 0), "expert", "7c47adc355c2313fb1e9750147b9e256140f652f5f061b1a7eea3682cb237135"),
    "expert in a village": (
        Episode("town", 5, distribution="village"),
        "expert",
        "f5ca120a5db58db155e963c10733177e72e4b0af2335806557cb0dcb1719ccb5",
    ),
    "hard brake": (
        Episode("town", 3, "hard-brake"),
        "lane-follower",
        "e90196d62192f65baa45a46e0af5e222915372512c98e9217c7bde55d8982ebe",
    ),
    "empty town": (
        Episode("town", 7, traffic="empty"),
        "constant-velocity",
        "bc2c9ab5388730de26ffe874fbe7db2a34a55eafb8461ee519fc0b2b460a05bf",
    ),
}
PICTURES = {
    "day": "fd4682ed6fa9e98cc77de55ba0b573e3fce7c8d70622a71aa9ac55a0a15fe34b",
    "night": "e05b85411d424ccce82f5f7dc1c17eda4dca69eb6b5c67576a53f40f6c638519",
    "fog": "60f1970c5a351493bed67348f289c073a8e0c40bbe7f88d81ac5a15d09285fe4",
    "rain": "f2551f97469467f386f2806ca335687c206b5eb057281c0194784885324e3123",
}
MADE = "8d325ce99597e910d2134edcd49ef3fa616fe881742c2560e2629abee923a34f"


@pytest.fixture(autouse=True, scope="module")
def as_recorded() -> None:
    """Skips on machines that compute the same things with other last bits."""
    import llvmlite.binding

    x = np.linspace(-4.0, 4.0, 4099)
    values = [f(x) for f in (np.sin, np.cos, np.tan, np.exp, np.arctan)] + [np.hypot(x, x[::-1]), np.arctan2(x, x[::-1])]
    rounding = hashlib.sha256(np.concatenate(values).tobytes()).hexdigest()[:16]
    here = llvmlite.binding.get_host_cpu_name(), rounding
    if here != (PROCESSOR, ROUNDING):
        pytest.skip(f"recorded on {PROCESSOR} with rounding {ROUNDING}, this machine is {here[0]} with {here[1]}")


@pytest.mark.parametrize("name", [n if p != "expert" else pytest.param(n, marks=pytest.mark.slow) for n, (_, p, _) in EPISODES.items()])
def test_episodes_are_those_recorded(name: str) -> None:
    episode, planner, recorded = EPISODES[name]
    assert drive_episode(episode, planner, Loop(), load_sim_planner).hash == recorded


@pytest.mark.parametrize("weather", [w if w == "day" else pytest.param(w, marks=pytest.mark.slow) for w in PICTURES])
def test_pictures_are_those_recorded(weather: str) -> None:
    world = make_world(Episode("town", 11))
    eyes, state, digest = Eyes(world, Sight("nuscenes", 200, weather)), world.start, hashlib.sha256()
    for step in range(4):
        if step % 3 == 0:
            for view in eyes.look(state):
                digest.update(np.asarray(view.image).tobytes())
        state = world.step(state, (1.0, 0.0))
    assert digest.hexdigest() == PICTURES[weather]


@pytest.mark.slow
def test_made_sets_are_those_recorded(tmp_path: Path) -> None:
    assert main(["make", str(tmp_path / "set"), "--scenes", "1", "--seconds", "3", "--width", "320", "--seed", "3", "--lidar", "200"]) == 0
    assert tree_hash(tmp_path / "set") == MADE


def tree_hash(folder: Path) -> str:
    """SHA-256 of the names and bytes of all files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
