"""A run's folder: claimed by one training at a time, and emptied only of what a run wrote.

OUT/.drive-run     marks the folder as a run's, and is locked while one trains
OUT/checkpoint/  OUT/report.json  OUT/tensorboard/
OUT/resume/  OUT/resume.old/     the newest states that a run goes on from
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from drive.checkpoint import CONFIG, DIGESTS, PROVENANCE, WEIGHTS
from drive.outputs import writable_folder, writing

MARKER, CHECKPOINT, RESUME, CURVES, REPORT = ".drive-run", "checkpoint", "resume", "tensorboard", "report.json"
OPTIMIZER, EMA = "optimizer", "ema"
_CHECKPOINT_FILES = (WEIGHTS, CONFIG, PROVENANCE, DIGESTS, f"{OPTIMIZER}.safetensors", f"{EMA}.safetensors")
_FOLDERS = {
    **{f"{name}{end}": _CHECKPOINT_FILES for name in (CHECKPOINT, RESUME) for end in ("", ".old", ".writing")},
    CURVES: ("events.out.tfevents.*",),
}
_ELSEWHERE = "move that away, or name another --out"
_FILES = (MARKER, REPORT, f"{REPORT}.*.writing")


@contextlib.contextmanager
def claimed(out: Path, fresh: bool) -> Iterator[None]:
    """Mark and lock a run's folder, made where it is missing. The lock is the system's: it ends with the process, however that ends.

    Raises OutputError where it cannot be written to, ValueError where another training has it, where it holds files that look like
    a run's and are not marked as such, and, for a fresh start, where it holds anything that no run wrote.
    """
    writable_folder(out)
    marked = (out / MARKER).is_file() and not (out / MARKER).is_symlink()
    if not marked:
        _refuse_unmarked(out, fresh)
    with contextlib.ExitStack() as stack:
        with writing(out / MARKER):
            file = stack.enter_context((out / MARKER).open("a+"))
            _lock(file.fileno(), out)
            file.truncate(0)
            file.write(json.dumps({"what": "the folder of a run of `drive train`", "process": os.getpid(), "host": socket.gethostname()}))
            file.flush()
        if fresh:
            refuse_strangers(out)
        yield


def refuse_strangers(out: Path) -> None:
    """Raises ValueError where the folder holds anything that no run wrote."""
    found = list(_strangers(out))
    if found:
        raise ValueError(f"--fresh would empty {out}, which holds what no run wrote, {_some(found)}: {_ELSEWHERE}")


def clear(out: Path) -> None:
    """Remove what a run wrote, file by file: nothing else can go. Raises as `refuse_strangers`, and OutputError."""
    refuse_strangers(out)
    with writing(out):
        for path in sorted(out.iterdir()):
            if path.is_dir():
                for file in path.iterdir():
                    file.unlink()
                path.rmdir()
            elif path.name != MARKER:
                path.unlink()


def _strangers(out: Path) -> Iterator[str]:
    for path in sorted(out.iterdir()):
        patterns = _FOLDERS.get(path.name)
        if path.is_symlink() or path.is_dir() != (patterns is not None):
            yield path.name
        elif patterns is not None:
            for file in sorted(path.iterdir()):
                if not _plain_file(file, patterns):
                    yield f"{path.name}/{file.name}"
        elif not _plain_file(path, _FILES):
            yield path.name


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _plain_file(path: Path, patterns: tuple[str, ...]) -> bool:
    return path.is_file() and not path.is_symlink() and any(fnmatch(path.name, pattern) for pattern in patterns)


def _refuse_unmarked(out: Path, fresh: bool) -> None:
    found = sorted(path.name for path in out.iterdir())
    if fresh and found:
        raise ValueError(
            f"--fresh empties only folders of a run; {out} is not marked as one ({MARKER}) and holds {_some(found)}: {_ELSEWHERE}"
        )
    ours = [name for name in found if name in _FOLDERS or name in _FILES]
    if ours:
        raise ValueError(f"{out} holds {ours[0]}, but is not marked as a run's folder ({MARKER}): {_ELSEWHERE}")


def _lock(descriptor: int, out: Path) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise ValueError(f"{out} is in use by {_holder(out)}: wait for it, stop it, or name another --out") from error
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise
        print(f"{out} lies on a file system without locks: see to it that no second training writes there", flush=True)


def _holder(out: Path) -> str:
    try:
        values = json.loads((out / MARKER).read_text()[:1000])
        return f"another training (process {int(values['process'])} on {str(values['host'])[:60]!s})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another training"
