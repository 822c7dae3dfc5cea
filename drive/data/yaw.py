"""Turning recorded frames: the picture a camera would have taken had the car stood turned by an angle.

A pure rotation about the camera's centre is a homography, so no depth is needed. The picture is cropped such that no turn
up to a margin leaves an empty border (the border's width would tell the angle), by the same window for every angle: the
calibration told to a planner is the same for all.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from drive.cameras import Camera, cropped
from drive.data.images import read_image
from drive.frames import Array, rotation_2d, rotation_z, wrap_angle
from drive.schema import Agents, CameraImage, SceneSample, Target, Trajectory

# The crop is looked for in steps of this fraction of the picture's size.
_CROP_STEP = 0.02


def yawed(sample: SceneSample, degrees: float, margin_degrees: float, read: bool = True) -> SceneSample:
    """The sample with the world of t0's frame turned by `degrees` (counter-clockwise, as seen from the car).

    Pictures are warped about each camera's centre and held in memory; `ego_from_camera` stays as it was; the recorded
    future and the agents turn about the ego's origin. The past is left as it was: planners of turned samples must not be
    given it. read: False leaves pictures as they were recorded, beside the cameras of turned ones. Raises ValueError for a turn beyond
    the margin, a fisheye or distorted camera, or more than one frame; MissingImage where a picture is not on disk.
    """
    if abs(degrees) > margin_degrees:
        raise ValueError(f"a turn by {degrees:g} degrees leaves the margin of {margin_degrees:g}; raise yaw_margin_degrees")
    observation = sample.observation
    if len(observation.frames) != 1:
        raise ValueError(f"only single-frame samples can be turned, got {len(observation.frames)} frames")
    angle = np.radians(degrees)
    views = tuple(_turned_view(view, angle, np.radians(margin_degrees), read) for view in observation.frames[0].cameras)
    frame = replace(observation.frames[0], cameras=views)
    future = _turned_trajectory(sample.target.future, angle)
    # The map, the road and the way are left out, not turned.
    agents = sample.target.agents and _turned_agents(sample.target.agents, angle)
    target = Target(future, agents, ego_from_lidar=sample.target.ego_from_lidar)
    return replace(sample, observation=replace(observation, frames=(frame,), command=None, navigation=None), target=target)


def turn_homography(camera: Camera, angle: float) -> Array:
    """[3, 3]: pixels of the turned picture -> pixels of the recorded one, for a world turned by angle (radians, CCW)."""
    ego_from_camera = camera.ego_from_camera[:3, :3]
    return camera.K @ ego_from_camera.T @ rotation_z(-angle) @ ego_from_camera @ np.linalg.inv(camera.K)


def crop_window(camera: Camera, margin: float) -> tuple[int, int, int, int]:
    """The largest centred window (left, top, width, height) of the picture that turns by up to +-margin (radians) keep
    inside it. Raises ValueError where there is none."""
    for scale in np.arange(1.0, 0.2, -_CROP_STEP):
        width, height = int(camera.width * scale), int(camera.height * scale)
        left, top = (camera.width - width) // 2, (camera.height - height) // 2
        corners = np.array([[left, top], [left + width, top], [left, top + height], [left + width, top + height]], dtype=np.float64)
        if all(_inside(camera, corners, angle) for angle in (-margin, margin)):
            return left, top, width, height
    raise ValueError(f"{camera.name}: no window stays inside the picture when turned by {np.degrees(margin):g} degrees")


def _inside(camera: Camera, pixels: Array, angle: float) -> bool:
    mapped = np.concatenate([pixels, np.ones((len(pixels), 1))], -1) @ turn_homography(camera, angle).T
    if (mapped[:, 2] <= 0).any():
        return False
    x, y = mapped[:, 0] / mapped[:, 2], mapped[:, 1] / mapped[:, 2]
    slack = 1e-6  # pixels, of rounding
    return bool(((x >= -slack) & (x <= camera.width + slack) & (y >= -slack) & (y <= camera.height + slack)).all())


def _turned_view(view: CameraImage, angle: float, margin: float, read: bool) -> CameraImage:
    if view.camera.bends:
        what = "is a fisheye camera" if view.camera.model == "fisheye" else "has a distorting lens"
        raise ValueError(f"{view.camera.name} {what}: turning it is no homography; train without yaw_degrees, or undistort its pictures")
    if not read:
        return replace(view, camera=cropped(view.camera, *crop_window(view.camera, margin)))
    camera, picture = read_image(view)
    # OpenCV puts pixel centres at whole numbers, this package at halves.
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    homography = np.linalg.inv(shift) @ turn_homography(camera, angle) @ shift
    turned = cv2.warpPerspective(picture, homography, (camera.width, camera.height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    left, top, width, height = crop_window(camera, margin)
    window = np.ascontiguousarray(turned[top : top + height, left : left + width]).astype(np.uint8, copy=False)
    return replace(view, camera=cropped(camera, left, top, width, height), image=window)


def _turned_trajectory(trajectory: Trajectory, angle: float) -> Trajectory:
    xy = trajectory.poses[:, :2] @ rotation_2d(angle).T
    return replace(trajectory, poses=np.concatenate([xy, wrap_angle(trajectory.poses[:, 2:] + angle)], -1))


def _turned_agents(agents: Agents, angle: float) -> Agents:
    rotation = rotation_2d(angle).T
    centres = np.concatenate([agents.centres[..., :2] @ rotation, agents.centres[..., 2:]], -1)
    return replace(agents, centres=centres, headings=wrap_angle(agents.headings + angle), velocities=agents.velocities @ rotation)
