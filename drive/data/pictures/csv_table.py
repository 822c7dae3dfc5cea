"""A CSV file with named columns, one of them times: what poses and motion beside pictures are read from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drive.frames import Array
from drive.words import did_you_mean

TIMES = ("time_s", "timestamp_us")
# What makes the unit that a column is wanted in of another, in which it may be told.
CONVERSIONS = {
    "mps": {
        **dict.fromkeys(("kmh", "kph", "km_h", "km/h"), "divide by 3.6"),
        "mph": "multiply by 0.44704",
        "knots": "multiply by 0.514444",
    },
    "mps2": {"g": "multiply by 9.80665"},
    "m": {"mm": "divide by 1000", "cm": "divide by 100", "km": "multiply by 1000", "ft": "multiply by 0.3048"},
    "rad": {"deg": "multiply by pi / 180", "degrees": "multiply by pi / 180"},
    "radps": {"degps": "multiply by pi / 180", "dps": "multiply by pi / 180"},
    "s": {"ms": "divide by 1000", "us": "divide by 1000000", "ns": "divide by 1000000000"},
    "us": {"ns": "divide by 1000", "ms": "multiply by 1000", "s": "multiply by 1000000"},
}
MOST_BYTES = 200_000_000
MOST_S = 1e9  # thirty years
LONGEST_STAMP = 20


@dataclass(frozen=True, eq=False)
class CsvTable:
    """columns: the names of the first row; rows: cells by name, all rows of the file in order."""

    path: Path
    columns: tuple[str, ...]
    rows: Sequence[dict[str, str]]

    @staticmethod
    def read(path: Path, known: Sequence[str]) -> CsvTable:
        """Raises ValueError for what is no CSV of known columns with one of times."""
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path} is larger than {MOST_BYTES:,} bytes")
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is no CSV file: {error}") from error
        columns = tuple(lines[0]) if lines else ()
        for name in columns:
            if name not in (*TIMES, *known):
                hint = _in_unit(name, (*TIMES, *known)) or did_you_mean(name, (*TIMES, *known))
                raise ValueError(f"{path}: unknown column {name!r}, expected {' or '.join(TIMES)}, {', '.join(known)}{hint}")
        if len([name for name in columns if name in TIMES]) != 1 or len(set(columns)) != len(columns):
            raise ValueError(f"{path}: the first row must name its columns, each once, one of them {' or '.join(TIMES)}")
        lines = [line for line in lines[1:] if line]
        wrong = next((i for i, line in enumerate(lines) if len(line) != len(columns)), None)
        if wrong is not None or not lines:
            told = "it has no rows" if wrong is None else f"row {wrong + 1} has {len(lines[wrong])} cells for {len(columns)} columns"
            raise ValueError(f"{path}: {told}")
        return CsvTable(path, columns, [dict(zip(columns, line, strict=True)) for line in lines])

    def require(self, name: str) -> None:
        """Raises ValueError where a column is not there."""
        if name not in self.columns:
            raise ValueError(f"{self.path} has no column {name}; it has {', '.join(self.columns)}")

    def numbers(self, name: str, gaps: bool = False) -> Array:
        """A column [N]; with gaps an empty cell is NaN."""
        values = []
        for line, row in enumerate(self.rows, 2):
            try:
                value = float(row[name]) if row[name] or not gaps else np.nan
            except ValueError:
                value = np.inf
            if not (np.isfinite(value) or (gaps and not row[name])):
                raise ValueError(f"{self.path}, line {line}, {name}: expected a finite number, got {row[name]!r}")
            values.append(value)
        return np.array(values, dtype=np.float64)

    def times(self, start_us: int | None) -> Array:
        """Seconds since the first picture [N]."""
        if TIMES[1] in self.columns:
            if start_us is None:
                raise ValueError(f"{self.path} has timestamp_us, but the pictures bear no time stamps: give time_s since the first picture")
            seconds = [(self._stamp(line, row[TIMES[1]]) - start_us) / 1e6 for line, row in enumerate(self.rows, 2)]
        else:
            seconds = self.numbers(TIMES[0]).tolist()
        far = next((k for k, second in enumerate(seconds) if abs(second) > MOST_S), None)
        if far is not None:
            told = f"its time is {seconds[far]:.3g} s from the first picture"
            raise ValueError(f"{self.path}, line {far + 2}: {told}, expected at most {MOST_S:g}: give all times by one clock")
        times = np.array(seconds, dtype=np.float64)
        back = np.flatnonzero(np.diff(times) <= 0)
        if len(back):
            raise ValueError(f"{self.path}, line {int(back[0]) + 3}: its time is not later than that of the row before")
        return times

    def _stamp(self, line: int, text: str) -> int:
        try:
            if len(text) > LONGEST_STAMP:
                raise ValueError
            return int(text)
        except ValueError:
            raise ValueError(f"{self.path}, line {line}, {TIMES[1]}: expected an integer, got {text!r}") from None


def _in_unit(name: str, known: Sequence[str]) -> str:
    """The end of a message about a column that is a known one in another unit; empty for others."""
    for column in known:
        what, _, unit = column.rpartition("_")
        for other, how in CONVERSIONS.get(unit, {}).items():
            if name == f"{what}_{other}":
                return f"; it is wanted as {column}: {how}, renaming alone leaves the numbers in {other}"
    return ""
