"""What pictures look like, in a few dozen numbers a camera: light, sharpness at three scales, blocks, change, agreement with a neighbour.

All are of the picture shrunk to `WIDTH` x `HEIGHT`, so that cameras of any size give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.cameras import Camera, patch_centres, project, unproject
from drive.data.images import read_image
from drive.frames import Array, transform_points
from drive.schema import CameraImage, Frame

WIDTH, HEIGHT, BLOCK = 192, 96, 16
GRID = (48, 24)  # rays of a picture that are looked for in its neighbour's
FAR_M = 20.0  # where neighbours are taken to look at the same thing
LEAST_OVERLAP = 0.25  # of either picture: at the edges alone, parallax is most of what differs
FISHEYE = "fisheye"  # the edges of two of them, where they overlap, look alike no more than other pictures do
LEAST_MOVED_M = 0.5  # below, a picture may stand still
EPS = 0.05

PICTURE = (
    *("light", "contrast", "dark", "bright", "colour", "top_minus_bottom", "fine", "middle", "coarse", "fine_middle", "middle_coarse"),
    *("block_least", "block_10", "block_median", "block_90", "flat_blocks", "flat_below", "block_light_spread", "block_apart", "red_blue"),
)
CHANGE = ("change", "change_median", "still_blocks", "still_below", "likeness", "still_and_moved")
NEIGHBOUR = ("agreement", "agreement_gain", "overlap_contrast")
NAMES = (*PICTURE, "has_change", *CHANGE, "has_neighbour", *NEIGHBOUR)


@dataclass(frozen=True, eq=False)
class Pictured:
    """A picture as it is judged: camera at this size, rgb uint8 and grey float32 [HEIGHT, WIDTH]."""

    camera: Camera
    rgb: NDArray[np.uint8]
    grey: NDArray[np.float32]


def seen(view: CameraImage) -> Pictured:
    """A view's picture, shrunk. Raises MissingImage."""
    camera, rgb = read_image(view, WIDTH, HEIGHT)
    return Pictured(camera, rgb, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32))


def features(now: Sequence[Pictured], before: Sequence[Pictured], moved_m: float | None) -> Array:
    """[C, len(NAMES)] for C pictures of one moment. before: those of the frame before, any cameras; moved_m: how far the car went in
    between, None where unknown. What is not known (no frame before, a car that stands, no neighbour) is 0, and has_... says so."""
    earlier = {one.camera.name: one for one in before}
    rows = []
    for k, one in enumerate(now):
        past = earlier.get(one.camera.name) if moved_m is not None and moved_m >= LEAST_MOVED_M else None
        change = [0.0] * (1 + len(CHANGE)) if past is None else [1.0, *_change(one.grey, past.grey, moved_m or 0.0)]
        rows.append([*_picture(one), *change, *_neighbour(now, k)])
    return np.array(rows, dtype=np.float64).reshape(len(now), len(NAMES))


def moved_between(frame: Frame, last: Frame, speed_mps: float | None) -> float | None:
    """Metres from one frame to the last by the speed that is told; None where that is not known."""
    return None if speed_mps is None or not np.isfinite(speed_mps) else abs(speed_mps) * (last.time_s - frame.time_s)


def _picture(one: Pictured) -> list[float]:
    grey, rgb = one.grey, one.rgb.astype(np.float32)
    half, scales = HEIGHT // 2, [np.log(EPS + energy) for energy in _energies(grey)]
    means, deviations = _blocks(grey)
    least, low, median, high = np.log(EPS + np.quantile(deviations, [0.0, 0.1, 0.5, 0.9]))
    flat = deviations < 1.0
    apart = np.abs(means - cv2.medianBlur(means, 3)).max()
    return [
        float(grey.mean()),
        float(grey.std()),
        float((grey < 8).mean()),
        float((grey > 247).mean()),
        float((rgb.max(-1) - rgb.min(-1)).mean()),
        float(grey[:half].mean() - grey[half:].mean()),
        *scales,
        scales[0] - scales[1],
        scales[1] - scales[2],
        *(least, low, median, high),
        float(flat.mean()),
        float(flat[len(flat) // 2 :].mean()),
        float(means.std()),
        float(apart),
        float(rgb[..., 0].mean() - rgb[..., 2].mean()),
    ]


def _energies(grey: NDArray[np.float32]) -> list[float]:
    """Mean absolute detail at three scales, the finest first."""
    found, level = list[float](), grey
    for _ in range(3):
        smooth = cv2.GaussianBlur(level, (5, 5), 1.0).astype(np.float32, copy=False)
        found.append(float(np.abs(level - smooth).mean()))
        level = smooth[::2, ::2]
    return found


def _blocks(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Means and standard deviations of the blocks, [HEIGHT / BLOCK, WIDTH / BLOCK] each."""
    blocks = grey.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK)
    return blocks.mean((1, 3)), blocks.std((1, 3))


def _change(now: NDArray[np.float32], before: NDArray[np.float32], moved_m: float) -> list[float]:
    change = np.abs(now - before)
    blocks = _blocks(change)[0]
    still = blocks < 1.0
    return [
        float(np.log(EPS + change.mean())),
        float(np.log(EPS + np.median(change))),
        float(still.mean()),
        float(still[len(still) // 2 :].mean()),
        correlation(now.ravel(), before.ravel()),
        float(still[len(still) // 2 :].mean() * np.log1p(moved_m)),
    ]


def _neighbour(all_seen: Sequence[Pictured], k: int) -> list[float]:
    """Whether a camera's picture shows what its neighbour's does where they overlap, and how much better than if the two were exchanged."""
    best: tuple[float, Pictured, tuple[Array, Array]] | None = None
    for other in (*all_seen[:k], *all_seen[k + 1 :]):
        if FISHEYE in (all_seen[k].camera.model, other.camera.model):
            continue
        mine, theirs = _key(all_seen[k].camera), _key(other.camera)
        pairs = _overlap(*mine, *theirs)
        share = max(len(pairs[0]), len(_overlap(*theirs, *mine)[0])) / (GRID[0] * GRID[1])
        if share >= LEAST_OVERLAP and (best is None or share > best[0]):
            best = (share, other, pairs)
    if best is None:
        return [0.0] * (1 + len(NEIGHBOUR))
    own, its, (here, there) = _smooth(all_seen[k].grey), _smooth(best[1].grey), best[2]
    agreement = correlation(own[here[:, 1], here[:, 0]], its[there[:, 1], there[:, 0]])
    exchanged = correlation(its[here[:, 1], here[:, 0]], own[there[:, 1], there[:, 0]])
    return [1.0, agreement, agreement - exchanged, float(np.log(EPS + own[here[:, 1], here[:, 0]].std()))]


def _smooth(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.GaussianBlur(grey, (0, 0), 2.0).astype(np.float32, copy=False)


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Pearson's, of two lists of numbers; 0 where one of them is constant."""
    a, b = (np.asarray(one, dtype=np.float64) for one in (first, second))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-6 * len(a) else 0.0


def _key(camera: Camera) -> tuple[bytes, bytes, str, tuple[float, ...]]:
    return camera.K.tobytes(), camera.ego_from_camera.tobytes(), camera.model, camera.distortion


@lru_cache(maxsize=256)
def _overlap(*keys: object) -> tuple[Array, Array]:
    """Pixels [N, 2] of one camera's grid and those [N, 2] of another that look at the same point `FAR_M` away, both int64."""
    one, other = (_camera(*keys[i : i + 4]) for i in (0, 4))  # type: ignore[arg-type]
    pixels = patch_centres(WIDTH, HEIGHT, *GRID).reshape(-1, 2)
    points = transform_points(one.ego_from_camera, unproject(one, pixels) * FAR_M)
    found, front = project(other, points)
    inside = front & (found >= 0).all(-1) & (found < (WIDTH, HEIGHT)).all(-1)
    return pixels[inside].astype(np.int64), found[inside].astype(np.int64)


def _camera(K: bytes, pose: bytes, model: str, distortion: tuple[float, ...]) -> Camera:
    return Camera("", WIDTH, HEIGHT, np.frombuffer(K).reshape(3, 3), np.frombuffer(pose).reshape(4, 4), model, distortion)  # type: ignore[arg-type]
