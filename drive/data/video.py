"""Single pictures of video files, by number: what a camera that films gives instead of a folder of pictures."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.schema import VideoPicture

OPEN_FILES = 12  # kept open, so that pictures in order are decoded once
SKIPPED = 250  # pictures decoded on the way to the wanted one rather than sought


@dataclass(frozen=True, eq=False)
class VideoFacts:
    """times_us [N] int64: of its pictures in the order they are shown, the first at 0; width, height of the upright picture."""

    times_us: NDArray[np.int64]
    width: int
    height: int


def video_facts(path: Path) -> VideoFacts:
    """Times and size of a video's pictures; all packets are read, one picture is decoded. Raises ValueError where it is no video."""
    stat = path.stat()
    return _facts(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _facts(path: Path, _changed: int, _size: int) -> VideoFacts:
    try:
        reader = _Reader(path)
        try:
            first, stamps, unit = reader.read(0), np.array(reader.stamps, dtype=np.float64), float(reader.stream.time_base or 0)
        finally:
            reader.close()
    except (OSError, IndexError, ValueError) as error:
        raise ValueError(f"{path} is no video that can be read: {error}") from error
    if unit <= 0 or (np.diff(stamps) <= 0).any():
        raise ValueError(f"{path} is no video that can be read: it does not tell a time for each of its pictures")
    return VideoFacts(np.round((stamps - stamps[0]) * unit * 1e6).astype(np.int64), first.shape[1], first.shape[0])


def read_video_picture(picture: VideoPicture) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] RGB, upright. Raises ValueError where the file has no such picture, OSError where it does not open."""
    with _LOCK:
        reader = _READERS.pop(picture.path, None) or _Reader(picture.path)
        _READERS[picture.path] = reader
        while len(_READERS) > OPEN_FILES:
            _READERS.popitem(last=False)[1].close()
        try:
            return reader.read(picture.number)
        except BaseException:
            _READERS.pop(picture.path).close()
            raise


class _Reader:
    """A video that is open: the next pictures are near, others are sought."""

    def __init__(self, path: Path) -> None:
        import av

        self.path, self.at = path, 0
        self.container: Any = av.open(str(path))
        self.stream: Any = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        packets = ((p.pts if p.pts is not None else p.dts) for p in self.container.demux(self.stream) if p.size)
        self.stamps = sorted(stamp for stamp in packets if stamp is not None)
        self._seek(0)

    def close(self) -> None:
        self.container.close()

    def read(self, number: int) -> NDArray[np.uint8]:
        if not 0 <= number < len(self.stamps):
            raise ValueError(f"{self.path} has {len(self.stamps)} pictures, no picture {number}")
        if not self.at <= number <= self.at + SKIPPED:
            self._seek(number)
        wanted = self.stamps[number]
        for frame in self.frames:
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is not None and stamp >= wanted:
                self.at = number + 1
                return _upright(frame)
        raise ValueError(f"{self.path} ends before its picture {number}; it is damaged or cut off")

    def _seek(self, number: int) -> None:
        self.container.seek(self.stamps[number] if self.stamps else 0, stream=self.stream, backward=True)
        self.frames, self.at = self.container.decode(self.stream), number


def _upright(frame: Any) -> NDArray[np.uint8]:
    """A decoded picture as players show it: BT.709 or 601 as the file says, turned by its display matrix."""
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


_LOCK = threading.Lock()
_READERS: OrderedDict[Path, _Reader] = OrderedDict()
