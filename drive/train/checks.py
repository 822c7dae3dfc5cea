"""What can be known before the first step, and before anything is removed: the machine, the data, the stages' patterns."""

from __future__ import annotations

import os

import torch

from drive.config import DataConfig, RunConfig
from drive.model.network import DrivingNetwork
from drive.train.optim import make_optimizer
from drive.train.samples import Samples
from drive.train.towns import SampleSet, check_towns, open_samples

# Of each weight, its gradient and AdamW's two moments, float32.
_BYTES_PER_WEIGHT = 16


class Data:
    """The data of all stages and of the test, opened once each; towns, which fill the memory, only while they are used."""

    def __init__(self, config: RunConfig) -> None:
        """Opens or checks everything. Raises ValueError as `Samples` and `check_towns`."""
        self.model = config.model
        self._sets: dict[DataConfig, Samples] = {}
        for data in dict.fromkeys([*(stage.data for stage in config.stages), config.test or config.stages[-1].data]):
            if data.towns:
                check_towns(data.towns, config.model)
            else:
                self._sets[data] = Samples(data, config.model)

    def open(self, data: DataConfig) -> SampleSet:
        """The samples of a configuration."""
        return self._sets[data] if data in self._sets else open_samples(data, self.model)


def check_machine(config: RunConfig) -> torch.device:
    """The device of a run. Raises ValueError where there is no such device, or its memory cannot hold the network."""
    found = torch.cuda.is_available()
    if config.device == "cuda" and not found:
        raise ValueError("device: cuda, but torch finds no GPU here; take --device cpu, or install torch's build for GPUs")
    device = torch.device(("cuda" if found else "cpu") if config.device == "auto" else config.device)
    memory = torch.cuda.get_device_properties(0).total_memory if device.type == "cuda" else _main_memory()
    needed = config.model.transformer.weights * _BYTES_PER_WEIGHT
    if needed > memory:
        asked, there = f"{needed / 1e9:.1f} GB", f"{memory / 1e9:.1f} GB"
        raise ValueError(f"model.transformer needs {asked} for weights and optimiser, there are {there}; take a smaller width or depth")
    return device


def check_stages(config: RunConfig, network: DrivingNetwork) -> None:
    """Raises ValueError where a stage trains nothing: hours later would be too late."""
    for stage in config.stages:
        make_optimizer(network, stage)


def _main_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
