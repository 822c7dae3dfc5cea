"""The training loop: stages in order, resumable to the bit, stopped by name where a number is not finite."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from drive.checkpoint import WEIGHTS, load_weights, recovered, save_checkpoint
from drive.config import Jitter, RunConfig, Stage
from drive.model.network import DrivingNetwork
from drive.outputs import write_whole, writing
from drive.planners.network import NetworkPlanner
from drive.progress import Lines
from drive.train.checks import Data, check_machine, check_stages
from drive.train.folder import CHECKPOINT, CURVES, REPORT, RESUME, claimed, clear
from drive.train.guard import NonFinite, check_loss, check_state, clip_gradients
from drive.train.jitter import jittered
from drive.train.objective import NextToken
from drive.train.optim import learning_rate, make_optimizer, restore_optimizer
from drive.train.samples import batch_indices
from drive.train.score import Fit, score
from drive.train.state import State, load_state, save_state
from drive.train.statistics import measure_statistics
from drive.train.stop import Interrupted, stop_on_signals
from drive.train.towns import SampleSet
from drive.values import plain


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run: checkpoint folder, report, fit on the test data before (None for a resumed run) and after."""

    checkpoint: Path
    report: Path
    before: Fit | None
    after: Fit


def train(config: RunConfig, fresh: bool = False) -> Run:
    """Run all stages.

    A run that was interrupted goes on from `out`/resume with bit-equal results; so does a finished one that is asked for more steps.
    fresh: what a run wrote to `out` is removed first, once everything else was checked. Raises ValueError where `out` holds a
    run of another configuration, is in use, or holds what no run wrote; OutputError where it cannot be written to;
    NonFinite; Interrupted.
    """
    out = Path(config.out)
    device = check_machine(config)
    with claimed(out, fresh):
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        network = DrivingNetwork(config.model).to(device)
        data = Data(config)
        check_stages(config, network)
        if fresh:
            clear(out)
        return _run(config, network, data, device)


def _run(config: RunConfig, network: DrivingNetwork, data: Data, device: torch.device) -> Run:
    out = Path(config.out)
    state = load_state(config, network)
    if state is None and config.init:
        load_weights(network, recovered(config.init) / WEIGHTS)
    tests = data.open(config.test or config.stages[-1].data)
    before = score(NetworkPlanner(network.eval()), tests) if state is None else None
    first = state.stage if state else 0
    for index in range(first, len(config.stages)):
        _run_stage(config, index, state if index == first else None, network, data, device)
    after = score(NetworkPlanner(network.eval()), tests)
    provenance = {"run": plain(config), "l2_average_m": after.l2_average, "test_samples": len(tests)}
    folder = save_checkpoint(out / CHECKPOINT, network, provenance)
    return Run(folder, _write_report(out, config, before, after), before, after)


def _write_report(out: Path, config: RunConfig, before: Fit | None, after: Fit) -> Path:
    rows = [row for name, fit in (("before", before), ("after", after)) if fit for row in fit.rows(name)]
    report = {"schema": 1, "command": "train", "settings": plain(config), "rows": rows}
    return write_whole(out / REPORT, json.dumps(report, indent=1))


def _run_stage(config: RunConfig, index: int, state: State | None, network: DrivingNetwork, data: Data, device: torch.device) -> None:
    stage = config.stages[index]
    samples = data.open(stage.data)
    objective = NextToken(config.model, stage.metre_sigma, device, stage.answer_noise_m)
    optimizer = make_optimizer(network, stage)
    if state:
        restore_optimizer(optimizer, state.optimizer)
    start = state.step if state else 0
    with stop_on_signals() as stop, _writer(Path(config.out) / CURVES) as curve, _progress(stage, start) as bar:
        for step in range(start, stage.steps):
            try:
                loss = _step(config, stage, step, network, optimizer, objective, samples)
            except NonFinite as error:
                raise NonFinite(f"{error} at step {step} of stage {stage.name!r}; {_how_to_go_on(config, index)}") from error
            stopping = stop.number  # looked at once: a signal that comes later is the next step's, or it would end unsaved
            # Saved before anything is shown: a terminal that is gone takes no more.
            if stopping or (step + 1) % stage.flush_every == 0 or step + 1 == stage.steps:
                save_state(config, index, step + 1, network, optimizer)
            curve(f"{stage.name}/loss", loss, step)
            curve(f"{stage.name}/learning_rate", learning_rate(stage, step), step)
            if stopping:
                told = f"stopped at step {step + 1} of {stage.steps} of stage {stage.name!r}; the same command goes on"
                raise Interrupted(told, stopping)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
    measure_statistics(network, samples, stage, config.seed, device)


def _step(
    config: RunConfig,
    stage: Stage,
    step: int,
    network: DrivingNetwork,
    optimizer: torch.optim.Optimizer,
    objective: NextToken,
    samples: SampleSet,
) -> float:
    """One update. Whatever is random in it follows from (seed, step), so that a resumed run repeats it. Raises NonFinite."""
    torch.manual_seed(config.seed * 1_000_003 + step)
    indices = batch_indices(config.seed, len(samples), stage.batch_size, step)
    network.train()
    examples = [samples.example(int(i)) for i in indices]
    if stage.jitter != Jitter():
        rng = np.random.default_rng([config.seed, step])
        examples = [jittered(example, stage.jitter, rng, samples.tasks) for example in examples]
    loss = objective(network, examples)
    check_loss(loss)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(stage, step)
    optimizer.zero_grad()
    loss.backward()
    clip_gradients(network, stage.clip_norm)
    optimizer.step()
    check_state(network, optimizer)
    return loss.item()


def _how_to_go_on(config: RunConfig, index: int) -> str:
    """What to type after a step that was not taken."""
    rate = f"--stages.{index}.learning_rate {config.stages[index].learning_rate / 10:g}"
    resume = Path(config.out) / RESUME
    if recovered(resume).is_dir():
        kept = f"the step was not taken, the last good state is in {resume}"
        return f"{kept}. Check the data, or go on from its weights more slowly: --out {config.out}-slower --init {resume} {rate}"
    return f"the step was not taken, and none was saved before. Check the data, or start over more slowly: --fresh {rate}"


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[Any]:
    """A function (name, value, step) that adds to the curves. Raises OutputError where they cannot be written."""
    from torch.utils.tensorboard import SummaryWriter

    with writing(folder):
        writer = SummaryWriter(str(folder))

    def curve(name: str, value: float, step: int) -> None:
        with writing(folder):
            writer.add_scalar(name, value, step)

    try:
        yield curve
    finally:
        with writing(folder):
            writer.close()


def _progress(stage: Stage, start: int) -> tqdm:
    quiet = not sys.stderr.isatty()
    told: dict[str, Any] = {"mininterval": 10, "ascii": True, "file": Lines(sys.stderr)} if quiet else {"mininterval": 0.2}
    return tqdm(total=stage.steps, initial=start, desc=stage.name, unit="step", **told)
