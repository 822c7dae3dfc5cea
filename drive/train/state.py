"""States that a run goes on from: the newest two are kept, and a damaged one falls back to the one before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from drive.checkpoint import PROVENANCE, WEIGHTS, load_weights, read_json, recovered, refuse_changed, save_checkpoint
from drive.config import RunConfig
from drive.tensors import load_tensors
from drive.train.ema import Ema
from drive.train.folder import CHECKPOINT, EMA, OPTIMIZER, RESUME
from drive.train.identity import changes, identity
from drive.train.optim import expected_tensors, make_optimizer, optimizer_tensors
from drive.values import plain


@dataclass(frozen=True, eq=False)
class RunState:
    """Where a run stands: `step` steps of stage `stage` are done; the optimiser's tensors then, and the average of weights."""

    stage: int
    step: int
    optimizer: dict[str, Tensor]
    ema: dict[str, Tensor]


def save_state(config: RunConfig, stage: int, step: int, network: Any, optimizer: torch.optim.Optimizer, ema: Ema) -> None:
    """Write a state; the one before stays beside it. Raises OutputError; both are then as they were."""
    told = {"run": plain(config), "identity": identity(config), "stage": stage, "step": step}
    tensors = {OPTIMIZER: optimizer_tensors(optimizer, network), **({EMA: ema.average} if ema.average else {})}
    save_checkpoint(Path(config.out) / RESUME, network, told, tensors, keep=True)


def load_state(config: RunConfig, network: Any) -> RunState | None:
    """The newest state that is whole, the network filled with it; None where the run has not begun.

    Raises ValueError where it is of another run, is done, or every state is damaged.
    """
    out = Path(config.out)
    damaged = []
    newest = recovered(out / RESUME)
    for folder in (newest, newest.with_name(newest.name + ".old")):
        if not folder.is_dir():
            continue
        try:
            told = _read(folder, config)
        except ValueError as error:
            damaged.append(str(error))
            print(f"{error}; trying the state before", flush=True)
            continue
        _refuse_other(folder, told, config)
        try:
            return _restore(folder, told, config, network)
        except ValueError as error:
            damaged.append(str(error))
            print(f"{error}; trying the state before", flush=True)
    if damaged:
        raise ValueError(f"no state of {out} is whole ({damaged[0]}); start over with --fresh")
    if recovered(out / CHECKPOINT).is_dir():
        raise ValueError(_finished(out))
    return None


def _read(folder: Path, config: RunConfig) -> dict[str, Any]:
    """A state's own account. Raises ValueError where it is damaged."""
    refuse_changed(folder)
    told = read_json(folder / PROVENANCE)
    if not isinstance(told.get("identity"), dict) or not all(isinstance(told.get(key), int) for key in ("stage", "step")):
        raise ValueError(f"{folder / PROVENANCE} is damaged: it tells no identity, stage and step")
    return told


def _refuse_other(folder: Path, told: dict[str, Any], config: RunConfig) -> None:
    """Raises ValueError where a whole state is of another run, or has nothing left to do."""
    differing = changes(told["identity"], config)
    if differing:
        how = f"name another --out (--init {folder} starts a run from its weights), or start over with --fresh"
        raise ValueError(f"{folder} belongs to a run of another configuration ({differing}); {how}")
    for index, stage in enumerate(config.stages[: told["stage"]]):
        done = told["run"]["stages"][index]["steps"]
        if done != stage.steps:
            told_now = f"done with {done} steps, asked for {stage.steps}"
            raise ValueError(f"stage {stage.name!r} of {folder.parent} is {told_now}; name another --out")
    steps = config.stages[told["stage"]].steps
    if told["step"] > steps:
        raise ValueError(f"{folder} has done {told['step']} steps of stage {told['stage']}, asked for {steps}; name another --out")
    last = told["stage"] == len(config.stages) - 1
    if last and told["step"] == steps and recovered(folder.parent / CHECKPOINT).is_dir():
        raise ValueError(_finished(folder.parent))


def _restore(folder: Path, told: dict[str, Any], config: RunConfig, network: Any) -> RunState:
    stage = config.stages[told["stage"]]
    expected = expected_tensors(make_optimizer(network, stage), network)
    tensors = load_tensors(folder / f"{OPTIMIZER}.safetensors", expected, subset=True)
    average = load_tensors(folder / f"{EMA}.safetensors", dict(network.named_parameters())) if config.ema else {}
    load_weights(network, folder / WEIGHTS)
    before = told["run"]["stages"][told["stage"]]["steps"]
    if before != stage.steps:
        print(f"stage {stage.name!r} has {stage.steps} steps now, {before} before: from here on the learning rate follows the new number")
    print(f"going on at step {told['step']} of stage {stage.name!r}", flush=True)
    return RunState(told["stage"], told["step"], tensors, average)


def _finished(out: Path) -> str:
    return f"{out} holds a finished run; ask for more --stages.N.steps, name another folder with --out, or start over with --fresh"
