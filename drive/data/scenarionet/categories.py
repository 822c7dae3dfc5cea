"""Categories of ScenarioNet's tracks by nuScenes' names, which the rest of the package knows."""

from __future__ import annotations

from drive.data.scenarionet.files import ScenarioTrack

# MetaDriveType -> nuScenes' name. Files made of nuScenes tell its own names beside, which are taken instead.
CATEGORIES = {
    "VEHICLE": "vehicle.car",
    "PEDESTRIAN": "human.pedestrian.adult",
    "CYCLIST": "vehicle.bicycle",
    "TRAFFIC_CONE": "movable_object.trafficcone",
    "TRAFFIC_BARRIER": "movable_object.barrier",
    "TRAFFIC_OBJECT": "movable_object.debris",
}


def category_of(track: ScenarioTrack) -> str:
    """nuScenes' name of a track's kind; of a type that has none, a name of its own, which metrics leave out and say so."""
    if "." in track.category:
        return track.category
    return CATEGORIES.get(track.type, f"static_object.{track.type.lower() or 'untold'}")
