"""What comparisons of trainings share: towns, errors of plans of a run, tables with intervals."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drive.config import DataConfig, NextTokenConfig, RunConfig, TownsConfig
from drive.eval.intervals import scene_interval
from drive.frames import Array
from drive.model.config import ModelConfig
from drive.outputs import write_whole
from drive.planners.load import checkpoint_planner
from drive.tasks import declared
from drive.train.loop import train
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.score import score

# Towns that are trained on, and tested on, at most.
TOWNS = 100


@dataclass(frozen=True, eq=False)
class Errors:
    """l2 [N, T] of the test samples' plans, m; spent: seconds of CPU, NaN of a run that was stopped on the way; towns: N names."""

    l2: Array
    spent: float
    towns: list[str]


def asking(base: RunConfig, out: Path, requests: Sequence[str], objective: NextTokenConfig, steps: int, seed: int) -> RunConfig:
    """The configuration's last stage on some requests, with an objective that may name ranges that they lack."""
    assert isinstance(base.model, ModelConfig)
    old = base.model
    grids = {part.name: part.grid for part in declared(requests, {}) if part.grid}
    grids |= {name: grid for name, grid in old.numbers.items() if name in grids}
    model = ModelConfig(tuple(requests), old.window, old.inputs, old.camera, old.transformer, grids)
    known = model.vocabulary.ranges
    sigma, noise = ({k: v for k, v in given.items() if k in known} for given in (objective.sigma, objective.noise))
    data = first_towns(base.stages[-1].data, TOWNS)
    stage = replace(base.stages[-1], steps=steps, objective=replace(objective, leave_out=True, sigma=sigma, noise=noise), data=data)
    # The run's own scores are of one town: all are scored once, at the end.
    return replace(base, out=str(out), seed=seed, model=model, stages=(stage,), test=first_towns(base.test, 1))


def first_towns(data: DataConfig | None, most: int) -> TownsConfig:
    """The first towns of a configuration. Raises ValueError where it has none."""
    if not isinstance(data, TownsConfig):
        raise ValueError("trainings are compared in towns: give a configuration whose stage and test have data of kind: towns")
    return replace(data, towns=(replace(data.towns[0], count=min(most, data.towns[0].count)),))


def errors(run: RunConfig, test: DataConfig | None) -> Errors:
    """Trains a run that is not finished, and scores its plans once."""
    kept = Path(run.out) / "errors.npz"
    if not kept.exists():
        # Of a run that was stopped, the time of its beginning is not known.
        begun = float("nan") if (Path(run.out) / "resume").exists() else time.process_time()
        if not (Path(run.out) / "checkpoint").exists():
            train(run)
        spent = time.process_time() - begun
        assert isinstance(run.model, ModelConfig)
        mix = open_mix(first_towns(test, TOWNS), kind_of(run.model).needs(run.model))
        fit = score(checkpoint_planner(Path(run.out) / "checkpoint"), mix, run.model.window.future_times_s)
        written = io.BytesIO()
        np.savez(written, l2=fit.l2, spent=np.array([spent]), towns=np.array([mix.unread(i).scene for i in range(len(mix))]))
        write_whole(kept, written.getvalue())
    with np.load(kept) as arrays:
        return Errors(arrays["l2"], float(arrays["spent"][0]), arrays["towns"].tolist())


TITLES = ("seeds", "L2 m", "after 3 s", "against the first", "CPU s")


def rows(found: Mapping[tuple[str, ...], Sequence[Errors]]) -> Iterator[list[str]]:
    """A row for each name: its words, seeds, mean L2 over seeds and the largest distance of a seed from it, L2 of the last point, the
    distance to the first name on the same seeds with its interval from resampled towns, CPU."""
    base = next(iter(found.values()))
    for name, runs in found.items():
        means = np.array([one.l2.mean() for one in runs])
        last = np.mean([one.l2[:, -1].mean() for one in runs])
        away = np.mean([one.l2.mean(-1) - first.l2.mean(-1) for one, first in zip(runs, base, strict=False)], 0)
        low, high = scene_interval(away, np.ones(len(away), bool), runs[0].towns)
        spread = f"{means.mean():.3f} +- {np.abs(means - means.mean()).max():.3f}"
        between = "" if not away.any() else f"{away.mean():+.3f} ({low:+.3f} to {high:+.3f})"
        timed = [one.spent for one in runs if np.isfinite(one.spent)]
        yield [*name, str(len(runs)), spread, f"{last:.3f}", between, f"{np.mean(timed):.0f}" if timed else "-"]
