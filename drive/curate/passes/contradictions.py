"""Labels that contradict each other: a future that this speed, this road or these others do not let happen, a command that the route or
the future denies, a future that the car did not drive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drive.curate.base import FINE, Judged, Pass
from drive.curate.facts import RecordFacts, scenes_of
from drive.data.scenes import COMMAND_OFFSET_M
from drive.world.observe import TURN_RAD


@dataclass(frozen=True)
class Contradictions(Pass):
    """most_mps2: change of speed that the future's first step asks for. slip_m: how far that step may lie beside what a car can reach.
    off_route_m: the future's end from the route. red_m: over the line of a light that still is red. off_track_m: in the median over the
    future's times, from where the drive's later records are.

    A command is wrong where the rule says another, by slack of its bound: the route's turn where a route is told, else the side on which
    the future ends, if nothing speaks against that future. Each rule counts in a source that follows it in the share `follows` of its
    records."""

    name: ClassVar[str] = "contradictions"
    most_mps2: float = 10.0
    slip_m: float = 0.8
    off_route_m: float = 5.0
    red_m: float = 3.0
    off_track_m: float = 0.5
    slack: float = 0.2
    follows: float = 0.75

    def judge(self, records: Sequence[RecordFacts]) -> list[Judged]:
        tracked = self._off_track(records)
        rules = self._rules(records)
        return [self._of(record, tracked.get(i), rules) for i, record in enumerate(records)]

    def _of(self, record: RecordFacts, off_track: float | None, rules: dict[tuple[str, bool], bool]) -> Judged:
        scores = dict(record.scores) | ({} if off_track is None else {"off_track_m": off_track})
        told = [
            text.format(scores[name])
            for name, most, text in (
                ("off_track_m", self.off_track_m, "its future is {:.1f} m off where the car was then"),
                ("jump_mps2", self.most_mps2, "its future begins with {:.0f} m/s2"),
                ("slip_m", self.slip_m, "its future begins {:.1f} m beside what a car can reach"),
                ("off_route_m", self.off_route_m, "its future ends {:.0f} m off the route"),
                ("red_m", self.red_m, "its future is {:.0f} m over the line while the light is red"),
                ("hits", 0.0, "its future drives through {:.0f} of the things around"),
            )
            if scores.get(name, 0.0) > most
        ]
        expected, routed = self._expected(record), "turn_rad" in record.scores
        if expected and rules[record.source, routed] and record.command not in expected and (routed or not told):
            told.append(f"its command is {record.command}, the {'route' if routed else 'future'} goes {expected[0]}")
        return Judged("; ".join(told), scores={n: v for n, v in scores.items() if n not in ("turn_rad", "off_road_m")}) if scores else FINE

    def _expected(self, record: RecordFacts) -> tuple[str, ...]:
        """The commands that the rule allows, the first one most; () where there is none to hold a command against."""
        turn = record.scores.get("turn_rad")
        if not record.command or (turn is None and not record.future):
            return ()
        side = turn / TURN_RAD if turn is not None else record.future[-1][2] / COMMAND_OFFSET_M
        word = "left" if side > 0 else "right"
        if abs(abs(side) - 1.0) <= self.slack:
            return ("straight", word)
        return ("straight",) if abs(side) < 1.0 else (word,)

    def _rules(self, records: Sequence[RecordFacts]) -> dict[tuple[str, bool], bool]:
        """Whether a source follows the route's rule (True) or the future's (False)."""
        fits: dict[tuple[str, bool], list[bool]] = defaultdict(list)
        for record in records:
            fits[record.source, "turn_rad" in record.scores].append(not (e := self._expected(record)) or record.command in e)
        return {key: float(np.mean(own)) >= self.follows for key, own in fits.items()}

    def _off_track(self, records: Sequence[RecordFacts]) -> dict[int, float]:
        """By place: how far the future is from where the drive's later records are, in the median; of two of its times at least."""
        found = {}
        for places in scenes_of(records):
            times = np.array([records[i].timestamp_us for i in places]) / 1e6
            track = np.array([records[i].xy for i in places])
            if (np.diff(times) <= 0).any():
                continue
            for k, place in enumerate(places):
                off = _distances(records[place], times - times[k], track)
                if len(off) >= 2:
                    found[place] = float(np.median(off))
        return found


def _distances(record: RecordFacts, times: np.ndarray, track: np.ndarray) -> np.ndarray:
    """From the recorded future's places to the track's at the same times, where the track has a record within a second on both sides."""
    if not record.future:
        return np.zeros(0)
    when, x, y = np.array(record.future).T
    after = np.searchsorted(times, when)
    inside = (after < len(times)) & (after > 0)
    when, x, y, after = when[inside], x[inside], y[inside], after[inside]
    close = times[after] - times[after - 1] <= 1.0
    there = np.stack([np.interp(when, times, column) for column in track.T], -1)
    s, c = np.sin(record.heading_rad), np.cos(record.heading_rad)
    told = np.stack([c * x - s * y, s * x + c * y], -1) + np.array(record.xy)
    return np.hypot(*(told - there).T)[close]
