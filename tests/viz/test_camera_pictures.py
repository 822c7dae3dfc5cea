"""Ribbon and boxes land where the projection says, are cut at the near plane, and survive missing pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from known_scene import TIMES, make_agents, make_camera, straight

from drive.cameras import project
from drive.schema import CameraImage
from drive.viz.cameras import (
    NEAR_M,
    Scenery,
    box_corners_3d,
    clip_margin,
    draw_camera,
    project_polygon,
    project_segments,
)
from drive.viz.ribbon import RIBBON_WIDTH_M, make_ribbon
from drive.viz.style import MISSING

GREY = 90
W, H = 320, 180


def shot(camera, scenery, image=None):
    picture = np.full((camera.height, camera.width, 3), GREY, dtype=np.uint8) if image is None else image
    return draw_camera(CameraImage(camera, 0.0, picture), camera.width, camera.height, scenery)


def changed(picture):
    mask = (np.abs(picture.astype(int) - GREY) > 12).any(-1)
    mask[:34, :140] = False  # the camera's name
    return mask


def overlap(mask, polygon):
    want = np.zeros(mask.shape, dtype=np.uint8)
    cv2.fillPoly(want, [np.round(polygon - 0.5).astype(np.int32)], (1,))
    return (mask & (want > 0)).sum() / (mask | (want > 0)).sum()


def pinhole_pixel(x, y, z):
    """By hand: the level camera of `make_camera(0)` at (1, 0, 1.5), focal length W / 2."""
    return np.array([W / 2 - W / 2 * y / (x - 1), H / 2 - W / 2 * (z - 1.5) / (x - 1)])


def test_ribbon_covers_its_projection_on_the_ground():
    camera = make_camera(0, W, H)
    for ground_z in (0.0, -0.3):
        mask = changed(shot(camera, Scenery(ribbon=make_ribbon(straight(6.0), TIMES), ground_z=ground_z)))
        half = RIBBON_WIDTH_M / 2
        # From where the ground enters the picture at its lower edge to the end at 18 m.
        near = 1 + (W / 2) * (1.5 - ground_z) / (H / 2)
        corners = [pinhole_pixel(x, y, ground_z) for x, y in ((near, half), (18, half), (18, -half), (near, -half))]
        assert overlap(mask, np.array(corners)) > 0.95


def test_ribbon_colour_runs_with_time_and_record_is_drawn():
    camera = make_camera(0, W, H)
    ribbon = make_ribbon(straight(6.0), TIMES)
    picture = shot(camera, Scenery(ribbon=ribbon)).astype(int)
    u, v = pinhole_pixel(5.0, 0, 0).astype(int)
    near, far = picture[v, u], picture[int(pinhole_pixel(17.5, 0, 0)[1]), u]
    assert far[0] > near[0] + 60 and far[1] < near[1] - 60, "from cyan to magenta"
    line = shot(camera, Scenery(record=ribbon.centre)).astype(int)
    assert line[H // 2 + 20 :, W // 2 - 2 : W // 2 + 2].max() > 200
    assert not changed(line)[:, : W // 2 - 4].any()


def test_box_outline_is_its_projected_hull_and_the_front_face_is_marked():
    camera = make_camera(0, W, H)
    agents = make_agents()
    turned = replace(agents, headings=np.where(np.arange(2)[:, None] == 0, 2.4, 0.0) * np.ones(agents.headings.shape))
    picture = shot(camera, Scenery(agents=turned))
    corners = box_corners_3d([20, 0, 0.8], 2.4, [4.5, 1.9, 1.6])
    pixels = np.array([pinhole_pixel(*corner) for corner in corners])
    np.testing.assert_allclose(project(camera, corners)[0], pixels, atol=1e-9)
    mask = changed(picture)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    np.testing.assert_allclose(np.add([columns[0], rows[0], columns[-1], rows[-1]], 0.5), [*pixels.min(0), *pixels.max(0)], atol=2.0)
    front, rear = pixels[[0, 3, 7, 4]].mean(0).astype(int), pixels[[1, 2, 6, 5]].mean(0).astype(int)
    assert mask[front[1], front[0]] and not mask[rear[1], rear[0]]


def test_box_without_points_is_not_drawn_and_ribbon_passes_behind_boxes():
    camera = make_camera(0, W, H)
    agents = make_agents()
    hidden = replace(agents, points=np.zeros_like(agents.points))
    assert not changed(shot(camera, Scenery(agents=hidden))).any()
    closer = replace(agents, centres=agents.centres - [10.0, 0, 0])
    ribbon = make_ribbon(straight(6.0), TIMES)
    u, v = pinhole_pixel(16.0, 0, 0).astype(int)
    behind, free = (int(shot(camera, Scenery(ribbon, None, a))[v, u + 3, 2]) - GREY for a in (closer, None))
    assert free > 60 and behind < 0.4 * free, "the band's blue does not shine through the car"


@pytest.mark.parametrize("model", ["pinhole", "distorted", "fisheye"])
def test_polygons_are_cut_where_the_camera_ends(model):
    camera = make_camera(0, W, H, "fisheye" if model == "fisheye" else "pinhole")
    camera = replace(camera, distortion=(-0.25, 0.05, 0.0, 0.0)) if model == "distorted" else camera
    through = np.array([[-10.0, 1, 0], [10, 1, 0], [10, -1, 0], [-10, -1, 0]])
    pixels = project_polygon(camera, through)
    assert len(pixels) >= 4 and np.isfinite(pixels).all()
    assert len(project_polygon(camera, through - [30.0, 0, 0])) == 0
    segments = project_segments(camera, through[[0, 2]], through[[1, 3]])
    assert np.isfinite(segments).all() and len(segments) >= 2


def test_near_plane_cut_is_exact():
    camera = make_camera(0, W, H)
    (segment,) = project_segments(camera, [[-10.0, 0.1, 1.4]], [[11.0, 0.1, 1.4]])
    np.testing.assert_allclose(segment[0], pinhole_pixel(1 + NEAR_M, 0.1, 1.4), atol=1e-6)
    np.testing.assert_allclose(segment[1], pinhole_pixel(11, 0.1, 1.4), atol=1e-6)
    pixels = project_polygon(camera, [[-10.0, 0.1, 0], [11, 0.1, 0], [11, 0.1, 1.4], [-10, 0.1, 1.4]])
    want = {tuple(np.round(pinhole_pixel(x, 0.1, z), 6)) for x in (1 + NEAR_M, 11) for z in (0, 1.4)}
    assert {tuple(np.round(p, 6)) for p in pixels} == want


def test_fisheye_bends_edges_and_draws_beyond_ninety_degrees():
    camera = make_camera(0, 400, 400, "fisheye")
    assert clip_margin(camera, [0.9, 1.0, 1.5]) > 0, "the corners of this picture look backwards"
    start, end = np.array([[4.0, -6, 0]]), np.array([[4.0, 6, 0]])
    segments = project_segments(camera, start, end)
    share = np.linspace(0, 1, len(segments) + 1)[:, None]
    np.testing.assert_allclose(segments[:, 0], project(camera, start + (end - start) * share[:-1])[0], atol=1e-9)
    chord = segments[0, 0] + (segments[-1, 1] - segments[0, 0]) * 0.5
    assert np.linalg.norm(segments[len(segments) // 2, 0] - chord) > 5
    mask = changed(shot(camera, Scenery(ribbon=make_ribbon(straight(6.0), TIMES))))
    quad = make_ribbon(straight(6.0), TIMES).quads[-30]
    middle = project(camera, [*quad.mean(0), 0.0])[0].astype(int)
    assert mask[middle[1], middle[0]]


def test_a_distorting_lens_bends_edges_and_what_lies_beyond_its_fold_is_not_drawn():
    """What lies 2 m ahead and 5 m aside is beyond the fold of r (1 - 0.12 r^2), which would put it back into the picture."""
    camera = replace(make_camera(0, 320, 180), distortion=(-0.12, 0.0, 0.0, 0.0))
    start, end = np.array([[11.0, -6.0, 0.0]]), np.array([[11.0, 6.0, 0.0]])
    segments = project_segments(camera, start, end)
    share = np.linspace(0, 1, len(segments) + 1)[:, None]
    np.testing.assert_allclose(segments[:, 0], project(camera, start + (end - start) * share[:-1])[0], atol=1e-9)
    ends = segments[[0, -1], [0, 1]].mean(0)
    assert abs(segments[len(segments) // 2, 0] - ends)[1] > 0.5
    assert len(project_segments(camera, [[3.0, 5.0, 1.5]], [[3.0, 5.8, 1.5]])) == 0


def test_camera_time_offset_is_in_the_calibration_alone():
    """A camera that looks the other way sees nothing of what lies ahead."""
    scenery = Scenery(make_ribbon(straight(6.0), TIMES), straight(5.0)[:, :2], replace(make_agents(), points=make_agents().points))
    behind = changed(shot(make_camera(180, W, H), scenery))
    assert not behind.any()


def test_missing_picture_is_named_on_grey(tmp_path):
    camera = make_camera(0, W, H)
    scenery = Scenery(ribbon=make_ribbon(straight(6.0), TIMES))
    blank, other = (shot(camera, scenery, Path(tmp_path / name)) for name in ("a_file_name.jpg", "zzzz_zzzz.jpg"))
    assert (np.abs(blank.astype(int) - MISSING).max(-1) < 3).mean() > 0.5
    assert (blank != other).any(), "the file's name is written"
    u, v = pinhole_pixel(5.0, 0, 0).astype(int)
    assert np.abs(blank[v, u].astype(int) - MISSING).max() > 40, "the plan is drawn all the same"
