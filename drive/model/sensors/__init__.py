"""The sensors, one file each. Their order is that of their tokens."""

from __future__ import annotations

from drive.model.config import ModelConfig
from drive.model.sensors.base import Encoded, Part, Sensor
from drive.model.sensors.camera import CameraSensor
from drive.model.sensors.command import CommandSensor
from drive.model.sensors.dynamics import DynamicsSensor
from drive.model.sensors.history import HistorySensor
from drive.model.sensors.motion import MotionSensor
from drive.model.sensors.navigation import NavigationSensor

__all__ = ["SENSORS", "Encoded", "Part", "Sensor", "used_sensors"]

SENSORS: dict[str, type[Sensor]] = {
    "camera": CameraSensor,
    "motion": MotionSensor,
    "history": HistorySensor,
    "dynamics": DynamicsSensor,
    "command": CommandSensor,
    "navigation": NavigationSensor,
}


def used_sensors(config: ModelConfig) -> dict[str, type[Sensor]]:
    """The sensors of a network. Raises ValueError where `inputs.others` names one that is not there."""
    unknown = [name for name in config.inputs.others if name not in SENSORS]
    if unknown:
        raise ValueError(f"inputs.others names no sensor: {', '.join(unknown)}; there are {', '.join(SENSORS)}")
    return {name: sensor for name, sensor in SENSORS.items() if sensor.used(config) or name in config.inputs.others}
