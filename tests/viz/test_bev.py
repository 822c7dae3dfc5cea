"""The bird's-eye view: everything at its metre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_scene import TIMES, make_camera, straight

from drive.schema import MapPatch, Plan, Ratings
from drive.viz.bev import Range, draw_bev, range_of
from drive.viz.legend import legend_entries
from drive.viz.style import BACKGROUND, EGO, MAP_AREAS, SOFT_TEXT, TIME_COLOURS, category_style

WIDTH, HEIGHT = 500, 650
VIEW = Range(45.0, 20.0)  # ten pixels a metre


def pixel(picture, x, y):
    return picture[int((VIEW.ahead_m - x) * 10), int(WIDTH / 2 - y * 10)].astype(int)


def near(colour, other, tolerance=30):
    return np.abs(np.asarray(colour) - np.asarray(other)).max() <= tolerance


@pytest.fixture
def sample(make_sample):
    return make_sample([make_camera(0)])


def test_things_are_where_they_are(sample, plan):
    picture = draw_bev(sample, plan, WIDTH, HEIGHT, VIEW)
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    assert near(pixel(picture, 1.0, 0.5), EGO), "the ego's body"
    assert near(pixel(picture, 30.7, 3.0), MAP_AREAS["drivable_area"], 5), "the road"
    assert near(pixel(picture, 33, 5.5), BACKGROUND, 5), "beside it"
    car, pedestrian = category_style("vehicle.car")[1], category_style("human.pedestrian.adult")[1]
    assert near(pixel(picture, 22.2, 0.9), car), "the car's outline"
    # the front is marked: brighter than the rear
    assert pixel(picture, 21.5, 0.2)[0] > pixel(picture, 18.3, 0.5)[0] + 60
    assert near(pixel(picture, 0.0, 8.35), pedestrian), "the pedestrian's outline"
    assert near(pixel(picture, 24.0, 0.0), car), "its velocity reaches ahead for a second"
    later = picture[int((45 - 28.8) * 10) : int((45 - 27.5) * 10), WIDTH // 2 - 3 : WIDTH // 2 + 3]
    assert later.max() > 90, "and its future track further"


def test_plan_starts_cyan_and_ends_magenta_with_the_body(sample):
    empty = replace(sample, target=replace(sample.target, agents=_none(sample.target.agents)))
    plan = Plan(straight(6.0)[None], TIMES)
    picture = draw_bev(empty, plan, WIDTH, HEIGHT, VIEW)
    assert near(pixel(picture, 4.2, 0.35), TIME_COLOURS[0], 60) and near(pixel(picture, 17.0, 0.35), TIME_COLOURS[-1], 60)
    outline = pixel(picture, 18 - 4.084 / 2 + 1.486, 1.85 / 2)
    assert near(outline, TIME_COLOURS[-1], 70), "the body at the end of the plan"
    without = draw_bev(empty, None, WIDTH, HEIGHT, VIEW)
    assert near(pixel(without, 17.0, 0.35), MAP_AREAS["drivable_area"], 5)


def test_rated_paths_with_their_scores(sample):
    aside = np.stack([np.linspace(5.0, 60.0, 20), np.full(20, 6.0)], -1)
    ratings = Ratings((aside,), np.array([7.5]), 0.25 * np.arange(1, 21))
    rated = replace(sample, target=replace(sample.target, ratings=ratings))
    picture, without = (draw_bev(one, None, WIDTH, HEIGHT, VIEW) for one in (rated, sample))
    assert near(pixel(picture, 33.0, 6.0), SOFT_TEXT, 40) and near(pixel(without, 33.0, 6.0), BACKGROUND, 5)
    assert range_of([rated]).ahead_m > 60.0
    assert "rated path, 0 to 10" in dict(legend_entries(rated, None)) and "rated path, 0 to 10" not in dict(legend_entries(sample, None))


def test_left_is_left(sample):
    ring = np.array([[10.0, 10], [20, 10], [20, 20], [10, 20]])
    patched = replace(sample, target=replace(sample.target, map=MapPatch({"drivable_area": (ring,)})))
    picture = draw_bev(patched, None, WIDTH, HEIGHT, VIEW)
    assert near(pixel(picture, 14, 14), MAP_AREAS["drivable_area"], 5) and near(pixel(picture, 14, -14), BACKGROUND, 5)


def test_range_holds_every_future_and_plan(sample):
    fast = Plan(straight(30.0)[None], TIMES)
    assert range_of([sample]) == Range()
    assert range_of([sample], [fast]).ahead_m > 90.0
    assert range_of([]) == Range()
    with pytest.raises(ValueError, match="ahead_m"):
        Range(0.0, 1.0)


def test_nothing_but_the_ego_still_draws(sample):
    bare = replace(sample, target=replace(sample.target, agents=_none(sample.target.agents), map=None))
    assert near(pixel(draw_bev(bare, None, WIDTH, HEIGHT, VIEW), 1.0, 0.5), EGO)


def _none(agents):
    arrays = ("centres", "headings", "sizes", "velocities", "velocity_valid", "valid", "points", "visibility")
    return replace(agents, categories=(), instances=(), **{name: getattr(agents, name)[:0] for name in arrays})
