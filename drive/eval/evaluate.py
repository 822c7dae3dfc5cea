"""`evaluate`: a data set or a benchmark's file, planners, anybody's plans files -> a report under the protocols asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive.asking import require_plans
from drive.baselines import ConstantVelocity
from drive.data.dataset import Dataset, Samples, open_dataset
from drive.data.layouts import layout_of
from drive.eval.benchmarks import Benchmark
from drive.eval.benchmarks.evaluate import score_file, score_made
from drive.eval.choose import choose_protocols, is_benchmark_data
from drive.eval.entries import Entry, unique_name
from drive.eval.openloop.batch import RAW, OpenLoopBatch, make_batch
from drive.eval.openloop.protocol import Protocol
from drive.eval.plans import PlanFile, load_plans
from drive.eval.published import published_rows
from drive.eval.report import LOG, Report
from drive.progress import SILENT, Progress
from drive.schema import Planner, SceneSample

# Samples are scored in blocks, so that memory does not grow with the data set.
BLOCK = 64
KNOWN = frozenset(RAW)


def evaluate(
    data: Samples | str | Path,
    planners: Sequence[Planner] = (),
    plans: Sequence[str | Path | PlanFile] = (),
    protocols: Sequence[str] = ("exact",),
    published: bool = False,
    progress: Progress = SILENT,
    pairs: bool = False,
    limit: int | None = None,
) -> Report:
    """Scores planners and plans files on every sample that a protocol selects.

    data: a data set (`drive.open_dataset`; with maps, `bevplanner` tells the road-boundary rate too) whose window covers the protocols',
    or the path of a benchmark's file or folder (`drive.eval.benchmarks`) or of a data set that is a file (`drive.data.layouts`). planners:
    objects with `name` and `plan`. plans: plans files or their paths. protocols: names, or "all" that take this data. published: add
    published rows of the same protocols. progress: is told what is done. pairs: compare every two planners, not each with constant
    velocity alone. limit: a file's first cases only.
    Constant velocity and the recorded drive (`log`) are scored beside, where the data tells them. A planner that raises or answers
    badly fails that sample.

    Raises ValueError where a protocol, the data or a plans file cannot be used at all, or a planner gives no plans.
    """
    require_plans(planners)
    if isinstance(data, str | Path) and Path(data).is_file() and layout_of(Path(data)):
        data = open_dataset(data)
    path = Path(data) if isinstance(data, str | Path) else None
    if path is not None and path.is_dir() and not is_benchmark_data(path, protocols):
        raise ValueError(f"{path} is a folder: give drive.open_dataset({str(path)!r}), or a benchmark's file")
    chosen = choose_protocols(protocols, path)
    loaded = [file if isinstance(file, PlanFile) else load_plans(file) for file in plans]
    benchmarks = [rules for rules in chosen if isinstance(rules, Benchmark)]
    if path is not None:
        report = score_file(path, benchmarks, planners, loaded, limit, progress)
    elif benchmarks:
        if not isinstance(data, Dataset):
            raise ValueError(f"{benchmarks[0].name} takes a data set (drive.open_dataset) or a file, got {type(data).__name__}")
        report = score_made(data, benchmarks, planners, loaded, limit, progress)
    else:
        assert not isinstance(data, str | Path)
        report = score_samples(data, [rules for rules in chosen if isinstance(rules, Protocol)], planners, loaded, progress)
    return replace(report, pairs=pairs, published=published_rows([rules.name for rules in chosen]) if published else [])


def score_samples(
    dataset: Samples,
    chosen: Sequence[Protocol],
    planners: Sequence[Planner] = (),
    plans: Sequence[PlanFile] = (),
    progress: Progress = SILENT,
) -> Report:
    """Scores planners and plans files on the samples of a data set under open-loop protocols."""
    entries = make_entries(planners, plans)
    unknown: Counter[str] = Counter()
    excused: dict[str, Counter[str]] = {p.name: Counter() for p in chosen}
    dropped: dict[str, Counter[str]] = {p.name: Counter() for p in chosen}
    progress.begin("scoring samples", len(dataset))
    for start in range(0, len(dataset), BLOCK):
        samples = [dataset[i] for i in range(start, min(start + BLOCK, len(dataset)))]
        batch = make_batch(samples)
        unknown += count_unknown(batch)
        for protocol in chosen:
            excused[protocol.name].update(count_excused(protocol, batch))
            dropped[protocol.name].update(count_dropped(protocol, batch, samples))
        wanted = np.any([p.select(batch) for p in chosen], axis=0)
        for entry in entries:
            entry.add(chosen, batch, entry.answers(samples, batch, wanted))
        progress.done(len(samples))
    for entry in entries:
        entry.check_declared_frame()
        entry.check_tokens(dataset)
    return Report(
        scores=[scores for entry in entries for scores in entry.scores(chosen)],
        failures=[failure for entry in entries for failure in entry.failures()],
        asked=[entry.name for entry in entries if entry.asked],
        settings={
            "samples": len(dataset),
            "protocols": [p.name for p in chosen],
            "unknown": dict(unknown),
            "interpolated_s": {entry.name: times for entry in entries if (times := entry.interpolated)},
            "excused_steps": {name: dict(counts) for name, counts in excused.items() if counts},
            "dropped_categories": {name: dict(counts.most_common()) for name, counts in dropped.items() if counts},
        },
    )


def count_unknown(batch: OpenLoopBatch) -> Counter[str]:
    """Annotations at t0, and how many of them have unknown visibility, points or category (see the protocols' filters)."""
    there = batch.agent_valid[:, :, 0]
    flags = {
        "annotations": there,
        "visibility": there & (batch.agent_visibility[:, :, 0] == 0),
        "points": there & (batch.agent_points[:, :, 0] < 0),
        "category": there & (batch.agent_raw < 0),
    }
    return Counter({name: int(flag.sum()) for name, flag in flags.items()})


def count_excused(protocol: Protocol, batch: OpenLoopBatch) -> dict[str, int]:
    """Steps of the selected samples, and at how many of them no collision counts because the record itself collides."""
    chosen = batch.take(protocol.select(batch))
    if protocol.excused is None or not len(chosen):
        return {}
    return {"steps": int(chosen.gt_mask.sum()), "excused": int((protocol.excused(chosen) & chosen.gt_mask).sum())}


def count_dropped(protocol: Protocol, batch: OpenLoopBatch, samples: Sequence[SceneSample]) -> Counter[str]:
    """Category -> annotations at t0 in the selected samples that the protocol leaves out because nuScenes has no such category."""
    counts: Counter[str] = Counter()
    for i in np.flatnonzero(protocol.select(batch)):
        agents = samples[i].target.agents
        there = (category for category, valid in zip(agents.categories, agents.valid[:, agents.now], strict=True) if valid)
        counts.update(category for category in there if category not in KNOWN and not protocol.keeps(category))
    return counts


def make_entries(planners: Sequence[Planner], plans: Sequence[PlanFile]) -> list[Entry]:
    """The rows of a report: constant velocity and the recorded drive, then what was asked for; names made unique.

    Raises TypeError where a planner is a name.
    """
    if names := [p for p in planners if isinstance(p, str)]:
        raise TypeError(f"planners are objects, got the name {names[0]!r}: give drive.load_planner({names[0]!r})")
    asked = any(isinstance(p, ConstantVelocity) for p in planners)
    entries = [Entry(ConstantVelocity.name, ConstantVelocity(), asked), Entry(LOG, None, False)]
    named: list[tuple[str, Planner | PlanFile]] = [(p.name, p) for p in planners if not isinstance(p, ConstantVelocity)]
    for name, source in [*named, *((file.planner, file) for file in plans)]:
        entries.append(Entry(unique_name(name, {entry.name for entry in entries}), source, True))
    return entries
