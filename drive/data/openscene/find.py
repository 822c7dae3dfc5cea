"""Which pickles below a folder are OpenScene logs: those of folders that are named for them, and all of a folder that has one, told by
its head: a pickle's text stands in it as it is. One that is damaged, or no log, stands among them, and is refused when it is read."""

from __future__ import annotations

from pathlib import Path

from drive.data.paths import inside

SUFFIX = ".pkl"
# NAVSIM's and OpenScene's folders of splits (mini, trainval, test, ...).
BASES = (".", "navsim_logs", "meta_datas")
BLOBS = "sensor_blobs"
MARKS = (b"ego2global", b"driving_command", b"log_name")
HEAD_BYTES = 1 << 16
# So many pickles of a folder are looked at for a log.
LOOKED_AT = 100


def log_files(root: Path) -> dict[str, dict[str, Path]]:
    """Split -> log's name -> its file, whole or not; a split is a folder's name, empty for logs in the root itself."""
    found: dict[str, dict[str, Path]] = {}
    for base in (root / name for name in BASES):
        for folder in (base, *sorted(path for path in base.glob("*") if path.is_dir())):
            paths = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file() or path.is_symlink())
            if paths and (any(map(is_log, paths[:LOOKED_AT])) or (base != root and folder != base and all(map(is_damaged, paths)))):
                split = "" if folder == root else folder.name
                own = {path.name.removesuffix(SUFFIX): inside(root, str(path.relative_to(root))) for path in paths}
                found[split] = {**found.get(split, {}), **own}
    return found


def is_log(path: Path) -> bool:
    """Whether a file looks like a log."""
    if not path.is_file():  # a link to a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return all(mark in head for mark in MARKS)


def is_damaged(path: Path) -> bool:
    """Whether a file is no whole pickle: these end in a full stop."""
    if not path.is_file():
        return True
    try:
        with path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) != b"."
    except OSError:
        return True


def is_openscene(root: Path) -> bool:
    """Whether a folder holds logs."""
    return any(True for _ in log_files(root))


def blobs_of(root: Path, split: str) -> str:
    """Where the pictures of a split are, below the root, which need not be there."""
    return next((name for name in (f"{BLOBS}/{split}", BLOBS) if split and (root / name).is_dir()), BLOBS)
