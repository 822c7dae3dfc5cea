"""Reading and shrinking camera pictures, with the calibration that then belongs to them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drive.cameras import Camera, resized
from drive.schema import CameraImage, MissingImage, Observation

# What Pillow raises for bytes that are no picture, a damaged one, or one that ends too early.
DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


def read_image(camera_image: CameraImage, width: int | None = None, height: int | None = None) -> tuple[Camera, NDArray[np.uint8]]:
    """A camera image -> (the camera of the picture returned, the picture uint8 [height, width, 3] RGB).

    width, height: pixels to scale to, each axis by its own factor; None keeps the image's own. JPEG is decoded at the
    smallest fraction of its size that still covers these, and shrunk from there by area. Raises MissingImage, naming the
    file, where it is absent, damaged or cut off; ValueError where its size is not its calibration's.
    """
    camera = camera_image.camera
    size = (width or camera.width, height or camera.height)
    if isinstance(camera_image.image, Path):
        pixels = _read(camera_image.image, camera, size)
    else:
        pixels = camera_image.image
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


def decode(picture: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An opened picture -> uint8 [H, W, 3] RGB, for JPEG at the smallest eighth of its size that covers `size`; raises one of
    DECODE_ERRORS."""
    picture.draft("RGB", size)
    return np.asarray(picture.convert("RGB"))


def _read(path: Path, camera: Camera, size: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        picture = Image.open(io.BytesIO(path.read_bytes()))
    except FileNotFoundError as error:
        raise MissingImage(f"image of {camera.name} is not on disk: {path}") from error
    except DECODE_ERRORS as error:
        raise MissingImage(f"image of {camera.name} does not open: {path} ({error})") from error
    _require_size(str(path), picture.size, camera)
    try:
        return decode(picture, size)
    except DECODE_ERRORS as error:
        raise MissingImage(f"image of {camera.name} does not decode: {path} ({error})") from error


def _require_size(what: str, size: tuple[int, int], camera: Camera) -> None:
    if size != (camera.width, camera.height):
        raise ValueError(
            f"{what} is {size[0]}x{size[1]}, the calibration of {camera.name} is for {camera.width}x{camera.height}: "
            "restore the original image, or resize K with it"
        )
