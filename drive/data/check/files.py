"""Part of `drive check`: files that the tables name lie below the root, are there, and decode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drive.data.check.report import CheckReport
from drive.data.check.sensors import channel_of
from drive.data.check.tables import Row, Tables
from drive.data.conventions import CAMERA_PREFIX
from drive.data.images import DECODE_ERRORS, UPRIGHT, decode, opened, turned_by
from drive.data.jpeg import jpeg_warnings

# A picture is decoded at an eighth of its size: that reads all of its data.
DECODE_FRACTION = 8
LIDAR_POINT_BYTES = 20


def check_files(report: CheckReport, tables: Tables) -> None:
    """Every file in sample_data and map, and those that are read where they are there."""
    on_disk = 0
    for token, row in tables["sample_data"].items():
        path = report.path("sample_data", token, row["filename"])
        if path is None:
            continue
        if not path.is_file():
            kind = f"{_modality(tables, row)} {'key frame' if row['is_key_frame'] else 'sweep'} not on disk"
            report.warn(kind, "sample_data", token, "filename", row["filename"])
            continue
        on_disk += 1
        if channel_of(tables, row).startswith(CAMERA_PREFIX):
            _check_picture(report, token, row, path)
        elif path.name.endswith(".pcd.bin") and path.stat().st_size % LIDAR_POINT_BYTES:
            message = f"{row['filename']} is not a whole number of LiDAR points of {LIDAR_POINT_BYTES} bytes"
            report.error("undecodable file", "sample_data", token, "filename", message)
    report.counts["sensor files on disk"] = on_disk
    for token, row in tables["map"].items():
        path = report.path("map", token, row["filename"])
        if path is not None and not path.is_file():
            report.error("missing map", "map", token, "filename", f"{row['filename']} is not on disk; the devkit does not open such a set")
    for name in _optional_files(report, tables):
        report.path(name, "", name)


def _modality(tables: Tables, row: Row) -> str:
    calibration = tables["calibrated_sensor"].get(row["calibrated_sensor_token"])
    sensor = tables["sensor"].get(calibration["sensor_token"]) if calibration else None
    return sensor["modality"] if sensor else "unknown sensor's"


def _optional_files(report: CheckReport, tables: Tables) -> Iterator[str]:
    """Files that no table names and `open_dataset` reads."""
    for row in tables["scene"].values():
        yield f"can_bus/{row['name']}_pose.json"
    for location in {row["location"] for row in tables["log"].values()}:
        yield f"maps/expansion/{location}.json"


def _check_picture(report: CheckReport, token: str, row: Row, path: Path) -> None:
    name = row["filename"]
    try:
        data = path.read_bytes()
        picture = opened(data)
        size = picture.size
        if size == (row["width"], row["height"]):
            decode(picture, (size[0] // DECODE_FRACTION, size[1] // DECODE_FRACTION))
    except DECODE_ERRORS as error:
        report.error("undecodable file", "sample_data", token, "filename", f"{name} does not decode: {error}")
        return
    if size != (row["width"], row["height"]):
        found = f"{name}{turned_by(picture)} is {size[0]}x{size[1]}"
        message = f"says {row['width']}x{row['height']}, but {found}: its intrinsics are for another image size"
        report.error("wrong image size", "sample_data", token, "width", message)
    elif picture.orientation != UPRIGHT:
        message = f"{name} is{turned_by(picture)}: its intrinsics must be those of the upright picture"
        report.warn("picture turned by EXIF", "sample_data", token, "filename", message)
    for warning in jpeg_warnings(data)[:1]:
        report.warn("damaged picture", "sample_data", token, "filename", f"{name} decodes, with a warning of its decoder: {warning}")
