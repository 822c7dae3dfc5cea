"""Reading and shrinking camera pictures, with the calibration that then belongs to them.

Pictures of any file format that Pillow reads become 8-bit RGB: grey, palette and CMYK pictures are converted, transparency is left
out, 16 bits are scaled to 8 (a value to its upper byte, as OpenCV does). A picture with an EXIF orientation is turned upright, as
every viewer shows it: width, height and K must be those of the upright picture.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from drive.cameras import Camera, resized
from drive.schema import CameraImage, MissingImage, Observation, StoredPicture, VideoPicture

# What Pillow raises for bytes that are no picture, a damaged one, or one that ends too early.
DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
UPRIGHT, SIDEWAYS = 1, (5, 6, 7, 8)  # EXIF orientations; sideways ones swap width and height


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture whose header was read. orientation: EXIF's, 1 = upright; size: width, height in pixels once upright."""

    stored: Image.Image
    orientation: int
    size: tuple[int, int]


def read_image(camera_image: CameraImage, width: int | None = None, height: int | None = None) -> tuple[Camera, NDArray[np.uint8]]:
    """A camera image -> (the camera of the picture returned, the picture uint8 [height, width, 3] RGB).

    width, height: pixels to scale to, each axis by its own factor; None keeps the image's own. JPEG is decoded at the
    smallest fraction of its size that still covers these, and shrunk from there by area. Raises MissingImage, naming the
    file, where it is absent, damaged or cut off; ValueError where its size is not its calibration's.
    """
    camera = camera_image.camera
    size = (width or camera.width, height or camera.height)
    if isinstance(camera_image.image, Path | StoredPicture):
        pixels = _read(camera_image.image, camera, size)
    elif isinstance(camera_image.image, VideoPicture):
        pixels = _read_video(camera_image.image, camera)
    else:
        pixels = camera_image.image
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"the picture of {camera.name} is {pixels.dtype} {list(pixels.shape)}, expected uint8 [height, width, 3] RGB")
        _require_size(f"the picture of {camera.name}", (pixels.shape[1], pixels.shape[0]), camera)
    if (pixels.shape[1], pixels.shape[0]) != size:
        shrinks = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return (camera if size == (camera.width, camera.height) else resized(camera, *size)), pixels


def blackened(observation: Observation) -> Observation:
    """The observation with every picture black: what is still answered, or learned, was not read from pixels."""

    def black(view: CameraImage) -> CameraImage:
        return replace(view, image=np.zeros((view.camera.height, view.camera.width, 3), np.uint8))

    frames = tuple(replace(frame, cameras=tuple(black(view) for view in frame.cameras)) for frame in observation.frames)
    return replace(observation, frames=frames)


def opened(data: bytes) -> Picture:
    """The bytes of a file -> its header; raises one of DECODE_ERRORS."""
    if not data:
        raise ValueError("the file is empty, 0 bytes; copied whole?")
    try:
        stored = Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise ValueError(f"its {len(data)} bytes are no picture, or one cut off in its head") from error
    turn = stored.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    orientation = turn if isinstance(turn, int) and 1 <= turn <= 8 else UPRIGHT  # viewers ignore others
    # Pillow turns TIFF by itself, and gives its size as turned.
    turned = orientation in SIDEWAYS and stored.format != "TIFF"
    return Picture(stored, orientation, stored.size[::-1] if turned else stored.size)


def decode(picture: Picture, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An opened picture -> uint8 [H, W, 3] RGB, upright, for JPEG at the smallest eighth of its size that covers `size`; raises one
    of DECODE_ERRORS, also for pixels whose range is not known (floating point, 32 bits)."""
    stored = picture.stored
    stored.draft("RGB", size[::-1] if picture.orientation in SIDEWAYS else size)
    stored.load()
    upright = ImageOps.exif_transpose(stored)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        return np.repeat(_upper_byte(upright)[..., None], 3, axis=-1)
    if upright.mode == "F":
        raise ValueError("its pixels are floating point numbers of no known range; expected 8 or 16 bits")
    return np.asarray(upright.convert("RGB"))


def _upper_byte(grey: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(grey).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its pixels run from {values.min()} to {values.max()}; expected 8 or 16 bits")
    return (values >> 8).astype(np.uint8)


def _read(stored: Path | StoredPicture, camera: Camera, size: tuple[int, int]) -> NDArray[np.uint8]:
    path = stored if isinstance(stored, Path) else stored.name
    try:
        picture = opened(stored.read_bytes() if isinstance(stored, Path) else stored.data)
    except FileNotFoundError as error:
        raise MissingImage(f"image of {camera.name} is not on disk: {path}") from error
    except DECODE_ERRORS as error:
        raise MissingImage(f"image of {camera.name} does not open: {path} ({error})") from error
    _require_size(f"{path}{turned_by(picture)}", picture.size, camera)
    try:
        return decode(picture, size)
    except DECODE_ERRORS as error:
        raise MissingImage(f"image of {camera.name} does not decode: {path} ({error})") from error


def _read_video(picture: VideoPicture, camera: Camera) -> NDArray[np.uint8]:
    from drive.data.video import read_video_picture

    try:
        pixels = read_video_picture(picture)
    except (OSError, ValueError) as error:
        raise MissingImage(f"image of {camera.name} does not decode: {picture.name} ({error})") from error
    _require_size(picture.name, (pixels.shape[1], pixels.shape[0]), camera)
    return pixels


def turned_by(picture: Picture) -> str:
    """Words for messages on the size of a picture that EXIF turns; empty for others."""
    return "" if picture.orientation == UPRIGHT else f" (turned upright by its EXIF orientation {picture.orientation})"


def _require_size(what: str, size: tuple[int, int], camera: Camera) -> None:
    if size != (camera.width, camera.height):
        raise ValueError(
            f"{what} is {size[0]}x{size[1]}, the calibration of {camera.name} is for {camera.width}x{camera.height}: "
            "restore the original image, or resize K with it"
        )
