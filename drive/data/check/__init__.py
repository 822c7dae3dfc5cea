"""`drive check`: what is wrong with a data set. Reads nuScenes tables itself; the devkit accepts all this silently.

An error is something that cannot be: `open_dataset` refuses most of it. A warning is something missing or unknown that a
data set may well lack, such as pictures that were not downloaded.
"""

from __future__ import annotations

from pathlib import Path

from drive.data.check.chains import check_chains, check_scenes
from drive.data.check.conventions import check_conventions
from drive.data.check.files import check_files
from drive.data.check.report import FIRST, CheckReport
from drive.data.check.sensors import check_cameras, check_key_frames, check_unknowns
from drive.data.check.tables import load_tables
from drive.data.layouts import require_layout
from drive.data.nuscenes.tables import find_version
from drive.data.pictures.told import ToldBeside


def check_dataset(root: str | Path, version: str | None = None, told: ToldBeside | None = None) -> CheckReport:
    """Checks a data set by the rules of its layout (`drive.data.layouts`). told: what is told beside own pictures, which it then holds.
    Raises ValueError where a folder looks like none."""
    root = Path(root)
    if told is not None:
        from drive.data.pictures.checked import check_pictures

        return check_pictures(root, told)
    return require_layout(root).checked(root, version)


def check_tables(root: Path, version: str | None = None) -> CheckReport:
    """Checks the tables of one version folder (the only one where None), the files they name, and every picture on disk.

    Nothing outside `root` is read: a name that leads there is an error. Raises ValueError where root holds no tables or
    several and none is named; whatever is wrong inside the tables is reported, not raised.
    """
    report = CheckReport(root, find_version(root, version))
    tables = load_tables(report)
    for step in (check_chains, check_scenes, check_key_frames, check_cameras, check_conventions, check_unknowns, check_files):
        step(report, tables)
    return report


def first_table_fault(root: Path, version: str) -> str:
    """The first thing that is wrong with the tables themselves, as text; empty where nothing is. For who failed to open them."""
    report = CheckReport(root, version)
    load_tables(report)
    first = next((error for error in report.errors if error.kind in FIRST), report.errors[0] if report.errors else None)
    return f"{first.kind}: {first}" if first else ""
