"""Shade where things touch the ground, the light of street lamps, rain: what makes weathers what they are."""

from __future__ import annotations

import numpy as np
import pytest

from drive.cameras import project
from drive.frames import Array
from drive.jit import fast_kernel
from drive.render import ground
from drive.render.ground import BESIDE, FADE_M, UNDER, contact_map, lamp_map, still_boxes
from drive.render.renderer import Renderer
from drive.render.scene import SEMANTIC
from drive.render.weather import WEATHERS
from drive.world.state import ACTIVE, CAR, HEADING, PEDESTRIAN, State, X, Y
from drive.world.world import World
from tests.render.test_render import LEVEL, make_town, pinhole

looked_up = fast_kernel(ground.looked_up)
ROAD = SEMANTIC.index("road")


@pytest.fixture(scope="module")
def town() -> tuple[World, State]:
    return make_town()


def beside(pose: Array, ahead: float, left: float) -> tuple[float, float]:
    """A place in the frame of a pose."""
    c, s = np.cos(pose[2]), np.sin(pose[2])
    return float(pose[0] + c * ahead - s * left), float(pose[1] + s * ahead + c * left)


def alone(world: World, state: State, kind: int, least_m: float = 6.0) -> int:
    """An agent of a kind with nobody else near."""
    there = np.flatnonzero(state.marks[:, ACTIVE] == 1)
    for i in there[world.static.kind[there] == kind]:
        others = np.concatenate([state.pose[there[there != i], :2], state.pose[:1, :2], still_boxes(world)[:, :2]])
        if np.hypot(*(others - state.pose[i, :2]).T).min() > least_m:
            return int(i)
    raise AssertionError("nobody stands alone")


@pytest.mark.parametrize("kind", [CAR, PEDESTRIAN])
def test_the_sky_is_hidden_below_things_and_less_beside_them(kind: int, town: tuple[World, State]) -> None:
    world, state = town
    agent = alone(world, state, kind, 6.0 if kind == CAR else 3.0)
    pose, width = state.pose[agent, :3], world.static.size[agent, 1]
    made = contact_map(world, still_boxes(world), state, pose[:2])
    gaps = np.array([-width / 2, 0.1, 0.3, 0.5, FADE_M + 0.4])
    hidden = np.array([looked_up(made, *beside(pose, 0.0, width / 2 + gap)) for gap in gaps])
    assert hidden[0] == pytest.approx(UNDER if kind == CAR else BESIDE, abs=0.1) and hidden[-1] == 0.0
    assert (np.diff(hidden) < 0).all()


@pytest.mark.parametrize("weather", ["overcast", "rain", "fog"])
def test_cars_stand_on_the_road_without_sun(weather: str, town: tuple[World, State]) -> None:
    """Asphalt close to a car is darker than the same asphalt without it."""
    world, state = town
    car = alone(world, state, CAR)
    ego = state.ego.copy()
    ego[[X, Y]], ego[HEADING] = beside(state.pose[car], -9.0, 0.0), state.pose[car, 2]
    marks = state.marks.copy()
    marks[car, ACTIVE] = 0
    renderer, camera = Renderer(world, WEATHERS[weather], 3), pinhole(160, 90, 120.0, LEVEL)
    seen, gone = (renderer.render(state._replace(ego=ego, marks=m), [camera])[0] for m in (state.marks, marks))
    (u, v), front = project(camera, np.array([9.0 - world.static.size[car, 0] / 2 - 0.15, 0.0, 0.0]))
    i, j = int(v), int(u)
    assert front and seen.semantic[i, j] == gone.semantic[i, j] == ROAD
    assert seen.rgb[i, j].mean() < 0.92 * gone.rgb[i, j].mean()
    far = seen.semantic[-1] == gone.semantic[-1]
    assert np.abs(seen.rgb[-1].astype(int) - gone.rgb[-1])[far].max() <= (60 if weather == "rain" else 1)


def test_street_lamps_light_the_ground_below_them(town: tuple[World, State]) -> None:
    """At night alone, roundly, most straight below."""
    world, _ = town
    night, day = (Renderer(world, WEATHERS[name], 3) for name in ("night", "day"))
    assert not day.lamps.values.any() and night.lamps.values.max() > 0.7
    from drive.render import look

    mesh = look.static_mesh(world, WEATHERS["night"], 3)
    made = lamp_map(mesh)
    panes = mesh.vertices[mesh.triangles[(mesh.glow > 0) & (mesh.semantic == SEMANTIC.index("sign"))]].mean(1)
    below = np.array([looked_up(made, *place[:2]) for place in panes.astype(float)])
    aside = np.array([looked_up(made, place[0] + 9.0, place[1]) for place in panes.astype(float)])
    assert below.min() > 0.7 and np.median(aside) < 0.5 * np.median(below)
    assert looked_up(made, float(panes[:, 0].max()) + 60.0, 0.0) == 0.0


def test_rain_falls_where_it_rains_and_otherwise_each_time(town: tuple[World, State]) -> None:
    """The same streaks for the same state, others a step later, none in the other buffers."""
    world, state = town
    camera, wet = pinhole(160, 90, 120.0, LEVEL), Renderer(world, WEATHERS["rain"], 3)
    first, again, later = (wet.render(s, [camera])[0] for s in (state, state, state._replace(step=state.step + 1)))
    np.testing.assert_array_equal(first.rgb, again.rgb)
    still = (first.semantic == later.semantic) & (first.semantic == ROAD)
    assert 0.02 < (np.abs(first.rgb.astype(int) - later.rgb).max(-1) > 3)[still].mean() < 0.5
    np.testing.assert_array_equal(first.depth, again.depth)
    dry = Renderer(world, WEATHERS["overcast"], 3)
    once, twice = (dry.render(s, [camera])[0].rgb for s in (state, state._replace(step=state.step)))
    np.testing.assert_array_equal(once, twice)


def test_lamps_burn_in_bad_weather() -> None:
    assert {name for name, weather in WEATHERS.items() if weather.lamps_on} == {"evening", "rain", "fog", "night"}
