"""Towns as a nuScenes map expansion (version 1.3): what `NuScenesMap` reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from drive.frames import Array
from drive.make.nuscenes.arcline import arcline_paths
from drive.make.nuscenes.canvas import MapCanvas, Place
from drive.make.nuscenes.lane_shapes import SIMPLIFY_M, group_lanes, grouped_outline, lane_shapes, street_of, thinned
from drive.maps import Lane, StopLine
from drive.world.town.town import Town

LAYERS = "polygon line node drivable_area road_segment road_block lane ped_crossing walkway stop_line carpark_area"
LAYERS += " road_divider lane_divider traffic_light lane_connector"
PAVEMENT_HALF_M = 1.3
STOP_LINE_M = 0.4
LIGHT_ASIDE_M, LIGHT_HEIGHT_M = 0.8, 4.5
RED, YELLOW, GREEN = "RED", "YELLOW", "GREEN"


class Expansion:
    """Collects the towns of one canvas; `content` is what its JSON file holds."""

    def __init__(self, canvas: MapCanvas) -> None:
        self.content: dict[str, Any] = {layer: [] for layer in LAYERS.split()}
        self.content |= {"version": "1.3", "canvas_edge": [canvas.width_m, canvas.height_m], "arcline_path_3": {}, "connectivity": {}}
        self._node: dict[tuple[float, float], str] = {}

    def row(self, layer: str, token: str | None = None, **fields: Any) -> str:
        """Adds a row to a layer; returns its token."""
        token = token or f"{layer}{len(self.content[layer])}"
        self.content[layer].append({"token": token, **fields})
        return token

    def nodes(self, points: Array) -> list[str]:
        """Nodes at points [N, 2]; those at the same place are the same."""
        tokens = []
        for x, y in np.round(points, 3):
            key = (float(x), float(y))
            if key not in self._node:
                self._node[key] = f"n{len(self._node)}"
                self.content["node"].append({"token": self._node[key], "x": key[0], "y": key[1]})
            tokens.append(self._node[key])
        return tokens

    def polygon(self, exterior: Array, holes: Iterable[Array] = ()) -> str:
        """Adds a polygon; returns its token."""
        rings = [{"node_tokens": self.nodes(hole)} for hole in holes]
        return self.row("polygon", exterior_node_tokens=self.nodes(exterior), holes=rings)

    def line(self, points: Array) -> str:
        """Adds a line; returns its token."""
        return self.row("line", node_tokens=self.nodes(points))


def add_town(out: Expansion, town: Town, place: Place) -> None:
    """Adds everything of a town's map at its place on the canvas."""
    _TownRows(out, town, place).add()


class _TownRows:
    """One town's rows; its own coordinates become the canvas's by `at`."""

    def __init__(self, out: Expansion, town: Town, place: Place) -> None:
        self.out, self.town, self.map, self.shift = out, town, town.map, place.shift
        self.shapes = lane_shapes(town.map)
        self.streets, self.sides = group_lanes(town.map)
        self.lane_tokens = {lane.id: self.name(lane.id) for lane in town.map.lanes}

    def at(self, points: Array) -> Array:
        return points + self.shift

    def name(self, part: str) -> str:
        return f"{self.map.name}:{part}"

    def add(self) -> None:
        """All layers."""
        self.areas()
        for lane in self.map.lanes:
            self.lane(lane)
        for crossing in self.map.crossings:
            polygon, street = self.out.polygon(self.at(crossing.ring)), self.name(crossing.id.split(".")[0])
            self.out.row("ped_crossing", self.name(crossing.id), polygon_token=polygon, road_segment_token=street)
        self.lights()
        self.stop_lines()
        for points in self.map.lines.get("road_divider", ()):
            self.out.row("road_divider", line_token=self.out.line(self.at(thinned(points))), road_segment_token=None)
        for points in self.map.lines.get("lane_divider", ()):
            self.out.row("lane_divider", line_token=self.out.line(self.at(thinned(points))), lane_divider_segments=[])

    def areas(self) -> None:
        """Drivable area, streets and junctions, their sides by direction, pavements."""
        road = shapely.union_all([shapely.Polygon(p.exterior, p.holes) for p in self.map.drivable])
        parts = shapely.get_parts(road.simplify(SIMPLIFY_M))
        rings = [self.out.polygon(self.at(_ring(p.exterior)), [self.at(_ring(hole)) for hole in p.interiors]) for p in parts]
        drivable = self.out.row("drivable_area", self.name("drivable"), polygon_tokens=rings)
        for street, lanes in self.streets.items():
            polygon = self.out.polygon(self.at(grouped_outline(lanes, self.shapes)))
            crossing = street.startswith("j")
            self.out.row("road_segment", self.name(street), polygon_token=polygon, is_intersection=crossing, drivable_area_token=drivable)
        for side, lanes in self.sides.items():
            polygon = self.out.polygon(self.at(grouped_outline(lanes, self.shapes)))
            inner, outer = self.shapes[lanes[0]], self.shapes[lanes[-1]]
            ends = [np.stack([a[0], b[1]]) for a, b in ((inner.first, outer.first), (inner.last, outer.last))]
            first, last = (self.out.line(self.at(end)) for end in ends)
            street = self.name(street_of(self.map.lane(lanes[0])))
            fields = {"from_edge_line_token": first, "to_edge_line_token": last, "road_segment_token": street}
            self.out.row("road_block", self.name(side), polygon_token=polygon, **fields)
        for line in self.town.pavements:
            walk = shapely.LineString(line).buffer(PAVEMENT_HALF_M, cap_style="flat").difference(road).simplify(SIMPLIFY_M)
            for piece in shapely.get_parts(walk):
                if piece.geom_type == "Polygon" and piece.area > 1.0:
                    self.out.row("walkway", polygon_token=self.out.polygon(self.at(_ring(piece.exterior))))

    def lane(self, lane: Lane) -> None:
        """A lane or a connector, its arcs, and what comes before and after it."""
        shape, token = self.shapes[lane.id], self.lane_tokens[lane.id]
        polygon = self.out.polygon(self.at(shape.ring))
        edges = {f"{side}_edge_line_token": self.out.line(self.at(edge)) for side, edge in (("from", shape.first), ("to", shape.last))}
        dividers: dict[str, Any] = {"left_lane_divider_segments": [], "right_lane_divider_segments": []}
        layer = "lane" if lane.kind == "road" else "lane_connector"
        self.out.row(layer, token, polygon_token=polygon, lane_type="CAR", **edges, **dividers)
        self.out.content["arcline_path_3"][token] = arcline_paths(self.at(lane.centreline))
        before, after = ([self.lane_tokens[name] for name in names] for names in (lane.predecessors, lane.successors))
        self.out.content["connectivity"][token] = {"incoming": before, "outgoing": after}

    def lights(self) -> None:
        """Traffic lights, each beside the right end of the first stop line that it rules."""
        lines: dict[str, StopLine] = {}
        for stop in self.map.stop_lines:
            if stop.light is not None:
                lines.setdefault(stop.light, stop)
        for light, stop in lines.items():
            right, left = stop.line
            across = (right - left) / np.hypot(*(right - left))
            foot = self.at(right + across * LIGHT_ASIDE_M)
            facing = float(np.arctan2(-across[0], across[1]))  # back along the lane
            items = [_lamp(colour, up) for colour, up in ((RED, 0.6), (YELLOW, 0.3), (GREEN, 0.0))]
            line = self.out.line(np.stack([foot, foot + [np.cos(facing), np.sin(facing)]]))
            pose = {"tx": float(foot[0]), "ty": float(foot[1]), "tz": LIGHT_HEIGHT_M, "rx": 0.0, "ry": 0.0, "rz": facing}
            block = self.name(self.map.lane(stop.lane).road)
            fields = {"traffic_light_type": "VERTICAL", "from_road_block_token": block, "items": items, "pose": pose}
            self.out.row("traffic_light", self.name(light), line_token=line, **fields)

    def stop_lines(self) -> None:
        """Stop lines, with the lights that rule them."""
        for stop in self.map.stop_lines:
            right, left = stop.line
            across = (right - left) / np.hypot(*(right - left))
            back = STOP_LINE_M * np.array([across[1], -across[0]])
            polygon = self.out.polygon(self.at(np.stack([left, left + back, right + back, right])))
            lit = stop.light is not None
            fields: dict[str, Any] = {"stop_line_type": "TRAFFIC_LIGHT" if lit else "YIELD", "ped_crossing_tokens": []}
            fields |= {"traffic_light_tokens": [self.name(str(stop.light))] if lit else []}
            self.out.row("stop_line", polygon_token=polygon, road_block_token=self.name(self.map.lane(stop.lane).road), **fields)


def _ring(ring: Any) -> Array:
    return np.array(ring.coords)[:-1]


def _lamp(colour: str, up_m: float) -> dict[str, Any]:
    place = {"tx": 0.0, "ty": 0.0, "tz": up_m, "rx": 0.0, "ry": 0.0, "rz": 0.0}
    return {"color": colour, "shape": "CIRCLE", "rel_pos": place, "to_road_block_tokens": []}
