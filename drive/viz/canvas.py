"""A picture to draw on: translucent anti-aliased polygons, lines and text, at sub-pixel places.

Coordinates are pixels (x right, y down) with (0, 0) at the top left corner, as in `drive.cameras`. Everything is drawn
`SCALE` times larger and shrunk at the end, which smooths what the drawing routines themselves leave ragged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from drive.frames import Array
from drive.viz.mix import mix
from drive.viz.style import TEXT, Colour, font

SCALE = 2
_SHIFT = 4  # fractional bits of the coordinates that OpenCV takes
_LIMIT = 1e6  # pixels; what lies further out is cut off before it can overflow OpenCV's integers

Picture = NDArray[np.uint8]
Anchor = Literal["left", "middle", "right"]


class Canvas:
    """width x height pixels of one colour, or a copy of a picture uint8 [SCALE * H, SCALE * W, 3]."""

    def __init__(self, width: int, height: int, colour: Colour | None = None, picture: Picture | None = None) -> None:
        self.width, self.height = width, height
        shape = (height * SCALE, width * SCALE, 3)
        if picture is not None and picture.shape != shape:
            raise ValueError(f"picture must be uint8 {list(shape)}, got {list(picture.shape)}")
        self.pixels: Picture = plate(shape[1], shape[0], colour or (0, 0, 0)) if picture is None else picture.copy()

    def finish(self) -> Picture:
        """The picture, uint8 [height, width, 3]."""
        return cv2.resize(self.pixels, (self.width, self.height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    def polygon(self, points: ArrayLike, colour: Colour, alpha: float = 1.0) -> None:
        """Fills one polygon [N, 2]."""
        if len(np.asarray(points)) >= 3:
            fixed = [_fixed(points)]
            self._blend(fixed, lambda mask, moved: cv2.fillPoly(mask, moved, (255,), cv2.LINE_AA, _SHIFT), 2, colour, alpha)

    def area(self, rings: Iterable[Array], colour: Colour, alpha: float = 1.0) -> None:
        """Fills where the rings [N, 2] wind around: as one sees them, outlines run counter-clockwise and holes clockwise."""
        fixed = [_fixed(ring) for ring in rings if len(ring) >= 3]
        if fixed:
            self._blend(fixed, _fill_by_winding, 2, colour, alpha)

    def line(
        self, points: ArrayLike, colour: Colour, width: float = 1.0, alpha: float = 1.0, closed: bool = False, dash: float = 0.0
    ) -> None:
        """A polyline [N, 2] of a width in pixels; dash: length of dashes and of the gaps between them, 0 = solid."""
        p = np.asarray(points, dtype=np.float64)
        if closed and dash:
            p = np.concatenate([p, p[:1]])
        parts = _dashes(p, dash) if dash else [p]
        self.lines(parts, colour, width, alpha, closed=closed and not dash)

    def lines(self, parts: Iterable[Array], colour: Colour, width: float = 1.0, alpha: float = 1.0, closed: bool = False) -> None:
        """Polylines [N, 2] as one stroke: where they cross, nothing shows twice."""
        fixed = [_fixed(part) for part in parts if len(part) >= 2]
        thick = max(1, round(width * SCALE))
        if fixed:
            self._blend(fixed, lambda mask, p: cv2.polylines(mask, p, closed, (255,), thick, cv2.LINE_AA, _SHIFT), thick, colour, alpha)

    def disc(self, centre: ArrayLike, radius: float, colour: Colour, alpha: float = 1.0) -> None:
        """A filled circle."""
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon(np.asarray(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], -1), colour, alpha)

    def gradient(self, parts: Iterable[tuple[Array, Colour | None]], alpha: float, hidden: float = 0.2) -> None:
        """Fills polygons [N, 2], each in its colour, as one translucent sheet: seams and overlaps do not show.

        A part without a colour stands before those given earlier and leaves a share `hidden` of them to see.
        """
        mask = np.zeros(self.pixels.shape[:2], dtype=np.uint8)
        colours = np.zeros_like(self.pixels)
        for points, colour in parts:
            fixed = [_fixed(points)]
            if colour is None:
                if mask.any():
                    before = np.zeros_like(mask)
                    cv2.fillPoly(before, fixed, (255,), cv2.LINE_AA, _SHIFT)
                    mask[before > 0] = np.minimum(mask[before > 0], round(hidden * 255))
                continue
            cv2.fillPoly(mask, fixed, (255,), cv2.LINE_AA, _SHIFT)
            cv2.fillPoly(colours, fixed, colour, cv2.LINE_8, _SHIFT)
            cv2.polylines(colours, fixed, True, colour, 2, cv2.LINE_8, _SHIFT)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            mix(self.pixels[part], colours[part], mask[part], alpha)

    def restore(self, picture: Picture, mask: NDArray[np.bool_], hidden: float) -> None:
        """Puts a picture of the canvas's own resolution back where the mask says, leaving a share `hidden` of what was drawn."""
        rows = np.flatnonzero((self.pixels != picture).any((1, 2)))
        if len(rows):
            part = np.s_[rows[0] : rows[-1] + 1]
            drawn = mask[part] & (self.pixels[part] != picture[part]).any(-1)
            mix(self.pixels[part], picture[part], drawn * np.uint8(255), 1.0 - hidden)

    def text(
        self,
        place: tuple[float, float],
        words: str,
        size: int = 14,
        colour: Colour = TEXT,
        anchor: Anchor = "left",
        bold: bool = False,
        pill: Colour | None = None,
        turned: bool = False,
    ) -> float:
        """One line of text, vertically centred on place; returns its width. pill: a dark plate behind it. turned: upwards."""
        mask = _text_mask(words, size, bold)
        if turned:
            mask = np.rot90(mask)
        height, width = mask.shape
        share = {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor]
        x = round(place[0] * SCALE - (0.5 if turned else share) * width)
        y = round(place[1] * SCALE - ((1 - share) if turned else 0.5) * height)
        if pill is not None:
            pad = size * SCALE * 0.45
            corners = np.array([[x - pad, y - pad / 2], [x + width + pad, y - pad / 2], [x + width + pad, y + height + pad / 2]])
            plate = np.concatenate([corners, [[x - pad, y + height + pad / 2]]]) / SCALE
            self.polygon(plate, pill, 0.72)
        top, left = max(y, 0), max(x, 0)
        bottom, right = min(y + height, self.pixels.shape[0]), min(x + width, self.pixels.shape[1])
        if top < bottom and left < right:
            part = np.s_[top:bottom, left:right]
            mix(self.pixels[part], np.array(colour), mask[top - y : bottom - y, left - x : right - x], 1.0)
        return width / SCALE

    def _blend(self, fixed: list[Any], draw: Any, margin: int, colour: Colour, alpha: float) -> None:
        """Draws on a mask the size of the shapes' bounding box, then mixes the colour in."""
        points = np.concatenate(fixed) / (1 << _SHIFT)
        low = np.maximum(np.floor(points.min(0)).astype(int) - margin - 1, 0)
        high = np.minimum(np.ceil(points.max(0)).astype(int) + margin + 2, self.pixels.shape[1::-1])
        if (low >= high).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
        draw(mask, [shape - (low << _SHIFT).astype(np.int32) for shape in fixed])
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        mix(self.pixels[part], np.array(colour), mask, alpha)


def plate(width: int, height: int, colour: Colour) -> Picture:
    """A picture of one colour, uint8 [height, width, 3]: row by row, which is ten times as fast as colour by colour."""
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    pixels[:] = np.full((width, 3), colour, dtype=np.uint8)
    return pixels


def text_width(words: str, size: int, bold: bool = False) -> float:
    """Width in pixels that `Canvas.text` takes."""
    return _text_mask(words, size, bold).shape[1] / SCALE


def shortened(words: str, size: int, width: float, bold: bool = False) -> str:
    """Words that fit into a width in pixels, cut short with an ellipsis where they are too long."""
    words = " ".join(words.split())[:400]
    if text_width(words, size, bold) <= width:
        return words
    while words and text_width(words + "\u2026", size, bold) > width:
        words = words[:-1]
    return words + "\u2026"


def fitted_size(words: str, sizes: Sequence[int], width: float, bold: bool = False) -> int:
    """The first of some sizes at which words fit into a width in pixels; the last where they fit at none."""
    return next((size for size in sizes if text_width(words, size, bold) <= width), sizes[-1])


@lru_cache(maxsize=256)
def _text_mask(words: str, size: int, bold: bool) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    face = font(size * SCALE, bold)
    line = " ".join(words.split()) or " "
    ascent, descent = face.getmetrics()
    picture = Image.new("L", (max(1, round(face.getlength(line))), ascent + descent))
    ImageDraw.Draw(picture).text((0, 0), line, fill=255, font=face)
    return np.asarray(picture)


def _fill_by_winding(mask: NDArray[np.uint8], rings: list[Any]) -> None:
    winding = np.zeros(mask.shape, dtype=np.int32)
    for ring in rings:
        one = np.zeros_like(mask)
        cv2.fillPoly(one, [ring], (255,), cv2.LINE_AA, _SHIFT)
        # y runs down, so what is counter-clockwise to the eye has a negative area here.
        winding += one * (1 if cv2.contourArea(ring.astype(np.float32), oriented=True) < 0 else -1)
    mask[:] = np.clip(winding, 0, 255)


def _fixed(points: ArrayLike) -> NDArray[np.int32]:
    """Pixel places -> OpenCV's fixed-point coordinates, whose origin is the centre of the first pixel."""
    large = np.asarray(points, dtype=np.float64) * SCALE - 0.5
    return np.round(np.clip(large, -_LIMIT, _LIMIT) * (1 << _SHIFT)).astype(np.int32)


def _dashes(points: Array, dash: float) -> list[Array]:
    """A polyline -> its dashes, each a polyline."""
    stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    parts = []
    for start in np.arange(0.0, stations[-1], 2 * dash):
        inner = stations[(stations > start) & (stations < start + dash)]
        at = np.concatenate([[start], inner, [min(start + dash, stations[-1])]])
        parts.append(np.stack([np.interp(at, stations, points[:, axis]) for axis in range(2)], -1))
    return parts
