"""What the third column of a plans file is: headings in radians, or something else that must not turn cars."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from drive.bicycle_fit import fitted_headings
from drive.frames import Array, wrap_angle
from drive.schema import PlanError

COLUMNS = (("x", "y"), ("x", "y", "heading"))
FULL_TURN = 2 * np.pi
# A path turns where the car driven along it does by so much, over so many metres.
TURNS_RAD, LEAST_PATH_M = 0.15, 2.0
# A reading of the column fits where it lies so near the path's headings, and proves something where another lies so far from it.
NEAR_RAD, APART_RAD, SHARE, LEAST_STEPS = 0.26, 0.52, 0.9, 3
# So many entries and points of each are looked at.
MOST_ENTRIES, MOST_POINTS, FURTHEST_M = 10_000, 8, 1e4
RADIANS = "headings are radians, counter-clockwise from x"
ADVICE = 'convert it, or leave the column out (meta.columns ["x", "y"])'


def declared_columns(value: object) -> str | None:
    """What is wrong with meta.columns (None where it is not given), or None."""
    if value is None or (isinstance(value, list) and tuple(map(str, value)) in COLUMNS):
        return None
    said = str(value)[:60] if isinstance(value, list) and all(isinstance(v, str) for v in value) else "of another kind"
    return f'meta.columns is {said}, expected ["x", "y"] or ["x", "y", "heading"] ({RADIANS}); leave out any other column'


def check_headings(path: Array, name: str, ahead: float) -> None:
    """Raises PlanError where the third column of a path [T, 3] can be no heading. ahead: the heading that looks along the ego's +x."""
    values = path[:, 2]
    most = float(np.abs(values).max(initial=0.0))
    if most > FULL_TURN:
        raise PlanError(f"{name} has a heading of {most:.4g}, more than a full turn; {RADIANS}; {ADVICE}")
    if len(path) > 1 and np.ptp(values) == 0 and _turns(_ahead(path[None], ahead))[0]:
        raise PlanError(f"{name} turns, but its third column is {values[0]:g} at every step: no heading (z?); {ADVICE}")


def column_problem(paths: Iterable[Array], ahead: float) -> str | None:
    """What the third column of a whole file is, where it is no heading: paths [T, 3] of its entries, all of one length; else None."""
    stacked = _some(np.array([*paths], dtype=np.float64))
    if not stacked.size or stacked.shape[1] < 2:
        return None
    points = _ahead(stacked, ahead)
    if (np.ptp(stacked[..., 2]) == 0) and (_turns(points).any() or abs(wrap_angle(stacked[0, 0, 2] - ahead)) > np.pi / 4):
        return f"the third column is {stacked[0, 0, 2]:g} in every entry, whatever the path does: no heading (z?); {ADVICE}"
    clear = np.abs(np.diff(points, axis=1, prepend=0.0)).sum((1, 2)) > LEAST_PATH_M
    return _other_reading(stacked[clear, :, 2], fitted_headings(points[clear]) + ahead, ahead)


def _other_reading(values: Array, fitted: Array, ahead: float) -> str | None:
    """The convention that headings [N, T] are in where they fit the paths in it alone."""
    readings = {
        "degrees": np.radians(values),
        "degrees from the car's own axis": np.radians(values) + ahead,
        "measured from the car's own axis, not from x": values + ahead,
    }
    for name, reading in readings.items():
        telling = np.abs(wrap_angle(reading - values)) > APART_RAD
        if telling.sum() < LEAST_STEPS:
            continue
        off, declared = (np.abs(wrap_angle(v - fitted))[telling] for v in (reading, values))
        if (off < NEAR_RAD).mean() >= SHARE and (declared < NEAR_RAD).mean() <= 1 - SHARE:
            return f"the third column fits the paths only as {name}, but {RADIANS}; {ADVICE}"
    return None


def _some(paths: Array) -> Array:
    """At most MOST_ENTRIES of paths [N, T, 3] in range, MOST_POINTS of each, the last among them."""
    if not paths.size:
        return paths
    near = paths[np.abs(paths[..., :2]).max((1, 2)) < FURTHEST_M]
    steps = np.unique(np.linspace(0, paths.shape[1] - 1, min(paths.shape[1], MOST_POINTS)).astype(int))
    return near[:: 1 + len(near) // MOST_ENTRIES][:, steps]


def _ahead(paths: Array, ahead: float) -> Array:
    """Points [N, T, 2] of paths turned so that the car looks along +x at t0."""
    c, s = np.cos(ahead), np.sin(ahead)
    return paths[..., :2] @ np.array([[c, -s], [s, c]])


def _turns(points: Array) -> Array:
    """Which paths [N, T, 2] turn [N]."""
    long = np.hypot(*np.moveaxis(points[:, -1], -1, 0)) > LEAST_PATH_M
    return long & (np.abs(fitted_headings(points)).max(1) > TURNS_RAD)
