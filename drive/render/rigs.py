"""Camera rigs: which cameras a car carries, from a YAML file (`drive.data.rig_files`) or drawn from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.cameras import Camera, resized
from drive.data.rig_files import mount, read_rig
from drive.shipped import CONFIGS, found
from drive.words import did_you_mean

FOLDER = Path(__file__).with_suffix("")
RIGS = ("nuscenes", "pandaset", "waymo", "fisheye4")
SHIPPED_RIGS = ("first-drive",)  # of configs/rigs
WIDTHS_PX = (16, 8192)  # of the widest camera
RANDOM, NARROW = "random", "random-narrow"
RANDOM_SIZES = ((1600, 900), (1920, 1080), (1280, 720), (1280, 960), (1920, 1280), (1024, 576))
NARROWER = 1.6  # times as long are the longest lenses of a narrow rig


def load_rig(spec: str | Path, seed: int = 0, width: int | None = None) -> tuple[Camera, ...]:
    """The cameras of a rig; each one's `ego_from_camera` is its mount on the car.

    spec: a name of `RIGS` or `SHIPPED_RIGS`, "random" or "random-narrow" (the seed's) or a YAML file. width: the widest camera gets this
    width in pixels, the others the same scale, heights following. Raises ValueError for an unknown rig or a file that describes none.
    """
    if str(spec) in (RANDOM, NARROW):
        cameras = random_rig(seed, narrow=str(spec) == NARROW)
    elif str(spec) in RIGS:
        cameras = read_rig(FOLDER / f"{spec}.yaml")
    elif str(spec) in SHIPPED_RIGS:
        cameras = read_rig(CONFIGS / "rigs" / f"{spec}.yaml")
    elif str(spec).endswith((".yaml", ".yml")):
        cameras = read_rig(found(spec))
    else:
        known = (*RIGS, *SHIPPED_RIGS, RANDOM, NARROW)
        raise ValueError(f"no rig {str(spec)!r}; there are {', '.join(known)}, or a YAML file{did_you_mean(str(spec), known)}")
    return cameras if width is None else scaled(cameras, width)


def scaled(cameras: tuple[Camera, ...], width: int) -> tuple[Camera, ...]:
    """The rig with its widest camera `width` pixels wide and all at the same scale. Raises ValueError outside `WIDTHS_PX`."""
    if not WIDTHS_PX[0] <= width <= WIDTHS_PX[1]:
        raise ValueError(f"a camera's width must be {WIDTHS_PX[0]} to {WIDTHS_PX[1]} pixels, got {width}")
    scale = width / max(camera.width for camera in cameras)
    return tuple(resized(c, max(8, round(c.width * scale)), max(8, round(c.height * scale))) for c in cameras)


def random_rig(seed: int, narrow: bool = False) -> tuple[Camera, ...]:
    """A plausible rig of 1 to 8 cameras: they look evenly around the car, from the roof of a car or a van, a little askew.

    One rig in five has fisheyes. narrow: focal lengths are up to `NARROWER` times as long, so that there may be gaps between pictures and
    the road right before the car is often not seen. Raises ValueError where seed is negative.
    """
    if seed < 0:
        raise ValueError(f"a rig's seed must be 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 61])
    count, fisheye = int(rng.integers(1, 9)), bool(rng.random() < 0.2)
    width, height = RANDOM_SIZES[int(rng.integers(len(RANDOM_SIZES)))]
    roof = float(rng.uniform(1.3, 2.3))
    fov = float(rng.uniform(170, 195)) if fisheye else float(np.clip(360 / count * rng.uniform(1.0, 1.3), 50, 115))
    longer = float(rng.uniform(1.0, NARROWER)) if narrow and not fisheye else 1.0
    cameras = []
    for i in range(count):
        yaw = 360 * i / count + (float(rng.normal(0, 3)) if i else 0.0)
        out = np.radians(yaw)
        position = (1.0 + 0.7 * np.cos(out), 0.5 * np.sin(out), roof + float(rng.normal(0, 0.03)))
        half = np.radians(fov * float(rng.uniform(0.95, 1.05))) / 2
        focal = longer * width / 2 / (half if fisheye else np.tan(half))
        cx, cy = width / 2 + float(rng.normal(0, 0.01)) * width, height / 2 + float(rng.normal(0, 0.01)) * height
        pose = mount(position, yaw, float(rng.normal(-15 if fisheye else -1, 1)), float(rng.normal(0, 0.5)))
        K = np.array([[focal, 0.0, cx], [0.0, focal, cy], [0.0, 0.0, 1.0]])
        bend = (float(rng.normal(0, 0.01)) if fisheye else 0.0, 0.0, 0.0, 0.0)
        cameras.append(Camera(f"CAM_{i}", width, height, K, pose, "fisheye" if fisheye else "pinhole", bend))
    return tuple(cameras)
