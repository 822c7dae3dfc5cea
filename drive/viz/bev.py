"""Bird's-eye view: map, agents, past and future, plan samples, best plan, recorded drive, the ego's body; forward is up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drive.frames import Array
from drive.geometry import box_corners, ego_boxes
from drive.schema import Agents, MapPatch, Plan, Ratings, SceneSample, Trajectory
from drive.viz.answers.marks import NOTHING, Marks
from drive.viz.canvas import Canvas, Picture
from drive.viz.ribbon import make_ribbon
from drive.viz.style import (
    ANSWER,
    BACKGROUND,
    EGO,
    GRID,
    MAP_AREAS,
    MAP_LINES,
    OTHER_LINE,
    RECORD,
    SOFT_TEXT,
    TIME_COLOURS,
    TRUTH,
    Colour,
    category_style,
    time_colours,
)

GRID_M = 10.0
MOVING_MPS = 0.5  # slower agents get no velocity arrow and no tracks
ARROW_S = 1.0  # a velocity arrow reaches where the agent would be after this time
PLAN_WIDTH_M = 1.1
REACH_MARGIN_M = 12.0


@dataclass(frozen=True)
class Range:
    """How far a bird's-eye view sees along the ego's x axis, in metres; its width follows from the picture's shape."""

    ahead_m: float = 45.0
    behind_m: float = 20.0

    def __post_init__(self) -> None:
        if self.ahead_m <= 0 or self.behind_m < 0:
            raise ValueError(f"a view needs ahead_m > 0 and behind_m >= 0, got {self}")


def range_of(samples: Iterable[SceneSample], plans: Iterable[Plan | None] = ()) -> Range:
    """A range that holds every recorded future, every rated path and every best plan, the same for all pictures of a scene."""
    targets = [sample.target for sample in samples]
    paths = [target.future.poses[target.future.valid] for target in targets]
    paths += [path for target in targets if target.ratings is not None for path in target.ratings.paths]
    paths += [plan.best for plan in plans if plan is not None]
    reach = max((float(path[:, 0].max(initial=0.0)) for path in paths), default=0.0)
    ahead = max(Range.ahead_m, GRID_M * np.ceil((reach + REACH_MARGIN_M) / GRID_M))
    return Range(float(min(ahead, 200.0)), float(min(ahead, 200.0)) * Range.behind_m / Range.ahead_m)


def draw_bev(
    sample: SceneSample,
    plan: Plan | None = None,
    width: int = 900,
    height: int = 1000,
    view: Range | None = None,
    said: Marks = NOTHING,
    true: Marks = NOTHING,
) -> Picture:
    """The bird's-eye view of one sample, uint8 [height, width, 3]. view: None fits it to the sample and the plan. said, true: what is said
    to be there, and what truly is."""
    view = view or range_of([sample], [plan])
    scale = height / (view.ahead_m + view.behind_m)
    place = _Place(width / 2, view.ahead_m * scale, scale)
    canvas = Canvas(width, height, BACKGROUND)
    if sample.target.map is not None:
        _draw_map(canvas, place, sample.target.map)
    _draw_grid(canvas, place, view)
    if sample.target.agents is not None:
        _draw_agents(canvas, place, sample.target.agents)
    _draw_marks(canvas, place, true, TRUTH, dash=5.0)
    _draw_marks(canvas, place, said, ANSWER)
    _draw_ego_past(canvas, place, sample.observation.past)
    if plan is not None:
        _draw_plan(canvas, place, plan)
    if sample.target.ratings is not None:
        _draw_ratings(canvas, place, sample.target.ratings)
    _draw_record(canvas, place, sample.target.future)
    _draw_ego(canvas, place)
    _draw_scale(canvas, place, view)
    return canvas.finish()


@dataclass(frozen=True)
class _Place:
    """Where the ego's origin lies in the picture, and how many pixels a metre has."""

    u: float
    v: float
    scale: float

    def __call__(self, points_in_ego: ArrayLike) -> Array:
        """Points [..., >= 2] in the ego frame -> pixels [..., 2]."""
        p = np.asarray(points_in_ego, dtype=np.float64)
        return np.stack([self.u - p[..., 1] * self.scale, self.v - p[..., 0] * self.scale], -1)


def _draw_map(canvas: Canvas, place: _Place, patch: MapPatch) -> None:
    for layer, colour in MAP_AREAS.items():
        canvas.area([place(ring) for ring in patch.polygons.get(layer, ())], colour)
    for layer, lines in patch.lines.items():
        dash = 8.0 if layer == "lane_centre" else 0.0
        for points in lines:
            canvas.line(place(points), MAP_LINES.get(layer, OTHER_LINE), 2.0 if layer == "stop_line" else 1.2, dash=dash)


def _draw_grid(canvas: Canvas, place: _Place, view: Range) -> None:
    side = canvas.width / 2 / place.scale
    for x in _grid_stations(view):
        canvas.line(place([[x, side], [x, -side]]), GRID, 1.0, 0.8)
    for y in np.arange(-GRID_M * (side // GRID_M), side, GRID_M):
        canvas.line(place([[view.ahead_m, y], [-view.behind_m, y]]), GRID, 1.0, 0.8)


def _grid_stations(view: Range) -> Array:
    return np.arange(-GRID_M * (view.behind_m // GRID_M), view.ahead_m, GRID_M)


def _draw_scale(canvas: Canvas, place: _Place, view: Range) -> None:
    """A scale bar, and how far ahead each line of the grid lies."""
    for x in _grid_stations(view):
        height = float(place([x, 0])[1])
        if 20 < height < canvas.height - 8:
            canvas.text((canvas.width - 10, height - 9), f"{x:.0f} m", 12, SOFT_TEXT, "right")
    x, y = 16.0, canvas.height - 16.0
    length = GRID_M * place.scale
    for colour, thick in ((BACKGROUND, 5.0), (EGO, 2.0)):
        canvas.lines(
            [np.array([[x, y], [x + length, y]])] + [np.array([[e, y - 5], [e, y + 5]]) for e in (x, x + length)], colour, thick
        )
    canvas.text((x + length / 2, y - 13), f"{GRID_M:.0f} m", 12, EGO, "middle", pill=BACKGROUND)


def _draw_agents(canvas: Canvas, place: _Place, agents: Agents) -> None:
    """Bodies with the front marked, one second of velocity, past tracks solid and future tracks dotted, both faint."""
    now = agents.now
    speed = np.hypot(agents.velocities[..., 0], agents.velocities[..., 1]) * agents.velocity_valid
    here = np.flatnonzero(agents.valid[:, now])
    for i in here[speed[here].max(1) > MOVING_MPS]:
        colour, track, valid = category_style(agents.categories[i])[1], place(agents.centres[i]), agents.valid[i]
        past, future = track[: now + 1][valid[: now + 1]], track[now:][valid[now:]]
        if len(past) > 1:
            canvas.line(past, colour, 1.6, 0.4)
        if len(future) > 1:
            canvas.line(future, colour, 1.6, 0.55, dash=3.0)
    boxes = agents.boxes(now)
    for i in here:
        colour = category_style(agents.categories[i])[1]
        _draw_body(canvas, place, boxes[i], colour, 0.38 if agents.points[i, now] != 0 else 0.08)
        if speed[i, now] > MOVING_MPS:
            front = boxes[i, :2] + boxes[i, 3] / 2 * np.array([np.cos(boxes[i, 2]), np.sin(boxes[i, 2])])
            _arrow(canvas, place(front), place(front + ARROW_S * agents.velocities[i, now]), colour)


def _draw_body(canvas: Canvas, place: _Place, box: Array, colour: Colour, alpha: float) -> None:
    corners = place(box_corners(box))
    canvas.polygon(corners, colour, alpha)
    canvas.line(corners, colour, 1.4, min(1.0, alpha + 0.6), closed=True)
    nose = place(box_corners([*box[:3], box[3] * 0.4, box[4]]))  # its rear edge lies behind the middle, its front edge ahead
    tip = place(box[:2] + box[3] / 2 * np.array([np.cos(box[2]), np.sin(box[2])]))
    canvas.polygon([nose[0], tip, nose[3]], colour, min(1.0, alpha + 0.5))


def _arrow(canvas: Canvas, start: Array, end: Array, colour: Colour) -> None:
    along = end - start
    length = float(np.hypot(*along))
    if length < 3:
        return
    along, side = along / length, np.array([-along[1], along[0]]) / length
    neck = end - min(7.0, length) * along
    canvas.line([start, neck], colour, 1.6)
    canvas.polygon([end, neck + 3.2 * side, neck - 3.2 * side], colour)


def _draw_marks(canvas: Canvas, place: _Place, marks: Marks, colour: Colour, dash: float = 0.0) -> None:
    """Outlines, lines and words at places."""
    for line in marks.lines:
        canvas.line(place(line), colour, 1.2 if dash else 2.0, 0.8, dash=dash)
    for solid in marks.solids:
        corners = box_corners([*solid.centre[:2], solid.heading, *solid.size[:2]])
        canvas.line(place(corners), colour, 1.0 if dash else 1.8, 0.95, closed=True, dash=dash)
    for x, y, word in () if dash else marks.places:
        u, v = place(np.array([x, y]))
        canvas.text((float(u), float(v) - 12), word, 11, colour, "middle", pill=BACKGROUND)


def _draw_ratings(canvas: Canvas, place: _Place, ratings: Ratings) -> None:
    """The rated paths, the score of each at its end, those with higher ones on top."""
    for i in np.argsort(ratings.scores, kind="stable"):
        path = place(np.concatenate([np.zeros((1, 2)), ratings.paths[i]]))
        canvas.line(path, SOFT_TEXT, 1.4, 0.9)
        canvas.text((float(path[-1, 0]), float(path[-1, 1]) - 10), f"{ratings.scores[i]:g}", 12, EGO, "middle", pill=BACKGROUND)


def _draw_ego_past(canvas: Canvas, place: _Place, past: Trajectory) -> None:
    if past.valid.sum() > 1:
        canvas.line(place(past.poses[past.valid]), EGO, 1.8, 0.5)


def _draw_plan(canvas: Canvas, place: _Place, plan: Plan) -> None:
    """Samples as thin lines, the best as a band coloured by time with its steps, and the body where it ends."""
    for other in plan.trajectories[1:]:
        ribbon = make_ribbon(other, plan.times_s)
        if ribbon is not None:
            canvas.line(place(ribbon.centre), TIME_COLOURS[1], 1.6, 0.55)
    ribbon = make_ribbon(plan.best, plan.times_s, PLAN_WIDTH_M)
    if ribbon is not None:
        colours = [tuple(int(c) for c in colour) for colour in time_colours(ribbon.fraction[:-1])]
        canvas.gradient(zip(place(ribbon.quads), colours, strict=True), 0.9)  # type: ignore[arg-type]
        end = ego_boxes(plan.best[-1])
        canvas.line(place(box_corners(end)), TIME_COLOURS[-1], 1.6, 0.9, closed=True)
    for pose in plan.best:
        canvas.disc(place(pose), 2.2, BACKGROUND)


def _draw_record(canvas: Canvas, place: _Place, future: Trajectory) -> None:
    ribbon = make_ribbon(future.poses[future.valid], future.times_s[future.valid]) if future.valid.any() else None
    if ribbon is None:
        return
    line = place(ribbon.centre)
    canvas.line(line, BACKGROUND, 3.6, 0.6)
    canvas.line(line, RECORD, 1.8, dash=6.0)


def _draw_ego(canvas: Canvas, place: _Place) -> None:
    box = ego_boxes(np.zeros(3))
    corners = place(box_corners(box))
    canvas.polygon(corners, EGO, 0.95)
    canvas.line(corners, BACKGROUND, 1.2, 0.9, closed=True)
    windshield = [[0.12, 0.4], [0.22, 0.34], [0.22, -0.34], [0.12, -0.4]]  # shares of length and width
    canvas.polygon(place(np.array(windshield) * box[3:5] + box[:2]), BACKGROUND, 0.85)
