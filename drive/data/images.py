"""Reading and shrinking camera pictures, with the calibration that then belongs to them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.cameras import Camera, resized
from drive.schema import CameraImage, MissingImage

# JPEG decodes at a fraction of its size for much less work. What is left to INTER_AREA is a factor of one or more.
_REDUCED = ((4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2), (1, cv2.IMREAD_COLOR))


def read_image(camera_image: CameraImage, width: int | None = None, height: int | None = None) -> tuple[Camera, NDArray[np.uint8]]:
    """A camera image -> (the camera of the picture returned, the picture uint8 [height, width, 3] RGB).

    width, height: pixels to scale to, each axis by its own factor; None keeps the image's own. Raises MissingImage,
    naming the file, where it is absent or does not decode; ValueError where its size on disk is not its calibration's.
    """
    camera = camera_image.camera
    width, height = width or camera.width, height or camera.height
    if isinstance(camera_image.image, Path):
        pixels = _decode(camera_image.image, camera, width, height)
    else:
        pixels = camera_image.image
        _require_size(f"the picture of {camera.name}", pixels.shape[1::-1], camera)
    if pixels.shape[1::-1] != (width, height):
        pixels = cv2.resize(pixels, (width, height), interpolation=_interpolation(pixels, width, height)).astype(np.uint8, copy=False)
    return (camera if (width, height) == (camera.width, camera.height) else resized(camera, width, height)), pixels


def image_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that the header of an encoded picture states; None where it is no picture. Decodes no pixels."""
    import io

    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _decode(path: Path, camera: Camera, width: int, height: int) -> NDArray[np.uint8]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingImage(f"image of {camera.name} cannot be read: {path} ({error.strerror})") from error
    size = image_size(data)
    if size is None:
        raise MissingImage(f"image of {camera.name} does not decode: {path}")
    _require_size(str(path), size, camera)
    flag = next(flag for factor, flag in _REDUCED if factor == 1 or (factor * width <= camera.width and factor * height <= camera.height))
    picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise MissingImage(f"image of {camera.name} does not decode: {path}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _require_size(what: str, size: tuple[int, ...], camera: Camera) -> None:
    if tuple(size) != (camera.width, camera.height):
        raise ValueError(
            f"{what} is {size[0]}x{size[1]}, the calibration of {camera.name} is for {camera.width}x{camera.height}: "
            "restore the original image, or resize K with it"
        )


def _interpolation(pixels: NDArray[np.uint8], width: int, height: int) -> int:
    return cv2.INTER_AREA if width <= pixels.shape[1] and height <= pixels.shape[0] else cv2.INTER_LINEAR
