"""The synthetic set's maps: a nuScenes map expansion and the mask of the drivable area."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np

from drive.frames import Array
from tests.analytic.road import Scene
from tests.analytic.rows import LOCATION, Row, Writer, token
from tests.analytic.scenes import LANES, TILE
from tests.analytic.town import map_layers


def write_maps(writer: Writer, scenes: list[Scene]) -> None:
    """The map expansion with all scenes' roads, and the mask of their drivable area."""
    expansion = Expansion()
    mask = np.zeros((round(2 * TILE * 10), round(4 * TILE * 10)), dtype=np.uint8)
    for scene in scenes:
        polygons, lines = map_layers(scene)
        for layer, rings in polygons.items():
            for ring in rings:
                expansion.polygon(layer, ring)
        for layer, ways in lines.items():
            for way in ways:
                expansion.line(layer, way)
        for (right, left, against), name in zip(LANES, expansion.tokens("lane")[-len(LANES) :], strict=True):
            expansion.path(name, scene.road.arc_lines((right + left) / 2, against))
        for ring in polygons["drivable_area"]:
            cells = ring * 10 - 0.5
            cells[:, 1] = len(mask) - 1 - cells[:, 1]
            cv2.fillPoly(mask, [np.round(cells).astype(np.int32)], (255,))
    folder = writer.root / "maps" / "expansion"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{LOCATION}.json").write_text(json.dumps(expansion.json, separators=(",", ":")) + "\n")
    cv2.imwrite(str(writer.root / "maps" / "synthetic.png"), mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])


class Expansion:
    """A nuScenes map expansion, version 1.3, with the layers that a road of two lanes has."""

    def __init__(self) -> None:
        layers = "polygon line node drivable_area road_segment road_block lane ped_crossing walkway stop_line carpark_area"
        layers += " road_divider lane_divider traffic_light lane_connector"
        self.json: dict[str, Any] = {layer: [] for layer in layers.split()}
        self.json |= {"version": "1.3", "canvas_edge": [4 * TILE, 2 * TILE], "arcline_path_3": {}, "connectivity": {}}

    def _add(self, layer: str, **row: Any) -> str:
        name = token(layer, len(self.json[layer]))
        self.json[layer].append({"token": name, **row})
        return name

    def _nodes(self, points: Array) -> list[str]:
        return [self._add("node", x=round(float(x), 3), y=round(float(y), 3)) for x, y in points]

    def polygon(self, layer: str, ring: Array) -> None:
        """Adds a polygon [N, 2] to a layer."""
        polygon = self._add("polygon", exterior_node_tokens=self._nodes(ring), holes=[])
        extra: Row = {"polygon_tokens": [polygon]} if layer == "drivable_area" else {"polygon_token": polygon}
        if layer == "lane":
            extra |= {"lane_type": "CAR", "left_lane_divider_segments": [], "right_lane_divider_segments": []}
        if layer == "stop_line":
            extra |= {"stop_line_type": "PED_CROSSING", "ped_crossing_tokens": [], "traffic_light_tokens": [], "road_block_token": ""}
        if layer == "ped_crossing":
            extra |= {"road_segment_token": ""}
        self._add(layer, **extra)

    def tokens(self, layer: str) -> list[str]:
        """The tokens of a layer so far."""
        return [row["token"] for row in self.json[layer]]

    def path(self, lane: str, arcs: list[tuple[Array, float, float]]) -> None:
        """Gives a lane its middle, (start pose, length, curvature) of each arc, as arc-line paths; no lane leads to another."""
        paths = []
        for start, length, curvature in arcs:
            shape, lengths = ("LSL", [0.0, length, 0.0]) if not curvature else ("LSL" if curvature > 0 else "RSR", [length, 0.0, 0.0])
            end = start + [*_chord(start[2], length, curvature), curvature * length]
            poses = {"start_pose": _rounded(start), "end_pose": _rounded(end)}
            radius = abs(1 / curvature) if curvature else 100.0
            paths.append({**poses, "shape": shape, "radius": round(radius, 6), "segment_length": [round(v, 6) for v in lengths]})
        self.json["arcline_path_3"][lane] = paths
        self.json["connectivity"][lane] = {"incoming": [], "outgoing": []}

    def line(self, layer: str, way: Array) -> None:
        """Adds a polyline [N, 2] to a layer."""
        line = self._add("line", node_tokens=self._nodes(way))
        self._add(layer, line_token=line, **({"lane_divider_segments": []} if layer == "lane_divider" else {}))


def _chord(heading: float, length: float, curvature: float) -> Array:
    chord, direction = length * np.sinc(curvature * length / (2 * np.pi)), heading + curvature * length / 2
    return chord * np.array([np.cos(direction), np.sin(direction)])


def _rounded(pose: Array) -> list[float]:
    return [round(float(v), 6) for v in pose]
