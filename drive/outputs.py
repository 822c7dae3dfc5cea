"""Places that results go to: known to be writable before the work, and never half written after it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
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
    errno.ENOENT: "no folder can be made there: name another place",
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
        if "embedded null" not in str(error):
            raise
        raise OutputError(f"cannot write {str(path)!r}: its name holds a null byte") from error


def write_whole(path: str | Path, content: str | bytes | Iterable[bytes]) -> Path:
    """Write a file through a draft beside it, which takes its name once it is on the disk: whole, or as it was before.

    content: all of it, or one piece after another. Raises OutputError, and what making a piece raises.
    """
    path = Path(path)
    pieces = [content.encode()] if isinstance(content, str) else [content] if isinstance(content, bytes) else content
    draft = path.with_name(f"{path.name}.{os.getpid()}.writing")
    with writing(path):
        try:
            with draft.open("wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path


@contextlib.contextmanager
def whole_folder(folder: str | Path, keep: bool = False) -> Iterator[Path]:
    """An empty draft beside `folder`, which takes its name where the block ends well: whole, or as it was before.

    At every moment the old or the new one is whole, as `folder` or as `folder`.old (`recovered`). keep: the old one stays there.
    A draft that failed is removed: a full disk gets its space back. Raises OutputError.
    """
    folder = Path(folder)
    draft = folder.with_name(folder.name + ".writing")
    with writing(folder):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            _swap(draft, folder, keep)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def recovered(folder: str | Path) -> Path:
    """The folder, brought back from its backup where a write was cut off between the two renames."""
    folder = Path(folder)
    backup = folder.with_name(folder.name + ".old")
    if not folder.exists() and backup.is_dir():
        backup.rename(folder)
    return folder


def _swap(draft: Path, folder: Path, keep: bool) -> None:
    for path in (*draft.iterdir(), draft):
        _sync(path)
    backup = folder.with_name(folder.name + ".old")
    recovered(folder)
    shutil.rmtree(backup, ignore_errors=True)
    if folder.exists():
        folder.rename(backup)
    draft.rename(folder)
    _sync(folder.parent)
    if not keep:
        shutil.rmtree(backup, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _probe(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder, prefix=".probe-") as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())


def scene_file_name(scene: str) -> str:
    """A scene's name made safe for a file: what a data set calls its scenes must not choose folders. Two scenes that
    differ in what is replaced keep different names."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in scene)[:80]
    return safe if safe == scene and safe else f"{safe}_{zlib.crc32(scene.encode()):08x}"
