"""Real pictures beside the same moments rendered: real, drawn, and the drawn outlines over the real one; a page with the figures.

Measured for each key frame: how boxes of the tables, projected as the devkit does, agree with the drawn agents' pixels; how far the
map's painted lines lie from the paint in the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.compare.overlap import Overlap, measure
from drive.compare.rerender import Recast, flat_camera, heights, match, moment, road_plane
from drive.compare.road_photo import CELL_M, SIDE, LineFit, RoadPhoto, fit_lines, line_pixels, take_photo
from drive.data.images import read_image
from drive.frames import Array, heading_of
from drive.progress import SILENT, Progress
from drive.render.scene import SEMANTIC, Buffers
from drive.schema import CameraImage
from drive.viz.canvas import SCALE, Canvas, Picture
from drive.viz.page import Beside, Block, Heading, Image, Numbers, Table, Text, encode_picture, write_page
from drive.viz.style import BACKGROUND, category_style

if TYPE_CHECKING:
    from drive.render.renderer import Renderer

PANEL_WIDTH = 800
PANELS = ("real", "rendered", "outlines of the rendered over the real")
PAINT = [SEMANTIC.index(name) for name in ("marking", "crossing")]
ROAD = [SEMANTIC.index("road"), *PAINT]
PAINT_COLOUR, ROAD_COLOUR = (0, 255, 255), (255, 70, 235)
GOOD_IOU = 0.7

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class KeyFrame:
    """What was found of one key frame. pictures: (camera, (real, drawn, outlines over the real one))."""

    scene: str
    index: int
    lines: LineFit
    plane: Array
    photo: Picture
    overlaps: tuple[Overlap, ...]
    pictures: tuple[tuple[str, tuple[Picture, ...]], ...]


def compare(real: Path, synth: Path, out: Path, weather: str = "overcast", progress: Progress = SILENT) -> Path:
    """Writes index.html into a folder: every key frame of a ScenarioNet file's scene whose pictures a nuScenes-format data set has.

    Raises ValueError where the data set has not this scene, or no key frame of it with all pictures on disk.
    """
    from drive.data.nuscenes.scenes import Scenes
    from drive.render.renderer import Renderer
    from drive.render.weather import choose_weather
    from drive.world.recorded.scenarionet import log_world

    recast = match(Scenes(real), log_world(synth, reactive=False))
    on_disk = [bool(records) and all(isinstance(r.path, Path) and r.path.is_file() for r in records) for records in recast.log.cameras]
    indices = [k for k, there in enumerate(on_disk) if there]
    if not indices:
        raise ValueError(f"{real}: no key frame of {recast.log.name} has its pictures on disk")
    renderer = Renderer(recast.world, choose_weather(weather, 0), hindsight=True)
    overlaps, blocks = list[Overlap](), list[Block]()
    progress.begin("key frames", len(indices))
    for index in indices:
        frame = compare_key_frame(recast, renderer, index)
        progress.done()
        progress(describe(frame))
        overlaps += frame.overlaps
        blocks += _frame_blocks(frame)  # holds encoded pictures alone: a record of many key frames does not hold their pixels
    return write_page(
        out / "index.html", f"Real and rendered: {recast.log.name}", _summary(overlaps) + blocks, f"{real.name} beside {synth.name}"
    )


def compare_key_frame(recast: Recast, renderer: Renderer, index: int) -> KeyFrame:
    """All cameras of one key frame."""
    log = recast.log
    records = log.cameras[index]
    pictures = [read_image(CameraImage(r.camera, 0.0, r.path))[1] for r in records]
    photo = take_photo([flat_camera(log, index, r) for r in records], pictures)
    pose = log.world_from_ego[index]
    lines = line_pixels(recast.world.map, np.array([*(pose[:2, 3] - recast.offset), heading_of(pose)]))
    fit = fit_lines(photo, lines)
    up, overlaps = heights(recast, index), list[Overlap]()
    shown = []
    for record, picture in zip(records, pictures, strict=True):
        camera, state = flat_camera(log, index, record), moment(recast, index, record, fit.shift)
        drawn = renderer.render(state, [camera], up)[0]
        overlaps += measure(recast, renderer, index, record, state, drawn)
        shown.append((record.camera.name, tuple(_panel(p) for p in (picture, drawn.rgb, outlined(recast, picture, drawn)))))
    return KeyFrame(log.name, index, fit, road_plane(log, index), _photo_picture(photo, lines, fit), tuple(overlaps), tuple(shown))


def outlined(recast: Recast, picture: Picture, drawn: Buffers) -> Picture:
    """The real picture, a little darker, with outlines of what was drawn: paint, the road's edge, agents in their colours."""
    out = (0.8 * picture).astype(np.uint8)
    out[_edges(np.isin(drawn.semantic, ROAD), 1)] = ROAD_COLOUR
    out[_edges(np.isin(drawn.semantic, PAINT), 1)] = PAINT_COLOUR
    names = {i + 1: recast.log.tracks.categories[a] for a, i in recast.agents.items()}
    for number in np.unique(drawn.instance[drawn.instance > 0]):
        out[_edges(drawn.instance == number, 2)] = category_style(names.get(int(number), ""))[1]
    return out


def _edges(mask: Mask, width: int) -> Mask:
    shape = mask.astype(np.uint8)
    return cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((2 * width + 1, 2 * width + 1), np.uint8)).astype(bool)


def _panel(picture: Picture) -> Picture:
    height = round(PANEL_WIDTH * picture.shape[0] / picture.shape[1])
    return cv2.resize(picture, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _photo_picture(photo: RoadPhoto, lines: Sequence[Array], fit: LineFit) -> Picture:
    """The road from above: the map's lines as recorded, and beside it moved by the shift that was found, if any."""
    parts = []
    shown = [("lines as recorded", np.zeros(2))]
    if fit.shift.any():
        shown.append((f"moved {fit.shift[0]:+.1f} m forward, {fit.shift[1]:+.1f} m left", fit.shift))
    for words, shift in shown:
        canvas = Canvas(SIDE, SIDE, picture=cv2.resize(photo.pixels, (SIDE * SCALE, SIDE * SCALE)).astype(np.uint8, copy=False))
        for line in lines:
            canvas.line(line - shift[::-1] / CELL_M, PAINT_COLOUR, 2.0)
        canvas.text((14, 22), words, 18, pill=BACKGROUND)
        parts.append(canvas.finish())
    return np.hstack(parts)


def describe(frame: KeyFrame) -> str:
    """One line for a terminal."""
    ious = [o.iou for o in frame.overlaps]
    boxes = f"IoU of boxes and drawn agents: median {np.median(ious):.2f} of {len(ious)}" if ious else "no agent seen whole"
    fit = frame.lines
    return f"{frame.scene}, key frame {frame.index}: {boxes}; map moved {fit.shift[0]:+.1f} m forward, {fit.shift[1]:+.1f} m left"


def _summary(overlaps: Sequence[Overlap]) -> list[Block]:
    ious = np.array([o.iou for o in overlaps])
    if not len(ious):
        return [Text(_HOW)]
    numbers = [(f"{np.median(ious):.2f}", "median IoU, box and drawn agent"), (str(len(ious)), "agents seen whole")]
    numbers += [(f"{100 * (ious >= GOOD_IOU).mean():.0f} %", f"with IoU of {GOOD_IOU} or more")]
    numbers += [(f"{np.median([o.off_px for o in overlaps]):.1f} px", "median distance of centres")]
    return [Numbers(numbers), Text(_HOW), _by_kind(overlaps)]


def _by_kind(overlaps: Sequence[Overlap]) -> Table:
    rows: list[list[str | int | float]] = []
    for kind in sorted({o.category for o in overlaps}):
        own = [o for o in overlaps if o.category == kind]
        rows.append([kind, len(own), float(np.median([o.iou for o in own])), float(np.median([o.off_px for o in own]))])
    return Table(["category", "seen whole", "median IoU", "centres apart, px"], rows, "Boxes of the tables and drawn agents", 2)


def _frame_blocks(frame: KeyFrame) -> list[Block]:
    fit, (height, x, y) = frame.lines, frame.plane
    told = f"The map's painted lines fit the paint best when moved {fit.shift[0]:+.1f} m forward and {fit.shift[1]:+.1f} m to the left: "
    told += f"mean brightness {fit.score:.1f} there, {fit.at_zero:.1f} unmoved, {fit.mean:.1f} on average over all shifts. "
    told += f"The road lies {height:+.2f} m above the ego frame's ground and rises {100 * x:+.1f} % ahead and {100 * y:+.1f} % to the left."
    cameras = [
        Beside([(encode_picture(p, photo=True), what) for p, what in zip(shown, PANELS, strict=True)], f"{name}: {', '.join(PANELS)}")
        for name, shown in frame.pictures
    ]
    photo = Image(encode_picture(frame.photo, photo=True), _PHOTO_CAPTION)
    return [Heading(f"{frame.scene}, key frame {frame.index}"), *cameras, Text(told), photo]


_PHOTO_CAPTION = (
    "The road from above, put together from the real pictures, with the map's lines; black is what no camera sees, first of all the"
    " place under the car"
)
_HOW = (
    "Each camera of a key frame is rendered with its own calibration at its own time from a ScenarioNet file's lanes and tracks. "
    "Outlines: paint cyan, the road's edge magenta, agents in their colours. Houses, trees and lamps are invented: the record has none.\n\n"
    "The drawn road is a plane: the one nearest to the lower faces of the boxes around the ego; agents stand where their boxes do. "
    "Where the map's lines lie clearly beside the paint in the pictures, the map is moved, and the page says by how much. An agent is "
    "measured where nothing hides it in the drawn picture: the rectangle around its projected box, as the devkit draws it, against "
    "the rectangle around its pixels. A box is larger than what stands in it, so a perfect fit stays below 1."
)
