"""PandaSet's labels of cuboids by nuScenes' names, which the rest of the package knows."""

from __future__ import annotations

CATEGORIES = {
    "Car": "vehicle.car",
    "Pickup Truck": "vehicle.car",
    "Medium-sized Truck": "vehicle.truck",
    "Semi-truck": "vehicle.truck",
    "Towed Object": "vehicle.trailer",
    "Motorcycle": "vehicle.motorcycle",
    "Other Vehicle - Construction Vehicle": "vehicle.construction",
    "Other Vehicle - Uncommon": "vehicle.other",
    "Other Vehicle - Pedicab": "vehicle.other",
    "Emergency Vehicle": "vehicle.emergency",
    "Bus": "vehicle.bus.rigid",
    "Personal Mobility Device": "human.pedestrian.personal_mobility",
    "Motorized Scooter": "human.pedestrian.personal_mobility",
    "Bicycle": "vehicle.bicycle",
    "Train": "vehicle.rail",
    "Trolley": "vehicle.rail",
    "Tram / Subway": "vehicle.rail",
    "Pedestrian": "human.pedestrian.adult",
    "Pedestrian with Object": "human.pedestrian.adult",
    "Animals - Bird": "animal",
    "Animals - Other": "animal",
    "Pylons": "movable_object.trafficcone",
    "Cones": "movable_object.trafficcone",
    "Road Barriers": "movable_object.barrier",
    "Temporary Construction Barriers": "movable_object.barrier",
    "Signs": "static_object.sign",
    "Construction Signs": "movable_object.sign",
    "Rolling Containers": "movable_object.pushable_pullable",
}
