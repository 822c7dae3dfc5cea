"""The training loop: stages in order, resumable to the bit, stopped by name where the loss is not finite."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from drive.checkpoint import WEIGHTS, load_tensors, load_weights, recovered, save_checkpoint
from drive.config import Jitter, RunConfig, Stage
from drive.model.inputs import collate
from drive.model.network import DrivingNetwork
from drive.planner import NetworkPlanner
from drive.train.jitter import jittered
from drive.train.objective import NextToken
from drive.train.optim import learning_rate, make_optimizer, optimizer_tensors, restore_optimizer
from drive.train.samples import batch_indices
from drive.train.score import Fit, score
from drive.train.towns import SampleSet, open_samples

# Batches by which normalisation statistics are measured anew at the end of a stage.
_STATISTICS_BATCHES = 64


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite; the message says at which stage and step."""


class Interrupted(Exception):
    """Training was asked to stop; its state is saved, and the same command goes on."""


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A finished run: checkpoint folder, report, fit on the test data before (None for a resumed run) and after."""

    checkpoint: Path
    report: Path
    before: Fit | None
    after: Fit


def train(config: RunConfig, fresh: bool = False) -> Run:
    """Run all stages.

    A run that was interrupted goes on from `out`/resume with bit-equal results. Raises ValueError where `out` holds a run
    of another configuration, NonFiniteLoss, Interrupted.
    """
    out = Path(config.out)
    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    network = DrivingNetwork(config.model).to(device)
    tests = open_samples(config.test or config.stages[-1].data, config.model)
    first, step = _resume(out, config, network)
    before = score(NetworkPlanner(network.eval()), tests) if (first, step) == (0, 0) else None
    for index in range(first, len(config.stages)):
        _run_stage(config, index, step if index == first else 0, network, device)
    after = score(NetworkPlanner(network.eval()), tests)
    provenance = {"run": dataclasses.asdict(config), "l2_average_m": after.l2_average, "test_samples": len(tests)}
    folder = save_checkpoint(out / "checkpoint", network, provenance)
    shutil.rmtree(out / "resume", ignore_errors=True)
    return Run(folder, _write_report(out, config, before, after), before, after)


def _write_report(out: Path, config: RunConfig, before: Fit | None, after: Fit) -> Path:
    rows = [row for name, fit in (("before", before), ("after", after)) if fit for row in fit.rows(name)]
    report = {"schema": 1, "command": "train", "settings": dataclasses.asdict(config), "rows": rows}
    path = out / "report.json"
    path.write_text(json.dumps(report, indent=1))
    return path


def _run_stage(config: RunConfig, index: int, start: int, network: DrivingNetwork, device: torch.device) -> None:
    stage = config.stages[index]
    samples = open_samples(stage.data, config.model)
    if stage.jitter.turn_degrees and (config.model.inputs.history or config.model.inputs.dynamics):
        raise ValueError(f"stage {stage.name!r}: jitter.turn_degrees turns the ego frame under the car; leave out history and dynamics")
    objective = NextToken(samples.tasks, stage.metre_sigma, device, stage.answer_noise_m)
    optimizer = make_optimizer(network, stage)
    out = Path(config.out)
    if start:
        restore_optimizer(optimizer, load_tensors(out / "resume" / "optimizer.safetensors"))
    with _stop_flag() as stop, _writer(out / "tensorboard") as writer, _progress(stage, start) as bar:
        for step in range(start, stage.steps):
            loss = _step(config, stage, step, network, optimizer, objective, samples)
            writer.add_scalar(f"{stage.name}/loss", loss, step)
            writer.add_scalar(f"{stage.name}/learning_rate", learning_rate(stage, step), step)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
            if stop.is_set or (step + 1) % stage.flush_every == 0:
                _flush(config, index, step + 1, network, optimizer)
            if stop.is_set:
                raise Interrupted(f"stopped at step {step + 1} of {stage.steps} of stage {stage.name!r}; the same command goes on")
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
    """One update. Whatever is random in it follows from (seed, step), so that a resumed run repeats it."""
    torch.manual_seed(config.seed * 1_000_003 + step)
    indices = batch_indices(config.seed, len(samples), stage.batch_size, step)
    network.train()
    examples = [samples.example(int(i)) for i in indices]
    if stage.jitter != Jitter():
        rng = np.random.default_rng([config.seed, step])
        examples = [jittered(example, stage.jitter, rng, samples.encode) for example in examples]
    loss = objective(network, examples)
    if not bool(torch.isfinite(loss)):
        raise NonFiniteLoss(f"loss is {loss.item()} at step {step} of stage {stage.name!r}; lower stages.learning_rate, or check the data")
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(stage, step)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], stage.clip_norm)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def measure_statistics(network: DrivingNetwork, samples: SampleSet, stage: Stage, seed: int, device: torch.device) -> None:
    """Measure batch normalisation's statistics anew, as plain averages over the stage's batches with the final weights: the
    running ones lag behind weights that moved fast, which spoils short runs in evaluation mode."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for step in range(min(_STATISTICS_BATCHES, -(-len(samples) // stage.batch_size))):
        indices = batch_indices(seed, len(samples), stage.batch_size, step)
        network.camera(collate([samples.example(int(i)).prepared for i in indices]).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _flush(config: RunConfig, index: int, step: int, network: DrivingNetwork, optimizer: torch.optim.Optimizer) -> None:
    provenance = {"run": _as_json(config), "stage": index, "step": step}
    save_checkpoint(Path(config.out) / "resume", network, provenance, {"optimizer": optimizer_tensors(optimizer)})


def _resume(out: Path, config: RunConfig, network: DrivingNetwork) -> tuple[int, int]:
    """Where to start: (stage, step), the network filled with that state."""
    folder = recovered(out / "resume")
    if not folder.is_dir():
        if recovered(out / "checkpoint").is_dir():
            raise ValueError(f"{out} holds a finished run; name another folder with --out, or start over with --fresh")
        if config.init:
            load_weights(network, recovered(config.init) / WEIGHTS)
        return 0, 0
    provenance = json.loads((folder / "provenance.json").read_text())
    if provenance["run"] != _as_json(config):
        raise ValueError(f"{folder} belongs to a run of another configuration; name another --out, or start over with --fresh")
    load_weights(network, folder / "model.safetensors")
    print(f"going on at step {provenance['step']} of stage {config.stages[provenance['stage']].name!r}")
    return provenance["stage"], provenance["step"]


def _as_json(config: RunConfig) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(config)))


class _Stop:
    is_set = False


@contextlib.contextmanager
def _stop_flag() -> Iterator[_Stop]:
    """Ctrl-C ends the current step first: a half-done update could not be repeated."""
    stop = _Stop()

    def handler(*_: Any) -> None:
        stop.is_set = True

    try:
        before = signal.signal(signal.SIGINT, handler)
    except ValueError:  # not in the main thread, which alone receives signals
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[Any]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))
    try:
        yield writer
    finally:
        writer.close()


def _progress(stage: Stage, start: int) -> tqdm:
    quiet = not sys.stderr.isatty()
    return tqdm(total=stage.steps, initial=start, desc=stage.name, unit="step", mininterval=10 if quiet else 0.2, ascii=quiet)
