"""Small folders in others' layouts, written from their published schemas by means that the adapters do not use.

All tell the same drive: along +x of a frame that is turned by HEADING in the world, SPEED_MPS, from START; a parked car stands at CAR in
the ego frame of the first moment.
"""

from __future__ import annotations

import numpy as np

HEADING, SPEED_MPS, START = 0.6, 5.0, np.array([1500.0, 200.0, 12.0])
CAR, CAR_SIZE = np.array([30.0, 4.0, 0.8]), (4.5, 1.9, 1.6)
WIDTH, HEIGHT, FOCAL = 64, 48, 50.0
# Camera axes in a body frame with x forward, y left, z up: the optical axis looks ahead.
AHEAD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def turn(angle: float) -> np.ndarray:
    """Rotation about z, [3, 3]."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def ego_place(seconds: float) -> np.ndarray:
    """Where the ego's origin is in the world, [3]."""
    return START + turn(HEADING) @ np.array([SPEED_MPS * seconds, 0.0, 0.0])


def car_from_ego(seconds: float) -> np.ndarray:
    """Where the parked car is as seen from the ego, [3]."""
    return CAR - np.array([SPEED_MPS * seconds, 0.0, 0.0])


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """w, x, y, z by scipy."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return float(w), float(x), float(y), float(z)


def jpeg(shade: int = 90, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """A picture of one shade."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, "JPEG")
    return buffer.getvalue()
