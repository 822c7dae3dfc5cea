"""Any planner, shown corrupted observations (`drive.watch.corruptions`), from the start or from a moment of a drive on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drive.asking import notes_of, spec_of
from drive.data.images import read_image
from drive.schema import Answers, Observation, Plan
from drive.watch.corruptions import KINDS, STRENGTHS, Picture, corrupted
from drive.world.state import DT_S

LATEST_S = 19.0  # the simulator's observations count their steps up to 20 s


class Faulty:
    """A planner behind cameras and instruments of which some are broken.

    onset_s: of a drive in the simulator, whose observations are named town-880000:STEP; others are corrupted from the first on. A frozen or
    stale camera goes on showing what it saw at the onset, so that this planner keeps a memory and is not `deterministic`.
    """

    def __init__(self, planner: Any, kind: str, strength: int, onset_s: float = 0.0, seed: int = 0) -> None:
        if kind not in KINDS or strength not in STRENGTHS or not 0.0 <= onset_s <= LATEST_S:
            told = f"one of {', '.join(KINDS)}, a strength of 1 to 3 and an onset of 0 to {LATEST_S:g} s"
            raise ValueError(f"a fault has {told}, got {kind!r}, {strength!r}, {onset_s!r}")
        self.planner, self.kind, self.strength, self.onset_s, self.seed = planner, kind, strength, onset_s, seed
        self.name = f"{planner.name}-{kind}{strength}"
        self.spec = replace(spec_of(planner), deterministic=False)
        self.drive, self.step, self.held = "", -1, dict[str, Picture]()

    def plan(self, observation: Observation, samples: int = 1) -> Plan:
        """The planner's answer to the corrupted observation."""
        return self.planner.plan(self._shown(observation), samples)

    def take_notes(self) -> tuple[str, ...]:
        """The planner's notes."""
        return notes_of(self.planner)

    def _shown(self, observation: Observation) -> Observation:
        drive, _, told = observation.token.rpartition(":")
        step = int(told) if told.isdecimal() else 0
        if drive != self.drive or step < self.step or not drive:
            self.held = {}
        self.drive, self.step = drive, step
        if step * DT_S < self.onset_s and drive:
            return observation
        if not self.held:
            self.held = {view.camera.name: read_image(view)[1] for frame in observation.frames[-1:] for view in frame.cameras}
        shown = _holding(observation, self.held) if self.kind == "frozen" else observation
        return corrupted(shown, self.kind, self.strength, self.seed, self.held)


class FaultyAnswers(Faulty):
    """One that answers other requests too."""

    def answer(self, observation: Observation, requests: str | Sequence[str], samples: int = 1) -> Answers:
        """The planner's answers to the corrupted observation."""
        return self.planner.answer(self._shown(observation), requests, samples)


def _holding(observation: Observation, held: dict[str, Picture]) -> Observation:
    """Earlier frames show what a frozen camera showed then: the same."""
    earlier = [
        replace(frame, cameras=tuple(replace(view, image=held.get(view.camera.name, view.image)) for view in frame.cameras))
        for frame in observation.frames[:-1]
    ]
    return replace(observation, frames=(*earlier, *observation.frames[-1:]))


def faulty(planner: Any, kind: str, strength: int, onset_s: float = 0.0) -> Faulty:
    """The planner, shown what is corrupted; it answers what the planner does."""
    return (FaultyAnswers if hasattr(planner, "answer") else Faulty)(planner, kind, strength, onset_s)
