"""Faces and number plates made unreadable while pictures are packed, where detectors are given that find them.

picture's file --decoded--> detectors --boxes--> blurred, encoded as it was      found nothing: the file stays as it was
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drive.data.images import DECODE_ERRORS, decode, opened
from drive.named import made
from drive.schema import MissingImage

Pixels = NDArray[np.uint8]

MARGIN = 0.1  # of a box's width and height, added on each side
SIGMA = 0.25  # of a box's longer side: what is left tells nothing that is smaller than half the box
QUALITY = 95


class Detector(Protocol):
    """Finds what must not be readable: `module:Class`, made without arguments, the same boxes for the same picture."""

    def find(self, picture: Pixels) -> Any:
        """A picture uint8 [H, W, 3] RGB, upright -> boxes [N, 4] in its pixels: left, top, right, bottom; N may be 0."""


class Blur:
    """Blurs what any of some detectors, at least one, finds. Raises ValueError for one that is none."""

    def __init__(self, specs: Sequence[str]) -> None:
        self.detectors: dict[str, Detector] = {spec: _detector(spec) for spec in specs}

    def __call__(self, data: bytes, name: str) -> tuple[bytes, int]:
        """A picture's file -> the file to write, and how many regions are blurred in it.

        Raises MissingImage for one that does not decode, as nobody can look at it; ValueError where a detector fails.
        """
        try:
            stored = opened(data)
            kind = stored.stored.format
            pixels = decode(stored, stored.size)
        except DECODE_ERRORS as error:
            raise MissingImage(f"{name} does not decode ({error})") from error
        boxes = np.concatenate([_found(spec, one, pixels, name) for spec, one in self.detectors.items()])
        boxes = boxes[(boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < pixels.shape[1::-1]).all(1)]
        return (encoded(blurred(pixels, boxes), kind, name), len(boxes)) if len(boxes) else (data, 0)


@lru_cache(maxsize=4)
def blur_of(specs: tuple[str, ...]) -> Blur | None:
    """One for a process; None where no detector is given."""
    return Blur(specs) if specs else None


def blurred(pixels: Pixels, boxes: NDArray[np.floating[Any]]) -> Pixels:
    """A picture [H, W, 3] and boxes [N, 4] (left, top, right, bottom) -> a copy in which they, and a margin, are blurred."""
    out = pixels.copy()
    for left, top, right, bottom in boxes:
        wide, high = MARGIN * (right - left), MARGIN * (bottom - top)
        x0, y0 = max(0, int(np.floor(left - wide))), max(0, int(np.floor(top - high)))
        piece = out[y0 : max(0, int(np.ceil(bottom + high))), x0 : max(0, int(np.ceil(right + wide)))]
        if piece.size:
            piece[:] = cv2.GaussianBlur(piece, (0, 0), max(2.0, SIGMA * max(piece.shape[:2])), borderType=cv2.BORDER_REFLECT)
    return out


def _detector(spec: str) -> Detector:
    one = made(spec, "detector")
    if not callable(getattr(one, "find", None)):
        raise ValueError(f"{spec!r} is no detector: it needs a method `find(picture) -> boxes [N, 4]`; see docs/records.md")
    return one


def _found(spec: str, one: Detector, pixels: Pixels, name: str) -> NDArray[np.float64]:
    """Boxes of one detector. Raises ValueError where it raises, or gives something else."""
    try:
        boxes = np.asarray(one.find(pixels.copy()), dtype=np.float64)
    except Exception as error:
        raise ValueError(f"detector {spec} failed at {name}: {type(error).__name__}: {error}") from error
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        told = "boxes [N, 4] of finite pixels, left < right, top < bottom"
        raise ValueError(f"detector {spec} gave {np.array2string(boxes, threshold=8)[:100]} at {name}, expected {told}")
    return boxes


def encoded(pixels: Pixels, kind: str | None, name: str) -> bytes:
    """A picture as a file of a kind, JPEG at QUALITY. Raises ValueError for a kind that cannot be written."""
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).save(file, kind, quality=QUALITY)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name}: a changed picture cannot be written as {kind} ({error}): convert the source to JPEG or PNG") from error
    return file.getvalue()
