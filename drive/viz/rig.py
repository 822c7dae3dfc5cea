"""A rig drawn: horizon, ground grid and what neighbours also see on each camera's picture, and the cameras from above.

Where the calibration is right, the horizon line lies on the picture's horizon, rings and grid lie flat on the road, and what a tint
marks in one picture is what the neighbour shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, in_picture, patch_centres, resized, unproject
from drive.data.images import read_image
from drive.data.rig_files import mount_angles
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, EGO_LENGTH_M, EGO_WIDTH_M
from drive.schema import CameraImage
from drive.viz.cameras import project_segments
from drive.viz.canvas import SCALE, Canvas, Picture
from drive.viz.style import BACKGROUND, EGO, GRID, SOFT_TEXT, TEXT, Colour

# The distance at which one asks what a neighbour also sees, metres from the camera that is asked about.
AT_M = 30.0
GRID_M, REACH_M = 5.0, 40.0
RINGS_M = (5.0, 10.0, 20.0, 40.0)
HORIZON: Colour = (255, 74, 74)
GROUND: Colour = (96, 220, 140)
RING: Colour = (255, 205, 64)
TINTS: tuple[Colour, ...] = ((64, 160, 255), (255, 120, 220), (255, 160, 60), (120, 240, 240), (190, 130, 255), (190, 230, 80))
STEPS = (128, 72)  # places of a picture at which neighbours are asked, across and down


@dataclass(frozen=True)
class CameraFacts:
    """What a calibration says in numbers. yaw, pitch, roll and width (the field of view) in degrees; height_m above the ground;
    horizon: where the horizon lies in the middle of the picture, as a share of its height from the top, None where it is not in view;
    overlaps: neighbour -> share of this picture that it sees too, at AT_M."""

    name: str
    yaw: float
    pitch: float
    roll: float
    width: float
    height_m: float
    horizon: float | None
    overlaps: dict[str, float]


def camera_facts(camera: Camera, others: Sequence[Camera]) -> CameraFacts:
    """others: the rig's cameras, this one among them or not."""
    across = unproject(camera, np.stack([np.linspace(0, camera.width, 65), np.full(65, camera.K[1, 2])], -1))
    across = across[np.isfinite(across).all(1)]  # a lens that has folded over has no rays at the edges
    width = float(np.degrees(np.arccos(np.clip((across[:-1] * across[1:]).sum(-1), -1, 1)).sum()))
    rows = np.linspace(0, camera.height, 721)
    up = _directions(camera, np.stack([np.full(721, camera.width / 2), rows], -1))[:, 2]
    crossing = np.flatnonzero((up[:-1] >= 0) & (up[1:] < 0))
    shares = {other.name: share for other in others if other.name != camera.name and (share := float(_also(camera, other).mean()))}
    yaw, pitch, roll = mount_angles(camera.ego_from_camera)
    horizon = float(crossing[0] / 720) if len(crossing) else None
    return CameraFacts(camera.name, yaw, pitch, roll, width, float(camera.ego_from_camera[2, 3]), horizon, shares)


def unseen_sectors(cameras: Sequence[Camera]) -> list[tuple[int, int]]:
    """Directions from the rear axle, whole degrees to the left from straight ahead, that no camera sees AT_M away and 1 m high:
    (first, last) of each run, in -180..179; a run may end beyond 180. A lone degree, whose neighbours are seen, is left out."""
    angles = np.radians(np.arange(-180, 180))
    points = np.stack([AT_M * np.cos(angles), AT_M * np.sin(angles), np.ones(360)], -1)
    seen = np.any([in_picture(camera, points) for camera in cameras], axis=0)
    if seen.all() or not seen.any():
        return [] if seen.all() else [(-180, 179)]
    start = int(np.flatnonzero(seen)[0])
    turned = np.roll(seen, -start)
    edges = np.diff(np.concatenate([[1], turned, [1]]).astype(int))
    firsts, lasts = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1) - 1
    wrapped = [(int((a + start) % 360) - 180, int(b - a)) for a, b in zip(firsts, lasts, strict=True)]
    return [(a, a + length) for a, length in wrapped if length]


def draw_on_picture(view: CameraImage, others: Sequence[Camera], width: int = 1280) -> Picture:
    """A camera's picture, `width` wide, with horizon, ground and overlaps drawn in. others: the rig's cameras. Raises MissingImage."""
    height = round(width * view.camera.height / view.camera.width)
    _, pixels = read_image(view, width * SCALE, height * SCALE)
    camera = resized(view.camera, width, height)
    canvas = Canvas(width, height, picture=pixels)
    _draw_overlaps(canvas, camera, others)
    _draw_ground(canvas, camera)
    azimuth = np.radians(np.arange(0, 361, 1.0))
    far = camera.ego_from_camera[:3, 3] + 1e5 * np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(361)], -1)
    canvas.lines(list(project_segments(camera, far[:-1], far[1:])), HORIZON, 2.0, 0.9)
    facts = camera_facts(view.camera, ())
    told = f"{facts.width:.0f} deg wide, yaw {facts.yaw:.1f}, pitch {facts.pitch:.1f}, roll {facts.roll:.1f}, {facts.height_m:.2f} m high"
    canvas.text((16, 22), f"{camera.name}: {told}", 15, TEXT, pill=BACKGROUND, bold=True)
    return canvas.finish()


def draw_from_above(cameras: Sequence[Camera], size: int = 720, reach_m: float = 9.0) -> Picture:
    """The car and where each camera looks, x up and y to the left; uint8 [size, size, 3]."""
    canvas = Canvas(size, size, BACKGROUND)
    scale = size / 2 / reach_m

    def place(points: Array) -> Array:
        return np.stack([size / 2 - points[..., 1] * scale, size * 0.55 - points[..., 0] * scale], -1)

    for metres in np.arange(-reach_m, reach_m + 1):
        for line in ([[metres, -reach_m], [metres, reach_m]], [[-reach_m, metres], [reach_m, metres]]):
            canvas.line(place(np.array(line)), GRID, 1.0, 0.6)
    rear = EGO_LENGTH_M / 2 - EGO_CENTRE_AHEAD_M
    body = np.array([[EGO_LENGTH_M - rear, 1], [EGO_LENGTH_M - rear, -1], [-rear, -1], [-rear, 1]]) * [1, EGO_WIDTH_M / 2]
    canvas.line(place(body), EGO, 2.0, closed=True)
    for k, camera in enumerate(cameras):
        tint, origin = TINTS[k % len(TINTS)], camera.ego_from_camera[:2, 3]
        row = np.stack([np.linspace(0, camera.width, 25), np.full(25, camera.K[1, 2])], -1)
        ways = _directions(camera, row)[:, :2]
        ways = ways[np.isfinite(ways).all(1)] / np.maximum(np.linalg.norm(ways[np.isfinite(ways).all(1)], axis=1), 1e-9)[:, None]
        wedge = place(np.concatenate([origin[None], origin + ways * reach_m * 0.55]))
        canvas.polygon(wedge, tint, 0.16)
        canvas.line(wedge, tint, 1.5, 0.9, closed=True)
        canvas.disc(place(origin), 4.0, tint)
        label = place(origin + ways[len(ways) // 2] * reach_m * 0.62)
        canvas.text((float(np.clip(label[0], 60, size - 60)), float(label[1])), camera.name, 12, tint, "middle", pill=BACKGROUND)
    canvas.text((14, 18), "from above, 1 m a square", 12, SOFT_TEXT)
    return canvas.finish()


def _directions(camera: Camera, pixels: Array) -> Array:
    """Unit directions [..., 3] in the ego frame."""
    return unproject(camera, pixels) @ camera.ego_from_camera[:3, :3].T


def _also(camera: Camera, other: Camera) -> NDArray[np.bool_]:
    """Whether what lies AT_M behind each place of a picture is in another camera's picture too, [STEPS down, across]."""
    ways = _directions(camera, patch_centres(camera.width, camera.height, *STEPS))
    with np.errstate(invalid="ignore"):
        return in_picture(other, camera.ego_from_camera[:3, 3] + AT_M * ways)


def _draw_overlaps(canvas: Canvas, camera: Camera, others: Sequence[Camera]) -> None:
    for k, other in enumerate(others):
        if other.name == camera.name or not (mask := _also(camera, other)).any():
            continue
        tint = TINTS[k % len(TINTS)]
        smooth = cv2.resize(mask.astype(np.float32), (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR)
        large = (smooth > 0.5).astype(np.uint8)
        outlines = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        for outline in (shape[:, 0].astype(np.float64) for shape in outlines):
            canvas.polygon(outline, tint, 0.18)
            canvas.line(outline, tint, 1.5, 0.9, closed=True)
        rows, columns = np.nonzero(large)
        x = float(np.clip(columns.mean(), 90, canvas.width - 90))
        canvas.text((x, float(np.clip(rows.min() + 60, 60, canvas.height - 20))), f"also {other.name}", 13, tint, "middle", pill=BACKGROUND)


def _draw_ground(canvas: Canvas, camera: Camera) -> None:
    """Squares of GRID_M and rings of distance from the rear axle, on the plane z = 0."""
    ends = np.arange(-REACH_M, REACH_M + GRID_M, GRID_M)
    along = np.arange(-REACH_M, REACH_M + 1)
    lines = [np.stack([along, np.full(len(along), y)], -1) for y in ends] + [np.stack([np.full(len(along), x), along], -1) for x in ends]
    for line in lines:
        near = np.hypot(*line.T) <= REACH_M
        flat = np.concatenate([line, np.zeros((len(line), 1))], -1)
        both = near[:-1] & near[1:]
        canvas.lines(list(project_segments(camera, flat[:-1][both], flat[1:][both])), GROUND, 1.0, 0.55)
    angle = np.radians(np.arange(0, 361, 2.0))
    for metres in RINGS_M:
        ring = np.stack([metres * np.cos(angle), metres * np.sin(angle), np.zeros(len(angle))], -1)
        parts = project_segments(camera, ring[:-1], ring[1:])
        canvas.lines(list(parts), RING, 1.6, 0.8)
        inside = [part[0] for part in parts if 30 < part[0][0] < canvas.width - 40 and 40 < part[0][1] < canvas.height - 12]
        if inside:
            middle = min(inside, key=lambda at: abs(at[0] - canvas.width / 2))
            canvas.text((float(middle[0]), float(middle[1])), f"{metres:g} m", 12, RING, "middle", pill=BACKGROUND)
