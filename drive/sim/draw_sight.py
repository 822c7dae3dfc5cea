"""Pictures and videos of a drive through the car's cameras: each where it looks, the plan on the road, the bird's-eye view between them.

Pictures are drawn again from the saved actions: a drive takes no more room on disk with cameras than without.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive.cameras import resized
from drive.frames import Array
from drive.render.renderer import Renderer
from drive.render.scene import SEMANTIC
from drive.schema import CameraImage
from drive.sim.draw import FRAME_STEPS, Backdrop, MapView, draw_step, plans_in_force
from drive.sim.rollout import Rollout, states_of
from drive.sim.sight import Sight, seed_of
from drive.viz.cameras import Scenery, draw_camera
from drive.viz.canvas import Canvas, Picture, fitted_size, plate, shortened, text_width
from drive.viz.frame import HEIGHT, WIDTH, fitted_cell, make_layout, put
from drive.viz.ribbon import Ribbon, make_ribbon
from drive.viz.style import BACKGROUND, PANEL, SOFT_TEXT, TEXT, TIME_COLOURS, time_colours
from drive.viz.video import write_video
from drive.world.observe import command_at, relative_pose
from drive.world.state import DT_S, HEADING, SPEED, STATION, State

VIDEO_WIDTH = 1600
AHEAD_M, BEHIND_M = 62.0, 24.0
FIRST_SOLID = SEMANTIC.index("building")  # what is drawn from here on stands before the road; a crossing lies on it
HORIZON_S = 3.0  # of the plan, as far as it is shown
THOUGHTS_Y, LINE_Y, THOUGHT_LINES, THOUGHT_SIZE = 288.0, 22.0, 3, 15  # of the panel of 360 units: where thoughts stand, at which size
COMMAND_WORDS = {"left": "\u2190 left", "straight": "\u2191 straight", "right": "right \u2192"}


class SurroundView:
    """Draws the steps of a drive as its rig sees them. finer: how much larger than shown the cameras' pictures are drawn; width: of the
    16:9 pictures."""

    def __init__(self, run: Rollout, sight: Sight, finer: int = 1, width: int = WIDTH) -> None:
        self.run, self.sight, self.finer = run, sight, finer
        self.size = (width, round(width * HEIGHT / WIDTH))
        rig = sight.cameras(run.world)
        layout = make_layout(list(rig), width)
        self.cells = [fitted_cell(cell, camera.width / camera.height) for camera, cell in zip(rig, layout.cameras, strict=True)]
        self.cameras = [resized(camera, finer * cell.width, finer * cell.height) for camera, cell in zip(rig, self.cells, strict=True)]
        self.above, self.panel = layout.bev, layout.panel
        self.renderer = Renderer(run.world, sight.weather_in(run.world), seed_of(run.world))
        self.backdrop = Backdrop(run.world)
        self.plate = self._fixed_panel()
        thoughts = run.thoughts or ("",) * len(run.plans)
        self.thoughts = {at: text.split("\n") for (at, _), text in zip(run.plans, thoughts, strict=True) if text}

    def frames(self, every: int = FRAME_STEPS) -> Iterator[Picture]:
        """Pictures of the drive, uint8 [height, width, 3], one in so many steps."""
        wanted = dict(plans_in_force(self.run, every))
        for step, state in enumerate(states_of(self.run)):
            if step in wanted:
                yield self.frame(step, state, wanted[step], step + every >= len(self.run.ego))

    def frame(self, step: int, state: State, plan: tuple[int, Array] | None, last: bool = False) -> Picture:
        """The picture of one step. plan: when it was made, and its world poses at every step from then."""
        picture = plate(*self.size, BACKGROUND)
        scenery = Scenery(ribbon=None if plan is None else _band(state, plan[1][step - plan[0] :]))
        for camera, cell, seen in zip(self.cameras, self.cells, self.renderer.render(state, self.cameras), strict=True):
            solid = seen.semantic >= FIRST_SOLID
            put(picture, cell, draw_camera(CameraImage(camera, 0.0, seen.rgb), cell.width, cell.height, scenery, solid))
        put(picture, self.above, self._above(step, state, plan))
        put(picture, self.panel, self._panel(step, state, self.thoughts.get(plan[0], []) if plan else [], last))
        return picture

    def _above(self, step: int, state: State, plan: tuple[int, Array] | None) -> Picture:
        cell, scale = self.above, self.above.height / (AHEAD_M + BEHIND_M)
        view = MapView(cell.width, cell.height, state.ego[:2], (cell.width / 2, AHEAD_M * scale), float(state.ego[HEADING]), scale)
        return draw_step(self.run, step, plan, self.backdrop, view).finish()

    def _fixed_panel(self) -> Picture:
        """What the panel shows all along, in the canvas's own resolution."""
        cell, x = self.panel, 26.0
        canvas, unit, right = Canvas(cell.width, cell.height, PANEL), cell.height / 360, cell.width - x
        room = right - x - text_width("000.0 s", 20) - 10
        size = fitted_size(self.run.planner, (24, 20, 17, 14), room, bold=True)
        canvas.text((x, 40 * unit), shortened(self.run.planner, size, room, bold=True), size, TEXT, bold=True)
        about = f"{self.run.world.name}, {self.sight.weather}, rig {Path(self.sight.rig).stem}"
        canvas.text((x, 74 * unit), shortened(about, 15, right - x), 15, SOFT_TEXT)
        _key(canvas, (x, 256 * unit), right - x)
        return canvas.pixels

    def _panel(self, step: int, state: State, thoughts: list[str], last: bool) -> Picture:
        cell, world, ego, x = self.panel, self.run.world, state.ego, 26.0
        canvas, unit, right = Canvas(cell.width, cell.height, picture=self.plate), cell.height / 360, cell.width - x
        canvas.text((right, 40 * unit), f"{step * DT_S:.1f} s", 20, SOFT_TEXT, "right")
        wide = canvas.text((x, 138 * unit), f"{3.6 * ego[SPEED]:z.0f}", 56, TEXT, bold=True)
        canvas.text((x + wide + 10, 150 * unit), "km/h", 18, SOFT_TEXT)
        canvas.text((right, 138 * unit), COMMAND_WORDS[command_at(world, float(ego[STATION]))], 22, TEXT, "right")
        start = float(self.run.ego[0, STATION])
        done, whole = max(float(ego[STATION]) - start, 0.0), max(world.goal_m - start, 1.0) if world.has_goal else 0.0
        for colour, reach in ((BACKGROUND, 1.0), (TIME_COLOURS[1], min(done / whole, 1.0) if whole else 0.0)):
            canvas.line([[x, 204 * unit], [x + reach * (right - x), 204 * unit]], colour, 6.0)
        canvas.text((x, 228 * unit), f"{done:.0f} of {whole:.0f} m" if whole else "the human stands", 14, SOFT_TEXT)
        if last:
            canvas.text((right, 228 * unit), self.run.outcome, 16, TEXT, "right", bold=True)
        for number, line in enumerate(lines_of(thoughts, right - x)):
            canvas.text((x, (THOUGHTS_Y + LINE_Y * number) * unit), line, THOUGHT_SIZE, TEXT)
        return canvas.finish()


def _band(state: State, poses: Array) -> Ribbon | None:
    """What is left of a plan from now on, as a band in the ego frame."""
    ahead = relative_pose(state.ego, poses[1 : 1 + round(HORIZON_S / DT_S)])
    return make_ribbon(ahead, DT_S * np.arange(1, len(ahead) + 1)) if len(ahead) else None


def lines_of(thoughts: list[str], width: float) -> list[str]:
    """Thoughts side by side, as many lines as there is room for: the last ones, which the plan follows from, are never left out."""
    lines = list[str]()
    for thought in thoughts:
        longer = f"{lines[-1]}; {thought}" if lines else thought
        if lines and text_width(longer, THOUGHT_SIZE) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(thought, THOUGHT_SIZE, width))
    return lines[-THOUGHT_LINES:]


def _key(canvas: Canvas, place: tuple[float, float], width: float) -> None:
    """What the colours mean."""
    x, y = place
    edges = np.linspace(x, x + 46, 24)
    for a, b, colour in zip(edges[:-1], edges[1:], time_colours(np.linspace(0, 1, 23)), strict=True):
        canvas.polygon([[a, y - 5], [b, y - 5], [b, y + 5], [a, y + 5]], (int(colour[0]), int(colour[1]), int(colour[2])), 0.9)
    canvas.text((x + 56, y), f"plan, 0 to {HORIZON_S:g} s", 14, TEXT)
    canvas.line([[x + width / 2, y], [x + width / 2 + 46, y]], TIME_COLOURS[1], 3.0, 0.5)
    canvas.text((x + width / 2 + 56, y), "route", 14, TEXT)


def save_surround_video(run: Rollout, sight: Sight, path: Path, every: int = FRAME_STEPS) -> Path:
    """The drive as MP4 of VIDEO_WIDTH through its cameras, in real time."""
    pictures = SurroundView(run, sight, width=VIDEO_WIDTH).frames(every)
    return write_video(path, pictures, 1.0 / (every * DT_S))
