"""`drive sim --probe`: each row shows exactly what it says, and nothing but what is shown differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from drive.baselines import ConstantVelocity
from drive.cli import main
from drive.frames import rotation_z
from drive.render.scene import SEMANTIC
from drive.schema import CameraImage, Observation, Plan, PlannerSpec, Window
from drive.sim.probe import ProbeReport
from drive.sim.red_stops import red_stops
from drive.sim.rollout import Loop, Rollout, rollout
from drive.sim.scores import EpisodeScore, failed_values
from drive.sim.shown import SHOWN
from drive.sim.sight import Eyes, Sight
from drive.sim.simulate import choose_episodes, run_episodes
from drive.world.advance import advance, light_colours
from drive.world.state import BY_LANE, DT_S, SPEED, STATION, State
from drive.world.town.populate import town_world
from drive.world.world import World

RIG = """cameras:
  - {name: CAM_FRONT, size: [96, 54], focal: [76, 76], position: [1.7, 0.0, 1.5]}
  - {name: CAM_BACK, size: [40, 30], focal: [25, 25], position: [0.0, 0.0, 1.6], yaw: 180}
"""
SEED, STEPS = 1, 12
RED = 2


@pytest.fixture(scope="module")
def sight(tmp_path_factory: pytest.TempPathFactory) -> Sight:
    path = tmp_path_factory.mktemp("rig") / "two.yaml"
    path.write_text(RIG)
    return Sight(str(path))


@pytest.fixture(scope="module")
def world() -> World:
    return replace(town_world(SEED), time_limit_s=1.2)


@pytest.fixture(scope="module")
def own(world: World, sight: Sight) -> Eyes:
    """What the cameras see."""
    return Eyes(world, sight)


def as_traffic(world: World, steps: int) -> list[State]:
    """States of a drive in which the ego drives as traffic does."""
    states = [world.start]
    while len(states) <= steps:
        states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
    return states


@pytest.fixture(scope="module")
def at_red(world: World) -> State:
    """The ego stands before a red light."""
    states = as_traffic(world, 900)
    static = world.static
    lines = static.gate_span[: int(static.gate_ptr[1]), 0]
    lights = static.connector_light[static.gate_connector[: len(lines)]]
    for state in states:
        ahead = lines - state.ego[STATION] - static.body[0] / 2
        near = np.flatnonzero((ahead > 0) & (ahead < 8.0) & (lights >= 0))
        if len(near) and state.ego[SPEED] < 0.2 and _colours(world, state)[lights[near[0]]] == RED:
            return state
    pytest.fail("the town has no red light on the route: take another")


def _colours(world: World, state: State) -> np.ndarray:
    return light_colours(world.static.light_cycle, world.static.light_time, state.step * DT_S)


def pictures(views: tuple[CameraImage, ...]) -> list[np.ndarray]:
    return [np.asarray(view.image) for view in views]


def same_cameras(views: tuple[CameraImage, ...], others: tuple[CameraImage, ...]) -> bool:
    return all(a.camera.name == b.camera.name and (a.camera.ego_from_camera == b.camera.ego_from_camera).all()
               for a, b in zip(views, others, strict=True))  # fmt: skip


def test_black_pictures_are_black_and_of_the_same_cameras(world: World, sight: Sight, own: Eyes) -> None:
    views, true = SHOWN["black"](world, sight).look(world.start), own.look(world.start)
    assert same_cameras(views, true) and not any(picture.any() for picture in pictures(views))
    assert [p.shape for p in pictures(views)] == [p.shape for p in pictures(true)]


def test_elsewhere_are_the_pictures_of_a_drive_in_the_next_town(world: World, sight: Sight) -> None:
    other = town_world(SEED + 1)
    there, eyes, states = Eyes(other, sight), SHOWN["elsewhere"](world, sight), as_traffic(other, STEPS)
    here = as_traffic(world, STEPS)
    for step in (7, 0, STEPS):
        shown, seen = eyes.look(here[step]), there.look(states[step])
        assert same_cameras(shown, seen)
        for a, b in zip(pictures(shown), pictures(seen), strict=True):
            np.testing.assert_array_equal(a, b)
    assert (pictures(shown)[0] != pictures(eyes.look(here[0]))[0]).any()


def test_turned_tells_mounts_30_degrees_to_the_left_of_true_pictures(world: World, sight: Sight, own: Eyes) -> None:
    views, true = SHOWN["turned"](world, sight).look(world.start), own.look(world.start)
    for view, seen in zip(views, true, strict=True):
        np.testing.assert_array_equal(view.image, seen.image)
        told, real = view.camera.ego_from_camera, seen.camera.ego_from_camera
        np.testing.assert_allclose(told[:3, :3], rotation_z(np.pi / 6) @ real[:3, :3], atol=1e-12)
        np.testing.assert_array_equal(told[:3, 3], real[:3, 3])
        np.testing.assert_array_equal(view.camera.K, seen.camera.K)
        axis, before = told[:3, 2], real[:3, 2]
        assert np.degrees(np.arctan2(axis[1], axis[0]) - np.arctan2(before[1], before[0])) % 360 == pytest.approx(30.0)


def test_recoloured_turns_lit_red_pixels_green_and_nothing_else(world: World, sight: Sight, own: Eyes, at_red: State) -> None:
    eyes = SHOWN["recoloured"](world, sight)
    cameras = [replace(camera, width=4 * camera.width, height=4 * camera.height, K=np.diag([4, 4, 1]) @ camera.K) for camera in own.cameras]
    (shown, *_), (true, *_) = eyes._renderer.render(at_red, cameras), own._renderer.render(at_red, cameras)
    for buffer in ("depth", "semantic", "instance"):
        np.testing.assert_array_equal(getattr(shown, buffer), getattr(true, buffer))
    before, after = true.rgb.astype(int), shown.rgb.astype(int)
    changed = (before != after).any(-1)
    heads = ndimage.binary_dilation(true.semantic == SEMANTIC.index("light"), iterations=2)
    assert changed.sum() > 4 and not (changed & ~heads).any()
    lit_red = changed & (before[..., 0] > 100) & (before[..., 0] > 1.25 * before[..., 1])
    lit_green = changed & (after[..., 1] > 100) & (after[..., 1] > 1.25 * after[..., 0])
    assert lit_red.sum() > 2 and lit_green.sum() > 2
    assert (after[lit_red][:, 0] < before[lit_red][:, 0]).all() and (after[lit_green][:, 1] > before[lit_green][:, 1]).all()


def test_recoloured_is_what_is_there_where_no_light_is_red(world: World, sight: Sight, own: Eyes) -> None:
    cycle = world.static.light_cycle.copy()
    cycle[..., 0] = np.where(cycle[..., 0] == RED, 1, cycle[..., 0])
    calm = replace(world, static=world.static._replace(light_cycle=cycle))
    shown, seen = SHOWN["recoloured"](calm, sight).look(calm.start), own.recast(calm).look(calm.start)
    for a, b in zip(pictures(shown), pictures(seen), strict=True):
        np.testing.assert_array_equal(a, b)


class Seer:
    """Drives by what it is shown: its speed is that of the brightness of its pictures, its heading that of its first camera's mount."""

    name, spec = "seer", PlannerSpec(window=Window(frames=2), pictures="needed")

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        views = observation.frames[-1].cameras
        speed = 3.0 + float(np.mean([np.asarray(view.image).mean() for view in views])) / 32
        axis = views[0].camera.ego_from_camera[:3, 2]
        times, yaw = observation.future_times_s, np.arctan2(axis[1], axis[0])
        return Plan(np.column_stack([speed * np.cos(yaw) * times, speed * np.sin(yaw) * times, 0 * times + yaw])[None], times)


@pytest.mark.slow
def test_only_what_is_shown_differs_and_drives_follow_it(world: World, sight: Sight) -> None:
    runs = {shown: rollout(world, Seer(), Loop(2.0, sight=sight, shown=shown)) for shown in SHOWN}
    assert runs[""].hash == rollout(world, Seer(), Loop(2.0, sight=sight)).hash and runs[""].planner == "seer"
    assert [run.planner for run in runs.values()][1:] == ["seer-black", "seer-elsewhere", "seer-turned", "seer-recoloured"]
    assert len({runs[shown].hash for shown in ("", "black", "elsewhere", "turned")}) == 4
    assert all(run.world is world for run in runs.values())


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing called 'blue' can be shown; there are black, elsewhere, turned, recoloured"):
        Loop(shown="blue")


def test_red_lights_stood_at_are_counted_once_each(world: World) -> None:
    run, light, line = _standing(world)
    assert red_stops(run) == 1
    green = world.static.light_cycle.copy()
    green[light, :, 0] = 0
    assert red_stops(replace(run, world=replace(world, static=world.static._replace(light_cycle=green)))) == 0
    for moved in (-12.0, +6.0):  # too far before the line; past it
        ego = run.ego.copy()
        ego[:, STATION] += moved
        assert red_stops(replace(run, ego=ego)) == 0
    rolling = run.ego.copy()
    rolling[:, SPEED] = 1.0
    assert red_stops(replace(run, ego=rolling)) == 0


def _standing(world: World) -> tuple[Rollout, int, float]:
    """A drive that stands 3 m before its first light, twice, while that is red."""
    static = world.static
    lights = static.connector_light[static.gate_connector[: int(static.gate_ptr[1])]]
    gate = int(np.flatnonzero(lights >= 0)[0])
    light, line = int(lights[gate]), float(static.gate_span[gate, 0])
    red = static.light_cycle.copy()
    red[light, :, 0] = RED
    run = rollout(replace(world, static=static._replace(light_cycle=red)), ConstantVelocity(), Loop(2.0))
    ego = run.ego.copy()
    ego[:, STATION], ego[:, SPEED] = line - 3.0 - static.body[0] / 2, 0.0
    ego[5, SPEED] = 2.0
    return replace(run, ego=ego, flags=np.zeros_like(run.flags)), light, line


def _score(planner: str, episode: str, success: float, stops: float, passes: float) -> EpisodeScore:
    values = dict.fromkeys(failed_values(), 0.0) | {"success": success, "red_stops": stops, "red_passes": passes}
    facts = {"outcome": "arrived", "fault": "none", "hash": "x"}
    return EpisodeScore(episode, "ordinary", planner, values, False, facts)


def test_the_table_has_counts_and_paired_differences() -> None:
    own = [_score("p", f"e{k}", 1.0, 1.0, 0.0) for k in range(4)]
    fooled = [_score("p-recoloured", f"e{k}", float(k > 2), 0.0, 1.0) for k in range(4)]
    blind = [_score("p-black", f"e{k}", 1.0, 1.0, 0.0) for k in range(4)]
    others = [replace(s, planner=name) for name in ("p-elsewhere", "p-turned") for s in blind]
    report = ProbeReport([*own, *blind, *others, *fooled], {})
    rows = {(row["shown"], row["metric"]): row for row in report.rows}
    assert "difference" not in rows["as they are", "success"]
    assert rows["black", "success"]["difference"] == 0.0 and rows["recoloured", "success"]["difference"] == -0.75
    assert rows["recoloured", "red_stops"]["difference"] == -1.0 and rows["recoloured", "red_passes"]["difference"] == 1.0
    low, high = (rows["recoloured", "success"][key] for key in ("difference_low", "difference_high"))
    assert low <= -0.75 <= high
    [(_, header, cells)] = report.extra_tables()
    assert all(len(line) == len(header) for line in cells)
    assert cells[0][2:4] == ["4", "0"] and cells[4][2:4] == ["0", "4"] and cells[4][0] == "recoloured" and cells[4][4].startswith("-75.0 [")
    assert "recoloured: lights that are red are shown green" in report.table()


def test_who_uses_no_pictures_drives_all_rows_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sim", "town", "--planner", "constant-velocity", "-n", "2", "--seed", "7", "--traffic", "empty", "--videos", "0"]
    assert main([*command, "--probe", "--out", str(tmp_path), "-q"]) == 0
    shown = capsys.readouterr().out
    assert "does it look?" in shown and "as they are" in shown
    saved = json.loads((tmp_path / "report.json").read_text())
    hashes: dict[str, set[str]] = {}
    for episode in saved["episodes"]:
        hashes.setdefault(episode["episode"], set()).add(episode["facts"]["hash"])
    assert len(saved["episodes"]) == 10 and [len(found) for found in hashes.values()] == [1, 1]
    plain = run_episodes(choose_episodes(["town"], 2, 7, ["ordinary"], "empty"), ["c"], lambda _: ConstantVelocity(), Loop())
    assert {s.name: {s.facts["hash"]} for s in plain.scores} == hashes
    assert {row["difference"] for row in saved["rows"] if "difference" in row} == {0.0}
    page = (tmp_path / "index.html").read_text()
    assert "does it look?" in page and "red lights on the route that the ego stood at" in page
    assert len(list((tmp_path / "drives").glob("*.npz"))) == 10


def test_json_has_a_row_for_everything_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sim", "town", "--planner", "constant-velocity", "-n", "1", "--seed", "7", "--traffic", "empty"]
    assert main([*command, "--probe", "--json", "-q"]) == 0
    rows = json.loads(capsys.readouterr().out)
    success = [row for row in rows if row["metric"] == "success"]
    assert [row["shown"] for row in success] == ["as they are", "black", "elsewhere", "turned", "recoloured"]
    assert [row.get("difference") for row in success] == [None, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--planner", f"{__name__}:Seer"], "give the run a rig"),
        (["--planner", "stand-still,expert"], "a probe is of one planner in towns"),
        (["--planner", "log"], "a probe is of one planner in towns"),
        (["--compare", "stand-still", "expert"], "a probe is of one planner in towns"),
    ],
)
def test_probes_that_cannot_be_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "town", *arguments, "--probe", "-n", "1"]) == 2
    assert message in capsys.readouterr().err
