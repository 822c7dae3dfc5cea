"""report.json, written by every verb that measures: whole or not at all, and whatever the values are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drive.outputs import writable_folder, write_whole

SCHEMA = 1
NAME = "report.json"


def write_json(folder: str | Path, command: str, data: Mapping[str, Any]) -> Path:
    """Writes report.json, atomically, into folder (made if need be) and returns its path.

    Values that JSON does not have are written as what comes nearest: NaN and infinity as null, numpy's numbers as numbers,
    everything else as its text, so that no finished row is lost for another one's sake. Raises OutputError where the
    file cannot be written; one that was there before then stays as it was.
    """
    folder = writable_folder(folder)
    text = json.dumps(plain({"schema": SCHEMA, "command": command, **data}), indent=1, allow_nan=False)
    return write_whole(folder / NAME, text)


def plain(value: Any) -> Any:
    """Anything as what JSON can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(item) for item in value]
    return str(value)
