"""What a step may leave behind: finite gradients, weights and optimiser state, or nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drive.tensors import not_finite


class NonFinite(ArithmeticError):
    """A loss, gradient, weight or optimiser state became NaN or infinite; the message says which, where, and how to go on."""


def check_loss(loss: Tensor) -> None:
    """Raises NonFinite."""
    if not bool(torch.isfinite(loss)):
        raise NonFinite(f"loss is {loss.item()}")


def clip_gradients(network: nn.Module, clip_norm: float) -> None:
    """Scale all gradients so that their norm is at most clip_norm. Raises NonFinite naming the first parameter whose own is not
    finite, or that the norm overflows: the scaled gradients would all be NaN, or all zero."""
    named = [(name, p.grad) for name, p in network.named_parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm([gradient for _, gradient in named])
    if not bool(torch.isfinite(norm)):
        raise NonFinite(_named("gradient", not_finite(named), len(named)) or "the norm of the gradients overflows")
    nn.utils.clip_grads_with_norm_(network.parameters(), clip_norm, norm)


def check_state(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Raises NonFinite naming the first weight, buffer or moment that is not finite."""
    state = list(network.state_dict().items())
    names: dict[Tensor, str] = {parameter: name for name, parameter in network.named_parameters()}
    moments = [(names[parameter], value) for parameter, entry in optimizer.state.items() for key, value in entry.items() if key != "step"]
    for what, tensors in (("weight", state), ("optimiser state", moments)):
        bad = not_finite(tensors)
        if bad:
            raise NonFinite(_named(what, bad, len(tensors)))


def _named(what: str, bad: list[str], count: int) -> str:
    return f"the {what} of {bad[0]} is not finite ({len(bad)} of {count} are not)" if bad else ""
