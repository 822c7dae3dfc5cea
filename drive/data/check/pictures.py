"""Part of `drive check`: whether a picture decodes and has the size that its calibration is for."""

from __future__ import annotations

from pathlib import Path

from drive.data.images import DECODE_ERRORS, decode, opened, turned_by
from drive.schema import StoredPicture

# A picture is decoded at an eighth of its size: that reads all of its data.
DECODE_FRACTION = 8


def picture_problem(stored: Path | StoredPicture, size: tuple[int, int]) -> tuple[str, str] | None:
    """(kind, message) of what is wrong with a picture whose calibration is for size (width, height); None where nothing is."""
    try:
        picture = opened(stored.read_bytes() if isinstance(stored, Path) else stored.data)
        found = picture.size
        if found == size:
            decode(picture, (size[0] // DECODE_FRACTION, size[1] // DECODE_FRACTION))
    except DECODE_ERRORS as error:
        return "undecodable file", f"{stored.name} does not decode: {error}"
    if found != size:
        return "wrong image size", f"{stored.name}{turned_by(picture)} is {found[0]}x{found[1]}, its calibration is for {size[0]}x{size[1]}"
    return None
