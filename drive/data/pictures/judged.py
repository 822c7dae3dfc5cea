"""Poses beside own pictures that are valid numbers in the wrong convention: the rules of data sets with tables, and degrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drive.data.conventions.ego import FAST_M, ego_findings
from drive.data.conventions.facts import LIDAR, Finding, Shot
from drive.data.pictures.tables import HEADING, PLACE, QUATERNION, Poses
from drive.frames import Array, wrap_angle

# Headings are compared with the way between poses so far apart, in which a car that drives gets on.
APART_S = 0.5
STEPS = 3
# Headings larger than a circle are in degrees where these lie by so much nearer to the way.
NEARER, OFF_RAD = 4.0, 0.1
# Another unit or convention for certain; jumps and turns may be a car's poor localisation, or its reverse, and are warned of alone.
REFUSED = ("length unit", "angle unit", "quaternion order", "pose not upright")


def pose_findings(poses: Poses, file: str) -> list[Finding]:
    """What looks like another unit or convention in the poses of a file, by its lines; empty for what drives as cars do."""
    return list(_in_degrees(poses, file)) or [_of_file(found, poses, file) for found in ego_findings(_shots(poses, file))]


def refuse_findings(findings: Sequence[Finding]) -> None:
    """Raises ValueError in the words of the first finding that is one of REFUSED."""
    findings = [found for found in findings if found.kind in REFUSED]
    if findings:
        more = f", and {len(findings) - 1} more findings" if len(findings) > 1 else ""
        raise ValueError(f"{findings[0].kind}: {findings[0]}{more}; mend the file, `drive check` lists what is wrong in it")


def _shots(poses: Poses, file: str) -> list[Shot]:
    """Each pose as rows of tables; those at about `APART_S` are the reference's, by which the way is judged."""
    from scipy.spatial.transform import Rotation

    quaternions = Rotation.from_matrix(poses.world_from_ego[:, :3, :3]).as_quat()[:, [3, 0, 1, 2]].tolist()
    stamps, apart = np.round(poses.times_s * 1e6).astype(np.int64).tolist(), set(_apart(poses.times_s).tolist())
    shots = []
    for k, place in enumerate(poses.world_from_ego[:, :3, 3].tolist()):
        row = {"token": f"line {k + 2}", "timestamp": stamps[k]}
        pose = {**row, "translation": place, "rotation": quaternions[k]}
        shots.append(Shot(row, LIDAR if k in apart else "", {}, pose, {**row, "scene_token": file}))
    return shots


def _apart(times_s: Array) -> np.ndarray:
    """Indices of the first pose in each stretch of `APART_S`."""
    return np.unique(np.floor((times_s - times_s[0] + 1e-6) / APART_S), return_index=True)[1]


def _of_file(found: Finding, poses: Poses, file: str) -> Finding:
    """A finding in tables' words in those of the file."""
    columns = PLACE if found.field == "translation" else QUATERNION if poses.headings is None else (HEADING,)
    message, kind = found.message.removeprefix(f"scene {file}: ").replace("ego_pose ", ""), found.kind
    if kind == "quaternion order" and poses.headings is not None:  # no quaternion was told
        kind, message = "motion against heading", message.partition(", but not if")[0]
    return Finding(kind, file, found.token, ", ".join(columns), message)


def _in_degrees(poses: Poses, file: str) -> Iterator[Finding]:
    """Headings that lie along the way, or against it, in degrees and not in radians."""
    if poses.headings is None:
        return
    chosen = _apart(poses.times_s)
    way = np.diff(poses.world_from_ego[chosen, :2, 3], axis=0)
    long = np.hypot(way[:, 0], way[:, 1]) > FAST_M
    if long.sum() < STEPS:
        return
    course, told = np.arctan2(way[long, 1], way[long, 0]), poses.headings[chosen]
    off, off_degrees = (_off(course, angles, long) for angles in (told, np.radians(told)))
    beyond = bool(np.abs(told).max() > 2 * np.pi)  # a few degrees are near to any small angle
    if beyond and off > OFF_RAD and off_degrees * NEARER < off:
        text = f"the car drives {np.degrees(off):.0f} degrees off its {HEADING}, but along it if these numbers are degrees"
        yield Finding("angle unit", file, "line 2", HEADING, f"{text} (up to {np.abs(told).max():g}); expected radians")


def _off(course: Array, headings: Array, long: np.ndarray) -> float:
    """By how much headings usually lie off the course between two, ahead or in reverse: radians."""
    middle = (headings[:-1] + wrap_angle(np.diff(headings)) / 2)[long]
    off = np.abs(wrap_angle(course - middle))
    return float(np.median(np.minimum(off, np.pi - off)))
