"""The running average of weights: less noisy than the last ones, and what a run's checkpoint holds where it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Ema:
    """average: parameter name -> average; empty where decay is 0, which means none."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}

    def begin(self, network: nn.Module, average: Mapping[str, Tensor]) -> None:
        """At a saved average, or at the weights as they are where there is none."""
        if self.decay:
            self.average = {n: average.get(n, p.detach()).to(p.device, copy=True) for n, p in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """After a step: decay * average + (1 - decay) * weights."""
        for name, average in self.average.items():
            average.lerp_(network.get_parameter(name), 1 - self.decay)

    @contextlib.contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """Within, the network has the average for its weights (and buffers of its own, to be measured anew)."""
        if not self.average:
            yield
            return
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict({**before, **self.average})
        try:
            yield
        finally:
            network.load_state_dict(before)
