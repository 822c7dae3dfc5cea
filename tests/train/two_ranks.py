"""Two ranks by forking, as `torchrun` starts them but for its agent and a second import of everything:

python -m tests.train.two_ranks train RUN.yaml         (any `drive` command)
python -m tests.train.two_ranks norms train RUN.yaml   (batch normalisation alone before it)
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable

import torch

from drive.cli import main
from drive.model.torchvision_shim import import_timm
from drive.train.ranks import Ranks, all_ranks


def norms() -> int:
    """Batch normalisation over the ranks against that of one: values, gradients and running statistics, in double precision."""
    from timm.layers import BatchNormAct2d

    with all_ranks("cpu") as ranks:
        own = slice(0, 3) if ranks.first else slice(3, 5)
        for kind in (torch.nn.BatchNorm2d, BatchNormAct2d):
            compare(kind, ranks, own)
        for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
            hardly_varies(ranks, own, dtype, bound)
    return 0


def hardly_varies(ranks: Ranks, own: slice, dtype: torch.dtype, bound: float) -> None:
    """Channels far from zero keep their variance in single precision, and in half of it, as one process alone has them."""
    x = (100 + 10 * torch.rand(5, 4, 16, 16, generator=torch.Generator().manual_seed(0))).to(dtype)
    one, two = torch.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4)
    with ranks.shared_norms(two):
        part = two(x[own])
    whole = one.double()(x.double())
    assert part.dtype == dtype and torch.allclose(part.double(), whole[own], atol=bound)
    assert torch.allclose(two.running_var.double(), one.running_var, rtol=1e-5)


def compare(kind: type[torch.nn.Module], ranks: Ranks, own: slice) -> None:
    torch.manual_seed(0)
    x, grown = torch.randn(5, 4, 3, 2, dtype=torch.float64), torch.randn(5, 4, 3, 2, dtype=torch.float64)
    one, two = kind(4).double(), kind(4).double()
    y = one(x.requires_grad_())
    (y * grown).sum().backward()
    part = x.detach()[own].clone().requires_grad_()
    with ranks.shared_norms(two):
        z = two(part)
        (z * grown[own]).sum().backward()
    ranks.sum_gradients(two)
    pairs = [(z, y[own]), (part.grad, x.grad[own]), *zip(two.state_dict().values(), one.state_dict().values(), strict=True)]
    pairs += [(p.grad, q.grad) for p, q in zip(two.parameters(), one.parameters(), strict=True)]
    assert all(torch.allclose(p.double(), q.double(), atol=1e-12) for p, q in pairs), kind


def fork(what: Callable[[], int], rank: int) -> int:
    """The id of a process that does it as that rank."""
    if child := os.fork():
        return child
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    try:
        status = what()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    sys.stdout.flush()
    os._exit(status)


def both(what: Callable[[], int]) -> None:
    """Ends with status 1 where one of the two does not succeed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    running = {fork(what, rank) for rank in range(2)}
    while running:
        child, status = os.wait()
        running.remove(child)
        if status:
            for other in running:
                os.kill(other, signal.SIGKILL)
            sys.exit(1)


if __name__ == "__main__":
    import_timm()
    for slow in ("torch._dynamo", "nuscenes.nuscenes", "drive.train.loop"):
        importlib.import_module(slow)  # once, not in each rank
    command = sys.argv[1:]
    if command[0] == "norms":
        both(norms)
        command = command[1:]
    both(lambda: main(command))
