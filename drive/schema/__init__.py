"""The value types that travel through the package, and the `Planner` protocol.

    data set -> SceneSample = Observation (what a planner may see) + Target (what only losses and metrics see)
    Planner.plan(Observation) -> Plan

All poses are in the ego frame of t0, the sample's reference time (its LIDAR_TOP key frame, or the first camera's where
there is no LiDAR). Masks stand beside values; there are no sentinels.
"""

from drive.schema.errors import DecodeError, MissingImage, PlanError
from drive.schema.observation import (
    COMMANDS,
    CameraImage,
    Command,
    Frame,
    Mask,
    Observation,
    StoredPicture,
    Trajectory,
    VideoPicture,
    Window,
)
from drive.schema.plan import FALLBACKS, Answers, Degraded, Fallback, Plan, Planner, PlannerSpec
from drive.schema.target import Agents, MapPatch, Ratings, SceneSample, Target

__all__ = [
    "COMMANDS",
    "FALLBACKS",
    "Agents",
    "Answers",
    "CameraImage",
    "Command",
    "DecodeError",
    "Degraded",
    "Fallback",
    "Frame",
    "MapPatch",
    "Mask",
    "MissingImage",
    "Observation",
    "Plan",
    "PlanError",
    "Planner",
    "PlannerSpec",
    "Ratings",
    "SceneSample",
    "StoredPicture",
    "Target",
    "Trajectory",
    "VideoPicture",
    "Window",
]
