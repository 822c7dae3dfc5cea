"""Camera pictures with the plan as a band on the road and the boxes of what is around."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.cameras import Camera, project, resized, view_cosine
from drive.data.images import read_image
from drive.frames import Array, invert_se3, transform_points
from drive.geometry import box_corners
from drive.schema import Agents, CameraImage, Mask, MissingImage
from drive.viz.answers.marks import NOTHING, Marks
from drive.viz.canvas import SCALE, Canvas, Picture, shortened
from drive.viz.ribbon import STEP_M, Ribbon
from drive.viz.style import ANSWER, BACKGROUND, MISSING, SOFT_TEXT, TEXT, TRUTH, Colour, category_style, time_colours

NEAR_M = 0.2
BOX_RANGE_M = 75.0
RIBBON_ALPHA = 0.62
HIDDEN = 0.15  # share of the band that shows through what stands before it
# A lens that bends straight edges draws them in this many pieces. Other pinhole cameras keep them straight.
BENT_PIECES = 12
DASH_PIECES = 3  # of the recorded path, whose points lie `drive.viz.ribbon.STEP_M` apart

# Corners of a box as `box_corners_3d` orders them.
_EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]])
_FRONT_FACE = [0, 3, 7, 4]


@dataclass(frozen=True, eq=False)
class Scenery:
    """What is drawn into every camera: the plan's band, the recorded path [N, 2], the agents; ground_z m in the ego frame; what is said
    to be there and what truly is."""

    ribbon: Ribbon | None = None
    record: Array | None = None
    agents: Agents | None = None
    ground_z: float = 0.0
    said: Marks = NOTHING
    true: Marks = NOTHING


def draw_camera(camera_image: CameraImage, width: int, height: int, scenery: Scenery, before: Mask | None = None) -> Picture:
    """One camera's picture of width x height with the scenery drawn in, uint8 [height, width, 3].

    before: where something stands before the road in the picture, bool [H, W] of any size; the plan's band passes behind it.
    A picture that is not on disk becomes a grey one that names the file; the scenery is drawn all the same.
    """
    missing = None
    try:
        camera, pixels = read_image(camera_image, width * SCALE, height * SCALE)
    except MissingImage:
        missing = str(getattr(camera_image.image, "name", "picture"))
        pixels = np.full((height * SCALE, width * SCALE, 3), MISSING, dtype=np.uint8)
    camera = resized(camera_image.camera, width, height)
    canvas = Canvas(width, height, picture=pixels)
    boxes = _boxes_in_view(camera, scenery.agents) if scenery.agents is not None else []
    _draw_path(canvas, camera, scenery, boxes)
    if before is not None:
        canvas.restore(pixels, cv2.resize(before.astype(np.uint8), (width * SCALE, height * SCALE)) > 0, HIDDEN)
    for box in boxes:
        _draw_box(canvas, camera, box)
    _draw_marks(canvas, camera, scenery.true, TRUTH, scenery.ground_z, dash=True)
    _draw_marks(canvas, camera, scenery.said, ANSWER, scenery.ground_z)
    canvas.text((14, 19), shortened(camera.name, 13, width - 32, bold=True), 13, TEXT, pill=BACKGROUND, bold=True)
    if missing is not None:
        _name_missing(canvas, missing)
    return canvas.finish()


def clip_margin(camera: Camera, points_in_ego: ArrayLike) -> Array:
    """How far points [..., 3] lie inside the part of space that the camera can draw, [...] metres; negative = outside.

    Pinhole: ahead of the near plane. A lens that bends: inside the cone through the image's corners; beyond it its polynomial
    may fold back.
    """
    points = transform_points(invert_se3(camera.ego_from_camera), points_in_ego)
    if not camera.bends:
        return points[..., 2] - NEAR_M
    inside = points[..., 2] - np.linalg.norm(points, axis=-1) * view_cosine(camera)
    return inside if camera.model == "fisheye" else np.minimum(inside, points[..., 2] - NEAR_M)


def project_polygon(camera: Camera, ring: ArrayLike) -> Array:
    """A polygon [N, 3] in the ego frame -> the part the camera can draw, pixels [M, 2]; M = 0 where there is none."""
    points = _in_pieces(np.asarray(ring, dtype=np.float64), camera)
    margin = clip_margin(camera, points)
    if (margin < 0).all():
        return np.zeros((0, 2))
    kept = []
    for a, b, inside_a, inside_b in zip(points, np.roll(points, -1, 0), margin, np.roll(margin, -1), strict=True):
        if inside_a >= 0:
            kept.append(a)
        if (inside_a >= 0) != (inside_b >= 0):
            kept.append(a + (b - a) * (inside_a / (inside_a - inside_b)))
    return project(camera, np.array(kept))[0]


def project_polygons(camera: Camera, rings: ArrayLike) -> list[Array]:
    """As `project_polygon` of each of many polygons [P, N, 3], those that lie wholly in the drawn part at once."""
    every = np.asarray(rings, dtype=np.float64)
    whole = _in_pieces(every, camera)
    inside = clip_margin(camera, whole) >= 0
    drawn = [np.zeros((0, 2))] * len(every)
    for k, pixels in zip(np.flatnonzero(inside.all(-1)), project(camera, whole[inside.all(-1)])[0], strict=True):
        drawn[k] = pixels
    for k in np.flatnonzero(inside.any(-1) & ~inside.all(-1)):
        drawn[k] = project_polygon(camera, every[k])
    return drawn


def project_segments(camera: Camera, start: ArrayLike, end: ArrayLike) -> Array:
    """Segments from start [S, 3] to end [S, 3] in the ego frame -> the parts the camera can draw, pixels [M, 2, 2]."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    if camera.bends:
        share = np.linspace(0, 1, BENT_PIECES + 1)[:, None, None]
        points = a + (b - a) * share
        a, b = points[:-1].reshape(-1, 3), points[1:].reshape(-1, 3)
    inside_a, inside_b = clip_margin(camera, a), clip_margin(camera, b)
    seen = (inside_a >= 0) | (inside_b >= 0)
    a, b, inside_a, inside_b = a[seen], b[seen], inside_a[seen], inside_b[seen]
    gap = np.where(inside_a == inside_b, 1.0, inside_a - inside_b)
    cut = a + (b - a) * (inside_a / gap)[:, None]
    a, b = np.where(inside_a[:, None] < 0, cut, a), np.where(inside_b[:, None] < 0, cut, b)
    return np.stack([project(camera, a)[0], project(camera, b)[0]], 1)


def box_corners_3d(centre: ArrayLike, heading: float, size: ArrayLike) -> Array:
    """Box centre [3], heading, size [3] (length, width, height) -> corners [8, 3]: lower face counter-clockwise from front
    left, then the upper one alike."""
    x, y, z = np.asarray(centre, dtype=np.float64)
    length, width, height = np.asarray(size, dtype=np.float64)
    flat = box_corners([x, y, heading, length, width])
    return np.concatenate([np.column_stack([flat, np.full(4, z + side * height / 2)]) for side in (-1, 1)])


@dataclass(frozen=True, eq=False)
class _Box:
    corners: Array
    distance: float
    colour: tuple[int, int, int]
    hull: Array
    hidden: float


def _boxes_in_view(camera: Camera, agents: Agents) -> list[_Box]:
    """The boxes of t0 that this camera can show, farthest first; what was not hit by a single point is left out."""
    eye = camera.ego_from_camera[:2, 3]
    near = np.zeros((camera.height, camera.width), dtype=np.uint8)  # what the boxes before the next one cover
    boxes = []
    seen = np.flatnonzero(agents.valid[:, agents.now] & (agents.points[:, agents.now] != 0))
    corners_of = [box_corners_3d(agents.centres[i, agents.now], agents.headings[i, agents.now], agents.sizes[i]) for i in seen]
    distances = np.array([np.linalg.norm(corners[:, :2] - eye, axis=1).min() for corners in corners_of])
    for k in np.argsort(distances):
        corners, distance = corners_of[k], float(distances[k])
        if distance > BOX_RANGE_M or (clip_margin(camera, corners) < 0).all():
            continue
        ends = project_segments(camera, corners[_EDGES[:, 0]], corners[_EDGES[:, 1]]).reshape(-1, 2)
        if not len(ends) or (ends.max(0) < 0).any() or (ends.min(0) > (camera.width, camera.height)).any():
            continue
        hull = cv2.convexHull(ends.astype(np.float32))[:, 0].astype(np.float64)
        own = np.zeros_like(near)
        cv2.fillConvexPoly(own, np.clip(hull, -1e5, 1e5).astype(np.int32), (1,))
        hidden = float((own & near).sum() / max(own.sum(), 1))
        near |= own
        boxes.append(_Box(corners, distance, category_style(agents.categories[seen[k]])[1], hull, hidden))
    return boxes[::-1]


def _draw_box(canvas: Canvas, camera: Camera, box: _Box) -> None:
    """Edges, with the front face filled; fainter far away and behind other boxes."""
    fade = float(np.interp(box.distance, [20.0, BOX_RANGE_M], [1.0, 0.35])) * (1 - 0.75 * box.hidden)
    face = project_polygon(camera, box.corners[_FRONT_FACE])
    canvas.polygon(face, box.colour, 0.3 * fade)
    segments = project_segments(camera, box.corners[_EDGES[:, 0]], box.corners[_EDGES[:, 1]])
    canvas.lines(list(segments), box.colour, float(np.clip(24 / max(box.distance, 1), 1.0, 2.0)), fade)


def _draw_marks(canvas: Canvas, camera: Camera, marks: Marks, colour: Colour, ground_z: float, dash: bool = False) -> None:
    """Edges of boxes, lines on the ground and words at places of what is said or true; the truth thinner, its lines dashed."""
    wide = 1.0 if dash else 1.6
    for solid in marks.solids:
        corners = box_corners_3d(solid.centre, solid.heading, solid.size)
        canvas.lines(list(project_segments(camera, corners[_EDGES[:, 0]], corners[_EDGES[:, 1]])), colour, wide, 0.95)
    for line in marks.lines:
        dense = _on_ground(_every(line, STEP_M), ground_z)
        kept = np.arange(len(dense) - 1) // DASH_PIECES % 2 == 0 if dash else np.ones(len(dense) - 1, dtype=bool)
        canvas.lines(list(project_segments(camera, dense[:-1][kept], dense[1:][kept])), colour, wide, 0.85)
    for x, y, word in () if dash else marks.places:
        point = np.array([[x, y, ground_z]])
        if clip_margin(camera, point)[0] > 0:
            u, v = project(camera, point)[0][0]
            if 0 <= u <= camera.width and 0 <= v <= camera.height:
                canvas.text((float(u), float(v)), shortened(word, 11, camera.width / 2), 11, colour, "middle", pill=BACKGROUND)


def _every(line: Array, step_m: float) -> Array:
    """A polyline [N, 2] with points at most so far apart, [M, 2]."""
    stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, stations[-1], max(2, int(np.ceil(stations[-1] / step_m)) + 1))
    return np.stack([np.interp(at, stations, line[:, axis]) for axis in (0, 1)], -1)


def _draw_path(canvas: Canvas, camera: Camera, scenery: Scenery, boxes: list[_Box]) -> None:
    """The plan's band, passing behind what stands before it, and the recorded path as a dashed line."""
    if scenery.ribbon is not None:
        quads, z = scenery.ribbon.quads, scenery.ground_z
        eye = camera.ego_from_camera[:2, 3]
        distance = np.linalg.norm(quads.mean(1) - eye, axis=1)
        parts: list[tuple[float, Array, tuple[int, int, int] | None]] = [(box.distance, box.hull, None) for box in boxes]
        seen = project_polygons(camera, np.concatenate([quads, np.full((*quads.shape[:2], 1), z)], -1))
        for pixels, far, colour in zip(seen, distance, time_colours(scenery.ribbon.fraction[:-1]), strict=True):
            if len(pixels) and _touches(pixels, camera):
                parts.append((float(far), pixels, tuple(int(c) for c in colour)))  # type: ignore[arg-type]
        parts.sort(key=lambda part: -part[0])
        canvas.gradient([(pixels, colour) for _, pixels, colour in parts], RIBBON_ALPHA)
    if scenery.record is not None and len(scenery.record) >= 2:
        path = _on_ground(scenery.record, scenery.ground_z)
        dash = np.arange(len(path) - 1) // DASH_PIECES % 2 == 0
        segments = project_segments(camera, path[:-1][dash], path[1:][dash])
        canvas.lines(list(segments), (0, 0, 0), 3.5, 0.35)
        canvas.lines(list(segments), TEXT, 1.8, 0.95)


def _touches(pixels: Array, camera: Camera) -> bool:
    return bool((pixels.max(0) >= 0).all() and (pixels.min(0) <= (camera.width, camera.height)).all())


def _on_ground(points_xy: Array, z: float) -> Array:
    return np.concatenate([points_xy, np.full((len(points_xy), 1), z)], -1)


def _in_pieces(rings: Array, camera: Camera) -> Array:
    """Rings [..., N, 3] -> the same with points along their edges where a lens bends these."""
    if not camera.bends:
        return rings
    share = np.linspace(0, 1, BENT_PIECES, endpoint=False)[:, None]
    ways = np.roll(rings, -1, -2) - rings
    return (rings[..., None, :] + ways[..., None, :] * share).reshape(*rings.shape[:-2], BENT_PIECES * rings.shape[-2], rings.shape[-1])


def _name_missing(canvas: Canvas, name: str) -> None:
    """The file's name, above where the horizon mostly lies, in lines that fit."""
    per_line = max(8, int(canvas.width / 8.2))
    lines = ["no picture on disk:"] + [name[i : i + per_line] for i in range(0, len(name), per_line)]
    for i, line in enumerate(lines):
        place = (canvas.width / 2, canvas.height / 4 + 20 * (i - (len(lines) - 1) / 2))
        canvas.text(place, line, 12, SOFT_TEXT if i == 0 else TEXT, "middle")


def yaw_of(camera: Camera) -> float:
    """Direction in which a camera looks, radians counter-clockwise from straight ahead."""
    direction: NDArray[np.float64] = camera.ego_from_camera[:2, 2]
    return float(np.arctan2(direction[1], direction[0]))
