"""Cameras whose calibration is not that of the rest of their drive, or whose drive's is not that of their data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.spatial import cKDTree

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts
from drive.curate.neighbours import NEAREST
from drive.curate.rigs import turned_deg


@dataclass(frozen=True)
class Rig(Pass):
    """Within a drive nothing of a camera changes but by rounding: turn_deg, shift_m, zoom (a share, of focal length and size). Cars of one
    fleet differ by more: a drive is wrong that is `apart` times further off its source's usual calibration than the share `alike` of drives
    is, and than records of a drive may be, and off like no other drive, which would be another car's; where there are fewer drives than
    fleet_drives, or they differ by more, one that is further off than fleet_*. A camera of whose drives more than 1 - `alike` would be
    wrong is left alone."""

    name: ClassVar[str] = "rig"
    turn_deg: float = 0.3
    shift_m: float = 0.03
    zoom: float = 0.005
    fleet_turn_deg: float = 4.0
    fleet_shift_m: float = 0.4
    fleet_zoom: float = 0.06
    alike: float = 0.75
    apart: float = 4.0
    fleet_drives: int = 8

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        found = [FINE] * len(records)
        drives: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, record in enumerate(records):
            for camera in record.rig:
                drives[record.source, camera][record.scene].append(i)
        for (_, camera), scenes in drives.items():
            usual = {scene: _middle([records[i].rig[camera] for i in places]) for scene, places in scenes.items()}
            odd = self._odd(usual)
            for scene, places in scenes.items():
                for i in places:
                    told = _off(records[i].rig[camera], usual[scene], self._bounds)
                    told = f"{told} off the rest of its drive" if told else f"{odd[scene]} off other drives" if scene in odd else ""
                    if told and not found[i].reason:
                        found[i] = Judged(f"{camera}'s calibration is {told}", camera=camera)
        return found

    def _odd(self, usual: Mapping[str, Sequence[float]]) -> dict[str, str]:
        """The drives (each with its usual calibration) that are off their fleet, and how far, in words."""
        drives = list(usual.values())
        fleet = _middle(drives)
        most, within = self._fleet_bounds(drives, fleet), [self.apart * bound for bound in self._bounds]
        odd = {scene: told for scene, one in usual.items() if (told := _off(one, fleet, most))}
        if len(odd) > (1 - self.alike) * len(usual):
            return {}
        twins = _twins({scene: usual[scene] for scene in odd}, within)
        return {scene: told for scene, told in odd.items() if scene not in twins or _off(usual[scene], fleet, self._most)}

    @property
    def _most(self) -> tuple[float, ...]:
        return self.fleet_turn_deg, self.fleet_shift_m, self.fleet_zoom

    @property
    def _bounds(self) -> tuple[float, ...]:
        return self.turn_deg, self.shift_m, self.zoom

    def _fleet_bounds(self, drives: Sequence[Sequence[float]], usual: Sequence[float]) -> tuple[float, ...]:
        """How far off a drive may be: as far as most others are, some times over, and no further than a fleet's cars are."""
        if len(drives) < self.fleet_drives:
            return self._most
        common = np.quantile([_apart(one, usual) for one in drives], self.alike, axis=0)
        return tuple(np.minimum(self._most, self.apart * np.maximum(self._bounds, common)).tolist())


def _apart(one: Sequence[float], usual: Sequence[float]) -> tuple[float, float, float]:
    """Between two calibrations: degrees, metres, the share that focal length or centre differs by."""
    if tuple(one) == tuple(usual):
        return 0.0, 0.0, 0.0
    zoom = max(*np.abs(np.divide(one[:2], usual[:2]) - 1), *np.abs(np.subtract(one[2:4], usual[2:4])))
    return turned_deg(one, usual), float(np.linalg.norm(np.subtract(one[7:], usual[7:]))), float(zoom)


def _off(one: Sequence[float], usual: Sequence[float], most: Sequence[float]) -> str:
    """What is further off than it may be, in words; "" where nothing is."""
    turn, shift, zoom = _apart(one, usual)
    told = (f"{turn:.1f} degrees", f"{shift:.2f} m", f"{zoom:.1%} in focal length or centre")
    return " and ".join(text for text, value, bound in zip(told, (turn, shift, zoom), most, strict=True) if value > bound)


def _twins(rigs: Mapping[str, Sequence[float]], within: Sequence[float]) -> set[str]:
    """The drives that one of their NEAREST differs from by no more than that."""
    if len(rigs) < 2:
        return set()
    turn, shift, zoom = within
    names, values = list(rigs), np.array(list(rigs.values()))
    scaled = values / [*[zoom] * 4, *[np.radians(turn)] * 3, *[shift] * 3]
    near = cKDTree(scaled).query(scaled, list(range(1, min(NEAREST + 1, len(names)) + 1)))[1]
    return {names[i] for i, own in enumerate(near) if any(i != k and not _off(values[i], values[k], within) for k in own)}


def _middle(rigs: Sequence[Sequence[float]]) -> Sequence[float]:
    """The one that is nearest to the median of each number; rotations are never averaged."""
    values = np.array(rigs)
    median = np.median(values, 0)
    return rigs[int(np.abs(values - median).sum(1).argmin())]
