"""Bird's-eye pictures and videos of a drive: the map once, cut out around the ego for every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, box_corners
from drive.sim.rollout import Rollout
from drive.viz.canvas import SCALE, Canvas, Picture
from drive.viz.style import BACKGROUND, EGO, MAP_AREAS, MAP_LINES, SOFT_TEXT, TIME_COLOURS, Colour, category_style
from drive.viz.video import write_video
from drive.world.advance import light_colours
from drive.world.state import DT_S, HEADING, KIND_NAMES, OFF_ROAD, SPEED, TOUCHING
from drive.world.world import World

PIXELS_PER_M = 6.0
VIEW_M = 90.0
MARGIN_M = 80.0
LARGEST_M = 40.0  # what is drawn at a point reaches no further: articulated vehicles, stop lines
FRAME_STEPS = 2  # simulation steps per frame
TREE: Colour = (34, 60, 44)
LIGHTS: tuple[Colour, ...] = ((70, 210, 120), (240, 190, 60), (235, 80, 80), (120, 126, 134))
ALARM: Colour = (235, 80, 80)
CATEGORY = {"pedestrian": "human.pedestrian", "obstacle": "movable_object"}


class Backdrop:
    """The map around the route as one picture."""

    def __init__(self, world: World) -> None:
        route = world.static.path[: world.static.path_ptr[1], :2]
        self.low = route.min(0) - MARGIN_M
        size = np.ceil((route.max(0) + MARGIN_M - self.low) * PIXELS_PER_M).astype(int)
        self.size = (int(size[0]), int(size[1]))
        canvas = Canvas(*self.size, BACKGROUND)
        _draw_map(canvas, world, self)
        self.pixels = canvas.pixels

    def __call__(self, points: Array) -> Array:
        """World points [..., 2] -> pixels of the whole picture."""
        p = (np.asarray(points) - self.low) * PIXELS_PER_M
        return np.stack([p[..., 0], self.size[1] - p[..., 1]], -1)

    def cut(self, view: MapView) -> Canvas:
        """The part that a view shows."""
        corners = np.array([[0.0, 0.0], [view.width, 0.0], [0.0, view.height]])
        # Pixel n covers n to n + 1, and OpenCV's n is its centre. The map is no finer than the view: it is cut at the view's own size.
        whole, own = SCALE * self(view.world(corners)) - 0.5, corners - 0.5
        turn = cv2.getAffineTransform(whole.astype(np.float32), own.astype(np.float32))
        picture = cv2.warpAffine(self.pixels, turn, (view.width, view.height), flags=cv2.INTER_LINEAR, borderValue=BACKGROUND)
        large = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        return Canvas(view.width, view.height, picture=large.astype(np.uint8, copy=False))


@dataclass(frozen=True, eq=False)
class MapView:
    """Where a picture of width x height pixels lies in the world: the point [2] at pixel `at`, the heading that is up, the scale."""

    width: int
    height: int
    point: Array
    at: tuple[float, float]
    up: float
    pixels_per_m: float = PIXELS_PER_M

    def __call__(self, points: Array) -> Array:
        """World points [..., 2] -> pixels [..., 2]."""
        p = (np.asarray(points)[..., :2] - self.point) * self.pixels_per_m
        c, s = np.cos(self.up), np.sin(self.up)
        return np.stack([self.at[0] + s * p[..., 0] - c * p[..., 1], self.at[1] - c * p[..., 0] - s * p[..., 1]], -1)

    def shows(self, points: Array) -> NDArray[np.bool_]:
        """Whether anything of what lies around world points [..., 2], as far as LARGEST_M, may be in the picture, [...]."""
        p, margin = self(points), LARGEST_M * self.pixels_per_m
        return ((p > -margin) & (p < np.array([self.width, self.height]) + margin)).all(-1)

    def world(self, pixels: Array) -> Array:
        """The inverse."""
        q = (pixels - self.at) / self.pixels_per_m
        c, s = np.cos(self.up), np.sin(self.up)
        return self.point + np.stack([s * q[..., 0] - c * q[..., 1], -c * q[..., 0] - s * q[..., 1]], -1)


def _draw_map(canvas: Canvas, world: World, at: Backdrop) -> None:
    furniture = world.furniture
    if furniture is not None:
        for box in box_corners(furniture.buildings[:, :5]):
            canvas.polygon(at(box), MAP_AREAS["building"])
            canvas.line(at(box), MAP_LINES["lane_centre"], 1.0, 0.7, closed=True)
    rings = [at(ring) for ring in world.map.drivable_rings()]
    canvas.area(rings, MAP_AREAS["drivable_area"])
    canvas.lines([np.concatenate([ring, ring[:1]]) for ring in rings], MAP_LINES["lane_centre"], 1.2)
    for crossing in world.map.crossings:
        canvas.polygon(at(crossing.ring), MAP_AREAS["ped_crossing"])
    canvas.lines([at(lane.centreline) for lane in world.map.lanes if lane.kind == "connector"], MAP_LINES["lane_centre"], 0.8, 0.5)
    for layer, items in world.map.lines.items():
        for line in items:
            canvas.line(at(line), MAP_LINES.get(layer, SOFT_TEXT), 1.0, dash=8.0 if layer == "lane_divider" else 0.0)
    if furniture is not None:
        for x, y, radius, _ in furniture.trees:
            canvas.disc(at(np.array([x, y])), radius * PIXELS_PER_M, TREE, 0.9)
        for box in box_corners(furniture.parked[:, :5]):
            canvas.polygon(at(box), category_style("vehicle.car")[1], 0.25)


def frames(run: Rollout, backdrop: Backdrop | None = None) -> Iterator[Picture]:
    """Pictures of a drive, every second step, north up; the plan in force as a band, what the ego touches in red."""
    backdrop = backdrop or Backdrop(run.world)
    side = int(VIEW_M * PIXELS_PER_M)
    for step, plan in plans_in_force(run, FRAME_STEPS):
        canvas = draw_step(run, step, plan, backdrop, MapView(side, side, run.ego[step, :2], (side / 2, side / 2), np.pi / 2))
        words = f"{run.planner}   {step * DT_S:5.1f} s   {3.6 * run.ego[step, SPEED]:z3.0f} km/h"
        if step + FRAME_STEPS >= len(run.ego):
            words += f"   {run.outcome}"
        canvas.text((12, 18), words, 15, pill=BACKGROUND)
        yield canvas.finish()


def plans_in_force(run: Rollout, every: int) -> Iterator[tuple[int, tuple[int, Array] | None]]:
    """Every so many steps of a drive, with the newest plan made by then: (step at which it was made, its world poses)."""
    plans, latest = list(run.plans), None
    for step in range(0, len(run.ego), every):
        while plans and plans[0][0] <= step:
            latest = plans.pop(0)
        yield step, latest


def draw_step(run: Rollout, step: int, plan: tuple[int, Array] | None, backdrop: Backdrop, at: MapView) -> Canvas:
    """One step of a drive from above."""
    world, ego = run.world, run.ego[step]
    canvas = backdrop.cut(at)
    route = world.static.path[: world.static.path_ptr[1]]
    canvas.line(at(route[: int(world.goal_m) if world.has_goal else len(route), :2]), TIME_COLOURS[1], 3.0, 0.25)
    colours = light_colours(world.static.light_cycle, world.static.light_time, step * DT_S)
    index = {light.id: i for i, light in enumerate(world.map.lights)}
    for stop in world.map.stop_lines:
        if stop.light is not None and at.shows(stop.line[0]):
            canvas.line(at(stop.line), LIGHTS[colours[index[stop.light]]], 3.0)
    there = run.active[step].astype(bool) & at.shows(run.pose[step])
    for agent in np.flatnonzero(there[1:]) + 1:
        _body(canvas, at, run, step, int(agent))
    if plan is not None:
        canvas.line(at(plan[1][max(0, step - plan[0]) :, :2]), TIME_COLOURS[0], 3.0, 0.9)
    heading = ego[HEADING]
    centre = ego[:2] + EGO_CENTRE_AHEAD_M * np.array([np.cos(heading), np.sin(heading)])
    box = np.array([*centre, heading, world.static.body[0], world.static.body[1]])
    alarm = bool(run.flags[step, TOUCHING] or run.flags[step, OFF_ROAD])
    canvas.polygon(at(box_corners(box)), ALARM if alarm else EGO, 0.95)
    return canvas


def _body(canvas: Canvas, at: MapView, run: Rollout, step: int, agent: int) -> None:
    static = run.world.static
    name = KIND_NAMES[static.kind[agent]]
    colour = ALARM if run.contact[step, agent] > 0 else category_style(CATEGORY.get(name, f"vehicle.{name}"))[1]
    pose, size = run.pose[step, agent], static.size[agent]
    corners = box_corners(np.array([*pose, size[0], size[1]]))
    canvas.polygon(at(corners), colour, 0.75)
    middle = pose[:2] + 0.2 * size[0] * np.array([np.cos(pose[2]), np.sin(pose[2])])
    canvas.polygon(at(np.stack([corners[0], middle, corners[3]])), BACKGROUND, 0.45)


def save_video(run: Rollout, path: Path) -> Path:
    """The drive as MP4, in real time."""
    return write_video(path, frames(run), 1.0 / (FRAME_STEPS * DT_S))
