"""Places that results go to: known to be writable before the work, and never half written after it."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# A disk that takes this much takes a report; whether it takes a whole run shows only later.
PROBE_BYTES = 64 * 1024
_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, or name another place",
    errno.EDQUOT: "your quota of disk space is used up: free some space, or name another place",
    errno.EFBIG: "the file may not grow that large here (ulimit -f): raise the limit, or name another place",
    errno.EROFS: "the file system is read-only: name another place",
    errno.EACCES: "you may not write there: name another place, or change its permissions",
    errno.EPERM: "you may not write there: name another place, or change its permissions",
    errno.ENOTDIR: "a file stands where a folder belongs: name another place, or move the file away",
    errno.EEXIST: "a file stands where a folder belongs: name another place, or move the file away",
    errno.EISDIR: "a folder stands where a file belongs: name a file",
    errno.ENAMETOOLONG: "the name is too long: name another place",
    errno.ELOOP: "its symbolic links lead in a circle: name another place",
}


class OutputError(ValueError):
    """Results cannot be written; the message says where, why and what to do, in one line."""


def told(error: OSError) -> str:
    """What happened to which file and what to do, in one line."""
    return f"{error.filename}: {_reason(error)}" if error.filename else _reason(error)


def _reason(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def writable_folder(path: str | Path) -> Path:
    """The folder, made with its parents where it is missing, once a probe was written into it and removed again.

    For the beginning of a verb: hours of work shall not end at a place that never could take them. Raises OutputError.
    """
    folder = Path(path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _probe(folder)
    return folder


def writable_file(path: str | Path) -> Path:
    """A file's path, once its folder is as of `writable_folder` and no folder has its name. Nothing of that name is changed.

    Raises OutputError.
    """
    path = Path(path)
    writable_folder(path.parent)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: {_ADVICE[errno.EISDIR]}")
    return path


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Around whatever writes `path`: an OSError becomes an OutputError of one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise OutputError(f"cannot write {str(path)!r}: its name holds a null byte") from error


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write a file through a draft beside it, which takes its name once it is on the disk: whole, or as it was before.

    Raises OutputError.
    """
    path = Path(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}.writing")
    with writing(path):
        try:
            with draft.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


def _probe(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder, prefix=".probe-") as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())
