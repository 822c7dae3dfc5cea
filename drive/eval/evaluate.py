"""`evaluate`: a data set and planners, or anybody's plans files -> a report under the protocols asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drive.baselines import ConstantVelocity
from drive.eval.planning.batch import STEPS, Batch, Plans, make_batch, plan_rows, recorded_plans
from drive.eval.planning.protocol import Protocol
from drive.eval.planning.registry import PROTOCOLS
from drive.eval.plans import PlanFile, check_range, load_plans, looks_like_other_frame
from drive.eval.report import Report, Scores
from drive.eval.result import MetricResult
from drive.frames import Array
from drive.schema import Plan, PlanError, Planner, SceneSample

LOG = "log"
# Samples are scored in blocks, so that memory does not grow with the data set.
BLOCK = 256


def choose_protocols(names: Sequence[str]) -> list[Protocol]:
    """Protocol names, or "all" -> protocols. Raises ValueError for a name that is none."""
    wanted = list(PROTOCOLS) if "all" in names else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in PROTOCOLS]
    if unknown or not wanted:
        raise ValueError(f"unknown protocol {', '.join(unknown) or '(none)'}; known: all, {', '.join(PROTOCOLS)}")
    return [PROTOCOLS[name] for name in wanted]


def evaluate(
    dataset: Sequence[SceneSample],
    planners: Sequence[Planner] = (),
    plans: Sequence[str | Path | PlanFile] = (),
    protocols: Sequence[str] = ("exact",),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Scores planners and plans files on every sample that a protocol selects.

    dataset: samples with a 2 Hz, 3 s future (`drive.open_dataset`). planners: objects with `name` and `plan`. plans: plans
    files or their paths. protocols: names, or "all". progress(done, total) is called as samples are done. Constant velocity
    and the recorded drive (`log`) are always scored beside. A planner that raises or answers badly fails that sample.

    Raises ValueError where a protocol, the data set or a plans file cannot be used at all.
    """
    chosen = choose_protocols(protocols)
    entries = _entries(planners, plans)
    for start in range(0, len(dataset), BLOCK):
        samples = [dataset[i] for i in range(start, min(start + BLOCK, len(dataset)))]
        batch = make_batch(samples)
        wanted = np.any([p.select(batch) for p in chosen], axis=0)
        for entry in entries:
            entry.add(chosen, batch, entry.answers(samples, batch, wanted))
        if progress:
            progress(min(start + BLOCK, len(dataset)), len(dataset))
    for entry in entries:
        entry.check_declared_frame()
        entry.check_tokens(dataset)
    return Report(
        scores=[scores for entry in entries for scores in entry.scores(chosen)],
        failures=[failure for entry in entries for failure in entry.failures()],
        asked=[entry.name for entry in entries if entry.asked],
        settings={"samples": len(dataset), "protocols": [p.name for p in chosen]},
    )


@dataclass(eq=False)
class _Entry:
    """One row of the report in the making. source: a Planner, a PlanFile, or None for the recorded drive."""

    name: str
    source: Planner | PlanFile | None
    asked: bool
    blocks: dict[str, list[dict[str, MetricResult]]] = field(default_factory=dict)
    picked: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    ends: list[Array] = field(default_factory=list)

    def answers(self, samples: list[SceneSample], batch: Batch, wanted: np.ndarray) -> Plans:
        """The plans of a block; samples that no protocol wants are not asked for."""
        if self.source is None:
            return recorded_plans(batch)
        xy, poses = np.zeros((len(batch), STEPS, 2)), np.zeros((len(batch), STEPS, 3))
        usable = np.zeros(len(batch), dtype=bool)
        for i in np.flatnonzero(wanted):
            try:
                xy[i], poses[i] = plan_rows(best_of(self.source, samples[i]), batch.ego_from_lidar[i])
                usable[i] = True
            except Exception as error:  # noqa: BLE001 - whatever a planner does, its sample fails and says why
                self.reasons[samples[i].token] = str(error) if isinstance(error, PlanError) else f"{type(error).__name__}: {error}"
        if isinstance(self.source, PlanFile):
            clear = usable & batch.complete
            self.ends.append(np.concatenate([poses[clear, -1, :2], batch.gt_poses[clear, -1, :2]], -1))
        return Plans(xy, poses, usable)

    def add(self, protocols: list[Protocol], batch: Batch, plans: Plans) -> None:
        for protocol in protocols:
            self.blocks.setdefault(protocol.name, []).append(protocol.results(batch, plans))
            mask = protocol.select(batch)
            self.picked.setdefault(protocol.name, []).extend(
                (t, s) for t, s, keep in zip(batch.tokens, batch.scenes, mask, strict=True) if keep
            )

    def check_declared_frame(self) -> None:
        """Fails every sample of a file whose plans lie across the road as they do when the other frame was meant."""
        if not isinstance(self.source, PlanFile) or not self.ends:
            return
        ends = np.concatenate(self.ends)
        if looks_like_other_frame(ends[:, :2], ends[:, 2:], self.source.frame):
            other = "lidar" if self.source.frame == "ego" else "ego"
            reason = f"meta.frame says {self.source.frame!r}, but the plans fit the recorded drives only as {other!r}; correct it"
            for token, _ in {pair for picked in self.picked.values() for pair in picked}:
                self.reasons.setdefault(token, reason)

    def check_tokens(self, dataset: Sequence[SceneSample]) -> None:
        """Tokens of a file that are no sample of the data set."""
        if isinstance(self.source, PlanFile):
            known = set(getattr(dataset, "all_tokens", ())) or {sample.token for sample in dataset}
            self.strangers = [token for token in self.source.tokens if token not in known]

    def scores(self, protocols: list[Protocol]) -> Iterator[Scores]:
        for protocol in protocols:
            blocks, picked = self.blocks.get(protocol.name, []), self.picked.get(protocol.name, [])
            late = np.array([token in self.reasons for token, _ in picked], dtype=bool)
            metrics = {name: _joined([block[name] for block in blocks], late) for name in (blocks[0] if blocks else {})}
            yield Scores(self.name, protocol, metrics, tuple(t for t, _ in picked), tuple(s for _, s in picked))

    def failures(self) -> Iterator[dict[str, str]]:
        wanted = {token for picked in self.picked.values() for token, _ in picked}
        for token, reason in self.reasons.items():
            if token in wanted:
                yield {"planner": self.name, "token": token, "reason": reason}
        for token in self.strangers:
            yield {"planner": self.name, "token": token, "reason": "not a sample of this data set"}


def best_of(source: Planner | PlanFile, sample: SceneSample) -> Array:
    """The best trajectory [T, 3] for one sample, checked. Raises PlanError where the answer cannot be used."""
    asked = sample.observation.future_times_s
    plan = source.plan(sample) if isinstance(source, PlanFile) else source.plan(sample.observation)
    if not isinstance(plan, Plan):
        raise PlanError(f"the planner returned a {type(plan).__name__}, expected a Plan")
    if plan.times_s.shape != asked.shape or not np.allclose(plan.times_s, asked, rtol=0, atol=0.01):
        raise PlanError(f"the plan is at times {plan.times_s.tolist()}, asked for were {asked.tolist()}")
    check_range(plan.best)
    return plan.best


def _entries(planners: Sequence[Planner], plans: Sequence[str | Path | PlanFile]) -> list[_Entry]:
    entries: list[_Entry] = []

    def add(name: str, source: Planner | PlanFile | None, asked: bool) -> None:
        taken = [e.name for e in entries]
        unique = next(n for n in [name, *(f"{name} ({i})" for i in range(2, 99))] if n not in taken)
        entries.append(_Entry(unique, source, asked))

    for planner in planners:
        if planner.name != LOG:
            add(planner.name, planner, True)
    if not any(isinstance(p, ConstantVelocity) for p in planners):
        add(ConstantVelocity.name, ConstantVelocity(), False)
    add(LOG, None, False)
    for file in plans:
        loaded = file if isinstance(file, PlanFile) else load_plans(file)
        add(loaded.planner, loaded, True)
    return entries


def _joined(blocks: list[MetricResult], late: np.ndarray) -> MetricResult:
    """Blocks as one result; samples that turned out to have failed afterwards (late [N]) take the failed value."""
    first = blocks[0]
    values, valid, failed = (np.concatenate([getattr(b, n) for b in blocks]) for n in ("values", "valid", "failed"))
    if first.unit:
        return MetricResult(first.name, np.where(late, 0.0, values), valid & ~late, failed | late, first.unit)
    return MetricResult(first.name, np.where(late, 1.0, values), valid, failed | late, first.unit)
