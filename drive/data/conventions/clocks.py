"""Rules of time stamps: integers in microseconds, the same clock for key frames, pictures and poses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drive.data.conventions.facts import MICROSECONDS, Finding, Row, Shot, times
from drive.frames import Array

# A pose further than this from the data that points to it is the pose of another moment.
POSE_MAX_S = 0.01
# Usual times between key frames outside these are those of another unit.
SHORTEST_S, LONGEST_S = 0.005, 100.0
UNITS = ((1e3, "nanoseconds"), (1e-3, "milliseconds"), (1e-6, "seconds"))
UNIT_TOLERANCE = 2.0
# Stamps are comparable with the usual one where they count from long before the recording.
EPOCH_SPREAD = 0.1


def clock_findings(shots: Sequence[Shot]) -> Iterator[Finding]:
    """Units of whole scenes, units of single rows, poses of another time than the data that point to them."""
    yield from _spacings(shots)
    units = list(_row_units(shots))
    yield from units
    yield from _pose_times(shots, {finding.token for finding in units})


def _spacings(shots: Sequence[Shot]) -> Iterator[Finding]:
    stamps: dict[str, dict[str, Row]] = {}
    for shot in shots:
        stamps.setdefault(shot.sample["scene_token"], {})[shot.sample["token"]] = shot.sample
    for scene, samples in stamps.items():
        steps = np.diff(np.sort(times(list(samples.values()))))
        usual = float(np.median(steps)) * MICROSECONDS if len(steps) else SHORTEST_S
        if SHORTEST_S <= usual <= LONGEST_S or not usual > 0:
            continue
        unit = "nanoseconds" if usual > LONGEST_S else "milliseconds" if usual > SHORTEST_S * 1e-3 else "seconds"
        apart = f"{usual:,.0f} s" if usual > 1 else f"{usual * 1e6:g} us"
        first = min(samples.values(), key=lambda row: row["timestamp"])["token"]
        text = f"the key frames of scene {scene} are {apart} apart: stamps look like {unit}, expected microseconds"
        yield Finding("time unit", "sample", first, "timestamp", text)


def _row_units(shots: Sequence[Shot]) -> Iterator[Finding]:
    """Rows whose stamp is a thousandfold or a thousandth of the usual one."""
    tables = (("sample", [s.sample for s in shots]), ("sample_data", [s.data for s in shots]), ("ego_pose", [s.pose for s in shots]))
    unique = [(table, list({row["token"]: row for row in rows}.values())) for table, rows in tables]
    stamps = [times(rows) for _, rows in unique]
    every: Array = np.concatenate(stamps)
    usual = float(np.nanmedian(every)) if np.isfinite(every).any() else 0.0
    if usual <= 0 or np.mean(np.abs(every / usual - 1) < EPOCH_SPREAD) < 0.4:
        return
    for (table, rows), values in zip(unique, stamps, strict=True):
        for factor, name in UNITS:
            for i in np.flatnonzero((values > usual * factor / UNIT_TOLERANCE) & (values < usual * factor * UNIT_TOLERANCE)):
                text = f"{values[i]:.0f} looks like {name}: stamps of this set are about {usual:.3g}, in microseconds"
                yield Finding("time unit", table, rows[i]["token"], "timestamp", text)


def _pose_times(shots: Sequence[Shot], known: set[str]) -> Iterator[Finding]:
    """Poses whose time is not that of the data that point to them: the car was elsewhere."""
    off = (times([s.pose for s in shots]) - times([s.data for s in shots])) * MICROSECONDS
    for i in np.flatnonzero(np.abs(off) > POSE_MAX_S):
        shot = shots[i]
        if not known & {shot.data["token"], shot.pose["token"]}:
            text = f"its pose {shot.pose['token']} is of another time, {off[i]:+.3f} s from the data; expected the pose of the same moment"
            yield Finding("pose of another time", "sample_data", shot.data["token"], "ego_pose_token", text)
