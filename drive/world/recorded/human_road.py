"""Where the human's body left the drivable area of a recorded scene: that is road too."""

from __future__ import annotations

from dataclasses import replace

import shapely

from drive.data.scenarionet.area import polygons
from drive.frames import Array
from drive.geometry import EGO_CENTRE_AHEAD_M, box_corners, ego_boxes
from drive.maps import RoadMap

HUMAN_SLACK_M = 0.05
MOST_OFF = 0.5  # of the record; a map on which the human drives off the road for longer is of another place


def with_humans_road(road_map: RoadMap, human: Array, size: tuple[float, float, float], name: str) -> tuple[RoadMap, list[str]]:
    """The map with the places where the human's body left its drivable area made part of it, and notes that say so.

    What the human drove on is road, whoever drives there. human [T, 4] rear axle. Raises ValueError where it is off the road for
    more than MOST_OFF of the record.
    """
    area = shapely.union_all([shapely.make_valid(shapely.Polygon(p.exterior, p.holes)) for p in road_map.drivable])
    shapely.prepare(area)
    corners = box_corners(ego_boxes(human[:, :3], size[0], size[1], EGO_CENTRE_AHEAD_M))
    bodies = shapely.polygons(corners)
    off = ~shapely.covers(area, shapely.buffer(bodies, HUMAN_SLACK_M / 2))
    if not off.any():
        return road_map, []
    if off.mean() > MOST_OFF:
        raise ValueError(f"{name}: the ego is off the drivable area at {off.sum()} of {len(off)} steps; is the map of another place?")
    wider = shapely.union_all([area, *shapely.buffer(bodies[off], HUMAN_SLACK_M)])
    strictly = int((~shapely.covers(area, bodies)).sum())
    told = [f"the human's body leaves the drivable area at {strictly} of {len(off)} steps: there it counts as road"] if strictly else []
    return replace(road_map, drivable=polygons(wider)), told
