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
from torch import Tensor, nn

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
            norm.forward = partial(_shared_norm, norm)  # type: ignore[method-assign]
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


def _shared_norm(norm: nn.modules.batchnorm._BatchNorm, x: Tensor) -> Tensor:
    """What the layer does (timm's with their activation), with mean and variance over all ranks; their gradients too."""
    from torch.distributed.nn.functional import all_reduce

    if not norm.training:
        return type(norm).forward(norm, x)
    dims = [d for d in range(x.ndim) if d != 1]
    shape = [1, -1, *[1] * (x.ndim - 2)]
    # A channel that hardly varies would lose its variance to rounding; torch's own CPU kernel sums in double precision too.
    wide = x.double() if x.device.type == "cpu" else x.float()
    count = wide.new_tensor([x.numel() / x.shape[1]])
    sums = all_reduce(torch.cat([wide.sum(dims), count]))
    total = sums[-1].detach()
    mean = sums[:-1] / total
    centred = wide - mean.view(shape)
    variance = all_reduce(centred.square().sum(dims)) / total
    _track(norm, mean.detach(), variance.detach() * total / (total - 1))
    y = centred * torch.rsqrt(variance + norm.eps).view(shape)
    if norm.affine:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    y = y.to(x.dtype)
    for after in ("drop", "act"):
        y = getattr(norm, after)(y) if hasattr(norm, after) else y
    return y


def _track(norm: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if norm.num_batches_tracked is None or norm.running_mean is None or norm.running_var is None:
        return
    norm.num_batches_tracked.add_(1)
    share = norm.momentum if norm.momentum is not None else 1.0 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean), share)
    norm.running_var.lerp_(variance.to(norm.running_var), share)
