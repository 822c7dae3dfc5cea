"""Valid numbers in the wrong convention: judged here for `open_dataset`, which refuses them, and `drive check`, which lists them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drive.data.conventions.boxes import box_findings
from drive.data.conventions.clocks import clock_findings
from drive.data.conventions.ego import ego_findings
from drive.data.conventions.facts import CAMERA_PREFIX, LIDAR, Box, Finding, Shot, columns
from drive.data.conventions.rigs import rig_findings
from drive.frames import Array

__all__ = ["CAMERA_PREFIX", "LIDAR", "Box", "Finding", "Shot", "convention_findings"]


def convention_findings(shots: Sequence[Shot], boxes: Sequence[Box]) -> list[Finding]:
    """What looks like another convention in the rows of some scenes; empty for what drives, sees and measures as cars do.

    Rows may be damaged in other ways: what is no number, or no rotation, is passed over. Where times are of another unit,
    speeds are not judged.
    """
    if not shots:
        return []
    clocks = list(clock_findings(shots))
    wrong_time = {finding.token for finding in clocks if finding.kind == "time unit" and finding.table == "sample_data"}
    whole = any(finding.kind == "time unit" and finding.table == "sample" for finding in clocks)
    poses = [] if whole else list(ego_findings([shot for shot in shots if shot.data["token"] not in wrong_time]))
    places = _ego_places(shots, boxes, {finding.token for finding in poses if finding.field == "translation"})
    return [*rig_findings(shots), *clocks, *poses, *box_findings(boxes, places)]


def _ego_places(shots: Sequence[Shot], boxes: Sequence[Box], wrong: set[str]) -> Array:
    """Where the ego is when each box is seen [N, 3]; NaN where its pose is one of the wrong ones."""
    reference: dict[str, Shot] = {}
    for shot in shots:
        if shot.sample["token"] not in reference or shot.channel == LIDAR:
            reference[shot.sample["token"]] = shot
    place = dict(zip(reference, columns([shot.pose for shot in reference.values()], "translation", 3), strict=True))
    unknown = np.full(3, np.nan)
    usable = {token: unknown if reference[token].pose["token"] in wrong else value for token, value in place.items()}
    return np.array([usable.get(box.row["sample_token"], unknown) for box in boxes]).reshape(-1, 3)
