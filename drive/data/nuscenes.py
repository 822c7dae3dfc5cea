"""nuScenes-format tables -> `SceneLog`, through nuscenes-devkit.

One convention is ours: a row of calibrated_sensor may carry "camera_model": "pinhole" (also where it is absent) or "fisheye",
and "camera_distortion", in OpenCV's order: of a pinhole 4, 5 or 8 coefficients (Brown-Conrady), of a fisheye 4 (Kannala-Brandt). A
row without them is a pinhole camera that does not distort, as everywhere in nuScenes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drive.cameras import Camera, calibration_problems
from drive.data.conventions import CAMERA_PREFIX, LIDAR, Box, Shot, convention_findings
from drive.data.paths import inside
from drive.data.scenes import CameraRecord, SceneLog, Tracks, usual_spacing
from drive.frames import Array, invert_se3, quaternion_to_rotation, se3
from drive.schema import Mask

if TYPE_CHECKING:
    from nuscenes.nuscenes import NuScenes

NUSCENES_SPACING_S = 0.5
# Boxes of one track further apart than this give no velocity (the devkit's `box_velocity` takes the same).
VELOCITY_MAX_DT_S = 1.5

Record = dict[str, Any]
# How the message of a damaged table ends.
FIND_THE_FAULT = "; find the fault with `drive check`"


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns whatever a damaged table trips, in the devkit or here, into a ValueError that says where."""
    try:
        yield
    except Exception as error:
        why = f"no record or field {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ValueError(f"{what}: {why}{FIND_THE_FAULT}") from error


def load_tables(root: Path, version: str) -> NuScenes:
    """Opens the tables in root/version. Raises ValueError where they do not hold together or a file leads out of root."""
    for path in sorted(inside(root, version).iterdir()):
        inside(root, f"{version}/{path.name}")
    from nuscenes.nuscenes import NuScenes  # imports matplotlib and scikit-learn: seconds

    with readable(f"the tables in {root / version} do not open"):
        return NuScenes(version=version, dataroot=str(root), verbose=False)


def key_frames(nusc: NuScenes, scene: Record) -> list[Record]:
    """The samples of a scene in time order. Raises ValueError where the chain runs in a circle or back in time, KeyError
    where it is broken."""
    samples: list[Record] = []
    token, seen = scene["first_sample_token"], set()
    while token:
        if token in seen:
            raise ValueError(f"scene {scene['name']}: its chain of samples runs in a circle at {token}")
        seen.add(token)
        sample = nusc.get("sample", token)
        if samples and sample["timestamp"] <= samples[-1]["timestamp"]:
            raise ValueError(f"scene {scene['name']}: time runs backwards at sample {token}")
        samples.append(sample)
        token = sample["next"]
    return samples


def refuse_impossible_cameras(nusc: NuScenes, samples: list[Record]) -> None:
    """Raises ValueError where a calibration that these samples use cannot be one of its images' size."""
    seen = set()
    for sample in samples:
        for channel, token in sample["data"].items():
            data = nusc.get("sample_data", token)
            key = (data["calibrated_sensor_token"], data["width"], data["height"])
            if not channel.startswith(CAMERA_PREFIX) or key in seen:
                continue
            seen.add(key)
            row = nusc.get("calibrated_sensor", key[0])
            problems = calibration_problems(row["camera_intrinsic"], key[1], key[2], *lens_of(row))
            if problems:
                raise ValueError(f"calibrated_sensor {key[0]} ({channel}) is impossible: " + "; ".join(problems))


def refuse_other_conventions(nusc: NuScenes, scenes: list[Record]) -> None:
    """Raises ValueError where numbers of these scenes are valid, and look like another convention (`drive.data.conventions`)."""
    samples = [sample for scene in scenes for sample in key_frames(nusc, scene)]
    shots = [_shot(nusc, sample, channel, token) for sample in samples for channel, token in sample["data"].items()]
    rows = [nusc.get("sample_annotation", token) for sample in samples for token in sample["anns"]]
    boxes = [Box(row, row["category_name"]) for row in rows]
    found = convention_findings(shots, boxes)
    if found:
        more = f", and {len(found) - 1} more findings" if len(found) > 1 else ""
        raise ValueError(f"{found[0].kind}: {found[0]}{more}; mend the table, or choose scenes without it")


def _shot(nusc: NuScenes, sample: Record, channel: str, token: str) -> Shot:
    data = nusc.get("sample_data", token)
    calibration, pose = nusc.get("calibrated_sensor", data["calibrated_sensor_token"]), nusc.get("ego_pose", data["ego_pose_token"])
    return Shot(data, channel, calibration, pose, sample)


def key_frame_spacing(nusc: NuScenes) -> float:
    """The usual time in seconds between key frames of this data set; nuScenes' own where no sample has a next one."""
    steps = [nusc.get("sample", row["next"])["timestamp"] - row["timestamp"] for row in nusc.sample if row["next"]]
    steps = [step for step in steps if step > 0]
    return float(np.median(steps)) / 1e6 if steps else NUSCENES_SPACING_S


def read_scene(nusc: NuScenes, root: Path, scene: Record, spacing_s: float) -> SceneLog:
    """One scene with everything that its samples need; pictures are named, not opened. spacing_s: `key_frame_spacing`, for a scene
    too short to tell its own.

    Raises ValueError where a record is impossible: a dangling token, a quaternion that is not unit, a value that is not
    finite, time running backwards, a calibration that cannot be, numbers of another convention, a file name that leaves
    the root.
    """
    with readable(f"scene {scene['name']}"):
        refuse_other_conventions(nusc, [scene])
        samples = key_frames(nusc, scene)
        references = [_reference(nusc, sample) for sample in samples]
        poses = _matrices([nusc.get("ego_pose", r["ego_pose_token"]) for r in references])
        stamps = np.array([r["timestamp"] for r in references], dtype=np.int64)
        if (np.diff(stamps) <= 0).any():
            raise ValueError("the reference times of its key frames do not increase")
        log = nusc.get("log", scene["log_token"])
        return SceneLog(
            name=scene["name"],
            location=log["location"],
            map_file=nusc.get("map", log["map_token"])["filename"],
            tokens=tuple(sample["token"] for sample in samples),
            timestamps_us=stamps,
            spacing_s=usual_spacing(stamps, spacing_s),
            world_from_ego=poses,
            cameras=tuple(_cameras(nusc, root, sample, pose) for sample, pose in zip(samples, poses, strict=True)),
            ego_from_lidar=tuple(_lidar(nusc, sample) for sample in samples),
            tracks=_tracks(nusc, samples),
        )


def camera_channels(nusc: NuScenes) -> list[str]:
    """The CAM_* channels, in the order of the sensor table."""
    return [row["channel"] for row in nusc.sensor if row["channel"].startswith(CAMERA_PREFIX)]


def _reference(nusc: NuScenes, sample: Record) -> Record:
    """The sample_data whose time and pose are the key frame's: LIDAR_TOP, else the first camera."""
    for channel in [LIDAR, *camera_channels(nusc)]:
        if channel in sample["data"]:
            return nusc.get("sample_data", sample["data"][channel])
    raise ValueError(f"sample {sample['token']} has neither {LIDAR} nor a camera")


def _matrices(rows: list[Record]) -> Array:
    """Rows with rotation and translation -> [N, 4, 4]; ValueError names the row that is no pose."""
    rotation = np.array([row["rotation"] for row in rows], dtype=np.float64).reshape(-1, 4)
    translation = np.array([row["translation"] for row in rows], dtype=np.float64).reshape(-1, 3)
    wrong = ~np.isfinite(translation).all(1) | ~(np.abs(np.linalg.norm(rotation, axis=1) - 1) < 1e-3)
    if wrong.any():
        row = rows[int(wrong.argmax())]
        raise ValueError(f"record {row['token']} is no pose: rotation {row['rotation']}, translation {row['translation']}")
    return se3(quaternion_to_rotation(rotation), translation)


def _cameras(nusc: NuScenes, root: Path, sample: Record, world_from_ego: Array) -> tuple[CameraRecord, ...]:
    """The pictures of one key frame, with the ego's motion between the reference time and each camera's in the pose."""
    rows = [nusc.get("sample_data", sample["data"][name]) for name in camera_channels(nusc) if name in sample["data"]]
    calibrations = [nusc.get("calibrated_sensor", row["calibrated_sensor_token"]) for row in rows]
    mounts = _matrices(calibrations)
    world_from_ego_then = _matrices([nusc.get("ego_pose", row["ego_pose_token"]) for row in rows])
    ego_from_camera = invert_se3(world_from_ego) @ world_from_ego_then @ mounts
    return tuple(
        CameraRecord(_camera(row, calibration, pose), mount, int(row["timestamp"]), inside(root, row["filename"]))
        for row, calibration, pose, mount in zip(rows, calibrations, ego_from_camera, mounts, strict=True)
    )


def lens_of(calibration: Record) -> tuple[Any, tuple[float, ...]]:
    """The camera model and distortion coefficients of a row of calibrated_sensor; ValueError where these are no numbers."""
    distortion = calibration.get("camera_distortion")
    if distortion is None:
        distortion = []
    if not isinstance(distortion, list) or not all(isinstance(k, int | float) and not isinstance(k, bool) for k in distortion):
        raise ValueError(f"camera_distortion must be a list of numbers, got {distortion!r}")
    model = calibration.get("camera_model")
    return "pinhole" if model is None else model, tuple(float(k) for k in distortion)


def _camera(row: Record, calibration: Record, ego_from_camera: Array) -> Camera:
    K = np.array(calibration["camera_intrinsic"], dtype=np.float64)
    return Camera(row["channel"], int(row["width"]), int(row["height"]), K, ego_from_camera, *lens_of(calibration))


def _lidar(nusc: NuScenes, sample: Record) -> Array | None:
    if LIDAR not in sample["data"]:
        return None
    row = nusc.get("sample_data", sample["data"][LIDAR])
    return _matrices([nusc.get("calibrated_sensor", row["calibrated_sensor_token"])])[0]


def _tracks(nusc: NuScenes, samples: list[Record]) -> Tracks:
    """Everything annotated in a scene, one row per instance in order of appearance."""
    found = [(step, nusc.get("sample_annotation", token)) for step, sample in enumerate(samples) for token in sample["anns"]]
    rows = {name: i for i, name in enumerate(dict.fromkeys(row["instance_token"] for _, row in found))}
    at = np.array([rows[row["instance_token"]] for _, row in found], dtype=np.int64), np.array([s for s, _ in found], dtype=np.int64)
    shape = (len(rows), len(samples))
    valid = np.zeros(shape, dtype=bool)
    valid[at] = True
    if valid.sum() != len(found):
        raise ValueError("an instance is annotated twice in one sample")
    poses = _matrices([row for _, row in found])

    def table(values: Any, tail: tuple[int, ...], dtype: type, empty: int = 0) -> np.ndarray:
        filled: np.ndarray = np.full(shape + tail, empty, dtype=dtype)
        filled[at] = np.array(values, dtype=dtype).reshape(-1, *tail)
        return filled

    centres = table(poses[:, :3, 3], (3,), np.float64)
    # Annotations are of their sample's time, not of the reference sensor's; multiplied as the devkit does.
    velocities, velocity_valid = track_velocities(centres, valid, 1e-6 * np.array([row["timestamp"] for row in samples], dtype=np.int64))
    return Tracks(
        instances=tuple(rows),
        categories=tuple(nusc.get("category", nusc.get("instance", token)["category_token"])["name"] for token in rows),
        centres=centres,
        forward=table(poses[:, :3, 0], (3,), np.float64),
        sizes=table([_size(row) for _, row in found], (3,), np.float64),
        velocities=velocities,
        velocity_valid=velocity_valid,
        valid=valid,
        points=table([_points(row) for _, row in found], (), np.int64, -1),
        visibility=table([int(row["visibility_token"] or 0) for _, row in found], (), np.int64),
    )


def _size(row: Record) -> list[float]:
    width, length, height = (float(v) for v in row["size"])
    if not min(width, length, height) > 0 or not np.isfinite([width, length, height]).all():
        raise ValueError(f"sample_annotation {row['token']} has the impossible size {row['size']}")
    return [length, width, height]


def _points(row: Record) -> int:
    """LiDAR and radar points together; -1 where either is unknown."""
    lidar, radar = int(row["num_lidar_pts"]), int(row["num_radar_pts"])
    return -1 if lidar < 0 or radar < 0 else lidar + radar


def track_velocities(centres: Array, valid: Mask, times_s: Array) -> tuple[Array, Mask]:
    """Centres [A, N, 3] with valid [A, N] at times_s [N] -> velocities [A, N, 3] and whether they are known [A, N].

    Difference between the track's boxes before and after each, whatever key frames it skips between; at the ends of a track
    between it and its one neighbour (the devkit's `box_velocity`). Not known for a lone box, or across more than
    VELOCITY_MAX_DT_S per neighbour.
    """
    index, rows = np.arange(centres.shape[1]), np.arange(len(centres))[:, None]
    none = np.full((len(centres), 1), -1)
    before = np.concatenate([none, np.maximum.accumulate(np.where(valid, index, -1), axis=1)[:, :-1]], axis=1)
    after = np.minimum.accumulate(np.where(valid, index, len(index))[:, ::-1], axis=1)[:, ::-1]
    after = np.concatenate([after[:, 1:], none + 1 + len(index)], axis=1)
    has_before, has_after = before >= 0, after < len(index)
    first, last = np.where(has_before, before, index), np.where(has_after, after, index)
    dt = times_s[last] - times_s[first]
    known = valid & (has_before | has_after) & (dt <= VELOCITY_MAX_DT_S * (has_before.astype(int) + has_after))
    step = centres[rows, last] - centres[rows, first]
    return np.where(known[..., None], step / np.where(known, dt, 1.0)[..., None], 0.0), known
