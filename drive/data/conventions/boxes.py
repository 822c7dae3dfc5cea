"""Rules of annotations: boxes stand upright, near the car, are not larger than a house, and cars are longer than wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drive.data.conventions.facts import Box, Finding, columns, rotations, rotations_if_xyzw
from drive.frames import Array, heading_of, wrap_angle

FARTHEST_M = 500.0
NEAR_M, USUAL_M = 150.0, 40.0
LARGEST_M = 100.0
UPRIGHT = np.cos(np.radians(30))
TILTED_IF_XYZW = np.cos(np.radians(15))
UNITS = ((1000.0, "millimetres"), (100.0, "centimetres"))
# Kinds of things that are longer than wide; the ratio leaves room for odd ones.
LONG = {"car", "truck", "bus", "bicycle", "motorcycle"}
WIDER = 1.3
# Radians from one key frame to the next: a box turned round, and one that goes on.
TURNED = 2.6
IN_LINE = 0.3


def box_findings(boxes: Sequence[Box], ego_place: Array) -> Iterator[Finding]:
    """ego_place [N, 3]: where the ego is when box i is seen; NaN where that is not known."""
    rows = [box.row for box in boxes]
    place, size = columns(rows, "translation", 3), columns(rows, "size", 3)
    size[(size <= 0).any(1)] = np.nan
    quaternions = columns(rows, "rotation", 4)
    yield from _far(boxes, place, ego_place)
    yield from _large(boxes, size)
    yield from _wide(boxes, size)
    yield from _tilted(boxes, rotations(quaternions), rotations_if_xyzw(quaternions))


def _finding(kind: str, box: Box, field: str, text: str) -> Finding:
    return Finding(kind, "sample_annotation", box.row["token"], field, f"{box.category} {text}")


def _far(boxes: Sequence[Box], place: Array, ego: Array) -> Iterator[Finding]:
    distance = np.linalg.norm(place - ego, axis=1)
    for i in np.flatnonzero(distance > FARTHEST_M):
        text = f"is {distance[i] / 1000:,.1f} km from the car{_read_otherwise(place[i], ego[i])}"
        yield _finding("box far away", boxes[i], "translation", f"{text}; expected metres in the world frame of the ego poses")


def _read_otherwise(place: Array, ego: Array) -> str:
    """What brings a far box near: another unit of its translation or of the ego pose's, else of both."""
    one = [(np.linalg.norm(place / factor - ego), f"the box in {unit}") for factor, unit in UNITS]
    one += [(np.linalg.norm(place - ego / factor), f"the ego pose in {unit}") for factor, unit in UNITS]
    both = [(np.linalg.norm(place - ego) / factor, f"both in {unit}") for factor, unit in UNITS]
    for readings, usual in ((one, 0.0), (both, USUAL_M)):
        distance, what = min(readings, key=lambda reading: abs(reading[0] - usual))
        if distance < NEAR_M:
            return f", and {distance:.0f} m with {what}"
    return ""


def _large(boxes: Sequence[Box], size: Array) -> Iterator[Finding]:
    largest = size.max(1) if len(size) else size[:, 0]
    for i in np.flatnonzero(largest > LARGEST_M):
        unit = "millimetres" if largest[i] > 1000 else "centimetres"
        text = f"is {largest[i]:,.0f} m large: the size looks like {unit}, expected metres"
        yield _finding("length unit", boxes[i], "size", text)


def _wide(boxes: Sequence[Box], size: Array) -> Iterator[Finding]:
    """What is longer than wide by its kind, and boxes with width and length the other way round than on the rest of their track."""
    kinds = {kind: not LONG.isdisjoint(kind.split(".")) for kind in {box.category for box in boxes}}
    long = np.array([kinds[box.category] for box in boxes], dtype=bool)
    wide = long & (size[:, 0] > WIDER * size[:, 1])
    for i in np.flatnonzero(wide):
        text = f"is {size[i, 0]:g} m wide and {size[i, 1]:g} m long: sizes look like length, width, height, expected width, length, height"
        yield _finding("size order", boxes[i], "size", text)
    for i in _swapped_on_track(boxes, size):
        if not wide[i]:
            text = f"is {size[i, 0]:g} m wide and {size[i, 1]:g} m long, the other way round than on the rest of its track"
            yield _finding("size order", boxes[i], "size", text)


def _tracks(boxes: Sequence[Box]) -> dict[str, list[int]]:
    tracks: dict[str, list[int]] = {}
    for i, box in enumerate(boxes):
        tracks.setdefault(box.row["instance_token"], []).append(i)
    return tracks


def _swapped_on_track(boxes: Sequence[Box], size: Array) -> Iterator[int]:
    for rows in _tracks(boxes).values():
        if len(rows) < 3 or np.ptp(size[rows], axis=0).max() < 0.1:
            continue
        usual = np.median(size[rows], axis=0)
        off, off_swapped = np.abs(size[rows] - usual).max(1), np.abs(size[rows][:, [1, 0, 2]] - usual).max(1)
        yield from np.array(rows)[(off > 0.1) & (off_swapped < 0.02)].tolist()


def _tilted(boxes: Sequence[Box], R: Array, R_xyzw: Array) -> Iterator[Finding]:
    up, up_xyzw = R[:, 2, 2], R_xyzw[:, 2, 2]
    by_order = (up < TILTED_IF_XYZW) & (up_xyzw > 0.9998)
    by_order |= _turned_on_track(boxes, R, R_xyzw)
    for i in np.flatnonzero(by_order):
        text = f"has an up axis of {up[i]:.2f}, and stands in line with its track if its quaternion is [x, y, z, w], expected [w, x, y, z]"
        yield _finding("quaternion order", boxes[i], "rotation", text)
    for i in np.flatnonzero((up < UPRIGHT) & ~by_order):
        text = f"is not upright: its up axis is {up[i]:.2f}, expected about 1 (z up, quaternion [w, x, y, z])"
        yield _finding("box not upright", boxes[i], "rotation", text)


def _turned_on_track(boxes: Sequence[Box], R: Array, R_xyzw: Array) -> Array:
    """Vehicles turned round for one key frame whose quaternion, read scalar last, goes on like their neighbours [N] bool."""
    turned = np.zeros(len(boxes), dtype=bool)
    heading, other, level = heading_of(R), heading_of(R_xyzw), R_xyzw[:, 2, 2] > 0.9998
    at = {box.row["token"]: i for i, box in enumerate(boxes)}
    for i in np.flatnonzero(level & (R[:, 2, 2] >= TILTED_IF_XYZW)):
        beside = [at[token] for way in ("prev", "next") if (token := boxes[i].row.get(way)) in at]
        if beside and boxes[i].category.startswith("vehicle"):
            turned[i] = bool((np.abs(wrap_angle(heading[i] - heading[beside])) > TURNED).all())
            turned[i] &= bool((np.abs(wrap_angle(other[i] - heading[beside])) < IN_LINE).all())
    return turned
