"""The training loop: stages in order, resumable to the bit, stopped by name where a number is not finite."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from drive.asking import gives_plans
from drive.checkpoint import recovered, save_checkpoint
from drive.config import RunConfig
from drive.eval import report_file
from drive.train.checks import Data, check_machine, check_stages
from drive.train.curves import curves, progress
from drive.train.ema import Ema
from drive.train.folder import CHECKPOINT, CURVES, RESUME, claimed, clear
from drive.train.guard import NonFinite
from drive.train.init import start_from
from drive.train.language import load_language, resolved
from drive.train.loader import Steps, prepared
from drive.train.mix import Mix
from drive.train.networks import frozen_network, kind_of
from drive.train.objectives import STUDENT, make_objective
from drive.train.optim import learning_rate, make_optimizer, restore_optimizer
from drive.train.ranks import Ranks, all_ranks
from drive.train.rig import only_rig
from drive.train.score import Fit, score
from drive.train.state import RunState, load_state, save_state
from drive.train.statistics import measure_statistics
from drive.train.step import Update
from drive.train.stop import Interrupted, stop_on_signals
from drive.train.vision import load_vision
from drive.values import plain


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: checkpoint folder, report, fit on the test data before (None for a resumed run) and after; neither where the network
    gives no plans, nor on ranks that only helped. answers: what it answers, where that is no plan."""

    checkpoint: Path
    report: Path
    before: Fit | None
    after: Fit | None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Trainer:
    """What all stages of a run share."""

    config: RunConfig
    network: Any
    ema: Ema
    data: Data
    ranks: Ranks
    device: torch.device

    @property
    def out(self) -> Path:
        return Path(self.config.out)


def train(config: RunConfig, fresh: bool = False) -> Run:
    """Run all stages.

    A run that was interrupted goes on from `out`/resume with bit-equal results; so does a finished one that is asked for more steps.
    fresh: what a run wrote to `out` is removed first, once everything else was checked. Under `torchrun` its ranks share each step's
    batch, and the first alone writes. Raises ValueError where `out` holds a run of another configuration, is in use, or holds what no
    run wrote; OutputError where it cannot be written to; NonFinite; Interrupted.
    """
    config = replace(config, model=resolved(config.model))
    device = check_machine(config)
    with all_ranks(device.type) as ranks, claimed(Path(config.out), fresh) if ranks.first else contextlib.nullcontext():
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        network = kind_of(config.model).build(config.model).to(device)
        data = ranks.in_turn(lambda: Data(config))
        check_stages(config, network)
        if fresh and ranks.first:
            clear(Path(config.out))
        return _run(Trainer(config, network, Ema(config.ema), data, ranks, device))


def _run(trainer: Trainer) -> Run:
    config, network, ema = trainer.config, trainer.network, trainer.ema
    state = trainer.ranks.in_turn(lambda: load_state(config, network))
    if state is None and (source := getattr(config.model, "init_from", None)):
        load_language(network, source)
    if state is None and (file := getattr(getattr(config.model, "camera", None), "weights", None)):
        load_vision(network, file)
    if state is None and config.init:
        start_from(network, config.init)
    ema.begin(network, state.ema if state else {})
    tests = trainer.ranks.in_turn(lambda: trainer.data.open(config.test or config.stages[-1].data))
    before = _score(trainer, tests) if state is None else None
    for index in range(state.stage if state else 0, len(config.stages)):
        _run_stage(trainer, index, state if state and index == state.stage else None)
    with ema.shown(network):
        if ema.decay:
            _measure(trainer, len(config.stages) - 1)
        return _finish(trainer, tests, before)


def _finish(trainer: Trainer, tests: Mix, before: Fit | None) -> Run:
    config, out = trainer.config, trainer.out
    after = _score(trainer, tests)
    if not trainer.ranks.first:
        return Run(out / CHECKPOINT, out / report_file.NAME, None, None)
    measured = {"l2_average_m": after.l2_average} if after else {}
    provenance = {"run": plain(config), **measured, "test_samples": len(tests)}
    folder = save_checkpoint(out / CHECKPOINT, trainer.network, provenance, rig=only_rig(config))
    rows = [row for name, fit in (("before", before), ("after", after)) if fit for row in fit.rows(name)]
    report = report_file.write_json(out, "train", {"settings": plain(config), "rows": rows})
    return Run(folder, report, before, after, () if after else getattr(config.model, "requests", ()))


def _score(trainer: Trainer, tests: Mix) -> Fit | None:
    """The fit of the plans of the network as it is, by the first rank."""
    planner = kind_of(trainer.config.model).planner(trainer.network.eval())
    if not trainer.ranks.first or not gives_plans(planner):
        return None
    return score(planner, tests, trainer.data.needs.window.future_times_s)


def _run_stage(trainer: Trainer, index: int, state: RunState | None) -> None:
    config, ranks, network, ema = trainer.config, trainer.ranks, trainer.network, trainer.ema
    stage, networks = config.stages[index], _networks(trainer, index)
    objective = make_objective(stage.objective, config.model, trainer.device)
    steps = Steps(ranks.in_turn(lambda: trainer.data.of(stage)), objective, stage, config.seed, ranks.rank, ranks.world)
    optimizer = make_optimizer(network, stage)
    if state:
        restore_optimizer(optimizer, network, state.optimizer)
    start = state.step if state else 0
    update = Update(config, stage, networks, objective, optimizer, ema, ranks, trainer.device)
    with (
        stop_on_signals() as stop,
        curves(trainer.out / CURVES if ranks.first else None) as curve,
        progress(stage, start, ranks.first) as bar,
        ranks.shared_norms(network),
    ):
        for step, batches in enumerate(prepared(steps, start, stage.steps, config.workers), start):
            try:
                figures = update(step, batches)
            except NonFinite as error:
                raise NonFinite(f"{error} at step {step} of stage {stage.name!r}; {_how_to_go_on(config, index)}") from error
            # Looked at once: a signal that comes later is the next step's, or it would end unsaved.
            stopping = ranks.largest(stop.number, trainer.device)
            # Saved before anything is shown: a terminal that is gone takes no more.
            if ranks.first and (stopping or (step + 1) % stage.flush_every == 0 or step + 1 == stage.steps):
                save_state(config, index, step + 1, network, optimizer, ema)
            for name, value in {**figures, "learning_rate": learning_rate(stage, step)}.items():
                curve(f"{stage.name}/{name}", value, step)
            if stopping:
                told = f"stopped at step {step + 1} of {stage.steps} of stage {stage.name!r}; the same command goes on"
                raise Interrupted(told, stopping)
            bar.set_postfix(loss=f"{figures['loss']:.4f}", refresh=False)
            bar.update()
    _measure(trainer, index)


def _measure(trainer: Trainer, index: int) -> None:
    """Batch normalisation's statistics of the weights as they are, on a stage's whole batches."""
    stage = trainer.config.stages[index]
    objective = make_objective(stage.objective, trainer.config.model, trainer.device)
    whole = Steps(trainer.data.of(stage), objective, stage, trainer.config.seed, vary=False, parts=1)
    measure_statistics(trainer.network, whole, trainer.device)


def _networks(trainer: Trainer, index: int) -> Mapping[str, nn.Module]:
    """What a stage's loss is given."""
    objective = trainer.config.stages[index].objective
    frozen = {name: frozen_network(getattr(objective, name), trainer.device) for name in objective.checkpoints}
    return {STUDENT: trainer.network, **frozen}


def _how_to_go_on(config: RunConfig, index: int) -> str:
    """What to type after a step that was not taken."""
    rate = f"--stages.{index}.learning_rate {config.stages[index].learning_rate / 10:g}"
    resume = Path(config.out) / RESUME
    if recovered(resume).is_dir():
        kept = f"the step was not taken, the last good state is in {resume}"
        return f"{kept}. Check the data, or go on from its weights more slowly: --out {config.out}-slower --init {resume} {rate}"
    return f"the step was not taken, and none was saved before. Check the data, or start over more slowly: --fresh {rate}"
