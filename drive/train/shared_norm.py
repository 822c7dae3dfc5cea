"""Batch normalisation over the pictures of all ranks, from torch's own kernels: each reads a rank's pictures once, and sums travel."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def shared_norm(norm: nn.modules.batchnorm._BatchNorm, x: Tensor) -> Tensor:
    """What the layer does (timm's with their activation) to x [N, C, ...], with mean and variance over all ranks; their gradients too."""
    if not norm.training:
        return type(norm).forward(norm, x)
    mean, variance, total = _statistics(x.detach())
    _track(norm, mean, variance * total / (total - 1))
    weight, bias = (norm.weight, norm.bias) if norm.affine else (torch.ones_like(mean), torch.zeros_like(mean))
    y: Tensor = _SharedNorm.apply(x, weight, bias, mean, variance, total, norm.eps)
    for after in ("drop", "act"):
        y = getattr(norm, after)(y) if hasattr(norm, after) else y
    return y


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Mean [C] and variance [C] of a channel over all ranks, and how many values it has there.

    Of the ranks' own means and variances, so that a channel that hardly varies keeps its variance (Chan, Golub and LeVeque 1983,
    "Algorithms for computing the sample variance"). On CPUs the kernel of batch normalisation finds these, its sums in double precision.
    """
    if x.device.type == "cpu":  # told where to add running statistics in float32, it answers in float32 for halves, too
        unused = torch.zeros(2, x.shape[1], dtype=torch.promote_types(x.dtype, torch.float32))
        mean, variance = torch.batch_norm_update_stats(x, unused[0], unused[1], 0.0)
    else:
        variance, mean = torch.var_mean(x.float(), [d for d in range(x.ndim) if d != 1], correction=0)
    own = torch.stack([mean.double(), variance.double(), torch.full_like(mean, x.numel() / x.shape[1], dtype=torch.float64)])
    ranks = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(ranks, own)
    means, variances, counts = torch.stack(ranks, dim=1)
    total = counts.sum(0)
    shared = (counts * means).sum(0) / total
    spread = (counts * (variances + (means - shared).square())).sum(0) / total
    return shared.to(mean), spread.to(mean), float(total[0])


class _SharedNorm(Function):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias; mean and variance [C], of `total` values on all ranks, follow x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, total: float, eps: float) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.total, ctx.eps = total, eps
        return torch.batch_norm(x, weight, bias, mean, variance, False, 0.0, eps, False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """As of Ioffe and Szegedy 2015 (arXiv 1502.03167): first as if the statistics were constants, which also sums the gradient and
        its product with the normalised values; then less what mean and variance owe to x, which is linear in it."""
        x, weight, mean, variance = ctx.saved_tensors
        kernel = torch.ops.aten.native_batch_norm_backward
        toward_x, toward_weight, toward_bias = kernel(gradient, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True])
        sums = torch.stack([toward_bias, toward_weight]).double()
        dist.all_reduce(sums)
        scale = -weight * torch.rsqrt(variance.double() + ctx.eps) / ctx.total
        owed = torch.batch_norm(x, (scale * sums[1]).to(weight), (scale * sums[0]).to(weight), mean, variance, False, 0.0, ctx.eps, False)
        toward_x += owed
        return toward_x, toward_weight, toward_bias, None, None, None, None


def _track(norm: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if norm.num_batches_tracked is None or norm.running_mean is None or norm.running_var is None:
        return
    norm.num_batches_tracked.add_(1)
    share = norm.momentum if norm.momentum is not None else 1.0 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean.to(norm.running_mean), share)
    norm.running_var.lerp_(variance.to(norm.running_var), share)
