"""Several processes that train one network together (`torchrun`): what they add up, and what the first does alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from drive.train.shared_norm import shared_norm

T = TypeVar("T")
# The first rank makes data and scores while the others wait.
_PATIENCE = timedelta(hours=12)


class Ranks:
    """rank of world; one process alone is rank 0 of 1, for whom nothing here costs anything."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def sums(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Each value added up over all ranks."""
        if self.world == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return total.tolist()

    def largest(self, value: int, device: torch.device) -> int:
        """The largest of all ranks' values: a signal that one has seen counts for all."""
        if self.world == 1:
            return value
        most = torch.tensor(value, device=device)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        return int(most)

    def sum_gradients(self, network: nn.Module) -> None:
        """Gradients added up over all ranks."""
        if self.world == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def in_turn(self, what: Callable[[], T]) -> T:
        """What the first rank does first, and the others once it is done: they find what it made."""
        if self.world == 1:
            return what()
        if not self.first:
            dist.barrier()
        done = what()
        if self.first:
            dist.barrier()
        return done

    @contextlib.contextmanager
    def shared_norms(self, network: nn.Module) -> Iterator[None]:
        """Within, batch normalisation in training takes its statistics over the pictures of all ranks."""
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)] if self.world > 1 else []
        for norm in norms:
            norm.forward = partial(shared_norm, norm)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for norm in norms:
                del norm.forward


@contextlib.contextmanager
def all_ranks(device: str) -> Iterator[Ranks]:
    """The ranks that `torchrun` started, by its environment variables; this process alone where it did not."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks()
        return
    cuda = device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield Ranks(dist.get_rank(), world)
    finally:
        dist.destroy_process_group()
