"""Part of `drive check`: key frames have their sensors, calibrations are possible, what is unknown is counted."""

from __future__ import annotations

from drive.cameras import calibration_problems, share_without_ray
from drive.data.check.report import CheckReport
from drive.data.check.tables import Row, Tables
from drive.data.conventions import CAMERA_PREFIX, LIDAR
from drive.data.nuscenes.tables import lens_of

# Key-frame data further than this from its sample's time belongs to another moment.
KEY_FRAME_MAX_S = 0.25
# A word of a calibration's problem -> the field that it is about.
_FIELDS = {"distortion": "camera_distortion", "model must": "camera_model"}


def channel_of(tables: Tables, row: Row) -> str:
    """The channel of a sample_data row; empty where its tokens lead nowhere."""
    calibration = tables["calibrated_sensor"].get(row["calibrated_sensor_token"])
    sensor = tables["sensor"].get(calibration["sensor_token"]) if calibration else None
    return sensor["channel"] if sensor else ""


def check_key_frames(report: CheckReport, tables: Tables) -> None:
    """Every sample has one picture per camera and a reference time; sensors' times increase from sample to sample."""
    frames: dict[str, dict[str, Row]] = {token: {} for token in tables["sample"]}
    for token, row in tables["sample_data"].items():
        frame = frames.get(row["sample_token"])
        channel = channel_of(tables, row)
        if frame is None or not channel or not row["is_key_frame"]:
            continue
        if channel in frame:
            message = f"its sample has a key frame of {channel} already: {frame[channel]['token']}"
            report.error("two of one sensor", "sample_data", token, "sample_token", message)
        frame[channel] = row
        _check_times(report, tables, row)
    cameras = {channel for frame in frames.values() for channel in frame if channel.startswith(CAMERA_PREFIX)}
    for token, frame in frames.items():
        missing = cameras - set(frame)
        if missing == cameras and LIDAR not in frame:
            report.error("no reference", "sample", token, "", f"has neither {LIDAR} nor a camera, so no time and no pose")
        elif missing:
            report.warn("camera missing from a key frame", "sample", token, "", f"has no {', '.join(sorted(missing))}")
        _check_order(report, token, frame, frames.get(tables["sample"][token]["next"], {}))


def _check_times(report: CheckReport, tables: Tables, row: Row) -> None:
    sample = tables["sample"][row["sample_token"]]
    off = (row["timestamp"] - sample["timestamp"]) / 1e6
    if abs(off) > KEY_FRAME_MAX_S:
        report.warn("key frame off its time", "sample_data", row["token"], "timestamp", f"{off:+.3f} s from its sample")


def _check_order(report: CheckReport, token: str, frame: dict[str, Row], following: dict[str, Row]) -> None:
    for channel, row in frame.items():
        after = following.get(channel)
        # Neighbours in one chain are compared there.
        if after is not None and row["next"] != after["token"] and after["timestamp"] <= row["timestamp"]:
            message = f"time runs backwards: {channel} of the next sample ({after['token']}) is not later"
            report.error("time backwards", "sample_data", row["token"], "timestamp", message)


def check_cameras(report: CheckReport, tables: Tables) -> None:
    """The calibration of every camera, for every image size that it is used with; cameras that go by another name."""
    for token, row in tables["sensor"].items():
        if row["modality"] == "camera" and not row["channel"].startswith(CAMERA_PREFIX):
            report.warn("camera not used", "sensor", token, "channel", f"{row['channel']} does not begin with {CAMERA_PREFIX}")
    seen: dict[tuple[str, int, int], str] = {}
    for token, row in tables["sample_data"].items():
        if channel_of(tables, row).startswith(CAMERA_PREFIX):
            seen.setdefault((row["calibrated_sensor_token"], row["width"], row["height"]), token)
    for (calibration, width, height), token in seen.items():
        row = tables["calibrated_sensor"][calibration]
        try:
            lens = lens_of(row)
        except ValueError as error:
            report.error("impossible calibration", "calibrated_sensor", calibration, "camera_distortion", str(error))
            continue
        problems = calibration_problems(row["camera_intrinsic"], width, height, *lens)
        for problem in problems:
            message = f"{problem} (as used by sample_data {token})"
            field = next((name for word, name in _FIELDS.items() if word in problem), "camera_intrinsic")
            report.error("impossible calibration", "calibrated_sensor", calibration, field, message)
        if not problems and (share := share_without_ray(row["camera_intrinsic"], width, height, *lens)):
            message = f"folds over within the picture: {share:.1%} of it, in the corners, has no ray"
            report.warn("distortion folds over", "calibrated_sensor", calibration, "camera_distortion", message)


def check_unknowns(report: CheckReport, tables: Tables) -> None:
    """Annotations whose points or visibility are unknown, and those that one sample has twice."""
    seen: set[tuple[str, str]] = set()
    for token, row in tables["sample_annotation"].items():
        key = (row["sample_token"], row["instance_token"])
        if key in seen:
            report.error("annotated twice", "sample_annotation", token, "instance_token", "its sample has this instance already")
        seen.add(key)
        if row["num_lidar_pts"] < 0 or row["num_radar_pts"] < 0:
            report.warn("points unknown", "sample_annotation", token, "num_lidar_pts", "is negative: unknown, counts as seen")
        if not row["visibility_token"]:
            report.warn("visibility unknown", "sample_annotation", token, "visibility_token", "is empty: unknown, counts as visible")
