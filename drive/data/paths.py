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


class Inside:
    """As `inside`, for many names below one root: each folder is resolved once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, str | None] = {}

    def __call__(self, relative: str) -> Path:
        """As `inside`, with its ValueError."""
        folder, _, name = relative.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._resolved(folder)
        known = self._folders[folder]
        if known is None or name in ("", ".", "..") or "\0" in name or os.path.islink(path := f"{known}/{name}"):
            return inside(self.root, relative)
        return Path(path)

    def _resolved(self, folder: str) -> str | None:
        """None where the folder leaves the root: then every name in it is looked at by itself."""
        try:
            return str(inside(self.root, folder))
        except ValueError:
            return None
