"""Fields of a ScenarioNet file as checked values; what is not used is counted by kind and told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from drive.frames import Array

LINE_KINDS = ("LANE", "ROAD_LINE", "ROAD_EDGE", "UNKNOWN_LINE")


def field(data: Any, key: str, kind: type, where: str) -> Any:
    """A field of a dict. Raises ValueError where it is missing or of another type."""
    if not isinstance(data, dict) or not isinstance(data.get(key), kind):
        got = type(data.get(key)).__name__ if isinstance(data, dict) else type(data).__name__
        raise ValueError(f"{where}: field {key!r} must be a {kind.__name__}, got {got}; is this a ScenarioNet file?")
    return data[key]


def points(value: Any, where: str) -> Array | None:
    """A line or ring -> its points [N, 2]; None where the feature has none. Raises ValueError where they are not points."""
    if value is None:
        return None
    try:
        line = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: not numbers") from error
    if line.size == 0:
        return None
    if line.ndim != 2 or line.shape[1] < 2 or not np.isfinite(line[:, :2]).all():
        raise ValueError(f"{where}: must be finite [N, >= 2], got shape {line.shape}")
    return line[:, :2]


class Features:
    """Map features by kind: lines [N >= 2, 2] and rings [N >= 3, 2] by name; `unused` counts the rest.

    Raises ValueError, naming the feature, where one has no kind or its points are none.
    """

    def __init__(self, features: dict, where: str) -> None:
        self.kind: dict[str, str] = {}
        self.raw: dict[str, dict] = {}
        self.line: dict[str, Array] = {}
        self.ring: dict[str, Array] = {}
        self.unused: Counter[str] = Counter()
        for key, feature in features.items():
            self._add(str(key), feature, f"{where}, map feature {key!r}")

    def _add(self, name: str, feature: Any, where: str) -> None:
        kind = str(field(feature, "type", str, where))
        line, ring = points(feature.get("polyline"), f"{where}, polyline"), points(feature.get("polygon"), f"{where}, polygon")
        self.raw[name], self.kind[name] = feature, kind
        if ring is not None and len(ring) >= 3:
            self.ring[name] = ring
        if line is not None and len(line) >= 2 and np.ptp(line, axis=0).max() > 0.01:
            self.line[name] = line
        elif kind.startswith(LINE_KINDS):
            self.unused[f"{kind} of one point" if line is not None else f"{kind} without a line"] += 1
            self.kind[name] = ""

    def named(self, *kinds: str) -> list[str]:
        """Names of the features whose kind starts with one of these."""
        return [name for name, kind in self.kind.items() if kind.startswith(kinds)]

    def notes(self) -> list[str]:
        """What was not used, for people."""
        return ["not used: " + ", ".join(f"{count} {kind}" for kind, count in sorted(self.unused.items()))] if self.unused else []
