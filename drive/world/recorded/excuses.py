"""What a record does that would be a fault in its own world: reds passed, bodies that touch. It is nobody's fault there, and is told.

(That the human leaves the map's road is in `human_road.py`.) The rules change the world, so they hold for every planner in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, boxes_overlap, ego_boxes
from drive.maps import RoadMap
from drive.schema import Mask
from drive.world.map_arrays import MapTables
from drive.world.paths import Path as Way
from drive.world.recorded.gates import gates_on, red_passed
from drive.world.state import DT_S


@dataclass(frozen=True, eq=False)
class RecordedTrack:
    """rows [T, 4]: x, y, heading, speed of the box centre (the ego's: of the rear axle) at every step, 0 where not valid [T];
    size: length, width, height; category: nuScenes' name; type: ScenarioNet's, used where the category says nothing."""

    rows: Array
    valid: Mask
    size: tuple[float, float, float]
    category: str = ""
    type: str = ""


class Crossings:
    """Lights on the ways of a map's record: gates for those whom they hold, stop lines for the ego's route."""

    def __init__(self, road_map: RoadMap, tables: MapTables) -> None:
        self.map, self.tables, self.excused = road_map, tables, 0
        self.light = {light.id: light for light in road_map.lights}

    def of_human(self, way: Way, human: Array, size: tuple[float, float, float]) -> tuple[Way, dict[str, Any], list[str]]:
        """The route with its gates, the stop lines that are judged, and notes on those that are not.

        Of lights over lanes that fork only the one of the route's lane is the ego's; one that the human passes at red (turning
        right, or seen wrong) rules nobody on this route.
        """
        ahead, ruled, gates, notes = EGO_CENTRE_AHEAD_M + size[0] / 2, [], [], []
        for start, end, stop in gates_on(way.points, self.map):
            light = self.light[stop.light or ""]
            at = red_passed(human, np.ones(len(human), dtype=bool), ahead, stop, light)
            if at is not None:
                notes.append(f"the human passes the {light.id} at red at {at * DT_S:.1f} s: it does not rule the ego's route")
                continue
            ruled.append(stop)
            gates.append((start, end, self.tables.connector[light.lanes[0]]))
        index = {name: i for i, name in enumerate(self.light)}
        stops = {
            "stop_line": np.array([stop.line.ravel() for stop in ruled]).reshape(-1, 4),
            "stop_light": np.array([index[stop.light or ""] for stop in ruled], dtype=np.int64),
        }
        return replace(way, gates=tuple(gates)), stops, notes

    def of_agent(self, way: Way, rows: Array, valid: Mask, ahead_m: float) -> Way:
        """An agent's way with the gates of the lights that hold it: those that it did not pass at red itself."""
        gates = []
        for start, end, stop in gates_on(way.points, self.map) if self.light else ():
            light = self.light[stop.light or ""]
            if red_passed(rows, valid, ahead_m, stop, light) is not None:
                self.excused += 1
            else:
                gates.append((start, end, self.tables.connector[light.lanes[0]]))
        return replace(way, gates=tuple(gates))

    def notes(self) -> list[str]:
        """How many agents passed a red light in the record."""
        return [f"{self.excused} agents pass a light at red in the record, which does not hold them"] if self.excused else []


def touches(human: Array, size: tuple[float, float, float], track: RecordedTrack) -> bool:
    """Whether the human's recorded body overlaps an agent's at some step."""
    steps = np.flatnonzero(track.valid[: len(human)])
    bodies = np.column_stack([track.rows[steps, :3], np.broadcast_to(track.size[:2], (len(steps), 2))])
    return bool(boxes_overlap(ego_boxes(human[steps, :3], size[0], size[1], EGO_CENTRE_AHEAD_M), bodies).any())


def told_contacts(names: list[str]) -> list[str]:
    """A note on the agents that the human touches."""
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return [f"the human's recorded body touches {len(names)} recorded agents ({listed}): contacts with them are no fault"] if names else []
