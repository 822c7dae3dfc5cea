"""Part of `drive check`: valid numbers in the wrong convention, by the rules that `open_dataset` refuses by."""

from __future__ import annotations

from drive.data.check.report import CheckReport
from drive.data.check.sensors import channel_of
from drive.data.check.tables import Tables
from drive.data.conventions import Box, Shot, convention_findings


def check_conventions(report: CheckReport, tables: Tables) -> None:
    """Key frames first, as the loader sees them; then sweeps between them, for what only they show."""
    shots, boxes = _shots(tables), _boxes(tables)
    found = convention_findings([shot for shot in shots if shot.data["is_key_frame"]], boxes)
    if not all(shot.data["is_key_frame"] for shot in shots):
        known = {(finding.table, finding.token) for finding in found}
        found += [finding for finding in convention_findings(shots, boxes) if (finding.table, finding.token) not in known]
    report.errors.extend(found)


def _shots(tables: Tables) -> list[Shot]:
    """The rows of sample_data whose tokens lead somewhere; others are reported already."""
    shots = []
    for row in tables["sample_data"].values():
        found = (tables[name].get(row[f"{name}_token"]) for name in ("calibrated_sensor", "ego_pose", "sample"))
        calibration, pose, sample = found
        channel = channel_of(tables, row)
        if calibration and pose and sample and channel:
            shots.append(Shot(row, channel, calibration, pose, sample))
    return shots


def _boxes(tables: Tables) -> list[Box]:
    boxes = []
    for row in tables["sample_annotation"].values():
        instance = tables["instance"].get(row["instance_token"])
        category = tables["category"].get(instance["category_token"]) if instance else None
        boxes.append(Box(row, category["name"] if category else ""))
    return boxes
