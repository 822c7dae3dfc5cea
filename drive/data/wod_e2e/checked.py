"""Part of `drive check`: every record of WOD-E2E shards with its pictures, and what frames lack."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from drive.data.check.pictures import picture_problem
from drive.data.check.report import CheckReport
from drive.data.conventions.logs import camera_shot
from drive.data.conventions.rigs import rig_findings
from drive.data.wod_e2e.messages import E2ERecord, read_e2e
from drive.data.wod_e2e.shards import FramePlace, missing_shards, read_index

CAMERAS = 8
FUTURE_STEPS = 20


def check_wod_e2e(root: Path) -> CheckReport:
    """Reads all records. Where names or framing are damaged nothing else can be judged."""
    report = CheckReport(root, "Waymo WOD-E2E")
    try:
        missing, index = missing_shards(root), read_index(root)
    except ValueError as error:
        report.error("unreadable shard", root.name, "", "", str(error))
        return report
    for split, count, first in missing:
        message = f"{count} shards are not there, such as this: frames of any segment may lie in them"
        report.warn("missing shards", split or "shards", first, "", message)
    counts = dict.fromkeys(("segments", "frames", "pictures", "frames with a recorded future", "rated frames"), 0)
    report.counts = counts
    for split, segments in index.items():
        counts["segments"] += len(segments)
        for segment, frames in segments.items():
            counts["frames"] += len(frames)
            _check_segment(report, split or "segment", segment, frames)
    return report


def _check_segment(report: CheckReport, split: str, segment: str, frames: tuple[FramePlace, ...]) -> None:
    records = []
    for frame in frames:
        try:
            records.append((frame, read_e2e(frame.path, frame.place, frame.name)))
        except ValueError as error:
            report.error("unreadable frame", split, frame.name, "", str(error))
    gaps = np.flatnonzero(np.diff([frame.number for frame in frames]) > 1)
    for k in gaps:
        message = f"the next frame of its segment is number {frames[k + 1].number}"
        report.warn("gap between frames", split, frames[k].name, "", message)
    if records:
        _check_rig(report, split, segment, records[0][1])
    for frame, record in records:
        _check_frame(report, split, frame.name, record)
    lacking = Counter(what for _, record in records for what, lacks in _lacks(record).items() if lacks)
    for what, count in lacking.items():
        report.warn(what, split, segment, "", f"{count} of {len(records)} frames")


def _lacks(record: E2ERecord) -> dict[str, bool]:
    return {
        "no recorded future, or a short one": len(record.future.positions) < FUTURE_STEPS,
        "speed unknown": not len(record.past.velocities),
        "command unknown": record.intent is None,
        "fewer cameras than eight": len(record.cameras) < CAMERAS,
    }


def _check_frame(report: CheckReport, split: str, name: str, record: E2ERecord) -> None:
    """Its pictures, and what it has."""
    report.counts["frames with a recorded future"] += len(record.future.positions) >= FUTURE_STEPS
    report.counts["rated frames"] += any(one.score is not None for one in record.rated)
    for view in record.cameras:
        report.counts["pictures"] += 1
        if found := picture_problem(view.path, (view.camera.width, view.camera.height)):
            report.error(found[0], split, name, view.camera.name, found[1])


def _check_rig(report: CheckReport, split: str, segment: str, record: E2ERecord) -> None:
    """Cameras that stand or look as none does on a car."""
    sample = {"token": segment, "timestamp": record.timestamp_us, "scene_token": segment}
    report.errors.extend(rig_findings([camera_shot(segment, sample, {}, view) for view in record.cameras]))
