"""When pictures were taken, and which of them make a key frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drive.data.pictures.find import Stream
from drive.frames import Array


def key_frames(times_us: Sequence[NDArray[np.int64]], spacing_s: float) -> NDArray[np.int64]:
    """Times of each camera's pictures -> which picture of each camera makes each key frame, [K, C].

    Of the first camera all pictures where they are further apart than three quarters of the spacing, else those nearest to its
    multiples; of the others those of nearest time.
    """
    first = times_us[0]
    chosen = np.arange(len(first))
    if len(first) > 1 and np.median(np.diff(first)) / 1e6 < 0.75 * spacing_s:
        wanted = np.arange(0, first[-1] - first[0] + 1, spacing_s * 1e6)
        chosen = np.unique(_nearest(first - first[0], wanted))
    return np.stack([chosen, *(_nearest(times, first[chosen]) for times in times_us[1:])], -1)


def _nearest(times: NDArray[np.int64], wanted: Array | NDArray[np.int64]) -> NDArray[np.int64]:
    upper = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
    lower = np.maximum(upper - 1, 0)
    return np.where(np.abs(times[lower] - wanted) <= np.abs(times[upper] - wanted), lower, upper)


def times_of(streams: Sequence[Stream], hz: float | None, asked: bool) -> tuple[list[NDArray[np.int64]], bool]:
    """Microseconds of each camera's pictures, and whether they are stamps since 1970."""
    clock = streams[0].clock
    if clock in ("stamps", "video"):
        if asked:
            there = "these bear time stamps" if clock == "stamps" else "videos tell theirs"
            raise ValueError(f"hz is for pictures whose names tell no times; {there}")
        return [stream.times for stream in streams], clock == "stamps"
    if len(streams[0].times) == 1:
        return [np.zeros(1, dtype=np.int64) for _ in streams], False
    if hz is None:
        names = ", ".join(streams[0].names[:2])
        raise ValueError(f"names such as {names} tell no times: say with --hz, or `hz:` in the rig, how many pictures there are a second")
    return [np.round((stream.times - streams[0].times[0]) / hz * 1e6).astype(np.int64) for stream in streams], False
