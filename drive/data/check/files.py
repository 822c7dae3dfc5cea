"""Part of `drive check`: files that the tables name lie below the root, are there, and decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.data.check.report import CheckReport
from drive.data.check.sensors import channel_of
from drive.data.check.tables import Row, Tables
from drive.data.conventions import CAMERA_PREFIX
from drive.data.images import DECODE_ERRORS, UPRIGHT, decode, opened, turned_by
from drive.data.jpeg import jpeg_warnings
from drive.data.nuscenes.can_bus import CAN_FIELDS, CanBus, can_file
from drive.data.nuscenes.expansion import LANE_LAYERS, OTHER_LAYERS, ExpansionFile, expansion_file
from drive.data.nuscenes.maps import ExpansionMap

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
    for scene in tables["scene"].values():
        _check_can(report, scene["name"])
    for location in sorted({row["location"] for row in tables["log"].values()}):
        _check_expansion(report, location)


def _modality(tables: Tables, row: Row) -> str:
    calibration = tables["calibrated_sensor"].get(row["calibrated_sensor_token"])
    sensor = tables["sensor"].get(calibration["sensor_token"]) if calibration else None
    return sensor["modality"] if sensor else "unknown sensor's"


def _check_can(report: CheckReport, scene: str) -> None:
    """The CAN messages of a scene, as `motion="can"` reads them."""
    name = can_file(scene)
    if report.path(name, "", name) is None:
        return
    try:
        lacking = np.isnan(CanBus(report.root, scene).values).sum(0)
    except ValueError as error:
        report.error("unreadable CAN messages", name, "", "", str(error))
        return
    for (field, _), count in zip(CAN_FIELDS, lacking, strict=True):
        if count:
            report.warn("CAN value missing", name, "", field, f"{count} messages lack it: unknown with motion='can'")


def _check_expansion(report: CheckReport, location: str) -> None:
    """A map expansion, as maps around samples and worlds read it."""
    name = expansion_file(location)
    path = report.path(name, "", name)
    if path is None or not path.is_file():
        return
    try:
        source = ExpansionFile(report.root, location)
        ExpansionMap(source)
        if missing := source.missing(LANE_LAYERS):
            message = "is not there: samples have their maps, but nobody can drive in these scenes"
            report.warn("map layer missing", name, "", missing[0], message)
        else:
            list(source.lanes())
    except ValueError as error:
        report.error("unreadable map expansion", name, "", "", str(error))
        return
    for layer in source.missing(OTHER_LAYERS):
        report.warn("map layer missing", name, "", layer, "is not there: taken as empty")


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
