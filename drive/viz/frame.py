"""One 16:9 picture of a sample: every camera where it looks, the bird's-eye view between them, and a panel that explains."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drive.cameras import Camera
from drive.schema import Plan, SceneSample
from drive.viz.answers import marks_of
from drive.viz.answers.said import Said, answers_marks, truths_marks
from drive.viz.bev import Range, draw_bev
from drive.viz.cameras import Scenery, draw_camera, yaw_of
from drive.viz.canvas import Canvas, Picture, shortened
from drive.viz.legend import draw_legend
from drive.viz.ribbon import ground_height, make_ribbon
from drive.viz.style import ANSWER, BACKGROUND, PANEL, SOFT_TEXT, TEXT, TRUTH

WIDTH, HEIGHT = 1920, 1080
GAP = 6
FRONT_DEG, BACK_DEG = 75.0, 150.0
ASPECT = 16 / 9  # of a camera's cell
PANEL_WIDTH = 460  # where it has a column of its own, of a picture of WIDTH
LEAST_BEV_WIDTH = 640  # also of WIDTH


@dataclass(frozen=True)
class Cell:
    """A rectangle of the picture, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """Where the cameras (in the order given), the bird's-eye view and the panel go."""

    cameras: tuple[Cell, ...]
    bev: Cell
    panel: Cell


@dataclass(frozen=True)
class Look:
    """What all pictures of a scene share, so that nothing jumps between them; None fits it to the sample at hand."""

    view: Range | None = None
    ground_z: float | None = None


def draw_frame(
    sample: SceneSample,
    plan: Plan | None = None,
    plan_name: str = "",
    look: Look = Look(),
    note: str = "",
    said: tuple[Said, ...] = (),
) -> Picture:
    """The picture of one sample, uint8 [HEIGHT, WIDTH, 3]. note: a line for the panel, such as why there is no plan. said: answers to
    further requests, drawn with the truth beside."""
    cameras = sample.observation.frames[-1].cameras
    layout = make_layout([image.camera for image in cameras])
    picture = np.full((HEIGHT, WIDTH, 3), BACKGROUND, dtype=np.uint8)
    answers, truths = answers_marks(said), truths_marks(said)
    scenery = replace(_scenery(sample, plan, look), said=answers, true=truths)
    if answers.solids or truths.solids:  # what is said of boxes shall not drown in those of the sample
        scenery = replace(scenery, agents=None)
    for image, cell in zip(cameras, layout.cameras, strict=True):
        fitted = fitted_cell(cell, image.camera.width / image.camera.height)
        put(picture, fitted, draw_camera(image, fitted.width, fitted.height, scenery))
    put(picture, layout.bev, draw_bev(sample, plan, layout.bev.width, layout.bev.height, look.view, answers, truths))
    put(picture, layout.panel, _draw_panel(layout.panel, sample, plan, plan_name, note, said))
    return picture


def make_layout(cameras: list[Camera], width: int = WIDTH) -> Layout:
    """Places for any number of cameras by the direction they look in: those ahead in a row on top, those to the left and
    right in columns beside the bird's-eye view, those behind where there is room. width: of the picture, which is 16:9."""
    yaw = np.degrees([yaw_of(camera) for camera in cameras])
    order = np.argsort(-yaw, kind="stable")
    front = [int(i) for i in order if abs(yaw[i]) <= FRONT_DEG]
    back = [int(i) for i in order if abs(yaw[i]) > BACK_DEG]
    left = [int(i) for i in reversed(order) if FRONT_DEG < yaw[i] <= BACK_DEG]
    right = [int(i) for i in order if FRONT_DEG < -yaw[i] <= BACK_DEG]
    top = front if len(front) > 1 else []
    if not top:
        left = front + left
    for i in back:
        (left if len(left) <= len(right) else right).append(i)
    panel = -1
    (left if len(left) < len(right) else right).append(panel)
    height = round(width / ASPECT)
    row = min(height // 3, round(width / len(top) / ASPECT)) if top else 0
    cells = dict(zip(top, _row(len(top), row, width), strict=True))
    below = height - row
    left_width, right_width = _column_widths(left, right, below, panel, width)
    cells |= dict(zip(left, _column(len(left), Cell(0, row, left_width, below)), strict=True))
    cells |= dict(zip(right, _column(len(right), Cell(width - right_width, row, right_width, below)), strict=True))
    bev = _inset(Cell(left_width, row, width - left_width - right_width, below))
    return Layout(tuple(cells[i] for i in range(len(cameras))), bev, cells[panel])


def put(picture: Picture, cell: Cell, part: Picture) -> None:
    """Copies a part uint8 [cell.height, cell.width, 3] to where its cell lies."""
    picture[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width] = part


def _row(count: int, height: int, width: int) -> list[Cell]:
    edges = np.linspace(0, width, count + 1).round().astype(int)
    return [_inset(Cell(int(a), 0, int(b - a), height)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _column_widths(left: list[int], right: list[int], height: int, panel: int, whole: int) -> tuple[int, int]:
    """Wide enough for the cells' shape, and never so wide that the bird's-eye view starves; the panel alone is narrow."""
    narrow, least = whole * PANEL_WIDTH // WIDTH, whole * LEAST_BEV_WIDTH // WIDTH
    lonely = not left or set(left) == {panel} or set(right) == {panel}
    most = whole - narrow - least if lonely else (whole - least) // 2

    def width(column: list[int]) -> int:
        if set(column) <= {panel}:
            return narrow if column else 0
        return min(round(height / len(column) * ASPECT), most)

    return width(left), width(right)


def _column(count: int, room: Cell) -> list[Cell]:
    edges = np.linspace(room.y, room.y + room.height, count + 1).round().astype(int)
    return [_inset(Cell(room.x, int(a), room.width, int(b - a))) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _inset(cell: Cell) -> Cell:
    half = GAP // 2
    return Cell(cell.x + half, cell.y + half, cell.width - GAP, cell.height - GAP)


def fitted_cell(cell: Cell, aspect: float) -> Cell:
    """The largest rectangle of that aspect in the middle of a cell."""
    width = min(cell.width, round(cell.height * aspect))
    height = min(cell.height, round(width / aspect))
    return replace(cell, x=cell.x + (cell.width - width) // 2, y=cell.y + (cell.height - height) // 2, width=width, height=height)


def _scenery(sample: SceneSample, plan: Plan | None, look: Look) -> Scenery:
    future = sample.target.future
    record = make_ribbon(future.poses[future.valid], future.times_s[future.valid]) if future.valid.any() else None
    return Scenery(
        ribbon=make_ribbon(plan.best, plan.times_s) if plan is not None else None,
        record=record.centre if record is not None else None,
        agents=sample.target.agents,
        ground_z=ground_height([sample]) if look.ground_z is None else look.ground_z,
    )


def _draw_panel(cell: Cell, sample: SceneSample, plan: Plan | None, plan_name: str, note: str, said: tuple[Said, ...]) -> Picture:
    canvas = Canvas(cell.width, cell.height, PANEL)
    x, y, right = 26, 34.0, cell.width - 26
    canvas.text((x, y), shortened(sample.scene, 22, right - x - 160, bold=True), 22, TEXT, bold=True)
    canvas.text((right, y), f"key frame {sample.index}", 15, SOFT_TEXT, "right")
    observation = sample.observation
    facts = [f"{observation.speed_mps * 3.6:z.0f} km/h" if observation.speed_mps is not None else "speed unknown"]
    facts += [f"command {observation.command}"] if observation.command else []
    canvas.text((x, y + 32), " \u00b7 ".join(facts), 15, SOFT_TEXT)
    if plan is not None:
        length = float(np.hypot(*np.diff(plan.best[:, :2], axis=0, prepend=np.zeros((1, 2))).T).sum())
        canvas.text((x, y + 62), f"{plan_name or 'plan'}: {length:.1f} m in {plan.times_s[-1]:g} s", 15, TEXT)
    elif note or plan_name:
        canvas.text((x, y + 62), shortened(f"{plan_name}: {note or 'no plan'}", 15, right - x), 15, TEXT)
    y = _draw_said(canvas, said, x, y + 92, right, cell.height - 150) - 92 if said else y
    draw_legend(canvas, (x, y + 102), (right - x, cell.height - y - 102 - 10), sample, plan, bool(said))
    return canvas.finish()


def _draw_said(canvas: Canvas, said: tuple[Said, ...], x: float, y: float, right: float, low: float) -> float:
    """Lines "request: words", the answer's and, where it differs, the truth's, as far as they fit above `low`; returns where they end.
    The page beside the picture holds all of them."""
    for one in said:
        answer, truth = (marks_of(value).words if value is not None else () for value in (one.answer, one.truth))
        lines = [(f"{one.request}: {word}", ANSWER) for word in answer] or [(f"{one.request}: {one.reason or 'no answer'}", SOFT_TEXT)]
        lines += [(f"truly {word}", TRUTH) for word in truth if word not in answer]
        for words, colour in lines:
            if y > low:
                return y
            canvas.text((x, y), shortened(words, 13, right - x), 13, colour)
            y += 19
    return y + 8
