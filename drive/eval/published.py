"""Other people's published numbers, as read, for rows beside one's own.

`published.csv` holds one row per method and source: L2 in metres, collision and road-boundary rates in per cent, at 1, 2, 3 s
and their mean; empty where not published. `protocol` is that of the code behind the number, whatever the source calls it
(OpenDriveVLA's and UniDriveVLA's "ST-P3" rows are UniAD's occupancy, averaged otherwise), and a row is shown under that protocol
only: numbers of different protocols cannot be compared. Rows of protocols that are not among ours ("emma", "openemma": sample
selection and code not published; "sparsedrive-paper": collisions by an older code) are kept and never shown.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Any

from drive.eval.openloop.protocol import unit_of

FILE = Path(__file__).with_name("published.csv")
NAMES = ("protocol", "method", "note", "source")


def published_rows(protocols: Collection[str]) -> list[dict[str, Any]]:
    """Published rows of these protocols, tidy: {planner, note, protocol, metric, value (rates as fractions), unit, source}."""
    rows = []
    with FILE.open(newline="") as file:
        for record in csv.DictReader(file):
            if record["protocol"] not in protocols:
                continue
            for metric, text in record.items():
                if metric in NAMES or not text:
                    continue
                unit = unit_of(metric)
                rows.append({
                    "planner": record["method"],
                    "note": record["note"],
                    "protocol": record["protocol"],
                    "metric": metric,
                    "value": float(text) if unit else float(text) / 100,
                    "low": None,
                    "high": None,
                    "unit": unit,
                    "source": record["source"],
                })  # fmt: skip
    return rows
