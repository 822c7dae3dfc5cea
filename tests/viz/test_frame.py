"""The whole picture: any rig has its places, and every part is in its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_scene import make_camera

from drive.viz.bev import Range
from drive.viz.frame import HEIGHT, LEAST_BEV_WIDTH, WIDTH, Look, draw_frame, make_layout
from drive.viz.style import PANEL


def rectangles(layout):
    return [*layout.cameras, layout.bev, layout.panel]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-180, 180), min_size=1, max_size=8))
def test_every_rig_has_places_that_do_not_overlap(yaws):
    layout = make_layout([make_camera(yaw) for yaw in yaws])
    cover = np.zeros((HEIGHT, WIDTH), dtype=int)
    for cell in rectangles(layout):
        assert cell.width >= 100 and cell.height >= 60
        assert cell.x >= 0 and cell.y >= 0 and cell.x + cell.width <= WIDTH and cell.y + cell.height <= HEIGHT
        cover[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width] += 1
    assert cover.max() == 1
    assert layout.bev.width >= LEAST_BEV_WIDTH - 10


def test_surround_rig_is_laid_out_as_one_looks():
    names = {"front_right": -55, "back": 180, "front": 0, "back_left": 110, "back_right": -110, "front_left": 55}
    layout = make_layout([make_camera(yaw) for yaw in names.values()])
    cell = dict(zip(names, layout.cameras, strict=True))
    assert cell["front_left"].x < cell["front"].x < cell["front_right"].x
    assert cell["front_left"].y == cell["front"].y == cell["front_right"].y == min(c.y for c in rectangles(layout))
    assert cell["back_left"].x < layout.bev.x < cell["back_right"].x and cell["back_left"].y > cell["front_left"].y
    assert cell["back"].y > cell["back_left"].y


def test_each_camera_is_in_its_own_cell_at_its_own_shape(make_sample, plan):
    yaws, sizes = (0, 120, -120, 180), ((320, 180), (200, 200), (160, 240), (640, 360))
    cameras = [make_camera(yaw, w, h) for yaw, (w, h) in zip(yaws, sizes, strict=True)]
    shades = (40, 90, 140, 190)
    images = [np.full((c.height, c.width, 3), shade, dtype=np.uint8) for c, shade in zip(cameras, shades, strict=True)]
    picture = draw_frame(make_sample(cameras, images), plan, "a plan")
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    layout = make_layout(cameras)
    for cell, camera, shade in zip(layout.cameras, cameras, shades, strict=True):
        inside = picture[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width]
        mine = (inside == shade).all(-1)
        rows, columns = np.flatnonzero(mine.sum(1) > 20), np.flatnonzero(mine.sum(0) > 20)
        assert np.ptp(columns) / np.ptp(rows) == pytest.approx(camera.width / camera.height, rel=0.05)
        assert not (picture == shade).all(-1).sum() > mine.sum() + 200, "and nowhere else"
    panel = picture[layout.panel.y : layout.panel.y + layout.panel.height, layout.panel.x : layout.panel.x + layout.panel.width]
    assert (panel == PANEL).all(-1).mean() > 0.6 and panel.max() > 200


def test_look_is_shared_and_failures_are_told(make_sample):
    sample = make_sample([make_camera(0)])
    near, far = (draw_frame(sample, look=Look(view=Range(ahead, 20.0))) for ahead in (45.0, 90.0))
    cell = make_layout([make_camera(0)]).bev
    assert (near != far)[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width].any()
    told, silent = draw_frame(sample, None, "p", note="no pose before t0 " * 20), draw_frame(sample)
    assert (told != silent).any()
