"""One training of a comparison of records, in pieces: trained, scored on test towns, driven in empty and busy ones; each once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drive.config import DataConfig, RecordsConfig, RunConfig
from drive.data.records.dataset import RecordFolder
from drive.outputs import write_whole
from drive.planners.closed_loop import simulate
from drive.planners.load import checkpoint_planner
from drive.sim.episodes import Episode
from drive.train.loop import train
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.score import score

OPEN, EMPTY, BUSY = "open", "empty", "busy"
TRAFFIC = {EMPTY: "empty", BUSY: "reactive"}
DRIVEN = ("success", "route_completion", "pdm_score")  # of a drive without an answer they are 0
Values = dict[str, dict[str, float]]  # by metric, by town


@dataclass(frozen=True)
class Exam:
    """What every training is measured by. test: states for open loop. towns: how many are driven, from seed `first` on; rig: of the car
    there; hz: plans a second."""

    test: DataConfig
    towns: int
    first: int
    rig: str = "first-drive"
    hz: float = 5.0
    workers: int = 1


def training(base: RunConfig, out: Path, root: Path, decisions: Path, steps: int, seed: int) -> RunConfig:
    """The configuration's last stage on records. What it scores itself before and after is one scene of them: `measured` does the rest."""
    data = RecordsConfig(str(root), decisions=str(decisions))
    stage = replace(base.stages[-1], data=data, steps=steps)
    return replace(base, out=str(out), seed=seed, stages=(stage,), test=replace(data, decisions="", split=_one_scene(root)))


def _one_scene(root: Path) -> str:
    rows = RecordFolder(root).rows
    return next((row.scene for row in rows if row.whole), rows[0].scene)


def measured(run: RunConfig, exam: Exam, say: Callable[[str], None] = print) -> None:
    """Does what is still to be done of a run. Raises what `drive.train.loop.train` raises: Interrupted, after which the same goes on."""
    out = Path(run.out)
    if not (out / "checkpoint").exists():
        say(f"training {out.name}")
        train(run)
    if not (out / f"{OPEN}.json").exists():
        say(f"planning in test towns: {out.name}")
        _write(out, OPEN, open_loop(run, exam.test))
    for name, traffic in TRAFFIC.items():
        for seeds in _pieces(exam, found(out).get(f"{name} {DRIVEN[0]}", {})):
            say(f"driving in {name} towns {seeds[0]} to {seeds[-1]}: {out.name}")
            driven = closed_loop(run, exam, traffic, seeds[0], len(seeds))
            before = {metric: found(out).get(f"{name} {metric}", {}) for metric in driven}
            _write(out, name, {metric: {**before[metric], **values} for metric, values in driven.items()})


def _pieces(exam: Exam, done: Mapping[str, float]) -> list[list[int]]:
    """The seeds of towns that are still to be driven, as many at once as there are workers, and without a gap."""
    pieces: list[list[int]] = []
    for seed in range(exam.first, exam.first + exam.towns):
        if Episode("town", seed).name in done:
            continue
        if pieces and len(pieces[-1]) < exam.workers and pieces[-1][-1] == seed - 1:
            pieces[-1].append(seed)
        else:
            pieces.append([seed])
    return pieces


def _write(out: Path, name: str, values: Values) -> None:
    write_whole(out / f"{name}.json", json.dumps(values, indent=1, allow_nan=False))


def open_loop(run: RunConfig, test: DataConfig) -> Values:
    """Mean L2 of the plans of each scene's states, m."""
    mix = open_mix(test, kind_of(run.model).needs(run.model))
    fit = score(checkpoint_planner(Path(run.out) / "checkpoint"), mix, run.model.window.future_times_s)
    scenes = np.array([mix.unread(i).scene for i in range(len(mix))])
    means = fit.l2.mean(-1)
    return {"l2_m": {str(scene): float(means[scenes == scene].mean()) for scene in dict.fromkeys(scenes.tolist())}}


def closed_loop(run: RunConfig, exam: Exam, traffic: str, first: int, count: int) -> Values:
    """DRIVEN of each town."""
    report = simulate(
        "town", str(Path(run.out) / "checkpoint"), count, first, traffic=traffic, rig=exam.rig, planning_hz=exam.hz, workers=exam.workers
    )
    return {metric: {one.name: float(one.values[metric]) for one in report.scores} for metric in DRIVEN}


def found(out: Path) -> dict[str, dict[str, float]]:
    """What is known of a run so far: "open l2_m" -> value by town."""
    told: dict[str, dict[str, float]] = {}
    for name in (OPEN, *TRAFFIC):
        if (path := out / f"{name}.json").exists():
            told |= {f"{name} {metric}": values for metric, values in json.loads(path.read_text()).items()}
    return told
