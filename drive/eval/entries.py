"""One planner's way through an evaluation: its answers block by block, its failures with their reasons, its scores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from drive.asking import Refusal, as_plan, asked, notes_of
from drive.data.dataset import Samples
from drive.eval.openloop.batch import STEPS, OpenLoopBatch, Plans, plan_rows, recorded_plans
from drive.eval.openloop.protocol import Protocol
from drive.eval.plans import PlanFile, check_range, looks_like_other_frame
from drive.eval.report import Scores
from drive.eval.result import MetricResult
from drive.frames import Array
from drive.schema import Mask, Planner, SceneSample

# VAD's rule: a record that ends this far to the side is a turn.
TURN_M = 2.0


@dataclass(eq=False)
class ScoredBlock:
    """Results of one protocol on one block of samples: tokens and scenes of the selected ones, and which of them turn."""

    tokens: list[str]
    scenes: list[str]
    turning: Mask
    results: dict[str, MetricResult]


@dataclass(eq=False)
class Entry:
    """One row of a report in the making. source: a Planner, a PlanFile, or None for the recorded drive.

    asked: the user asked for it (constant velocity and the recorded drive are there unasked). reasons: token -> why there
    is no plan; wanted: tokens that some protocol selected. interpolated: the times, s, at which a file has no point of its own.
    """

    name: str
    source: Planner | PlanFile | None
    asked: bool
    blocks: dict[str, list[ScoredBlock]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    tracebacks: dict[str, str] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    ends: list[Array] = field(default_factory=list)
    interpolated: list[float] = field(default_factory=list)

    def answers(self, samples: Sequence[SceneSample], batch: OpenLoopBatch, wanted: Mask) -> Plans:
        """The plans of a block; samples that no protocol wants are not asked for."""
        self.wanted.update(batch.tokens[i] for i in np.flatnonzero(wanted))
        if self.source is None:
            return recorded_plans(batch)
        xy, poses = np.zeros((len(batch), STEPS, 2)), np.zeros((len(batch), STEPS, 3))
        usable = np.zeros(len(batch), dtype=bool)
        if isinstance(self.source, PlanFile) and samples:
            self.interpolated = self.source.interpolated(samples[0].observation.future_times_s)
        for i in np.flatnonzero(wanted):
            rows = asked(partial(_rows, self.source, samples[i], batch.ego_from_lidar[i]))
            if isinstance(rows, Refusal):
                self.reasons[batch.tokens[i]] = rows.reason
                if rows.traceback:
                    self.tracebacks[batch.tokens[i]] = rows.traceback
            else:
                (xy[i], poses[i]), usable[i] = rows, True
        clear = usable & batch.complete
        self.ends.append(np.concatenate([poses[clear, -1, :2], batch.gt_poses[clear, -1, :2]], -1))
        return Plans(xy, poses, usable)

    def add(self, protocols: Sequence[Protocol], batch: OpenLoopBatch, plans: Plans) -> None:
        """Scores a block."""
        for protocol in protocols:
            chosen = np.flatnonzero(protocol.select(batch))
            turning = np.abs(batch.gt_poses[chosen, -1, 1]) >= TURN_M
            tokens, scenes = [batch.tokens[i] for i in chosen], [batch.scenes[i] for i in chosen]
            self.blocks.setdefault(protocol.name, []).append(ScoredBlock(tokens, scenes, turning, protocol.results(batch, plans)))

    def check_declared_frame(self) -> None:
        """Fails every sample of a file whose plans lie across the road as they do when the other frame was meant."""
        if not isinstance(self.source, PlanFile) or not self.ends:
            return
        ends = np.concatenate(self.ends)
        if looks_like_other_frame(ends[:, :2], ends[:, 2:], self.source.frame):
            other = "lidar" if self.source.frame == "ego" else "ego"
            reason = f"meta.frame says {self.source.frame!r}, but the plans fit the recorded drives only as {other!r}; correct it"
            for token in self.wanted:
                self.reasons.setdefault(token, reason)

    def check_tokens(self, dataset: Samples) -> None:
        """Notes the tokens of a file that are no sample of the data set, chosen or not."""
        if isinstance(self.source, PlanFile):
            known = set(getattr(dataset, "all_tokens", ())) or {sample.token for sample in dataset}
            self.strangers = [token for token in self.source.tokens if token not in known]

    def scores(self, protocols: Sequence[Protocol]) -> Iterator[Scores]:
        """One per protocol."""
        notes = notes_of(self.source)
        for protocol in protocols:
            blocks = self.blocks.get(protocol.name, [])
            tokens = tuple(token for block in blocks for token in block.tokens)
            late = np.array([token in self.reasons for token in tokens], dtype=bool)
            names = [name for name in (blocks[0].results if blocks else {}) if all(name in block.results for block in blocks)]
            metrics = {name: _joined([block.results[name] for block in blocks], late) for name in names}
            turning = np.concatenate([block.turning for block in blocks]) if blocks else np.zeros(0, dtype=bool)
            scenes = tuple(scene for block in blocks for scene in block.scenes)
            yield Scores(self.name, protocol, metrics, tokens, scenes, {"straight": ~turning, "turning": turning}, notes)

    def failures(self) -> Iterator[dict[str, str]]:
        """{planner, token, reason}, and the traceback of what a planner raised: samples without a usable plan, tokens that are none."""
        for token, reason in self.reasons.items():
            if token in self.wanted:
                told = {"traceback": self.tracebacks[token]} if token in self.tracebacks else {}
                yield {"planner": self.name, "token": token, "reason": reason, **told}
        for token in self.strangers:
            yield {"planner": self.name, "token": token, "reason": "not a sample of this data set"}


def best_of(source: Planner | PlanFile, sample: SceneSample) -> Array:
    """The best trajectory [T, 3] for one sample, checked. Raises PlanError where the answer cannot be used."""
    times = sample.observation.future_times_s
    return checked_best(source.plan(sample) if isinstance(source, PlanFile) else source.plan(sample.observation), times)


def checked_best(plan: object, times: Array) -> Array:
    """The best trajectory [T, 3] of whatever a planner returned. Raises PlanError where it is no plan at the times [T] asked for."""
    best = as_plan(plan, times).best
    check_range(best)
    return best


def _rows(source: Planner | PlanFile, sample: SceneSample, ego_from_lidar: Array) -> tuple[Array, Array]:
    return plan_rows(best_of(source, sample), ego_from_lidar)


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def _joined(blocks: list[MetricResult], late: Mask) -> MetricResult:
    """Blocks as one result; samples that turned out to have failed afterwards (late [N]) take the failed value."""
    first = blocks[0]
    values, valid, failed = (np.concatenate([getattr(b, n) for b in blocks]) for n in ("values", "valid", "failed"))
    worst = 0.0 if first.unit else 1.0
    return MetricResult(first.name, np.where(late, worst, values), valid & ~late if first.unit else valid, failed | late, first.unit)
