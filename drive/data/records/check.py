"""Part of `drive check`: which files and samples of records are missing or damaged."""

from __future__ import annotations

from pathlib import Path

from drive.data.check.report import CheckReport
from drive.data.records.dataset import RecordFolder
from drive.data.records.index import INDEX, Manifest, digest, read_manifest


def check_records(root: Path) -> CheckReport:
    """Sizes and SHA-256 of all files; where a shard differs, of each of its samples."""
    report = CheckReport(root, "records")
    try:
        manifest, _ = read_manifest(root)
    except ValueError as error:
        report.error("not whole", "records.json", "", "", str(error))
        _leftovers(report, root)
        return report
    report.counts |= {"files": len(manifest.files), "samples": sum(split["samples"] for split in manifest.splits.values())}
    damaged = [name for name in manifest.files if not _file(report, root / name, manifest)]
    if INDEX not in damaged and damaged:
        _samples(report, root, set(damaged))
    _leftovers(report, root)
    return report


def _file(report: CheckReport, path: Path, manifest: Manifest) -> bool:
    """Whether a file is as it was packed."""
    told = manifest.files[path.name]
    if not path.is_file():
        report.error("file is missing", path.name, "", "", "packed, and not there any more")
    elif (size := path.stat().st_size) != told["bytes"]:
        report.error("file is cut off or longer", path.name, "", "", f"{size:,} bytes, packed were {told['bytes']:,}")
    elif digest(path) != told["sha256"]:
        report.error("file is damaged", path.name, "", "", "its SHA-256 is not the one that was packed")
    else:
        return True
    return False


def _samples(report: CheckReport, root: Path, shards: set[str]) -> None:
    """Names the samples of damaged shards that are not as they were packed."""
    folder = RecordFolder(root)
    for i, row in enumerate(folder.rows):
        if row.shard in shards and not folder.is_whole(i):
            report.error("sample is damaged", row.shard, row.id, row.key, f"bytes {row.offset:,} to {row.offset + row.bytes:,}")


def _leftovers(report: CheckReport, root: Path) -> None:
    for path in sorted(root.glob("*.writing")):
        report.warn("draft of a write that was cut off", path.name, "", "", "delete it; `drive pack` writes it anew")
