"""Times of a ScenarioNet file's frames, and the even steps of a simulation between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive.frames import Array

STEP_S = 0.1  # of recorded lights, and of worlds
EXACT_S = 0.02  # frames as near as this to even steps are taken for them
LONGEST_SPACING_S = 1.0


def times_of(metadata: dict[str, Any], frames: int, where: str) -> Array:
    """Seconds since the first frame, [frames]. Raises ValueError where they are missing, do not ascend or lie too far apart."""
    try:
        times = np.asarray(metadata["ts"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}, metadata.ts: the times of the frames in seconds are missing or not numbers") from error
    if times.shape != (frames,) or not np.isfinite(times).all():
        raise ValueError(f"{where}, metadata.ts: need {frames} finite times, got shape {times.shape}")
    apart = np.diff(times)
    if not (apart.min() > 0.0 and apart.max() <= LONGEST_SPACING_S):
        told = f"{apart.min():g} to {apart.max():g} s apart"
        raise ValueError(f"{where}, metadata.ts: frames must lie above 0 and at most {LONGEST_SPACING_S:g} s apart, got {told}")
    return np.asarray(times - times[0])


def steps_of(times_s: Array) -> tuple[int, bool]:
    """Times [N >= 2] of frames, ascending from 0 -> steps of STEP_S they last, and whether the frames are those steps themselves."""
    exact = bool(np.abs(times_s - np.arange(len(times_s)) * STEP_S).max() <= EXACT_S)
    return (len(times_s), True) if exact else (int(times_s[-1] / STEP_S + 1e-6) + 1, False)


def frame_at_steps(times_s: Array, steps: int) -> np.ndarray:
    """Index of the newest frame at or before each step, [steps]."""
    return np.searchsorted(times_s, np.arange(steps) * STEP_S + EXACT_S, side="right") - 1
