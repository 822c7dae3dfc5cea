"""Files of answers in any form: JSONL, or one file in the form of LLaVA or DriveLM. Each record is read by itself, so that one that is
none does not hide the others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from drive.tasks.exports import drivelm_frames, drivelm_record, from_llava
from drive.tasks.messages import ImagePart, Record, lines_of, read_record

JSONL, LLAVA, DRIVELM = "jsonl", "llava", "drivelm"
FILES = {"llava.json": LLAVA, "drivelm.json": DRIVELM}  # as `drive pack --form` names them


@dataclass(frozen=True)
class UnreadRecord:
    """A record that is not read yet. where: its file and place. read: raises ValueError where it is none."""

    where: str
    read: Callable[[], Record]


def form_of(path: Path) -> str | None:
    """The form of a file or folder of answers; None where it looks like none."""
    if path.is_file():
        return JSONL if path.suffix == ".jsonl" else FILES.get(path.name) or ("json" if path.suffix == ".json" else None)
    if any(path.glob("*.jsonl")):
        return JSONL
    return next((form for name, form in FILES.items() if (path / name).is_file()), None)


def entries(path: Path) -> Iterator[UnreadRecord]:
    """The records of a file or folder in their order. Raises ValueError, naming the file, where a whole file cannot be read."""
    if form_of(path) == JSONL:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for where, line in lines_of(file):
                yield UnreadRecord(where, partial(_checked, partial(read_record, line, where)))
        return
    file = path if path.is_file() else next(path / name for name in FILES if (path / name).is_file())
    values = _parsed(file)
    if isinstance(values, list):
        yield from (UnreadRecord(f"{file.name}, entry {k}", partial(_checked, partial(from_llava, one))) for k, one in enumerate(values, 1))
    elif isinstance(values, dict):
        for scene, token, frame in drivelm_frames(values):
            yield UnreadRecord(f"{file.name}, {scene}", partial(_checked, partial(drivelm_record, scene, token, frame)))
    else:
        raise ValueError(f"{file} holds a {type(values).__name__}: LLaVA's form is a list of entries, DriveLM's an object of scenes")


def _checked(read: Callable[[], Record]) -> Record:
    """Raises ValueError where a picture's name leads out of the folder that it is relative to."""
    record = read()
    for file in (part.file for message in record.messages for part in message.content if isinstance(part, ImagePart)):
        name = PurePosixPath(file or "")
        if file is not None and (not file or "\0" in file or "\\" in file or name.is_absolute() or ".." in name.parts):
            raise ValueError(f"record {record.id!r}: picture {file!r} leads out of its folder: expected a path below it, without '..'")
    return record


def _parsed(path: Path) -> Any:
    """Raises ValueError in one line for what is no JSON, or has a key twice, of which readers would take one."""
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, times), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {name!r} is given {times} times in one object")
    return found
