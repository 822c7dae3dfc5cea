"""Rules of calibrations: where cameras stand on a car, which way is up, and whose image size it is.

A rule speaks only where a reading as another convention is much likelier than any rig: cameras may look anywhere, lie on
their side, look at the ground.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drive.data.conventions.facts import CAMERA_PREFIX, LIDAR, Finding, Row, Shot, columns, rotations, rotations_if_xyzw
from drive.frames import Array

# No vehicle carries a sensor further from its rear axle.
FARTHEST_M = 25.0
LOWEST_CAMERA_M = 0.05
# A LiDAR's own frame may be the ego frame, or hang a little below an axle.
LOWEST_LIDAR_M = -0.5
# The up axis of a camera tilted further than this is looked at again, by other conventions.
TILTED = np.cos(np.radians(40))
ROLLED = np.sin(np.radians(25))
LOOKS_UP = np.sin(np.radians(40))
LOOKS_AT_SKY = np.sin(np.radians(60))
# Two cameras nearer than this stand in one place.
ONE_PLACE_M = 5e-4
UNITS = ((1000.0, "millimetres"), (100.0, "centimetres"))


def rig_findings(shots: Sequence[Shot]) -> Iterator[Finding]:
    """Mounts of cameras and LIDAR_TOP, one finding each; cameras in one place; images of the size turned."""
    mounts = {shot.calibration["token"]: shot for shot in shots if _is_camera(shot) or shot.channel == LIDAR}
    yield from _mounts(list(mounts.values()))
    yield from _one_place(shots)
    yield from _sizes(shots)


def _is_camera(shot: Shot) -> bool:
    return shot.channel.startswith(CAMERA_PREFIX)


def _mounts(shots: list[Shot]) -> Iterator[Finding]:
    rows = [shot.calibration for shot in shots]
    place, quaternion = columns(rows, "translation", 3), columns(rows, "rotation", 4)
    R, R_xyzw = rotations(quaternion), rotations_if_xyzw(quaternion)
    place_inverse = -(np.swapaxes(R, 1, 2) @ place[..., None])[..., 0]
    for i, shot in enumerate(shots):
        judge = _camera if _is_camera(shot) else _lidar
        found = _far(place[i]) or judge(shot, R[i], place[i], R_xyzw[i], place_inverse[i])
        if found:
            kind, field, message = found
            yield Finding(kind, "calibrated_sensor", shot.calibration["token"], field, f"{shot.channel} {message}")


Found = tuple[str, str, str] | None


def _far(place: Array) -> Found:
    distance = float(np.linalg.norm(place))
    if not distance > FARTHEST_M:
        return None
    unit = next((f"the translation looks like {name}, expected metres" for by, name in UNITS if 0.3 < distance / by < 15), "")
    return "length unit", "translation", f"stands {distance:,.0f} m from the rear axle: {unit or 'no car is so long'}"


def _camera(shot: Shot, R: Array, place: Array, R_xyzw: Array, place_inverse: Array) -> Found:
    up, look, height = -R[2, 1], R[2, 2], place[2]
    if up < -0.9 and abs(look) < 0.3 and height > LOWEST_CAMERA_M:
        text = f"is upside down: its up axis points down ({up:.2f}); the image is turned, or the quaternion is not [w, x, y, z]"
        return "camera upside down", "rotation", text
    if up < TILTED and _explained_by_xyzw(R, place, R_xyzw, shot.calibration):
        text = f"looks {_where(up, look)}, but level if its quaternion is [x, y, z, w]: expected [w, x, y, z]"
        return "quaternion order", "rotation", text
    if (up < TILTED or abs(R[2, 0]) > ROLLED or height < LOWEST_CAMERA_M) and _level(R.T, place_inverse):
        text = f"is {height:.2f} m above the ground and looks {_where(up, look)}, but its inverse fits: expected ego from camera"
        return "inverse extrinsic", "rotation", text
    if height < LOWEST_CAMERA_M:
        text = f"is under the ground: {height:.2f} m above it; the ego frame lies on the ground under the rear axle, with z up"
        return "camera under the ground", "translation", text
    if up < -0.3 or look > LOOKS_AT_SKY:
        text = f"looks {_where(up, look)}: a camera's frame has x to the right, y down and z along the optical axis"
        return "camera upside down", "rotation", text
    return None


def _where(up: float, look: float) -> str:
    pitch = np.degrees(np.arcsin(np.clip(look, -1, 1)))
    return f"{abs(pitch):.0f} degrees {'up' if pitch > 0 else 'down'} with an up axis that points {'down' if up < 0 else 'up'} ({up:.2f})"


def _level(R: Array, place: Array) -> bool:
    """Whether this is how cameras usually stand on a car: upright, level within 25 degrees, above the ground."""
    return bool(-R[2, 1] > 0.9 and abs(R[2, 0]) < 0.26 and abs(R[2, 2]) < 0.42 and 0.2 < place[2] < FARTHEST_M)


def _explained_by_xyzw(R: Array, place: Array, R_xyzw: Array, calibration: Row) -> bool:
    """Scalar-last quaternions turn yaw into pitch (to the left: up). A camera that really looks at the ground reads like
    one to the right, so that also its place must be on that side."""
    if not _level(R_xyzw, place):
        return False
    if R[2, 1] > 0 or R[2, 2] > LOOKS_UP:
        return True
    looks_out = place[1] * R_xyzw[1, 2] > 0 and abs(R_xyzw[1, 2]) > 0.5 and abs(R[1, 2]) < 0.35
    return bool(looks_out and abs(place[1]) > 0.2 and calibration.get("camera_model", "pinhole") == "pinhole")


def _lidar(shot: Shot, R: Array, place: Array, R_xyzw: Array, place_inverse: Array) -> Found:
    if R[2, 2] < TILTED and R_xyzw[2, 2] > 0.97:
        text = f"has an up axis of {R[2, 2]:.2f}, but stands upright if its quaternion is [x, y, z, w]: expected [w, x, y, z]"
        return "quaternion order", "rotation", text
    if place[2] < LOWEST_LIDAR_M:
        fits = R[2, 2] > TILTED and 0 < place_inverse[2] < FARTHEST_M
        text = "its inverse fits: LiDAR from ego, expected ego from LiDAR" if fits else "expected z up, from the ground"
        kind = "inverse extrinsic" if fits else "sensor under the ground"
        return kind, "translation", f"is under the ground: {place[2]:.2f} m above it; {text}"
    return None


def _one_place(shots: Sequence[Shot]) -> Iterator[Finding]:
    """Pairs of a key frame's cameras that stand in one place."""
    frames: dict[str, dict[str, Shot]] = {}
    for shot in shots:
        if _is_camera(shot):
            frames.setdefault(shot.sample["token"], {})[shot.calibration["token"]] = shot
    for rig in {frozenset(frame): list(frame.values()) for frame in frames.values()}.values():
        rows = [shot.calibration for shot in rig]
        place, R = columns(rows, "translation", 3), rotations(columns(rows, "rotation", 4))
        near = np.linalg.norm(place[:, None] - place[None], axis=-1) < ONE_PLACE_M
        for i, shot in enumerate(rig):
            twins = np.flatnonzero(near[i, :i])
            if len(twins):
                what = "have one pose" if np.abs(R[i] - R[twins[0]]).max() < 1e-3 else "stand in one place"
                text = f"and {rig[twins[0]].channel} {what}, {place[i].tolist()}; if they truly do, write them a millimetre apart"
                yield Finding("cameras in one place", "calibrated_sensor", rows[i]["token"], "translation", f"{shot.channel} {text}")


def _sizes(shots: Sequence[Shot]) -> Iterator[Finding]:
    """Pictures whose width and height are swapped: the principal point is off the middle, and in it the other way round."""
    seen: dict[tuple, Shot] = {}
    for shot in shots:
        if _is_camera(shot):
            seen.setdefault((shot.calibration["token"], shot.data.get("width"), shot.data.get("height")), shot)
    used = list(seen.values())
    centre = columns([shot.calibration for shot in used], "camera_intrinsic", 3, 3)[:, :2, 2]
    size = np.stack([columns([shot.data for shot in used], side) for side in ("width", "height")], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(centre / size - 0.5).max(1)
        off_swapped = np.abs(centre / size[:, ::-1] - 0.5).max(1)
    for i in np.flatnonzero((off > 0.08) & (off_swapped < off / 2.5)):
        text = f"{used[i].channel} is {size[i, 0]:.0f}x{size[i, 1]:.0f}, but its principal point ({centre[i, 0]:.0f}, {centre[i, 1]:.0f})"
        text += f" is the middle of {size[i, 1]:.0f}x{size[i, 0]:.0f}: width and height look swapped"
        yield Finding("width and height swapped", "sample_data", used[i].data["token"], "width", text)
