"""The map around the ego: from the nuScenes map expansion where the data set has one, else from its raster mask.

Rings of polygons are counter-clockwise outlines and clockwise holes, so filling by winding number gives the area. All
points are in the ego frame of t0, measured in the horizontal plane; everything within PATCH_M of the ego is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from drive.around import lanes_around
from drive.data.kept import Kept, kept
from drive.data.nuscenes.expansion import LANE_LAYERS, ExpansionFile, closed_under_links, expansion_file
from drive.data.paths import inside
from drive.data.png_rows import OtherPng, grey_bands, grey_size
from drive.frames import Array, heading_of, rotation_2d
from drive.maps import Lane
from drive.roads import Lanes
from drive.schema import MapPatch

if TYPE_CHECKING:
    from drive.data.scenes import SceneLog

PATCH_M = 60.0
POLYGON_LAYERS = ("drivable_area", "lane", "ped_crossing", "stop_line")
LINE_LAYERS = ("road_divider", "lane_divider")
UNTOLD_MPS = 1.0  # stands where a lane's speed limit is not told; never shown
MASK_RESOLUTION_M = 0.1
TILE = 256
MASK_BAND_ROWS = 2 * TILE
# Smaller mask files decode at once.
MASK_WORTH_BYTES = 100_000


class MapSource:
    """The maps of one data set, read when first asked for and kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._maps: dict[str, ExpansionMap | MaskMap | None] = {}

    def patch(self, log: SceneLog, index: int) -> MapPatch | None:
        """The map around key frame `index` of a scene; None where the data set has none there.

        Raises ValueError where a map's file does not hold what it should.
        """
        found = self._find(log)
        return None if found is None else found.patch(_pose(log, index))

    def lanes(self, log: SceneLog, index: int) -> Lanes | None:
        """The lane graph around key frame `index` of a scene; None where the data set has none there. Raises ValueError as `patch`."""
        found = self._find(log)
        return found.lanes(_pose(log, index)) if isinstance(found, ExpansionMap) else None

    def _find(self, log: SceneLog) -> ExpansionMap | MaskMap | None:
        key = f"{log.location} {log.map_file}"
        if key not in self._maps:
            self._maps[key] = self._open(log.location, log.map_file)
        return self._maps[key]

    def _open(self, location: str, map_file: str) -> ExpansionMap | MaskMap | None:
        expansion = inside(self.root, expansion_file(location))
        if expansion.is_file():
            try:
                return ExpansionMap(ExpansionFile(self.root, location))
            except ValueError as error:
                raise ValueError(f"the map expansion {location}.json does not open ({error})") from error
        mask = MaskMap(inside(self.root, map_file))
        return None if mask.blank else mask


class ExpansionMap:
    """Vector layers of a nuScenes map expansion (version 1.3); those that its file lacks are empty."""

    def __init__(self, source: ExpansionFile) -> None:
        layers: dict[str, list[Any]] = {name: list(source.of(name)) for name in POLYGON_LAYERS}
        layers |= {name: [shapely.LineString(line) for line in source.lines(name)] for name in LINE_LAYERS}
        self._source: ExpansionFile | None = source  # until its lanes are asked for
        self._lanes: tuple[Lane, ...] | None = None
        self._trees = {name: shapely.STRtree(shapely.make_valid(np.array(shapes, dtype=object))) for name, shapes in layers.items()}

    def patch(self, pose: Array) -> MapPatch:
        """The layers around a pose (x, y, heading) in the world, lines and polygons cut at a square around it."""
        x, y, _ = pose
        square = (x - PATCH_M, y - PATCH_M, x + PATCH_M, y + PATCH_M)

        def pieces(layer: str, kind: str) -> list[Any]:
            tree = self._trees[layer]
            shapes = tree.geometries[np.sort(tree.query(shapely.box(*square)))]
            parts = shapely.get_parts(shapely.get_parts(shapely.clip_by_rect(shapes, *square)))
            return [part for part in parts if part.geom_type == kind and not part.is_empty]

        polygons = {name: tuple(ring for p in pieces(name, "Polygon") for ring in _rings(p, pose)) for name in POLYGON_LAYERS}
        lines = {name: tuple(_to_ego(np.array(p.coords), pose) for p in pieces(name, "LineString")) for name in LINE_LAYERS}
        return MapPatch(polygons, lines)

    def lanes(self, pose: Array) -> Lanes | None:
        """The lane graph around a pose in the world; None where the file lacks a layer that it needs. Raises ValueError where a lane is
        damaged."""
        if self._source is not None:
            told = not self._source.missing(LANE_LAYERS)
            self._lanes = closed_under_links(self._source.lane(row, UNTOLD_MPS) for row in self._source.lanes()) if told else None
            self._lane_tree = shapely.STRtree([shapely.LineString(lane.centreline) for lane in self._lanes or ()])
            self._source = None
        if self._lanes is None:
            return None
        near = self._lane_tree.query(shapely.Point(pose[:2]).buffer(PATCH_M * np.sqrt(2)))
        return lanes_around([self._lanes[k] for k in np.sort(near)], pose, PATCH_M)


def _pose(log: SceneLog, index: int) -> Array:
    world_from_ego = log.world_from_ego[index]
    return np.array([*world_from_ego[:2, 3], heading_of(world_from_ego)])


class MaskMap:
    """The raster mask that comes with the tables (its "semantic prior"): where one may drive.

    Pixels are MASK_RESOLUTION_M wide, the last row lies at world y = 0. Decoded once, to tiles of bits that are kept
    (`drive.data.kept`); later only the tiles of a window are read. blank: whether there is nothing in it.
    """

    def __init__(self, path: Path) -> None:
        try:
            found = kept("map mask", [path], lambda: _decoded(path), MASK_WORTH_BYTES)
        except OSError as error:
            raise ValueError(f"map mask {path} does not open ({error})") from error
        self._bits, self._tile = found.arrays["bits"], found.arrays["tile"]
        self.width, self.height, self.blank = (found.facts[name] for name in ("width", "height", "blank"))

    def patch(self, pose: Array) -> MapPatch:
        """The mask's outlines around a pose (x, y, heading) in the world, as the layer drivable_area."""
        import cv2

        half = round(PATCH_M / MASK_RESOLUTION_M)
        column, row = round(pose[0] / MASK_RESOLUTION_M), round(self.height - pose[1] / MASK_RESOLUTION_M)
        area = self._window(row - half, row + half, column - half, column + half)
        rows = np.flatnonzero(area.any(1))  # the others hold no outline, and need not be looked through
        first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
        contours, hierarchy = cv2.findContours(area[first:last], cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(0, first))
        rings = []
        for contour, (_, _, _, parent) in zip(contours, hierarchy[0] if len(contours) else (), strict=True):
            if len(contour) >= 3 and len(cells := cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0] + 0.5) >= 3:
                world = np.column_stack([column - half + cells[:, 0], self.height - (row - half + cells[:, 1])]) * MASK_RESOLUTION_M
                rings.append(_oriented(_to_ego(world, pose), hole=parent >= 0))
        return MapPatch({"drivable_area": tuple(rings)})

    def _window(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Rows and columns of the mask as uint8 0 or 1; zero outside it."""
        low, high, first, last = max(top, 0), min(bottom, self.height), max(left, 0), min(right, self.width)
        if low >= high or first >= last:
            return np.zeros((bottom - top, right - left), dtype=np.uint8)
        down, along = low // TILE, first // TILE
        tiles = self._bits[self._tile[down : -(-high // TILE), along : -(-last // TILE)]]
        packed = tiles.swapaxes(1, 2).reshape(tiles.shape[0] * TILE, -1)[low - down * TILE : high - down * TILE]
        begin, end = first // 8 - along * TILE // 8, -(-last // 8) - along * TILE // 8
        bits = np.unpackbits(packed[:, begin:end], axis=1)[:, first % 8 : first % 8 + last - first]
        if (low, high, first, last) == (top, bottom, left, right):
            return bits
        window = np.zeros((bottom - top, right - left), dtype=np.uint8)
        window[low - top : high - top, first - left : last - left] = bits
        return window


def _decoded(path: Path) -> Kept:
    """A mask file as packed bits, a band of its rows after the other. Raises ValueError where it does not decode."""
    try:
        width, height = grey_size(path)
        return _packed(width, height, grey_bands(path, MASK_BAND_ROWS))
    except OtherPng:
        return _decoded_by_pillow(path)


def _decoded_by_pillow(path: Path) -> Kept:
    """Whatever Pillow reads, all pixels at once."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            width, height = picture.size
            picture.load()
            grey = picture if picture.mode == "L" else picture.convert("L")
        tops = range(0, height, MASK_BAND_ROWS)
        return _packed(width, height, (np.asarray(grey.crop((0, t, width, min(t + MASK_BAND_ROWS, height)))) for t in tops))
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"map mask {path} does not decode ({error})") from error


def _packed(width: int, height: int, bands: Iterable[NDArray[np.uint8]]) -> Kept:
    """Bands of rows -> tiles: `tile` [rows, columns] int32 is which of `bits` [N, TILE, TILE / 8] lies there; 0 is empty, 1 is full."""
    found = [np.zeros((1, TILE, TILE // 8), np.uint8), np.full((1, TILE, TILE // 8), 255, np.uint8)]
    numbers, count = [], 2
    for band in bands:
        bits = np.packbits(band > 0, axis=1)
        bits = np.pad(bits, [(0, -len(bits) % TILE), (0, -bits.shape[1] % (TILE // 8))])
        grid = bits.reshape(len(bits) // TILE, TILE, -1, TILE // 8).swapaxes(1, 2)
        full = (grid == 255).all((2, 3))
        mixed = grid.any((2, 3)) & ~full
        number = full.astype(np.int32)
        number[mixed] = np.arange(count, count + mixed.sum())
        numbers.append(number)
        found.append(grid[mixed])
        count += int(mixed.sum())
    tile = np.concatenate(numbers)
    return Kept({"bits": np.concatenate(found), "tile": tile}, {"width": width, "height": height, "blank": not tile.any()})


def _rings(polygon: Any, pose: Array) -> list[Array]:
    outline = _oriented(_to_ego(np.array(polygon.exterior.coords)[:-1], pose), hole=False)
    return [outline, *(_oriented(_to_ego(np.array(ring.coords)[:-1], pose), hole=True) for ring in polygon.interiors)]


def _to_ego(points: Array, pose: Array) -> Array:
    """World points [N, 2] -> the ego frame of a pose (x, y, heading)."""
    return (points[:, :2] - pose[:2]) @ rotation_2d(pose[2])


def _oriented(ring: Array, hole: bool) -> Array:
    """The ring [N, 2], counter-clockwise, or clockwise for a hole."""
    (x, y), (x_next, y_next) = ring.T, np.concatenate([ring[1:], ring[:1]]).T
    doubled_area = float(x @ y_next - y @ x_next)
    return ring[::-1] if (doubled_area < 0) != hole else ring
