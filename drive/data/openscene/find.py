"""Which pickles below a folder are OpenScene logs, by the head of each folder's first: a pickle's text stands in it as it is."""

from __future__ import annotations

from pathlib import Path

from drive.data.paths import inside

SUFFIX = ".pkl"
# NAVSIM's and OpenScene's folders of splits (mini, trainval, test, ...).
BASES = (".", "navsim_logs", "meta_datas")
BLOBS = "sensor_blobs"
MARKS = (b"ego2global", b"driving_command", b"log_name")
HEAD_BYTES = 1 << 16


def log_files(root: Path) -> dict[str, dict[str, Path]]:
    """Split -> log's name -> its file; a split is a folder's name, empty for logs in the root itself."""
    found: dict[str, dict[str, Path]] = {}
    for base in (root / name for name in BASES):
        for folder in (base, *sorted(path for path in base.glob("*") if path.is_dir())):
            paths = sorted(folder.glob(f"*{SUFFIX}"))
            if paths and is_log(paths[0]):
                split = "" if folder == root else folder.name
                own = {path.name.removesuffix(SUFFIX): inside(root, str(path.relative_to(root))) for path in paths}
                found[split] = {**found.get(split, {}), **own}
    return found


def is_log(path: Path) -> bool:
    """Whether a file looks like a log."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return all(mark in head for mark in MARKS)


def is_openscene(root: Path) -> bool:
    """Whether a folder holds logs."""
    return any(True for _ in log_files(root))


def blobs_of(root: Path, split: str) -> str:
    """Where the pictures of a split are, below the root, which need not be there."""
    return next((name for name in (f"{BLOBS}/{split}", BLOBS) if split and (root / name).is_dir()), BLOBS)
