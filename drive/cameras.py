"""Cameras: pinhole and fisheye models, projection, rays, resizing, and what a calibration must satisfy.

Pixel coordinates are continuous, (0, 0) at the top left corner of the image, so pixel (row i, column j) covers
[j, j + 1) x [i, i + 1) and its centre is (j + 0.5, i + 0.5). Intrinsics always belong to the image beside them.
Pinhole cameras may bend by Brown-Conrady's model, fisheyes do by Kannala-Brandt's, with the coefficients of OpenCV
(`drive.distortion`). Where a model folds over there is no pixel and no ray: NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.distortion import brown, brown_inverse, distortion_problems, fisheye, fisheye_fold, fisheye_inverse
from drive.frames import Array, invert_se3, transform_points

# A field of view outside these bounds is a wrong focal length, not a lens (a 40-fold error lands far outside both).
PINHOLE_FOV_DEG = (8.0, 165.0)
FISHEYE_FOV_DEG = (8.0, 300.0)
MODELS = ("pinhole", "fisheye")
NO_DISTORTION = (0.0, 0.0, 0.0, 0.0)
# A distortion that leaves more of the picture without rays belongs to another lens; less happens in the corners of real ones.
NO_RAY_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    K [3, 3] float64 pixels; ego_from_camera [4, 4] float64, in the ego frame of the frame's reference time; width,
    height in pixels of the image that K belongs to; distortion: fisheye (k1, k2, k3, k4), pinhole (k1, k2, p1, p2[, k3[, k4,
    k5, k6]]), both in OpenCV's order; empty is none. Raises ValueError where the calibration is impossible
    (`calibration_problems` lists why).
    """

    name: str
    width: int
    height: int
    K: Array = field(repr=False)
    ego_from_camera: Array = field(repr=False)
    model: Literal["pinhole", "fisheye"] = "pinhole"
    distortion: tuple[float, ...] = NO_DISTORTION

    def __post_init__(self) -> None:
        object.__setattr__(self, "K", np.asarray(self.K, dtype=np.float64))
        object.__setattr__(self, "ego_from_camera", np.asarray(self.ego_from_camera, dtype=np.float64))
        object.__setattr__(self, "distortion", tuple(float(k) for k in self.distortion) or NO_DISTORTION)
        problems = calibration_problems(self.K, self.width, self.height, self.model, self.distortion)
        problems += pose_problems(self.ego_from_camera)
        if problems:
            raise ValueError(f"camera {self.name!r} has an impossible calibration: " + "; ".join(problems))

    @property
    def bends(self) -> bool:
        """Whether straight edges come out bent: a fisheye, or a pinhole with distortion."""
        return self.model == "fisheye" or any(self.distortion)


def pose_problems(ego_from_camera: ArrayLike) -> list[str]:
    """What makes a camera pose impossible: wrong shape, non-finite values, a rotation part that is not a rotation."""
    pose = np.asarray(ego_from_camera, dtype=np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        return [f"ego_from_camera must be a finite [4, 4] matrix, got shape {pose.shape}"]
    # Numbers of Python's, as there are nine: arrays would take ten times as long.
    a, b, c = pose[:3, :3].tolist()
    off = (_dot(a, a) - 1, _dot(b, b) - 1, _dot(c, c) - 1, _dot(a, b), _dot(a, c), _dot(b, c))
    handed = _dot(a, (b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]))
    if max(map(abs, off)) > 1e-4 or handed < 0:
        return ["the rotation of ego_from_camera is not orthonormal and right-handed"]
    return []


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def calibration_problems(
    K: ArrayLike, width: int, height: int, model: str = "pinhole", distortion: Sequence[float] = NO_DISTORTION
) -> list[str]:
    """What makes intrinsics impossible for an image of this size; empty where nothing does.

    Checks the model and its number of coefficients, how much of the picture they leave without rays, shape, finiteness, a
    transposed K, the field of view, square-ish pixels, and the principal point: it must lie in the image, and when both its
    coordinates sit at the same off-centre fraction, K is that of another image size.
    """
    if model not in MODELS:
        return [f"model must be {' or '.join(repr(m) for m in MODELS)}, got {model!r}"]
    k = np.asarray(K, dtype=np.float64)
    if k.shape != (3, 3) or not np.isfinite(k).all():
        return [f"intrinsics must be a finite [3, 3] matrix, got shape {k.shape}"]
    return list(_problems_of(k.tobytes(), width, height, model, tuple(distortion)))


@lru_cache(maxsize=1024, typed=True)
def _problems_of(K: bytes, width: int, height: int, model: str, distortion: tuple[float, ...]) -> list[str]:
    """`calibration_problems` of a finite matrix; a data set has few calibrations and many pictures."""
    k = np.frombuffer(K).reshape(3, 3)
    if width < 1 or height < 1:
        return [f"image size must be positive, got {width}x{height}"]
    if abs(k[2, 0]) + abs(k[2, 1]) > 1e-9 * max(abs(k[0, 0]), 1.0):
        return [f"K is transposed (its last row is {k[2].tolist()}, expected [0, 0, 1])"]
    if abs(k[2, 2] - 1) > 1e-6 or abs(k[1, 0]) > 1e-6:
        return [f"K must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]], got {k.tolist()}"]
    problems = []
    fx, fy, cx, cy = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
    if fx <= 0 or fy <= 0:
        return [f"focal lengths must be positive, got fx={fx:g}, fy={fy:g}"]
    low, high = FISHEYE_FOV_DEG if model == "fisheye" else PINHOLE_FOV_DEG
    fov = np.degrees(width / fx if model == "fisheye" else 2 * np.arctan(width / (2 * fx)))
    if not low <= fov <= high:
        problems.append(f"focal length fx={fx:g} px means a field of view of {fov:.1f} deg at width {width}, expected {low:g} to {high:g}")
    if not 1 / 3 < fx / fy < 3:
        problems.append(f"fx={fx:g} and fy={fy:g} differ more than any resize explains")
    if not (0 <= cx <= width and 0 <= cy <= height):
        problems.append(f"principal point ({cx:.1f}, {cy:.1f}) lies outside the {width}x{height} image")
    elif abs(cx / width - cy / height) < 0.1 and min(abs(cx / width - 0.5), abs(cy / height - 0.5)) > 0.15:
        problems.append(f"principal point ({cx:.1f}, {cy:.1f}) fits another image size than {width}x{height}: resized without K?")
    problems += distortion_problems(model, distortion)
    if not problems and (share := share_without_ray(k, width, height, model, distortion)) > NO_RAY_SHARE:
        problems.append(f"distortion {list(distortion)} folds over within the picture: {share:.0%} of it has no ray; wrong lens or order?")
    return problems


def share_without_ray(K: ArrayLike, width: int, height: int, model: str, distortion: Sequence[float]) -> float:
    """The share of a picture, corners included, where the distortion of a possible calibration has folded over."""
    if not any(distortion):
        return 0.0
    return _share_without_ray(np.asarray(K, dtype=np.float64).tobytes(), width, height, model, tuple(float(v) for v in distortion))


@lru_cache(maxsize=1024)
def _share_without_ray(K: bytes, width: int, height: int, model: str, distortion: tuple[float, ...]) -> float:
    pixels = np.stack(np.meshgrid(np.linspace(0, width, 33), np.linspace(0, height, 19)), -1)
    return float(np.isnan(_directions(pixels, np.frombuffer(K).reshape(3, 3), model, distortion)[..., 0]).mean())


def project(camera: Camera, points_in_ego: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Points [..., 3] in the ego frame -> pixels [..., 2] (u, v) and whether the camera can see that way [...].

    It cannot behind a pinhole camera, nor where the lens model has folded over (pixels are NaN there), nor straight back
    from a fisheye. A pixel outside the image is returned as it is.
    """
    points = transform_points(invert_se3(camera.ego_from_camera), points_in_ego)
    z = points[..., 2]
    if camera.model == "fisheye":
        radius = np.hypot(points[..., 0], points[..., 1])
        theta = np.arctan2(radius, z)
        scale = np.where(radius > 1e-12, fisheye(theta, camera.distortion) / np.maximum(radius, 1e-12), 0.0)
        fold = fisheye_fold(camera.distortion)
        front = theta < min(fold, np.pi * 0.99)
        plane = points[..., :2] * np.where(theta <= fold, scale, np.nan)[..., None]
    else:
        front = z > 1e-6
        plane = points[..., :2] / np.where(front, z, np.nan)[..., None]
        if camera.bends:
            plane, holds = brown(plane, camera.distortion)
            front &= holds
            plane = np.where(holds[..., None], plane, np.nan)
    u = camera.K[0, 0] * plane[..., 0] + camera.K[0, 1] * plane[..., 1] + camera.K[0, 2]
    v = camera.K[1, 1] * plane[..., 1] + camera.K[1, 2]
    return np.stack([u, v], -1), front


def in_picture(camera: Camera, points_in_ego: ArrayLike) -> NDArray[np.bool_]:
    """Whether points [..., 3] in the ego frame lie in a camera's picture, [...]."""
    pixels, front = project(camera, points_in_ego)
    inside = (pixels >= 0) & (pixels <= (camera.width, camera.height))  # False where pixels are NaN
    return np.asarray(front & inside.all(-1))


def unproject(camera: Camera, pixels: ArrayLike) -> Array:
    """Pixels [..., 2] -> unit directions [..., 3] in the camera frame; NaN where the lens model has folded over."""
    return _directions(np.asarray(pixels, dtype=np.float64), camera.K, camera.model, camera.distortion)


def _directions(p: Array, K: Array, model: str, distortion: tuple[float, ...]) -> Array:
    y = (p[..., 1] - K[1, 2]) / K[1, 1]
    x = (p[..., 0] - K[0, 2] - K[0, 1] * y) / K[0, 0]
    if model == "fisheye":
        radius = np.hypot(x, y)
        theta, found = fisheye_inverse(radius, distortion)
        scale = np.where(radius > 1e-12, np.sin(theta) / np.maximum(radius, 1e-12), 1.0)
        return np.where(found[..., None], np.stack([x * scale, y * scale, np.cos(theta)], -1), np.nan)
    if any(distortion):
        plane, found = brown_inverse(np.stack([x, y], -1), distortion)
        x, y = (np.where(found, plane[..., i], np.nan) for i in (0, 1))
    direction = np.stack([x, y, np.ones_like(x)], -1)
    return direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def view_cosine(camera: Camera) -> float:
    """The cosine of the angle from the optical axis to the furthest corner of the picture, or to the last ray before it."""
    w, h = camera.width, camera.height
    border = np.array([[0, 0], [w, 0], [0, h], [w, h]], dtype=np.float64)
    if camera.bends and np.isnan(unproject(camera, border)).any():
        border = np.stack(np.meshgrid(np.linspace(0, w, 33), np.linspace(0, h, 33)), -1)
    return float(np.nanmin(unproject(camera, border)[..., 2]))


def pluecker_rays(camera: Camera, pixels: ArrayLike) -> Array:
    """Pixels [..., 2] -> Pluecker coordinates [..., 6] in the ego frame: unit direction d and moment m = o x d (metres);
    NaN where the lens model has folded over. Any point p of the ray satisfies p x d = m.
    """
    direction = unproject(camera, pixels) @ camera.ego_from_camera[:3, :3].T
    moment = np.cross(np.broadcast_to(camera.ego_from_camera[:3, 3], direction.shape), direction)
    return np.concatenate([direction, moment], -1)


def patch_centres(width: int, height: int, columns: int, rows: int) -> Array:
    """Centres of a grid of patches that tiles an image of width x height, [rows, columns, 2] pixels (u, v)."""
    u = (np.arange(columns) + 0.5) * (width / columns)
    v = (np.arange(rows) + 0.5) * (height / rows)
    return np.stack(np.meshgrid(u, v), -1)


def resized(camera: Camera, width: int, height: int) -> Camera:
    """The camera whose image is this one's scaled to width x height (each axis by its own factor); rays unchanged."""
    scale = np.diag([width / camera.width, height / camera.height, 1.0])
    return replace(camera, width=width, height=height, K=scale @ camera.K)


def cropped(camera: Camera, left: int, top: int, width: int, height: int) -> Camera:
    """The camera whose image is the given window of this one's; rays unchanged.

    Raises ValueError where the window leaves the image. A crop that puts the principal point outside itself is not a
    camera this package can check, and is refused by `Camera`.
    """
    if left < 0 or top < 0 or left + width > camera.width or top + height > camera.height:
        raise ValueError(f"crop ({left}, {top}, {width}, {height}) leaves the {camera.width}x{camera.height} image of {camera.name}")
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    return replace(camera, width=width, height=height, K=shift @ camera.K)
