"""Scenes that are surely sound, told from columns of numbers in place of rows: the quick half of `verdicts`, for large tables.

It may doubt any scene, which is then judged by the rules themselves (`drive.data.conventions`), and must never trust one that they refuse.
So every test here asks for more than its rule: plain rows, and ROOM on the safe side of each bound, as numbers are read nearly to the
last place. The rules of calibrations, of which a scene has a dozen, are asked themselves.
"""

from __future__ import annotations

import numpy as np

from drive.cameras import calibration_problems
from drive.data.conventions import CAMERA_PREFIX, LIDAR, Shot, boxes, clocks, ego
from drive.data.conventions.facts import MICROSECONDS, QUATERNION_TOLERANCE
from drive.data.conventions.rigs import rig_findings
from drive.data.nuscenes.index.lookup import IndexedTables
from drive.data.nuscenes.index.scene_columns import SceneColumns, Whole, scene_columns
from drive.data.nuscenes.tables import lens_of
from drive.frames import Array, heading_of, quaternion_to_rotation, wrap_angle

ROOM = 1e-6
# Where the greatest stamp is less than so many times the least, all are of one unit.
ONE_UNIT = 1.05


def surely_sound(tables: IndexedTables, number: int, categories: list[str]) -> tuple[int, int] | None:
    """The least and greatest time stamp of a scene (by number) in which nothing would be refused; None where that is not sure.
    categories: the names of all."""
    try:
        scene = scene_columns(tables, number, categories)
        if all(rule(scene) for rule in (_calibrations, _clocks, _poses, _boxes)):
            stamps = np.concatenate([scene.frame_stamp, scene.stamp, scene.pose_stamp])
            return int(stamps.min()), int(stamps.max())
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):  # the rules will say what it is
        pass
    return None


def _calibrations(scene: SceneColumns) -> bool:
    """Asks the rules about one key frame of each rig: calibrations and sizes of pictures."""
    used = np.column_stack([scene.calibration, scene.size])
    rigs = {rig.tobytes(): rig.tolist() for rig in np.split(used, np.flatnonzero(np.diff(scene.sample)) + 1)}
    for n, width, height in {tuple(one) for rig in rigs.values() for one in rig}:
        row = scene.mounts[n]
        if scene.channels[n].startswith(CAMERA_PREFIX) and calibration_problems(row["camera_intrinsic"], width, height, *lens_of(row)):
            return False
    shots = [
        Shot({"token": "", "width": width, "height": height}, scene.channels[n], scene.mounts[n], {}, {"token": str(number)})
        for number, rig in enumerate(rigs.values())
        for n, width, height in rig
    ]
    return next(rig_findings(shots), None) is None


def _clocks(scene: SceneColumns) -> bool:
    stamps = np.concatenate([scene.frame_stamp, scene.stamp, scene.pose_stamp])
    steps = np.diff(scene.frame_stamp)
    usual = float(np.median(steps)) * MICROSECONDS if len(steps) else clocks.SHORTEST_S + ROOM
    usual_unit = clocks.SHORTEST_S + ROOM <= usual <= clocks.LONGEST_S - ROOM
    one_unit = stamps.min() > 0 and stamps.max() < ONE_UNIT * stamps.min()
    off = np.abs(scene.pose_stamp - scene.stamp) * MICROSECONDS
    return bool(usual_unit and one_unit and (off <= clocks.POSE_MAX_S - ROOM).all())


def _poses(scene: SceneColumns) -> bool:
    rows = _ways(scene)
    R = _rotations(scene.quaternion[rows])
    if R is None or not (R[:, 2, 2] >= ego.UPRIGHT + ROOM).all():
        return False
    place, heading, seconds = scene.place[rows], heading_of(R), (scene.stamp[rows] - scene.stamp[rows[0]]) * MICROSECONDS
    dt = np.diff(seconds)
    near = np.linalg.norm(np.diff(place, axis=0), axis=1) <= ego.reach(dt) - ROOM
    steady = np.abs(wrap_angle(np.diff(heading))) <= ego.turned(dt) - ROOM
    return bool((near & steady).all()) and not _astray(scene, rows, place, heading, seconds)


def _ways(scene: SceneColumns) -> Whole:
    """The rows of different poses in time order, as `ego_findings` has them: of those that share a pose the last, at the place of the
    first."""
    _, first = np.unique(scene.pose_at, return_index=True)
    _, last = np.unique(scene.pose_at[::-1], return_index=True)
    rows = (len(scene.pose_at) - 1 - last)[np.argsort(first)]
    ordered: Whole = rows[np.argsort(scene.stamp[rows], kind="stable")]
    return ordered


def _astray(scene: SceneColumns, rows: Whole, place: Array, heading: Array, seconds: Array) -> bool:
    """Whether the car may drive backwards or sideways."""
    channels = [scene.channels[n] for n in scene.calibration[rows].tolist()]
    reference = LIDAR if LIDAR in channels else channels[0]
    chosen = [n for n, channel in enumerate(channels) if channel == reference]
    move, dt = np.diff(place[chosen], axis=0)[:, :2], np.diff(seconds[chosen])
    length = np.hypot(move[:, 0], move[:, 1])
    fast = (length > ego.FAST_M - ROOM) & (length > ego.FAST_MPS * dt - ROOM)
    off = np.abs(wrap_angle(np.arctan2(move[:, 1], move[:, 0]) - heading[chosen][:-1]))
    return int((fast & (off > ego.ASTRAY - ROOM)).sum()) >= ego.FAST_STEPS


def _boxes(scene: SceneColumns) -> bool:
    R, size = _rotations(scene.box_quaternion), scene.box_size
    if R is None:
        return False
    distance = np.linalg.norm(scene.box_place - scene.place[_references(scene)][scene.box_sample], axis=1)
    kinds = {kind: (not boxes.LONG.isdisjoint(kind.split(".")), kind.startswith("vehicle")) for kind in set(scene.category)}
    long, vehicle = np.array([kinds[kind] for kind in scene.category], bool).reshape(-1, 2).T
    sound = (distance <= boxes.FARTHEST_M - ROOM) & (R[:, 2, 2] >= boxes.TILTED_IF_XYZW + ROOM)
    sound &= (size > 0).all(1) & (size <= boxes.LARGEST_M - ROOM).all(1)
    sound &= ~long | (size[:, 0] <= boxes.WIDER * size[:, 1] - ROOM)
    sound &= ~vehicle | _goes_on(heading_of(R), scene.beside)
    return bool(sound.all()) and _of_one_size(scene)


def _references(scene: SceneColumns) -> Whole:
    """Of each key frame the row whose pose its boxes are seen from: LIDAR_TOP's, else the first."""
    _, chosen = np.unique(scene.sample, return_index=True)
    lidar = np.flatnonzero(np.array([channel == LIDAR for channel in scene.channels])[scene.calibration])
    chosen[scene.sample[lidar]] = lidar
    return chosen


def _goes_on(heading: Array, beside: Whole) -> Array:
    """Which boxes point as one before or after on their track does, or are alone [B] bool."""
    turn = np.abs(wrap_angle(heading[:, None] - heading[beside]))
    return ((beside >= 0) & (turn <= boxes.TURNED - ROOM)).any(1) | (beside < 0).all(1)


def _of_one_size(scene: SceneColumns) -> bool:
    """Whether no track of three boxes and more has boxes of different sizes, so that width and length are nowhere swapped."""
    if not len(scene.instance):
        return True
    order = np.argsort(scene.instance, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(scene.instance[order])) + 1])
    sizes = scene.box_size[order]
    spread = np.maximum.reduceat(sizes, starts) - np.minimum.reduceat(sizes, starts)
    short = np.diff(np.concatenate([starts, [len(order)]])) < 3
    return bool((short | (spread.max(1) < 0.1 - ROOM)).all())


def _rotations(quaternions: Array) -> Array | None:
    """[N, 4] -> [N, 3, 3]; None where one is not surely of unit length."""
    if not (np.abs(np.linalg.norm(quaternions, axis=1) - 1) < QUATERNION_TOLERANCE - ROOM).all():
        return None
    return quaternion_to_rotation(quaternions)
