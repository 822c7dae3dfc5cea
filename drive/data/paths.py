"""The one gate through which file names out of a data set pass."""

from __future__ import annotations

import os
from pathlib import Path


def inside(root: Path, relative: str) -> Path:
    """A file name out of a table -> its path, which need not exist, with every link resolved.

    Raises ValueError where the path leaves `root`: an absolute path, one with "..", or one that a symbolic link leads out.
    Nothing is opened.
    """
    name = Path(relative)
    if not relative or "\0" in relative or name.is_absolute() or ".." in name.parts:
        raise ValueError(f"file name {relative!r} leaves the data set {root}; expected a path below it, without '..'")
    base, path = os.path.realpath(root), os.path.realpath(root / name)
    if os.path.commonpath([base, path]) != base:
        raise ValueError(f"file name {relative!r} leaves the data set {root} through a symbolic link; put the file itself there")
    return Path(path)
