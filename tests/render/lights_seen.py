"""Which lights a driver's cameras show: views before every light of some towns, and the pixels that go out with its lamps.

    python -m tests.render.lights_seen [TOWNS]

draws each view twice, once with the light in a colour and once with its lamps out. A pixel is lit where the two differ by `LEAST` and
the first has the light's hue. What stands between is read from the depth and semantic pictures, at the places of the lamp.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, project
from drive.frames import Array, se2_to_se3
from drive.render.look import actors
from drive.render.look.soup import GREEN_LAMP
from drive.render.renderer import Renderer
from drive.render.rigs import load_rig
from drive.render.scene import SEMANTIC, Buffers
from drive.render.weather import WEATHERS
from drive.world.state import HEADING, SPEED, State, X, Y
from drive.world.town.populate import town_world
from drive.world.world import World

TOWNS, WEATHER_NAMES = 6, ("day", "evening", "overcast", "rain", "fog", "night")
FRONT_M = 3.528  # from the rear axle to the car's front
FAR_M, STANDING_M = (8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 35.0, 40.0), (0.5, 2.0)  # from the car's front to the stop line
LEAST, HUE = 16, 1.25  # of 255; by how much the colour stands out, in proportion
COLOURS = ("green", "yellow", "red")
CLEAR_M = 1.0  # what is nearer than the lamp by more than this stands between
POSTS = tuple(SEMANTIC.index(name) for name in ("light", "sign"))


@dataclass(frozen=True)
class Eye:
    """A camera and the size in which a planner reads its picture."""

    camera: Camera
    width: int
    height: int


def eyes() -> dict[str, tuple[Eye, ...]]:
    """The front cameras of a rig: the first drive's halved, as its planner reads them, and nuScenes' 448 pixels wide."""
    small = tuple(Eye(camera, camera.width // 2, camera.height // 2) for camera in load_rig("first-drive"))
    front = load_rig("nuscenes", width=448)[0]
    return {"first-drive": small, "nuscenes": (Eye(front, front.width, front.height),)}


@dataclass(frozen=True)
class View:
    """A place before a light: which light, metres to its stop line, the ego's pose [3]."""

    light: int
    gap_m: float
    pose: Array


def views_of(world: World) -> list[View]:
    """Views before every light: `STANDING_M` and `FAR_M` from the line along the lanes that lead to it."""
    number = {light.id: n for n, light in enumerate(world.map.lights)}
    found = []
    for stop in world.map.stop_lines:
        if stop.light is not None:
            line = upstream(world, stop.lane, max(FAR_M) + FRONT_M)
            back = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line[::-1], axis=0).T))])[::-1]
            for gap in (*STANDING_M, *FAR_M):
                if back[0] > gap + FRONT_M + 1.0:
                    x, y = (np.interp(-gap - FRONT_M, -back, line[:, n]) for n in (0, 1))
                    ahead = [np.interp(-gap - FRONT_M + 1.0, -back, line[:, n]) for n in (0, 1)]
                    found.append(View(number[stop.light], gap, np.array([x, y, np.arctan2(ahead[1] - y, ahead[0] - x)])))
    return found


def upstream(world: World, lane_id: str, reach_m: float) -> Array:
    """The middle [N, 2] of a lane and those before it, so far back."""
    lane = world.map.lane(lane_id)
    line, gone = lane.centreline, lane.length_m
    while gone < reach_m + 2.0 and lane.predecessors:
        lane = world.map.lane(lane.predecessors[0])
        line, gone = np.concatenate([lane.centreline[:-1], line]), gone + lane.length_m
    return line


def lamps_of(renderer: Renderer) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Corners [T, 3, 3] of all lamps' triangles, their light [T] and colour [T]."""
    m = renderer.models.models
    first, start = m.triangle_ptr[-2], m.vertex_ptr[-2]
    keep = m.lamp[first:] >= GREEN_LAMP
    corners = m.vertices[start:][m.triangles[first:]][keep]
    return corners.astype(np.float64), m.light[first:][keep].astype(np.int64), (m.lamp[first:][keep] - GREEN_LAMP).astype(np.int64)


def drawn(renderer: Renderer, state: State, cameras: list[Camera], light: int, colour: int) -> tuple[Buffers, ...]:
    """Pictures with one light in a colour (-1: its lamps are out), the others as they are."""
    plain = actors.light_colours

    def told(cycles: Array, times: Array, time_s: float) -> NDArray[np.int64]:
        colours = plain(cycles, times, time_s)
        colours[light] = colour
        return colours

    with patch.object(actors, "light_colours", told):
        return renderer.render(state, cameras)


def shrunk(rgb: NDArray[np.uint8], eye: Eye) -> NDArray[np.uint8]:
    """A picture in the size that is read, as `drive.data.images` shrinks it."""
    import cv2

    return rgb if rgb.shape[:2] == (eye.height, eye.width) else cv2.resize(rgb, (eye.width, eye.height), interpolation=cv2.INTER_AREA)


def lit_pixels(with_light: NDArray[np.uint8], without: NDArray[np.uint8], colour: int) -> int:
    """Pixels that change with the lamps and have the colour's hue."""
    a = with_light.astype(int)
    changed = np.abs(a - without).max(-1) >= LEAST
    red, green, blue = np.moveaxis(a, -1, 0)
    if colour == 0:
        hue = (green >= HUE * red) & (green >= 1.02 * blue)
    elif colour == 1:
        hue = (red >= HUE * blue) & (green >= 1.1 * blue) & (red < 1.7 * green)
    else:
        hue = (red >= HUE * green) & (red >= HUE * blue)
    return int((changed & hue).sum())


def open_share(buffers: Buffers, camera: Camera, state: State, corners: Array) -> Array:
    """For each triangle [T, 3, 3] of lamps: -1 outside the picture, else 1 where nothing but posts of lights and signs stands before its
    middle, 0 where something does. The nearest pixel's depth tells."""
    middles = corners.mean(1)
    in_ego = (np.concatenate([middles, np.ones((len(middles), 1))], 1) @ np.linalg.inv(se2_to_se3(state.ego[:3])).T)[:, :3]
    pixels, front = project(camera, in_ego)
    inside = front & (pixels >= 0).all(-1) & (pixels[:, 0] < camera.width) & (pixels[:, 1] < camera.height)
    result = np.full(len(corners), -1)
    origin = camera.ego_from_camera[:3, 3]
    for k in np.flatnonzero(inside):
        j, i = pixels[k].astype(int)
        nearer = buffers.depth[i, j] < np.linalg.norm(in_ego[k] - origin) - CLEAR_M
        result[k] = int(not nearer or int(buffers.semantic[i, j]) in POSTS)
    return result


@dataclass(frozen=True)
class Sighting:
    """What a rig showed of a view: lit pixels, whether a lamp of the colour is in a picture, whether one is free of others."""

    town: int
    weather: str
    rig: str
    colour: int
    view: View
    lit: int
    inside: bool
    free: bool


def sightings(seed: int, weather: str, every: int = 1) -> Iterator[Sighting]:
    """One in so many of the views of a town, colours in turn."""
    world = town_world(seed)
    renderer, rigs = Renderer(world, WEATHERS[weather], seed), eyes()
    corners, light_of, colour_of = lamps_of(renderer)
    cameras = [eye.camera for rig in rigs.values() for eye in rig]
    for n, view in enumerate(views_of(world)[::every]):
        colour = (2, 0, 2, 1)[n % 4]
        ego = world.start.ego.copy()
        ego[[X, Y, HEADING]], ego[SPEED] = view.pose, 0.0
        state = world.start._replace(ego=ego)
        mine = corners[(light_of == view.light) & (colour_of == colour)]
        on, off = (drawn(renderer, state, cameras, view.light, shown) for shown in (colour, -1))
        pictures = zip(cameras, on, off, strict=True)
        for rig, those in rigs.items():
            lit, reach = 0, [np.full(1, -1)]
            for eye in those:
                camera, lit_picture, dark = next(pictures)
                lit += lit_pixels(shrunk(lit_picture.rgb, eye), shrunk(dark.rgb, eye), colour)
                reach.append(open_share(dark, camera, state, mine))
            best = np.concatenate(reach)
            yield Sighting(seed, weather, rig, colour, view, lit, bool((best >= 0).any()), bool((best > 0).any()))


def table(rows: list[Sighting]) -> str:
    """Shares by rig, weather and distance."""
    lines = [f"{'rig':12}{'weather':10}{'metres':>10}{'views':>7}{'hidden':>8}{'outside':>9}{'none lit':>10}{'1 to 3':>8}{'mean lit':>10}"]
    for rig in eyes():
        for weather in (*WEATHER_NAMES, "all"):
            for name, near, far in (("standing", 0.0, 8.0), ("8 to 40", 8.0, 41.0)):
                some = [r for r in rows if r.rig == rig and weather in (r.weather, "all") and near <= r.view.gap_m < far]
                shown = [r for r in some if r.free or not r.inside]
                if not shown:
                    continue
                lit = np.array([r.lit for r in shown])
                hidden, outside = np.mean([r.inside and not r.free for r in some]), np.mean([not r.inside for r in shown])
                lines.append(
                    f"{rig:12}{weather:10}{name:>10}{len(some):7}{100 * hidden:7.1f}%{100 * outside:8.1f}%{100 * (lit == 0).mean():9.1f}%"
                    f"{100 * ((lit > 0) & (lit < 4)).mean():7.1f}%{lit.mean():10.1f}"
                )
    return "\n".join(lines)


def main(towns: int = TOWNS) -> None:
    rows = [row for n in range(towns) for row in sightings(9100 + n, WEATHER_NAMES[n % len(WEATHER_NAMES)])]
    print(table(rows))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TOWNS)
