"""`drive check` of data sets that come as scenes (`drive.data.sources`): every scene is read whole, its map and its pictures too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drive.data.check.chains import GAP_FACTOR
from drive.data.check.pictures import picture_problem
from drive.data.check.report import CheckReport
from drive.data.conventions import convention_findings
from drive.data.conventions.logs import rows_of
from drive.data.scenes import SceneLog
from drive.data.sources import SceneSource, TellsNotes


def check_source(root: Path, title: str, source: SceneSource) -> CheckReport:
    """Reads all scenes of a folder; what its adapter refuses is an error, what it does without a warning."""
    report = CheckReport(root, title)
    report.counts = dict.fromkeys(("scenes", "key frames", "boxes", "pictures", "maps"), 0)
    for note in source.notes(None) if isinstance(source, TellsNotes) else ():
        report.warn("not read", "folder", root.name, "", note)
    for split, names in source.splits.items():
        report.counts["scenes"] += len(names)
        for name in names:
            _check_scene(report, split or "scene", name, source)
    return report


def _check_scene(report: CheckReport, split: str, name: str, source: SceneSource) -> None:
    try:
        log = source.log(name)
    except ValueError as error:
        report.error("unreadable scene", split, name, "", str(error))
        return
    report.counts["key frames"] += len(log.tokens)
    report.counts["boxes"] += int(log.tracks.valid.sum())
    report.errors.extend(convention_findings(*rows_of(log)))
    _check_lacks(report, split, log)
    _check_pictures(report, split, log)
    try:
        found = source.road_map(name)
        report.counts["maps"] += found is not None
        if found is None:
            report.warn("no map", split, name, "", "no map: samples have no lanes, and rules of the road are not judged")
        for note in source.notes(name) if isinstance(source, TellsNotes) else ():
            report.warn("not used", split, name, "", note.removeprefix("not used: "))
    except ValueError as error:
        report.error("unreadable map", split, name, "", str(error))


def _check_lacks(report: CheckReport, split: str, log: SceneLog) -> None:
    """Annotations, cameras and regular times, which a scene may lack."""
    if not log.annotated:
        report.warn("not annotated", split, log.name, "", "no annotations: nobody is known to be around, or not to be")
    if not any(log.cameras):
        report.warn("no pictures", split, log.name, "", "no pictures: planners that look cannot plan here")
    names = {record.camera.name for records in log.cameras for record in records}
    for token, records in zip(log.tokens, log.cameras, strict=True):
        missing = names - {record.camera.name for record in records}
        if missing:
            report.warn("camera missing from a key frame", split, token, "", f"has no {', '.join(sorted(missing))}")
    gaps = np.diff(log.timestamps_us) / 1e6
    for k in np.flatnonzero(gaps > GAP_FACTOR * log.spacing_s):
        message = f"{gaps[k]:.2f} s to the next key frame, usually {log.spacing_s:.2f}: windows across it are masked"
        report.warn("gap between key frames", split, log.tokens[k], "", message)


def _check_pictures(report: CheckReport, split: str, log: SceneLog) -> None:
    for token, records in zip(log.tokens, log.cameras, strict=True):
        for record in records:
            size = record.camera.width, record.camera.height
            if isinstance(record.path, Path) and not record.path.is_file():
                report.warn("picture not on disk", split, token, record.camera.name, str(record.path))
                continue
            report.counts["pictures"] += 1
            if found := picture_problem(record.path, size):
                report.error(found[0], split, token, record.camera.name, found[1])
