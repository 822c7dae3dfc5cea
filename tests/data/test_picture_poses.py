"""Poses beside own pictures in another unit or convention: refused, listed by `drive check`, and never found where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drive.data.check import check_dataset
from drive.data.dataset import open_dataset
from drive.data.pictures.judged import pose_findings
from drive.data.pictures.tables import read_poses
from drive.data.pictures.told import ToldBeside
from drive.frames import Array
from tests.data.test_pictures import folder, stamped


def driven(change: Callable[[Array], Array], columns: str = "time_s,x_m,y_m,heading_rad", rate: float = 0.1, turn: float = 0.1) -> str:
    """A poses file of a car that drives to the north east at 6 m/s, turning at `turn` rad/s, with its rows [N, 4] changed."""
    times = np.arange(0, 8 + 1e-9, rate)
    heading = 0.8 + turn * times
    way = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], -1) * 6 * rate, axis=0) + 300
    rows = change(np.column_stack([times, way, heading]))
    return "\n".join([columns, *(",".join(f"{value:.9g}" for value in row) for row in rows)])


def scaled(rows: Array, column: int | slice, by: float) -> Array:
    rows[:, column] *= by
    return rows


def scalar_last(rows: Array) -> Array:
    """Quaternions (x, y, z, w)."""
    half, zero = rows[:, 3] / 2, np.zeros(len(rows))
    return np.column_stack([rows[:, :3], zero, zero, np.sin(half), np.cos(half)])


def jumped(rows: Array) -> Array:
    rows[40, 1] += 1000
    return rows


QUATERNIONS = "time_s,x_m,y_m,qw,qx,qy,qz"


def degrees(rows: Array) -> Array:
    return scaled(rows, 3, 180 / np.pi)


WRONG = {
    "length unit: .*line 2.x_m, y_m, z_m: .*drives at 6,000 m/s: .* millimetres": driven(lambda rows: scaled(rows, slice(1, 3), 1000)),
    "length unit: .*centimetres, expected metres": driven(lambda rows: scaled(rows, slice(1, 3), 100)),
    "angle unit: .*line 2.heading_rad: .* along it if these numbers are degrees .up to 91": driven(degrees),
    "angle unit: .*up to 45.8.*expected radians": driven(degrees, turn=0),
    "angle unit: .*degrees": driven(degrees, rate=0.5),
    "quaternion order: .*line 2.qw, qx, qy, qz: .*if the quaternion is .x, y, z, w": driven(scalar_last, QUATERNIONS),
}


@pytest.mark.parametrize("says", WRONG)
@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_poses_in_another_convention(tmp_path: Path, says: str, rate: float) -> None:
    root = folder(tmp_path / "d", stamped(5, rate))
    (root / "poses_other.csv").write_text(WRONG[says])
    told = ToldBeside(poses=root / "poses_other.csv")
    with pytest.raises(ValueError, match=says):
        open_dataset(root, told=told)
    assert {(error.kind, error.table) for error in check_dataset(root, told=told).errors} == {(says.split(":")[0], "poses_other.csv")}


def turned_once(rows: Array) -> Array:
    rows[40, 3] += 1.5
    return rows


ODD = {
    "motion against heading": driven(lambda rows: rows + [0, 0, 0, np.pi / 2]),
    "ego jump": driven(jumped),
    "ego turned round": driven(turned_once),
}


@pytest.mark.parametrize("kind", ODD)
def test_poses_that_may_be_poorly_localised_are_a_warning(tmp_path: Path, kind: str) -> None:
    root = folder(tmp_path / "d", stamped(5, 1.0))
    (root / "poses_other.csv").write_text(ODD[kind])
    told = ToldBeside(poses=root / "poses_other.csv")
    assert len(open_dataset(root, told=told))
    report = check_dataset(root, told=told)
    assert not report.errors and {w.kind for w in report.warnings if w.table == "poses_other.csv"} == {kind}


@pytest.mark.parametrize("offset", [np.pi / 2, 1.5708, 0.05])
def test_small_headings_that_are_off_are_not_taken_for_degrees(tmp_path: Path, offset: float) -> None:
    """A car that drives along x with y ahead: its headings, read as degrees, would lie along x too."""
    text = driven(lambda rows: np.column_stack([rows[:, 0], 6 * rows[:, 0], 0 * rows[:, 0], 0 * rows[:, 0] + offset]), turn=0)
    (tmp_path / "poses.csv").write_text(text)
    kinds = {found.kind for found in pose_findings(read_poses(tmp_path / "poses.csv", None), "poses.csv")}
    assert kinds == ({"motion against heading"} if offset > 1 else set())


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("turn", [0.0, -0.5, 1.0])
def test_poses_as_cars_drive_are_in_no_other_convention(tmp_path: Path, rate: float, turn: float) -> None:
    changes: list[Callable[[Array], Array]] = [
        lambda rows: rows,
        lambda rows: rows + [0, 0, 0, 6 * np.pi],  # headings that count laps
        lambda rows: rows + [0, 0, 0, 0.12],  # a mount that is 7 degrees off
        lambda rows: scaled(np.column_stack([rows[:, 0], rows[::-1, 1:]]), slice(1, 3), 0.5),  # in reverse, at 3 m/s
        lambda rows: scaled(rows, slice(1, 3), 0.0),  # standing
    ]
    for change in changes[: 5 if turn == 0.0 else 3]:
        (tmp_path / "poses.csv").write_text(driven(change, rate=rate, turn=turn))
        assert pose_findings(read_poses(tmp_path / "poses.csv", None), "poses.csv") == []


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("1e15,48,0,0", "line 5: its time is 1e.15 s from the first picture"),
        ("1e300,48,0,0", "line 5: its time is 1e.300 s"),
        ("900000000,48,0,0", ""),
    ],
)
def test_times_of_another_clock_cost_no_memory(tmp_path: Path, last: str, says: str) -> None:
    (tmp_path / "poses.csv").write_text("time_s,x_m,y_m,heading_rad\n0,0,0,0\n0.5,4,0,0\n1,8,0,0\n" + last)
    if says:
        with pytest.raises(ValueError, match=says):
            read_poses(tmp_path / "poses.csv", None)
    else:
        assert pose_findings(read_poses(tmp_path / "poses.csv", None), "poses.csv") == []


def test_a_stamp_of_many_digits_is_no_stamp(tmp_path: Path) -> None:
    (tmp_path / "poses.csv").write_text(f"timestamp_us,x_m,y_m,heading_rad\n{'9' * 400},0,0,0")
    with pytest.raises(ValueError, match="line 2, timestamp_us: expected an integer"):
        read_poses(tmp_path / "poses.csv", 0)
