"""The 30 categories of Argoverse 2's sensor data by nuScenes' names, which the rest of the package knows."""

from __future__ import annotations

CATEGORIES = {
    "REGULAR_VEHICLE": "vehicle.car",
    "LARGE_VEHICLE": "vehicle.truck",  # extended vans, fire engines, mobile homes
    "TRUCK": "vehicle.truck",
    "BOX_TRUCK": "vehicle.truck",
    "TRUCK_CAB": "vehicle.truck",
    "BUS": "vehicle.bus.rigid",
    "SCHOOL_BUS": "vehicle.bus.rigid",
    "ARTICULATED_BUS": "vehicle.bus.bendy",
    "VEHICULAR_TRAILER": "vehicle.trailer",
    "MESSAGE_BOARD_TRAILER": "vehicle.trailer",
    "TRAFFIC_LIGHT_TRAILER": "vehicle.trailer",
    "RAILED_VEHICLE": "vehicle.rail",
    "BICYCLE": "vehicle.bicycle",
    "MOTORCYCLE": "vehicle.motorcycle",
    # Riders have a box beside their vehicle's; as vehicles they would count twice.
    "BICYCLIST": "human.rider",
    "MOTORCYCLIST": "human.rider",
    "WHEELED_RIDER": "human.rider",
    "PEDESTRIAN": "human.pedestrian.adult",
    "OFFICIAL_SIGNALER": "human.pedestrian.adult",
    "STROLLER": "human.pedestrian.stroller",
    "WHEELCHAIR": "human.pedestrian.wheelchair",
    "WHEELED_DEVICE": "human.pedestrian.personal_mobility",
    "DOG": "animal",
    "ANIMAL": "animal",
    "CONSTRUCTION_CONE": "movable_object.trafficcone",
    "CONSTRUCTION_BARREL": "movable_object.trafficcone",
    "BOLLARD": "static_object.bollard",
    "SIGN": "static_object.sign",
    "STOP_SIGN": "static_object.sign",
    "MOBILE_PEDESTRIAN_CROSSING_SIGN": "movable_object.sign",
}
