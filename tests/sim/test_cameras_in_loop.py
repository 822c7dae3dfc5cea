"""Cameras in episodes: what planners are shown and when, the same bytes everywhere, environments, videos; episodes that are lost."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive.baselines import ConstantVelocity, StandStill
from drive.cli import main
from drive.expert.expert import Expert
from drive.render import look
from drive.render.weather import WEATHERS
from drive.schema import CameraImage, Observation, Plan, Window
from drive.sim import draw_sight
from drive.sim.draw import MapView
from drive.sim.draw_sight import THOUGHT_LINES, SurroundView, lines_of
from drive.sim.env import TownEnv
from drive.sim.episodes import Episode, drive_all
from drive.sim.rollout import Loop, Rollout, rollout, states_of
from drive.sim.sight import Eyes, Sight, require_sight
from drive.viz.frame import HEIGHT, WIDTH
from drive.world.state import LATERAL, SPEED
from drive.world.town.populate import EMPTY, town_world
from drive.world.world import World
from tests.world.test_world import recorded_world

RIG = """cameras:
  - {name: CAM_FRONT, size: [48, 27], focal: [38, 38], position: [1.7, 0.0, 1.5]}
  - {name: CAM_BACK, size: [40, 30], focal: [25, 25], position: [0.0, 0.0, 1.6], yaw: 180}
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rig") / "two.yaml"
    path.write_text(RIG)
    return str(path)


@pytest.fixture(scope="module")
def world() -> World:
    return replace(town_world(1), time_limit_s=2.0)


@pytest.fixture(scope="module")
def short_run(world: World) -> Rollout:
    return rollout(world, Expert(), Loop(2.0))


class Watcher:
    """Drives on slowly by what it sees: its speed comes from the pictures' bytes, so another picture is another drive."""

    name = "watcher"

    def __init__(self, window: Window | None = None) -> None:
        self.seen: list[Observation] = []
        if window:
            self.window = window

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        self.seen.append(observation)
        pictures = b"".join(np.asarray(view.image).tobytes() for frame in observation.frames for view in frame.cameras)
        speed = 1.0 + hashlib.sha256(pictures).digest()[0] / 256
        times = observation.future_times_s
        return Plan(np.column_stack([speed * times, 0 * times, 0 * times])[None], times)


def load_watcher(name: str) -> Watcher:
    return Watcher()


def hash_of(episode: Episode, run: Rollout) -> str:
    return run.hash


def test_planners_see_the_rig_at_planning_steps_only(world: World, rig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = [], Eyes.look
    monkeypatch.setattr(Eyes, "look", lambda self, state: looks.append(int(state.step)) or look(self, state))
    planner = Watcher()
    rollout(world, planner, Loop(2.0, sight=Sight(rig)))
    assert looks == [0, 5, 10, 15]
    views = planner.seen[-1].frames[-1].cameras
    assert [view.camera.name for view in views] == ["CAM_FRONT", "CAM_BACK"]
    assert [np.asarray(view.image).shape for view in views] == [(27, 48, 3), (30, 40, 3)]
    for view in views:
        assert isinstance(view, CameraImage) and view.mount is None and view.time_s == 0.0
        assert isinstance(view.image, np.ndarray) and view.image.dtype == np.uint8 and view.image.std() > 5
        with pytest.raises(ValueError, match="read-only"):
            view.image[...] = 0


def test_earlier_frames_are_what_was_seen_then(world: World, short_run: Rollout, rig: str) -> None:
    window = Window(frames=3, rate_hz=2.0)
    states = list(states_of(short_run))
    eyes, alone = Eyes(world, Sight(rig)), Eyes(world, Sight(rig))
    for step in (0, 4, 5, 7, 12):
        frames = eyes.frames(states[: step + 1], window)
        wanted = [s for s in (step - 10, step - 5, step) if s >= 0]
        np.testing.assert_allclose([frame.time_s for frame in frames], [(s - step) / 10 for s in wanted])
        for frame, s in zip(frames, wanted, strict=True):
            for view, fresh in zip(frame.cameras, alone.look(states[s]), strict=True):
                assert view.time_s == frame.time_s
                np.testing.assert_array_equal(view.image, fresh.image)
    assert len(eyes.frames(states, Window())) == 1


recorded = functools.cache(recorded_world)


def test_pictures_depend_on_nothing_after_them(rig: str) -> None:
    pictures = []
    for futures in (1, 2):
        made = recorded(futures)
        states = [made.start]
        for _ in range(15):
            states.append(made.step(states[-1], (0.0, 0.0)))
        frames = Eyes(made, Sight(rig)).frames(states, Window(frames=2))
        pictures.append([np.asarray(view.image).tobytes() for frame in frames for view in frame.cameras])
    assert pictures[0] == pictures[1]


def test_only_hindsight_makes_scenery_of_the_future() -> None:
    worlds = [recorded(futures) for futures in (1, 2)]
    now, later = ([look.static_mesh(world, WEATHERS["day"], 0, known).vertices.tobytes() for world in worlds] for known in (False, True))
    assert now[0] == now[1] and later[0] != later[1]


@pytest.mark.slow
def test_same_bytes_whatever_order_and_workers(rig: str) -> None:
    episodes = [Episode("town", seed) for seed in (7, 8)]
    loop = Loop(2.0, sight=Sight(rig, weather="random"))
    drive = functools.partial(drive_all, planners=["watcher"], loop=loop, load=load_watcher, finish=hash_of)
    alone = {episode: found for episode, _, found in drive(episodes, workers=1)}
    shared = {episode: found for episode, _, found in drive(episodes[::-1], workers=2)}
    assert alone == shared and len(set(alone.values())) == 2


@pytest.mark.parametrize("planner", [ConstantVelocity(), Expert()])
def test_who_looks_at_no_pictures_gets_none(world: World, rig: str, planner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eyes, "__init__", lambda *_: pytest.fail("drawn for nobody"))
    assert rollout(world, planner, Loop(2.0, sight=Sight(rig))).actions.any()


class Blind(Watcher):
    """Needs pictures of two cameras by name."""

    pictures = True
    camera_names = ("CAM_FRONT", "CAM_LEFT")


def test_a_planner_by_sight_needs_a_rig_with_its_cameras(rig: str, capsys: pytest.CaptureFixture[str]) -> None:
    require_sight(Watcher(), None)
    with pytest.raises(ValueError, match="give the run a rig"):
        require_sight(Blind(), None)
    with pytest.raises(ValueError, match="looks at CAM_LEFT; rig .* has CAM_FRONT, CAM_BACK"):
        require_sight(Blind(), Sight(rig))
    assert main(["sim", "town", "--planner", f"{__name__}:Blind", "--episodes", "1"]) == 2
    assert "plans by camera pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sight", "message"), [(("nowhere",), "no rig"), (("nuscenes", 4), "width"), (("nuscenes", 64, "hail"), "no weather")]
)
def test_sights_that_cannot_be_are_refused(sight: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sight(*sight)


def test_random_rigs_and_weathers_follow_the_seed(world: World) -> None:
    sight, other = Sight("random", 64, "random"), replace(world, origin=world.origin | {"seed": 2})
    assert sight.cameras(world)[0].K.tolist() == sight.cameras(world)[0].K.tolist() != sight.cameras(other)[0].K.tolist()
    assert sight.weather_in(world) == sight.weather_in(world) != sight.weather_in(other)


class Away(Watcher):
    """Leaves the road to the left."""

    pictures = False

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        times = observation.future_times_s
        return Plan(np.column_stack([6.0 * times, 4.0 * times, np.full(len(times), 0.6)])[None], times)


def test_an_episode_ends_far_from_its_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive.sim.rollout.OFF_ROUTE_M", 5.0)
    away = rollout(town_world(1, traffic=EMPTY), Away())
    assert away.outcome == "left the route" and abs(away.ego[-1, LATERAL]) > 5.0 >= abs(away.ego[-2, LATERAL])


def test_an_episode_ends_when_the_ego_stands_too_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive.sim.rollout.BLOCKED_S", 1.5)
    stopped = world.start.ego.copy()
    stopped[SPEED] = 0.0
    run = rollout(replace(world, start=world.start._replace(ego=stopped)), StandStill())
    assert run.outcome == "blocked" and 15 <= len(run.actions) <= 16


class OneTown(TownEnv):
    """The same town every time, which spares the test its making."""

    made = functools.cache(lambda: town_world(1))

    def make_world(self, seed: int) -> World:
        return OneTown.made()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_environments_show_the_rig(rig: str) -> None:
    from gymnasium.utils.env_checker import check_env

    env = OneTown(rig=rig, weather="fog")
    assert {name: space.shape for name, space in env.observation_space.spaces.items()} == {  # type: ignore[attr-defined]
        "vector": OneTown().observation_space.shape, "CAM_FRONT": (27, 48, 3), "CAM_BACK": (30, 40, 3),
    }  # fmt: skip
    check_env(env)
    first, _ = env.reset(seed=1)
    then = env.step(np.array([0.5, 0.0], dtype=np.float32))[0]
    assert isinstance(first, dict) and isinstance(then, dict) and (first["CAM_FRONT"] != then["CAM_FRONT"]).any()
    with pytest.raises(ValueError, match="cannot be random"):
        OneTown(rig="random")


def test_a_drive_is_shown_through_its_cameras(short_run: Rollout, rig: str) -> None:
    view = SurroundView(short_run, Sight(rig))
    state = next(states_of(short_run))
    with_plan, without = view.frame(0, state, short_run.plans[0]), view.frame(0, state, None)
    assert with_plan.shape == (HEIGHT, WIDTH, 3) and with_plan.dtype == np.uint8
    cell = view.cells[0]
    part = np.s_[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width]
    moved = np.hypot(*(short_run.plans[0][1][-1, :2] - short_run.plans[0][1][0, :2])) > 1
    assert (with_plan[part] != without[part]).any() == moved


def test_the_panel_shows_the_thoughts_of_the_plan_in_force(short_run: Rollout, rig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Renderer", "Backdrop"):  # the town stays as it is: it is set up once for all six drives
        monkeypatch.setattr(draw_sight, name, functools.cache(getattr(draw_sight, name)))
    state, at = next(states_of(short_run)), short_run.plans[0][0]

    def shown(*thoughts: str) -> np.ndarray:
        view = SurroundView(replace(short_run, thoughts=thoughts), Sight(rig), width=640)
        part = np.s_[view.panel.y : view.panel.y + view.panel.height, view.panel.x : view.panel.x + view.panel.width]
        return view.frame(0, state, (at, short_run.plans[0][1]))[part]

    rest = ("",) * (len(short_run.plans) - 1)
    assert (shown("red, 23 m\nstop straight", *rest) != shown("green, 23 m\nfaster straight", *rest)).any()
    np.testing.assert_array_equal(shown("", *rest), shown())
    np.testing.assert_array_equal(shown("", "later", *rest[1:]), shown())  # the plan in force is the first


def test_thoughts_are_cut_to_their_room_the_last_kept() -> None:
    assert lines_of(["a", "b"], 1000) == ["a; b"]
    lines = lines_of([f"thought number {k} of many" for k in range(40)], 300)
    assert len(lines) == THOUGHT_LINES and lines[-1].endswith("thought number 39 of many")
    assert lines_of(["word " * 100], 100)[0].endswith("\u2026") and lines_of([], 100) == []


def test_map_views_invert() -> None:
    view = MapView(400, 300, np.array([10.0, -5.0]), (200.0, 250.0), 0.7, 5.0)
    points = np.random.default_rng(0).normal(size=(20, 2)) * 30
    np.testing.assert_allclose(view.world(view(points)), points, atol=1e-9)
    ahead = view(view.point + 10 * np.array([np.cos(0.7), np.sin(0.7)]))
    np.testing.assert_allclose(ahead, [200.0, 200.0], atol=1e-9)


def test_replayed_states_are_those_driven(short_run: Rollout) -> None:
    np.testing.assert_array_equal(np.stack([state.ego for state in states_of(short_run)]), short_run.ego)


def test_weather_without_a_rig_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sim", "town", "--planner", "stand-still", "--weather", "fog", "--out", str(tmp_path)]) == 2
    assert "give --rig too" in capsys.readouterr().err
