"""A picture in numbers, measured once: light, sharpness, what it looks like, bars and words that may be laid over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
SIZE = (320, 180)  # at which a picture is measured, at most
THUMB = (16, 9)
BRIGHT = 250
STROKE_PX, LEAST_STEP = 9, 60  # strokes of letters are thinner, and lighter or darker than what is around by so much
WORD_PX, LINE_PX = 24, (5, 24)  # a line of letters is at least so wide, and so high
MOST_CAPTIONS = 6


@dataclass(frozen=True)
class PictureFacts:
    """A picture in numbers, of its grey values 0 to 255. p99: which 1 % are above. bright: the share of BRIGHT or more. sharp: variance of
    the Laplacian. thumb: 16 x 9 grey values as hex. hash: whether each of 8 x 8 fields is brighter than its right neighbour (dHash).
    detail: 16 x 9 fields' mean absolute Laplacian as hex, 32 log2(1 + it). bars: the share of the picture that a bar of one colour takes
    at both the top and the bottom, and at both the left and the right. captions: places (x, y, width, height) that look like a line of
    letters, in 1/320 of the width and 1/180 of the height."""

    mean: float
    std: float
    p99: float
    bright: float
    sharp: float
    thumb: str = field(repr=False)
    hash: int
    detail: str = field(repr=False, default="")
    bars: tuple[float, float] = (0.0, 0.0)
    captions: tuple[tuple[int, int, int, int], ...] = ()

    def thumbnail(self) -> NDArray[np.int64]:
        """Grey values [144]."""
        return np.frombuffer(bytes.fromhex(self.thumb), np.uint8).astype(np.int64)

    def details(self) -> NDArray[np.int64]:
        """As `detail` tells, [144]."""
        return np.frombuffer(bytes.fromhex(self.detail), np.uint8).astype(np.int64)


def glance(grey: Grey) -> PictureFacts:
    """A grey picture [H, W] in numbers."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int64)
    bits = (small[:, :-1] > small[:, 1:]).ravel()
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    detail = 32 * np.log2(1 + cv2.resize(np.abs(edges), THUMB, interpolation=cv2.INTER_AREA))
    return PictureFacts(
        mean=round(float(grey.mean()), 3),
        std=round(float(grey.std()), 3),
        p99=float(np.percentile(grey, 99)),
        bright=round(float((grey >= BRIGHT).mean()), 4),
        sharp=round(float(edges.var(dtype=np.float64)), 3),
        thumb=cv2.resize(grey, THUMB, interpolation=cv2.INTER_AREA).tobytes().hex(),
        hash=int("".join("1" if bit else "0" for bit in bits), 2),
        detail=np.clip(np.rint(detail), 0, 255).astype(np.uint8).tobytes().hex(),
        bars=(_bars(grey), _bars(np.ascontiguousarray(grey.T))),
        captions=_captions(grey),
    )


def _bars(grey: Grey) -> float:
    """The share of the height that a bar of one colour takes at the top, and one of the same colour at the bottom: of the lower one. 0
    where there are none, where they are not equally high, or where what is between does not begin with an edge."""
    flat, level = grey.std(1) < 2.0, grey.mean(1)
    top, bottom = _run(flat, level), _run(flat[::-1], level[::-1])
    least = min(top, bottom)
    if not least or max(top, bottom) > least + 0.02 * len(grey) + 1 or top + bottom >= len(grey) or abs(level[0] - level[-1]) > 4:
        return 0.0
    inner = grey[top : len(grey) - bottom]
    edge = min(_step(inner[: 1 + len(inner) // 20], level[0]), _step(inner[-1 - len(inner) // 20 :], level[-1]))
    return round(least / len(grey), 4) if edge > 8 else 0.0


def _run(flat: NDArray[np.bool_], level: NDArray[np.float64]) -> int:
    same = flat & (np.abs(level - level[0]) < 2.0)
    return len(same) if same.all() else int(np.argmin(same))


def _step(rows: Grey, level: float) -> float:
    return float(np.abs(rows.astype(np.float64) - level).mean())


def _captions(grey: Grey) -> tuple[tuple[int, int, int, int], ...]:
    """Lines of letters: thin strokes of much contrast, light or dark, side by side, that fill a low wide box."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX, STROKE_PX))
    found = []
    for shade in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes = (cv2.morphologyEx(grey, shade, kernel) >= LEAST_STEP).astype(np.uint8)
        found += [(box[2] * box[3], _of_size(box, grey)) for box in _lines(strokes)]
    return tuple(box for _, box in sorted(found, reverse=True)[:MOST_CAPTIONS])


def _lines(strokes: Grey) -> Iterator[tuple[int, int, int, int]]:
    if not strokes.any():
        return
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX + 4, 3)))
    for x, y, width, height, _ in cv2.connectedComponentsWithStats(joined)[2][1:].tolist():
        if width < WORD_PX or not LINE_PX[0] <= height <= LINE_PX[1] or width < 2 * height:
            continue
        inside = strokes[y : y + height, x : x + width]
        changes = np.abs(np.diff(inside.astype(np.int8), axis=1)).sum(1)
        if 0.2 <= inside.mean() <= 0.9 and np.median(changes) >= width / 12:
            yield x, y, width, height


def _of_size(box: tuple[int, int, int, int], grey: Grey) -> tuple[int, int, int, int]:
    across, down = SIZE[0] / grey.shape[1], SIZE[1] / grey.shape[0]
    x, y, width, height = box
    return round(x * across), round(y * down), round(width * across), round(height * down)
