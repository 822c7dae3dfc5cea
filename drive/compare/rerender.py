"""A recorded scene rendered through the cameras that recorded it: same calibration, same moments, so real and drawn pictures coincide.

Tables (nuScenes format) give cameras, ego poses and boxes; a ScenarioNet file of the same scene gives lanes and tracks. Agents have
the same names in both, which tells the scene, the offset between the two frames, and which step of the tracks a key frame is.

The drawn road is a plane and the real one is not: nuScenes poses keep the ego's height at 0, so the road around it tilts with
the street. The plane nearest to the lower faces of the boxes around the ego becomes the drawn one; agents stand where their boxes
do, a little above or below it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drive.cameras import Camera
from drive.data.nuscenes.scenes import Scenes
from drive.data.scenes import CameraRecord, SceneLog
from drive.frames import Array, heading_of, invert_se3, se3, transform_points, wrap_angle
from drive.world.state import ACTIVE, HEADING, State, V, X, Y
from drive.world.world import World

FAR_M = 60.0  # boxes up to here tell where the road lies
OUTLIER_M = 0.3  # a lower face this far off the plane stands on something
AGREE_M = 0.2  # tracks and tables of one scene differ by less
LEAST_SHARED = 4


@dataclass(frozen=True, eq=False)
class Recast:
    """A scene in both forms. steps [N] float: the step of the world's record at each key frame; offset [2]: what to add to the world's
    places to get the tables'; agents: index in the tables' tracks -> index in the world's state."""

    log: SceneLog
    world: World
    steps: Array
    offset: Array
    agents: dict[int, int]

    def state_at(self, time_us: int) -> State:
        """Everybody but the ego as the tracks have them at a moment, between two steps and a little beyond the ends."""
        recorded, valid = self.world.static.recorded, self.world.static.recorded_valid
        times = (self.log.timestamps_us - self.log.timestamps_us[0]) / 1e6
        at = (time_us - self.log.timestamps_us[0]) / 1e6
        i = int(np.clip(np.searchsorted(times, at) - 1, 0, len(times) - 2))
        step = self.steps[i] + (at - times[i]) * (self.steps[i + 1] - self.steps[i]) / (times[i + 1] - times[i])
        low = int(np.clip(np.floor(step), 0, len(recorded) - 2))
        near, share = int(np.clip(np.round(step), 0, len(recorded) - 1)), step - low
        both = (valid[low] & valid[low + 1])[:, None]
        a, b = recorded[low], recorded[low + 1]
        mixed = a + share * np.column_stack([b[:, :2] - a[:, :2], wrap_angle(b[:, 2] - a[:, 2]), b[:, 3] - a[:, 3]])
        rows = np.where(both, mixed, recorded[near])
        start = self.world.start
        pose, move, marks, ego = start.pose.copy(), start.move.copy(), start.marks.copy(), start.ego.copy()
        pose[1:], move[1:, V], marks[1:, ACTIVE] = rows[1:, :3], rows[1:, 3], valid[near, 1:]
        return State(near, ego, move, pose, marks, start.flags)


def match(scenes: Scenes, world: World) -> Recast:
    """Finds a world's scene among those of a folder. Raises ValueError where none shares its agents or their places disagree."""
    votes = scenes.sharing(world.names)
    if not votes or votes.most_common(1)[0][1] < LEAST_SHARED:
        raise ValueError(f"no scene of {scenes.name} has the agents of {world.name}: is it a scene of another data set?")
    log = scenes.log(votes.most_common(1)[0][0])
    place = {name: i for i, name in enumerate(world.names)}
    agents = {a: place[name] for a, name in enumerate(log.tracks.instances) if name in place}
    offset = _offset(log, world, agents)
    return Recast(log, world, _steps(log, world, agents, offset), offset, agents)


def _offset(log: SceneLog, world: World, agents: dict[int, int]) -> Array:
    """Tables minus world, from where each shared agent is first seen in both."""
    tracks, static = log.tracks, world.static
    differences = [
        tracks.centres[a, int(np.argmax(tracks.valid[a])), :2] - static.recorded[int(np.argmax(static.recorded_valid[:, i])), i, :2]
        for a, i in agents.items()
    ]
    return np.median(differences, axis=0)


def _steps(log: SceneLog, world: World, agents: dict[int, int], offset: Array) -> Array:
    """The step of the world's record that each key frame is: where the shared agents are nearest to their boxes."""
    rows, columns = np.array(list(agents)), np.array(list(agents.values()))
    recorded, there = world.static.recorded[:, columns, :2] + offset, world.static.recorded_valid[:, columns]
    found = []
    for k in range(len(log.tokens)):
        seen = log.tracks.valid[rows, k]
        gaps = np.hypot(*np.moveaxis(recorded[:, seen] - log.tracks.centres[rows[seen], k, :2], -1, 0))
        cost = np.where(there[:, seen], gaps, 10.0).mean(1)
        found.append(float(np.argmin(cost)))
        off = float(np.median(gaps[int(found[-1])]))
        if off > AGREE_M:
            raise ValueError(f"{world.name} and the tables of {log.name} disagree by {off:.2f} m at key frame {k}")
    steps = np.array(found)
    if (np.diff(steps) <= 0).any():
        raise ValueError(f"{world.name}: its tracks do not follow the key frames of {log.name} in time")
    return steps


def road_plane(log: SceneLog, index: int) -> Array:
    """(height, slope along x, slope along y) [3] of the road in the ego frame of a key frame: the robust fit to the lower faces of
    the boxes around, and to the ego's own place."""
    tracks, ego_from_world = log.tracks, invert_se3(log.world_from_ego[index])
    seen = tracks.valid[:, index]
    feet = tracks.centres[seen, index] - np.array([0, 0, 0.5]) * tracks.sizes[seen, index, 2:]
    points = np.concatenate([np.zeros((3, 3)), transform_points(ego_from_world, feet)])
    points = points[np.hypot(points[:, 0], points[:, 1]) < FAR_M]
    design = np.column_stack([np.ones(len(points)), points[:, :2]])
    weights = np.ones(len(points))
    plane = np.zeros(3)
    for _ in range(20):
        plane = np.linalg.lstsq(design * weights[:, None], points[:, 2] * weights, rcond=None)[0]
        weights = 1 / (1 + ((points[:, 2] - design @ plane) / OUTLIER_M) ** 2)
    return plane


def flat_from_ego(plane: Array) -> Array:
    """[4, 4]: the ego frame of a key frame -> a frame whose plane z = 0 is the road, level, with the same heading."""
    normal = np.array([-plane[1], -plane[2], 1.0]) / np.sqrt(1 + plane[1] ** 2 + plane[2] ** 2)
    forward = np.array([1.0, 0.0, plane[1]])
    forward /= np.linalg.norm(forward)
    rotation = np.stack([forward, np.cross(normal, forward), normal])
    return se3(rotation, -rotation @ np.array([0.0, 0.0, plane[0]]))


def heights(recast: Recast, index: int) -> Array:
    """How far each agent of the world [A] stands above the plane at a key frame, metres; 0 where it has no box then."""
    tracks, ego_from_world = recast.log.tracks, invert_se3(recast.log.world_from_ego[index])
    flat = flat_from_ego(road_plane(recast.log, index)) @ ego_from_world
    found = np.zeros(len(recast.world.static.kind))
    for a, i in recast.agents.items():
        if tracks.valid[a, index]:
            found[i] = transform_points(flat, tracks.centres[a, index] - [0.0, 0.0, tracks.sizes[a, index, 2] / 2])[2]
    return found


def flat_camera(log: SceneLog, index: int, record: CameraRecord) -> Camera:
    """A camera of a key frame in the level frame of its road, where the drawn world is flat too."""
    return replace(record.camera, ego_from_camera=flat_from_ego(road_plane(log, index)) @ record.camera.ego_from_camera)


def moment(recast: Recast, index: int, record: CameraRecord, map_shift: Array) -> State:
    """The world's state when a camera of a key frame took its picture, the ego where it was at the key frame.

    map_shift [2]: metres forward and left in the ego's frame by which the map is to be moved; here everybody else moves back.
    """
    pose = recast.log.world_from_ego[index]
    heading = float(heading_of(pose))
    c, s = np.cos(heading), np.sin(heading)
    back = -np.array([c * map_shift[0] - s * map_shift[1], s * map_shift[0] + c * map_shift[1]])
    state = recast.state_at(record.timestamp_us)
    state.ego[[X, Y]] = pose[:2, 3] - recast.offset + back
    state.ego[HEADING] = heading
    state.pose[:, :2] += back
    return state
