"""Part of `drive check`: tables open, rows have their fields, values are possible, tokens lead somewhere."""

from __future__ import annotations

import json
import math
import reprlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from drive.data.check.report import CheckReport
from drive.data.nuscenes.splits import read_splits

Row = dict[str, Any]
Tables = dict[str, dict[str, Row]]

QUATERNION_TOLERANCE = 1e-3
# Numbers beyond this are no time, length or pixel; int64 holds them.
LARGEST = 2.0**62
# Table -> field -> what its values must be. "->x" is a token of table x, "->x?" one that may be empty.
FIELDS: dict[str, dict[str, str]] = {
    "category": {"name": "text"},
    "attribute": {"name": "text"},
    "visibility": {},
    "sensor": {"channel": "text", "modality": "text"},
    "log": {"location": "text"},
    "map": {"filename": "text", "log_tokens": "list"},
    "scene": {
        "name": "text",
        "log_token": "->log",
        "nbr_samples": "integer",
        "first_sample_token": "token",
        "last_sample_token": "token",
    },
    "sample": {"timestamp": "integer", "scene_token": "->scene", "prev": "->sample?", "next": "->sample?"},
    "calibrated_sensor": {"sensor_token": "->sensor", "translation": "vector", "rotation": "quaternion", "camera_intrinsic": "intrinsic"},
    "ego_pose": {"timestamp": "integer", "translation": "vector", "rotation": "quaternion"},
    "sample_data": {
        "sample_token": "->sample",
        "ego_pose_token": "->ego_pose",
        "calibrated_sensor_token": "->calibrated_sensor",
        "timestamp": "integer",
        "is_key_frame": "flag",
        "width": "integer",
        "height": "integer",
        "filename": "text",
        "prev": "->sample_data?",
        "next": "->sample_data?",
    },
    "instance": {
        "category_token": "->category",
        "nbr_annotations": "integer",
        "first_annotation_token": "token",
        "last_annotation_token": "token",
    },
    "sample_annotation": {
        "sample_token": "->sample",
        "instance_token": "->instance",
        "visibility_token": "->visibility?",
        "attribute_tokens": "list",
        "translation": "vector",
        "rotation": "quaternion",
        "size": "size",
        "num_lidar_pts": "integer",
        "num_radar_pts": "integer",
        "prev": "->sample_annotation?",
        "next": "->sample_annotation?",
    },
}

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 3, 6, 4
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 60


def shown(value: Any) -> str:
    """A value out of a table as text, of some dozens of characters however long it is."""
    return _SHORT.repr(value)


def load_tables(report: CheckReport) -> Tables:
    """All tables by token. Rows with an impossible field are reported and left out, so that later checks can rely on theirs;
    tokens that lead nowhere are reported, and stay."""
    tables: Tables = {}
    known: dict[str, set[str]] = {}
    for table in FIELDS:
        rows = _read(report, table)
        tables[table], known[table] = _sound_rows(report, table, rows)
        report.counts[table] = len(rows)
    for table, fields in FIELDS.items():
        for name, kind in fields.items():
            if kind.startswith("->"):
                _check_references(report, table, tables[table], name, kind, known)
    _check_attributes(report, tables, known)
    _check_splits(report)
    return tables


def _read(report: CheckReport, table: str) -> list[Any]:
    name = f"{report.version}/{table}.json"
    path = report.path(table, "", name)
    if path is None:
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: _once(report, table, pairs))
    except FileNotFoundError:
        report.error("missing table", table, "", "", f"{name} is not there")
    except (ValueError, OSError, RecursionError) as error:
        report.error("unreadable table", table, "", "", f"{name}: {type(error).__name__}: {error}")
    else:
        if isinstance(rows, list):
            return rows
        report.error("unreadable table", table, "", "", f"{name} holds a {type(rows).__name__}, expected a list of rows")
    return []


def _once(report: CheckReport, table: str, pairs: list[tuple[str, Any]]) -> Row:
    """A JSON object, and an error where it has a key twice: readers take the last without a word."""
    row = dict(pairs)
    if len(row) < len(pairs):
        again = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        token = row.get("token")
        message = "stands in this row more than once; keep one"
        report.error("repeated key", table, token if isinstance(token, str) else "", shown(again), message)
    return row


def _sound_rows(report: CheckReport, table: str, rows: list[Any]) -> tuple[dict[str, Row], set[str]]:
    """Rows by token where every field is possible, and the tokens of all rows."""
    sound: dict[str, Row] = {}
    known: set[str] = set()
    for number, row in enumerate(rows):
        token = row.get("token") if isinstance(row, dict) else None
        if not isinstance(token, str) or not token:
            report.error("impossible value", table, f"row {number}", "token", "expected an object with a token")
            continue
        if token in known:
            report.error("duplicate token", table, token, "token", f"row {number} has the token of a row before it")
            continue
        known.add(token)
        wrong = [(name, what) for name, kind in FIELDS[table].items() if (what := _problem(row, name, kind))]
        for name, what in wrong:
            report.error("impossible quaternion" if "quaternion" in what else "impossible value", table, token, name, what)
        if not wrong:
            sound[token] = row
    return sound, known


def _problem(row: Row, name: str, kind: str) -> str | None:
    """What is wrong with a field, None where nothing is."""
    if name not in row:
        return "the field is missing"
    value = row[name]
    accepts = _KINDS["token" if kind.startswith("->") else kind]
    return accepts(value)


def _integer(value: Any) -> str | None:
    return None if isinstance(value, int) and _is_number(value) else f"got {shown(value)}, expected an integer"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else f"got {shown(value)}, expected text"


def _token(value: Any) -> str | None:
    return None if isinstance(value, str) else f"got {shown(value)}, expected a token"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"got {shown(value)}, expected true or false"


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) and all(isinstance(v, str) for v in value) else f"got {shown(value)}, expected a list of tokens"


def finite(value: Any, count: int) -> bool:
    """Whether a value is a list of so many finite numbers."""
    return isinstance(value, list) and len(value) == count and all(_is_number(v) for v in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _vector(value: Any) -> str | None:
    return None if finite(value, 3) else f"got {shown(value)}, expected three finite numbers"


def _size(value: Any) -> str | None:
    return None if finite(value, 3) and min(value) > 0 else f"got {shown(value)}, expected width, length, height above 0"


def _quaternion(value: Any) -> str | None:
    if not finite(value, 4):
        return f"got {shown(value)}, expected a quaternion of four finite numbers"
    norm = math.sqrt(sum(v * v for v in value))
    return None if abs(norm - 1) < QUATERNION_TOLERANCE else f"quaternion {value} has length {norm:.6g}, expected 1"


def _intrinsic(value: Any) -> str | None:
    """Empty for what is no camera; whether a matrix is possible depends on the image (`check_sensors`)."""
    if value == [] or (isinstance(value, list) and len(value) == 3 and all(finite(row, 3) for row in value)):
        return None
    return f"got {shown(value)}, expected a finite 3 x 3 matrix, or [] for what is no camera"


_KINDS: dict[str, Callable[[Any], str | None]] = {
    "integer": _integer,
    "text": _text,
    "token": _token,
    "flag": _flag,
    "list": _list,
    "vector": _vector,
    "size": _size,
    "quaternion": _quaternion,
    "intrinsic": _intrinsic,
}


def _check_references(report: CheckReport, table: str, rows: dict[str, Row], name: str, kind: str, known: dict[str, set[str]]) -> None:
    target, optional = kind[2:].rstrip("?"), kind.endswith("?")
    for token, row in rows.items():
        value = row[name]
        if value not in known[target] and not (optional and value == ""):
            report.error("dangling token", table, token, name, f"{shown(value)} is not in table {target}")


def _check_attributes(report: CheckReport, tables: Tables, known: dict[str, set[str]]) -> None:
    """Attributes of annotations, and a map for every log (maps may name logs of other versions)."""
    for token, row in tables["sample_annotation"].items():
        for value in row["attribute_tokens"]:
            if value not in known["attribute"]:
                report.error("dangling token", "sample_annotation", token, "attribute_tokens", f"{shown(value)} is not in table attribute")
    mapped = {token for row in tables["map"].values() for token in row["log_tokens"]}
    for token in tables["log"]:
        if token not in mapped:
            report.error("dangling token", "log", token, "", "no row of table map names this log; the devkit does not open such a set")


def _check_splits(report: CheckReport) -> None:
    name = f"{report.version}/splits.json"
    path = report.path(name, "", name)
    if path is not None and path.exists():
        try:
            read_splits(path)
        except ValueError as error:
            report.error("unreadable table", name, "", "", str(error))
