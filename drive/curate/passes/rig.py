"""Cameras whose calibration is not that of the rest of their drive, or whose drive's is not that of their data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.rigs import turned_deg


@dataclass(frozen=True)
class Rig(Pass):
    """Within a drive nothing of a camera changes but by rounding: turn_deg, shift_m, zoom (a share, of focal length and size). Cars of one
    fleet differ by more: fleet_*; those bounds count for a camera of whose drives in the source the share `alike` lies within them."""

    name: ClassVar[str] = "rig"
    turn_deg: float = 0.3
    shift_m: float = 0.03
    zoom: float = 0.005
    fleet_turn_deg: float = 4.0
    fleet_shift_m: float = 0.2
    fleet_zoom: float = 0.06
    alike: float = 0.75

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        drives: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, record in enumerate(records):
            for camera in record.rig:
                drives[record.source, camera][record.scene].append(i)
        for (_, camera), scenes in drives.items():
            usual = {scene: _middle([records[i].rig[camera] for i in places]) for scene, places in scenes.items()}
            fleet = _middle(list(usual.values()))
            odd = {scene: told for scene, one in usual.items() if (told := self._off(one, fleet, True))}
            odd = odd if len(odd) <= (1 - self.alike) * len(usual) else {}
            for scene, places in scenes.items():
                for i in places:
                    told = self._off(records[i].rig[camera], usual[scene], False)
                    told = f"{told} off the rest of its drive" if told else f"{odd[scene]} off other drives" if scene in odd else ""
                    if told and not found[i].reason:
                        found[i] = Judged(f"{camera}'s calibration is {told}", camera=camera)
        return found

    def _off(self, one: Sequence[float], usual: Sequence[float], fleet: bool) -> str:
        """What is further off than it may be, in words; "" where nothing is."""
        most = (self.fleet_turn_deg, self.fleet_shift_m, self.fleet_zoom) if fleet else (self.turn_deg, self.shift_m, self.zoom)
        if tuple(one) == tuple(usual):
            return ""
        turn, shift = turned_deg(one, usual), float(np.linalg.norm(np.subtract(one[7:], usual[7:])))
        zoom = max(*np.abs(np.divide(one[:2], usual[:2]) - 1), *np.abs(np.subtract(one[2:4], usual[2:4])))
        told = (
            (turn, most[0], f"{turn:.1f} degrees"),
            (shift, most[1], f"{shift:.2f} m"),
            (zoom, most[2], f"{zoom:.1%} in focal length or centre"),
        )
        return " and ".join(text for value, bound, text in told if value > bound)


def _middle(rigs: list[tuple[float, ...]]) -> tuple[float, ...]:
    """The one that is nearest to the median of each number; rotations are never averaged."""
    values = np.array(rigs)
    median = np.median(values, 0)
    return rigs[int(np.abs(values - median).sum(1).argmin())]
