"""A generic mutator: copies of a clean set with numbers that are valid, in another convention, in whole tables or in one row.

As a script it prints what `drive check` and `open_dataset` say of them:

    python tests/data/break_conventions.py data/mini ../shared/data/nuscenes-mini
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive import open_dataset
from drive.data.check import check_dataset
from drive.data.check.conventions import check_conventions
from drive.data.check.report import CheckReport
from drive.data.check.tables import FIELDS
from drive.frames import heading_of, quaternion_to_rotation, wrap_angle

Row = dict
Set = dict[str, list[Row]]
POSES, DATA, MOUNTS, BOXES = "ego_pose", "sample_data", "calibrated_sensor", "sample_annotation"


@dataclass(frozen=True)
class Convention:
    """One way to write valid numbers otherwise: `change` edits a row of one of the tables, given the whole set.

    kinds: what the finding may be called. shows: whether a change to this row alone can be seen by anybody. whole, one: whether
    to break whole tables, single rows.
    """

    name: str
    tables: tuple[str, ...]
    kinds: tuple[str, ...]
    change: Callable[[Row, Set], None]
    shows: Callable[[Row, Set], bool] = lambda row, tables: True
    whole: bool = True
    one: bool = True


def xyzw(row: Row, _: Set) -> None:
    row["rotation"] = [*row["rotation"][1:], row["rotation"][0]]


def times(field: str, factor: float) -> Callable[[Row, Set], None]:
    def change(row: Row, _: Set) -> None:
        value = np.asarray(row[field]) * factor
        row[field] = int(value) if field == "timestamp" else value.tolist()

    return change


def add(field: str, by: float | list[float]) -> Callable[[Row, Set], None]:
    def change(row: Row, _: Set) -> None:
        row[field] = (np.asarray(row[field]) + by).tolist()

    return change


def length_width_height(row: Row, _: Set) -> None:
    row["size"] = [row["size"][1], row["size"][0], row["size"][2]]


def under_the_ground(row: Row, _: Set) -> None:
    row["translation"][2] *= -1


def _times(a: list[float], b: list[float]) -> list[float]:
    """Product of quaternions (w, x, y, z)."""
    w, v, u, t = a[0], np.array(a[1:]), b[0], np.array(b[1:])
    return [float(w * u - v @ t), *(w * t + u * v + np.cross(v, t)).tolist()]


def upside_down(row: Row, _: Set) -> None:
    row["rotation"] = _times(row["rotation"], [0.0, 0.0, 0.0, 1.0])


def turned_round(row: Row, _: Set) -> None:
    row["rotation"] = _times([0.0, 0.0, 0.0, 1.0], row["rotation"])


def inverse(row: Row, _: Set) -> None:
    place = -(quaternion_to_rotation(row["rotation"]).T @ np.array(row["translation"]))
    row["translation"] = place.tolist()
    row["rotation"] = [row["rotation"][0], *(-v for v in row["rotation"][1:])]


def in_one_place(row: Row, tables: Set) -> None:
    row["translation"] = list(_others(row, tables)[0]["translation"])


def with_one_pose(row: Row, tables: Set) -> None:
    in_one_place(row, tables)
    row["rotation"] = list(_others(row, tables)[0]["rotation"])


def _others(row: Row, tables: Set) -> list[Row]:
    """The other cameras of a camera's rig."""
    of = {d["calibrated_sensor_token"]: d["sample_token"] for d in tables[DATA]}
    rig = {d["calibrated_sensor_token"] for d in tables[DATA] if d["sample_token"] == of.get(row["token"])}
    return [r for r in tables[MOUNTS] if r["token"] in rig - {row["token"]} and is_camera(r, tables)]


def swap_size(row: Row, _: Set) -> None:
    row["width"], row["height"] = row["height"], row["width"]


def pose_of_the_next(row: Row, tables: Set) -> None:
    by = {d["token"]: d for d in tables[DATA]}
    row["ego_pose_token"] = by[row["next"]]["ego_pose_token"] if row["next"] else row["ego_pose_token"]


def is_camera(row: Row, tables: Set) -> bool:
    channels = {s["token"]: s["channel"] for s in tables["sensor"]}
    return channels[row["sensor_token"]].startswith("CAM_")


def looks_aside(row: Row, tables: Set) -> bool:
    """A level camera's quaternion hardly changes where it looks ahead."""
    R = quaternion_to_rotation(row["rotation"])
    return is_camera(row, tables) and abs(np.degrees(np.arctan2(R[1, 2], R[0, 2]))) > 45


def heads_aside(row: Row, _: Set) -> bool:
    """Scalar last, a heading of 0 reads as turned round, others tilt; a box is known by its tilt, or by its track."""
    return abs(wrap_angle(heading_of(quaternion_to_rotation(row["rotation"])))) > np.radians(16)


def away(row: Row, _: Set) -> bool:
    return float(np.linalg.norm(row["translation"][:2])) > 10


def is_long(row: Row, _: Set) -> bool:
    return row["size"][1] > 1.4 * row["size"][0]


def of_a_camera(row: Row, tables: Set) -> bool:
    return row["fileformat"] == "jpg" and row["width"] > 0


def has_next(row: Row, _: Set) -> bool:
    return bool(row["next"])


UNIT, ORDER, LENGTH, JUMP, FAR = ("time unit",), ("quaternion order",), ("length unit",), ("ego jump",), ("box far away",)
STAMPED = ("sample", DATA, POSES)
CONVENTIONS = (
    Convention("quaternions x y z w, all tables", (MOUNTS, POSES, BOXES), ORDER, xyzw, one=False),
    # The back camera's is the same as upside down.
    Convention("quaternions x y z w, mounts", (MOUNTS,), (*ORDER, "camera upside down"), xyzw, looks_aside),
    Convention("quaternions x y z w, ego poses", (POSES,), ORDER, xyzw),
    Convention("quaternions x y z w, boxes", (BOXES,), ORDER, xyzw, heads_aside),
    Convention("times in ns, all tables", STAMPED, UNIT, times("timestamp", 1000), one=False),
    Convention("times in ms, all tables", STAMPED, UNIT, times("timestamp", 0.001), one=False),
    *(Convention(f"times in ns, {t}", (t,), UNIT, times("timestamp", 1000)) for t in STAMPED),
    *(Convention(f"times in ms, {t}", (t,), UNIT, times("timestamp", 0.001)) for t in STAMPED),
    Convention("poses 0.5 s late", (POSES,), ("pose of another time",), add("timestamp", 500_000)),
    Convention("poses of the next picture", (DATA,), ("pose of another time",), pose_of_the_next, has_next),
    Convention("sizes length width height", (BOXES,), ("size order",), length_width_height, is_long),
    Convention("mounts in mm", (MOUNTS,), LENGTH, times("translation", 1000), is_camera),
    Convention("mounts in cm", (MOUNTS,), LENGTH, times("translation", 100), is_camera),
    Convention("ego poses in mm", (POSES,), LENGTH, times("translation", 1000), away),
    Convention("ego poses in cm", (POSES,), LENGTH, times("translation", 100), away),
    Convention("boxes in mm", (BOXES,), FAR, times("translation", 1000), away),
    Convention("boxes in cm", (BOXES,), FAR, times("translation", 100), away),
    Convention("translations in mm, all tables", (MOUNTS, POSES, BOXES), LENGTH, times("translation", 1000), one=False),
    Convention("translations in cm, all tables", (MOUNTS, POSES, BOXES), LENGTH, times("translation", 100), one=False),
    Convention("sizes in mm", (BOXES,), LENGTH, times("size", 1000)),
    Convention("cameras under the ground", (MOUNTS,), ("camera under the ground",), under_the_ground, is_camera),
    Convention("cameras upside down", (MOUNTS,), ("camera upside down",), upside_down, is_camera),
    Convention("cameras in one place", (MOUNTS,), ("cameras in one place",), in_one_place, is_camera),
    Convention("cameras with one pose", (MOUNTS,), ("cameras in one place",), with_one_pose, is_camera),
    Convention("extrinsics inverted", (MOUNTS,), ("inverse extrinsic",), inverse, is_camera),
    Convention("width and height swapped", (DATA,), ("width and height swapped",), swap_size, of_a_camera),
    Convention("ego jumps 1 km", (POSES,), JUMP, add("translation", [1000.0, 0.0, 0.0]), whole=False),
    # At a heading of 0 both are the same.
    Convention("ego turns round", (POSES,), ("ego turned round", *ORDER), turned_round, whole=False),
    Convention("ego drives backwards", (POSES,), ("motion against heading",), turned_round, one=False),
    Convention("boxes 500 km away", (BOXES,), FAR, add("translation", [500e3, 0.0, 0.0])),
)


def broken(tables: Set, convention: Convention, seed: int | None) -> tuple[Set, str]:
    """A copy of the tables with the rows that it can show in broken: all, or the seed's one (and its token).

    Rows that are not changed are shared with the original."""
    result = {name: list(rows) for name, rows in tables.items()}
    token = ""
    for table in convention.tables:
        rows = [i for i, row in enumerate(tables[table]) if seed is None or convention.shows(row, tables)]
        if table == MOUNTS and seed is None and convention.change is not xyzw:
            rows = [i for i in rows if is_camera(tables[table][i], tables)]
        if seed is not None:
            rows = [random.Random(seed).choice(rows)]
            token = tables[table][rows[0]]["token"]
        for i in rows:
            result[table][i] = copy.deepcopy(tables[table][i])
            convention.change(result[table][i], tables)
    return result, token


def read(root: Path) -> tuple[Set, str]:
    (version,) = (path.name for path in root.glob("v1.0-*"))
    return {table: json.loads((root / version / f"{table}.json").read_text()) for table in FIELDS}, version


def found_in_memory(tables: Set) -> set[tuple[str, str]]:
    """(kind, token) of what the rules of conventions find, without any file."""
    report = CheckReport(Path(), "")
    check_conventions(report, {name: {row["token"]: row for row in rows} for name, rows in tables.items()})
    return {(error.kind, error.token) for error in report.errors}


def write(root: Path, target: Path, tables: Set) -> Path:
    """A copy of a set with other tables, without its pictures."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns("samples", "sweeps", "can_bus", "expansion"))
    (version,) = (path for path in target.glob("v1.0-*"))
    version.chmod(0o755)
    for name, rows in tables.items():
        (version / f"{name}.json").unlink()
        (version / f"{name}.json").write_text(json.dumps(rows))
    return target


ROWS = 20


def main() -> None:
    """Prints a table: each convention in whole tables (through a copy on disk, `drive check` and `open_dataset`), and how many
    of ROWS single rows, drawn at random from those where it can show, are found."""
    for root in (Path(name) for name in sys.argv[1:]):
        tables, _ = read(root)
        print(f"{root.resolve().name}: {len(tables['sample'])} key frames; clean: {len(found_in_memory(tables))} findings")
        print(f"  {'convention':34}{'errors in whole tables':>30}  {'loader':8}{'one row':10}first finding")
        for convention in CONVENTIONS:
            print("  " + line(root, tables, convention), flush=True)


def line(root: Path, tables: Set, convention: Convention) -> str:
    """One convention's row of the table."""
    errors, loader, first, rows = "", "", "", ""
    if convention.whole:
        with tempfile.TemporaryDirectory() as folder:
            copy = write(root, Path(folder) / "set", broken(tables, convention, None)[0])
            found = [error for error in check_dataset(copy).errors if error.kind in convention.kinds]
            errors, loader, first = (
                f"{len(found):,} {found[0].kind}" if found else "none",
                _refused(copy),
                found[0].message if found else "",
            )
    if convention.one:
        tries = [found_in_memory(broken(tables, convention, seed)[0]) for seed in range(ROWS)]
        rows = f"{sum(any(kind in convention.kinds for kind, _ in found) for found in tries)} of {ROWS}"
    return f"{convention.name:34}{errors:>30}  {loader:8}{rows:10}{first}".rstrip()


def _refused(root: Path) -> str:
    try:
        open_dataset(root)
    except ValueError:
        return "refuses"
    return "opens"


if __name__ == "__main__":
    main()
