"""CSV files beside pictures: where the car was, and what it was told of its motion.

A first row names the columns, in any order. Times are `time_s`, seconds since the first picture of the rig's first camera, or, where
pictures bear time stamps, `timestamp_us` of the same clock.

    poses    x_m, y_m[, z_m] of the rear axle on the ground, in any fixed frame with z up, and heading_rad (counter-clockwise from +x), or
             qw, qx, qy, qz (ego to that frame)
    motion   any of speed_mps, acceleration_mps2, yaw_rate_radps, command; an empty cell is unknown
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.data.conventions.ego import TURN_MAX_RADPS
from drive.data.motion import Motion
from drive.data.pictures.csv_table import TIMES, CsvTable
from drive.data.pictures.told import SPEED_BOUND_MPS
from drive.data.scenes import LONGEST_GAP_S
from drive.frames import Array, quaternion_to_rotation, rotation_z, se3
from drive.schema import COMMANDS, Command, Mask

PLACE, HEADING, QUATERNION = ("x_m", "y_m", "z_m"), "heading_rad", ("qw", "qx", "qy", "qz")
# Of motion: no car has as much.
BOUNDS = {"speed_mps": SPEED_BOUND_MPS, "acceleration_mps2": 100.0, "yaw_rate_radps": TURN_MAX_RADPS}
NUMBERS = tuple(BOUNDS)
COMMAND = "command"
# A number of the motion file holds so long, where no other follows; a command until the next.
MOTION_MAX_AGE_S = 1.0
# Poses are carried on so far beyond the first and the last one.
BEYOND_S = 0.1
SAME_TIME_S = 1e-4


@dataclass(frozen=True, eq=False)
class Poses:
    """Where the car was: times_s [N] since the first picture, increasing, world_from_ego [N, 4, 4], N >= 1. headings [N]: as the file
    tells them, None where it tells quaternions."""

    times_s: Array
    world_from_ego: Array
    headings: Array | None = None

    def known(self, times_s: Array) -> Mask:
        """Whether the pose at each time [...] follows from the file: between two poses at most LONGEST_GAP_S apart, or BEYOND_S outside."""
        lower = self._lower(times_s)
        ends = self.times_s[0] - BEYOND_S <= times_s, times_s <= self.times_s[-1] + BEYOND_S
        if len(self.times_s) == 1:
            return np.asarray(np.abs(times_s - self.times_s[0]) < 1e-3)
        return np.asarray(ends[0] & ends[1] & (self.times_s[lower + 1] - self.times_s[lower] <= LONGEST_GAP_S))

    def last_before(self, time_s: float) -> float | None:
        """The time of the last pose at or before a time; None where there is none."""
        index = int(np.searchsorted(self.times_s, time_s + SAME_TIME_S, side="right")) - 1
        return min(float(self.times_s[index]), time_s) if index >= 0 else None

    def at(self, times_s: Array) -> Array:
        """world_from_ego [..., 4, 4] at times [...] that are known: between two poses at an even speed, and turning evenly."""
        if len(self.times_s) == 1:
            return np.broadcast_to(self.world_from_ego[0], (*np.shape(times_s), 4, 4))
        from scipy.spatial.transform import Rotation

        lower = self._lower(times_s)
        a, b = self.world_from_ego[lower], self.world_from_ego[lower + 1]
        share = ((times_s - self.times_s[lower]) / (self.times_s[lower + 1] - self.times_s[lower]))[..., None]
        turn = np.swapaxes(a[..., :3, :3], -1, -2) @ b[..., :3, :3]
        vector = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_rotvec().reshape(*np.shape(times_s), 3) * share
        part = Rotation.from_rotvec(vector.reshape(-1, 3)).as_matrix().reshape(*np.shape(times_s), 3, 3)
        return se3(a[..., :3, :3] @ part, a[..., :3, 3] + share * (b[..., :3, 3] - a[..., :3, 3]))

    def _lower(self, times_s: Array) -> np.ndarray:
        return np.clip(np.searchsorted(self.times_s, times_s, side="right") - 1, 0, max(len(self.times_s) - 2, 0))


@dataclass(frozen=True, eq=False)
class MotionTable:
    """What the car was told: times_s [N], increasing; values [N, 3]: speed, acceleration, yaw rate, NaN = unknown; commands: N."""

    times_s: Array
    values: Array
    commands: tuple[Command | None, ...]

    def motion(self, time_s: float) -> Motion:
        """The last row at or before a time, unknown where it is older than MOTION_MAX_AGE_S."""
        row = self._row(time_s)
        if row < 0 or time_s - self.times_s[row] > MOTION_MAX_AGE_S:
            return Motion()
        return Motion(*(float(value) if np.isfinite(value) else None for value in self.values[row]))

    def command(self, time_s: float) -> Command | None:
        """The last command at or before a time."""
        return next((told for told in reversed(self.commands[: self._row(time_s) + 1]) if told), None)

    def _row(self, time_s: float) -> int:
        return int(np.searchsorted(self.times_s, time_s + SAME_TIME_S, side="right")) - 1


def read_poses(path: Path, start_us: int | None) -> Poses:
    """start_us: the first picture's stamp, None where pictures bear none. Raises ValueError, naming file, line and column."""
    table = CsvTable.read(path, (*PLACE, HEADING, *QUATERNION))
    turned = [name for name in QUATERNION if name in table.columns]
    for name in (*PLACE[:2], *(QUATERNION if turned else (HEADING,))):
        table.require(name)
    if turned and HEADING in table.columns:
        raise ValueError(f"{path} tells headings and quaternions; keep one")
    place = np.stack([table.numbers(name) if name in table.columns else np.zeros(len(table.rows)) for name in PLACE], -1)
    headings = None if turned else table.numbers(HEADING)
    if headings is None:
        try:
            rotation = quaternion_to_rotation(np.stack([table.numbers(name) for name in QUATERNION], -1))
        except ValueError as error:
            raise ValueError(f"{path}: qw, qx, qy, qz are no unit quaternions in every row") from error
    else:
        rotation = np.stack([rotation_z(float(heading)) for heading in headings])
    return Poses(table.times(start_us), se3(rotation, place), headings)


def read_motion(path: Path, start_us: int | None) -> MotionTable:
    """As `read_poses`, of the file of speeds and commands. Raises ValueError for numbers that no car has, too."""
    table = CsvTable.read(path, (*NUMBERS, COMMAND))
    if not set(table.columns) - set(TIMES):
        raise ValueError(f"{path} has none of the columns {', '.join((*NUMBERS, COMMAND))}")
    values = [_bounded(table, name) if name in table.columns else np.full(len(table.rows), np.nan) for name in NUMBERS]
    commands: list[Command | None] = []
    for line, row in enumerate(table.rows, 2):
        word = row.get(COMMAND, "").strip()
        known = next((name for name in COMMANDS if name == word), None)
        if word and known is None:
            raise ValueError(f"{path}, line {line}: command {word!r} is none of {', '.join(COMMANDS)}")
        commands.append(known)
    return MotionTable(table.times(start_us), np.stack(values, -1), tuple(commands))


def _bounded(table: CsvTable, name: str) -> Array:
    """A column of motion [N], NaN where a cell is empty."""
    values = table.numbers(name, True)
    wrong = np.flatnonzero(~(np.abs(values) < BOUNDS[name]) & np.isfinite(values))
    if len(wrong):
        told = f"line {int(wrong[0]) + 2}, {name}: no car has {values[wrong[0]]:g}"
        raise ValueError(f"{table.path}, {told}, expected less than {BOUNDS[name]:.3g}: write it in the unit that the column's name tells")
    return values
