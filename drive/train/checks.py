"""What can be known before the first step, and before anything is removed: the machine, the data, the stages' patterns."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

from drive.config import RunConfig, Stage
from drive.config.data import parts_of
from drive.train.mix import Mix, checked_as, open_mix
from drive.train.networks import kind_of
from drive.train.objectives import make_objective
from drive.train.optim import make_optimizer
from drive.train.sources import LARGE

# Of each weight, its gradient and AdamW's two moments, float32.
_BYTES_PER_WEIGHT = 16


class Data:
    """The data of all stages and of the test, opened once each; sources that are large, only while they are used."""

    def __init__(self, config: RunConfig) -> None:
        """Opens or checks everything. Raises ValueError as `open_mix` does, and where a sample cannot be trained on, naming it."""
        self.config, self.needs = config, kind_of(config.model).needs(config.model)
        self._sets: dict[Any, Mix] = {}
        self._large: tuple[Any, Mix] | None = None
        for data in dict.fromkeys([*(stage.data for stage in config.stages), config.test or config.stages[-1].data]):
            large = [part.data for part in parts_of(data) if type(part.data) in LARGE]
            for part in large:
                LARGE[type(part)](part, self.needs)
            if not large:
                self._sets[data] = open_mix(data, self.needs)
        for stage in config.stages:
            if stage.data in self._sets:
                check_samples(config, stage, self._sets[stage.data])

    def open(self, data: Any) -> Mix:
        """The samples of a configuration."""
        if data in self._sets:
            return self._sets[data]
        if self._large is None or self._large[0] != data:
            self._large = None  # the one before goes first: two may not fit into the memory
            self._large = data, open_mix(data, self.needs)
        return self._large[1]

    def of(self, stage: Stage) -> Mix:
        """The samples of a stage. Raises ValueError as above, of large sources only now."""
        mix = self.open(stage.data)
        if checked_as(stage) not in mix.known:
            check_samples(self.config, stage, mix)
        return mix


def check_samples(config: RunConfig, stage: Stage, mix: Mix) -> None:
    """Raises ValueError naming the first sample whose answers cannot be trained on, and what to widen: hours later would be too late.
    Says how many answers are left out, where the objective leaves some out."""
    objective = make_objective(stage.objective, config.model, torch.device("cpu"))
    known: list[Any] = []
    mix.known[checked_as(stage)] = known
    for index in range(len(mix)):
        sample = mix.unread(index)
        try:
            known.append(objective.check(sample, stage.jitter))
        except ValueError as error:
            raise ValueError(f"stage {stage.name!r}, sample {sample.token} of scene {sample.scene}: {error}") from error
    for told in objective.left_out():
        print(f"stage {stage.name!r}: {told}", flush=True)


def check_machine(config: RunConfig) -> torch.device:
    """The device of a run. Raises ValueError where there is no such device, or its memory cannot hold the network."""
    found = torch.cuda.is_available()
    if config.device == "cuda" and not found:
        raise ValueError("device: cuda, but torch finds no GPU here; take --device cpu, or install torch's build for GPUs")
    device = torch.device(("cuda" if found else "cpu") if config.device == "auto" else config.device)
    memory = torch.cuda.get_device_properties(0).total_memory if device.type == "cuda" else _main_memory()
    kind = kind_of(config.model)
    needed = kind.weights(config.model) * _BYTES_PER_WEIGHT
    if needed > memory:
        asked, there = f"{needed / 1e9:.1f} GB", f"{memory / 1e9:.1f} GB"
        raise ValueError(f"{kind.sizes} needs {asked} for weights and optimiser, there are {there}; take a smaller width or depth")
    if config.precision == "bfloat16" and not _has_bfloat16(device):
        print("this machine has no bfloat16 arithmetic of its own: precision: bfloat16 gives the same results, more slowly", flush=True)
    return device


def check_stages(config: RunConfig, network: nn.Module) -> None:
    """Raises ValueError where a stage trains nothing: hours later would be too late."""
    for stage in config.stages:
        make_optimizer(network, stage)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _main_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
