"""What stands beside every number: whose rule it is, every choice that changes it, and which times a plan must answer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from drive.schema import Window


@dataclass(frozen=True, eq=False)
class Rules:
    """A way to score. source: where its rule comes from (project and commit). settings: every choice that changes a number; their
    hash stands beside each number. window: the times a plan is asked for, at this protocol's own horizon and rate; None where it
    scores drives that were made. drops_failures: the original leaves failed samples out of its means. main: the metrics shown first.
    tall: tables have its metrics as rows, and their values as they are.
    """

    tall: ClassVar[bool] = False

    name: str
    source: str
    settings: dict[str, Any]
    window: Window | None = field(default=Window(), kw_only=True)
    drops_failures: bool = field(default=False, kw_only=True)
    main: tuple[str, ...] = field(default=("l2_avg", "collision_avg"), kw_only=True)
    version: str = field(default="1", kw_only=True)

    @property
    def settings_hash(self) -> str:
        """Ten hex digits over name, source, version and settings."""
        text = json.dumps([self.name, self.source, self.version, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def asks(self) -> str:
        """What a planner is asked for, in words."""
        if self.window is None:
            return "drives that were made"
        return f"plans of {self.window.future_s:g} s at {self.window.rate_hz:g} Hz"
