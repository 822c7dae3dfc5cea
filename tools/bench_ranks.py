"""A step of training by one process and by two, in single precision and in halves, in turn: the clock's time.

    torchrun --nproc-per-node 2 -m tools.bench_ranks first-answers

The last stage of a configuration on one town that is made for it, as `drive bench train` does; weights are random. Other work on the cores
shows in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Literal

import torch
import torch.distributed as dist
from torch import nn

from drive.cli.common import config_file
from drive.config import RunConfig
from drive.config.load import load_config
from drive.model.config import ModelConfig
from drive.train.ema import Ema
from drive.train.loader import Steps
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.objectives import STUDENT, make_objective
from drive.train.optim import make_optimizer
from drive.train.ranks import Ranks, all_ranks
from drive.train.step import Update
from drive.train.step_bench import bench_stage

DEVICE = torch.device("cpu")
WARM = 3  # rounds
Mode = tuple[Literal["one", "all"], Literal["float32", "bfloat16"]]
MODES: tuple[Mode, ...] = (("one", "float32"), ("one", "bfloat16"), ("all", "float32"), ("all", "bfloat16"))


def seconds(config: RunConfig, network: nn.Module, steps: Steps, ranks: Ranks, step: int) -> float:
    """The clock's time until every rank is done with a step that `ranks` take; of one, the others wait."""
    stage = config.stages[-1]
    update = Update(config, stage, {STUDENT: network}, steps.objective, make_optimizer(network, stage), Ema(0.0), ranks, DEVICE)
    with ranks.shared_norms(network):
        dist.barrier()
        began = time.perf_counter()
        if ranks.world > 1 or dist.get_rank() == 0:
            update(step, steps[step])
        dist.barrier()
        return time.perf_counter() - began


def bench(path: Path, rounds: int, batch: int, ranks: Ranks) -> dict[Mode, list[float]]:
    """Seconds of `rounds` steps by mode, after some that warm up: by then most samples have been prepared, as in a long training."""
    base = load_config(path)
    if not isinstance(base.model, ModelConfig):
        raise ValueError(f"networks that see are measured; {path} trains none")
    torch.set_num_threads(1)
    torch.manual_seed(base.seed)
    kind, network = kind_of(base.model), kind_of(base.model).build(base.model).train()
    with tempfile.TemporaryDirectory() as folder:
        stage = bench_stage(base, folder)  # each rank makes the town for itself
        stage = replace(stage, batch_size=batch or stage.batch_size)
        mix, objective = open_mix(stage.data, kind.needs(base.model)), make_objective(stage.objective, base.model, DEVICE)
        sharing = {"one": Ranks(), "all": ranks}
        steps = {name: Steps(mix, objective, stage, base.seed, own.rank, own.world) for name, own in sharing.items()}
        taken: dict[Mode, list[float]] = {mode: [] for mode in MODES}
        for step in range(WARM + rounds):
            for world, precision in MODES:
                config = replace(base, precision=precision, stages=(stage,))
                taken[world, precision].append(seconds(config, network, steps[world], sharing[world], step))
    return {mode: values[WARM:] for mode, values in taken.items()}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="a configuration's name or file")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--batch", type=int, default=0, help="samples of a step (default: the stage's)")
    args = parser.parse_args()
    with all_ranks("cpu") as ranks:
        if ranks.world == 1:
            parser.error("start it by torchrun --nproc-per-node 2 -m tools.bench_ranks")
        taken = bench(Path(config_file(args.config)), args.rounds, args.batch, ranks)
        if ranks.first:
            first = median(taken[MODES[0]])
            for (world, precision), values in taken.items():
                count = ranks.world if world == "all" else 1
                print(f"{count} x {precision:<9} median {median(values):.2f} s, least {min(values):.2f} s, {first / median(values):.2f}x")


if __name__ == "__main__":
    main()
