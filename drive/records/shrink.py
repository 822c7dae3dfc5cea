"""Pictures packed at the size that a network takes, K with them, so that nobody decodes and shrinks large ones at every step again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drive.cameras import Camera
from drive.data.images import DECODE_ERRORS, opened, read_image
from drive.records.blur import encoded
from drive.schema import CameraImage, MissingImage, StoredPicture


@dataclass(frozen=True)
class Shrink:
    """Makes pictures that are larger than width x height pixels that large, each axis by its own factor, as `drive.data.images.read_image`
    does. Smaller ones, also those smaller along one axis alone, stay as they are, to the byte."""

    width: int
    height: int

    def __call__(self, view: CameraImage, data: bytes, name: str) -> tuple[Camera, bytes]:
        """A view and its picture's file -> the camera of the file to write, and that file, of the same kind (JPEG at quality 95).

        Raises MissingImage where it does not decode, ValueError where its size is not its calibration's or its kind cannot be written.
        """
        camera = view.camera
        if (camera.width, camera.height) == (self.width, self.height) or camera.width < self.width or camera.height < self.height:
            return camera, data
        smaller, pixels = read_image(replace(view, image=StoredPicture(name, data)), self.width, self.height)
        try:
            kind = opened(data).stored.format
        except DECODE_ERRORS as error:
            raise MissingImage(f"{name} does not decode ({error})") from error
        return smaller, encoded(pixels, kind, name)


def size_of(text: str) -> tuple[int, int]:
    """ "448x256" -> (448, 256). Raises ValueError for anything else."""
    width, sign, height = text.lower().partition("x")
    if not (sign and all(side.isascii() and side.isdigit() and 0 < int(side) < 100_000 for side in (width, height))):
        raise ValueError(f"a size is WIDTHxHEIGHT in pixels such as 448x256, got {text!r}")
    return int(width), int(height)
