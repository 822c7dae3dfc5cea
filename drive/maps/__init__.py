"""Road maps: lanes with connections, drivable area, crossings, stop lines, lights; validation, nearest lane, routes.

Everything is in the world frame: metres, radians, seconds. A lane is directed along its
centreline. `connector` lanes lead across a junction from one road's lane to another's.

A `RoadMap` is the one way to hold a map that somebody drives on: towns make one, recorded scenes read one (`drive.world.recorded`).
A `drive.schema.MapPatch` is no second map, but what a sample shows of one: named lines and rings around t0, in the ego frame, without
connections. `RoadMap.patch` cuts it; a data set whose maps hold no lanes to drive on (nuScenes' masks) gives patches alone
(`drive.data.nuscenes.maps`). Nothing goes from a patch back to a map.
"""

from __future__ import annotations

from drive.maps.layers import Layer
from drive.maps.parts import COLOURS, Colour, Crossing, Junction, Lane, LaneKind, Light, Polygon, StopLine, linked
from drive.maps.road_map import RoadMap

__all__ = [
    "COLOURS",
    "Colour",
    "Crossing",
    "Junction",
    "Lane",
    "LaneKind",
    "Layer",
    "Light",
    "Polygon",
    "RoadMap",
    "StopLine",
    "linked",
]
