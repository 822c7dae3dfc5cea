"""Soft targets: a number shares its probability with its neighbours on the grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from drive.tokens.vocab import Vocabulary


@dataclass(frozen=True)
class NumberRange:
    """ids: of a grid's tokens. step: between two of them, in the grid's unit."""

    ids: range
    step: float


def number_ranges(vocabulary: Vocabulary) -> dict[str, NumberRange]:
    """The ranges of numbers by name."""
    ranges = vocabulary.ranges
    return {part.name: NumberRange(ranges[part.name], part.grid.step) for part in vocabulary.allotted if part.grid}


def soft_losses(loss: Tensor, log_prob: Tensor, targets: Tensor, used: Tensor, numbers: NumberRange, sigma: float) -> Tensor:
    """Losses [N] of right ids [N], those of a range's numbers by a bell of width sigma over the tokens that the grammar allows there.

    log_prob [N, U] of the used ids [U].
    """
    hit = (targets >= numbers.ids.start) & (targets < numbers.ids.stop)
    borders = torch.tensor([numbers.ids.start, numbers.ids.stop], device=used.device)
    low, high = torch.searchsorted(used, borders).tolist()
    if low == high:
        return loss
    told = log_prob[hit][:, low:high]
    distance = (used[low:high] - targets[hit][:, None]) * (numbers.step / sigma)
    share = torch.softmax((-0.5 * distance**2).masked_fill(~told.isfinite(), -torch.inf), -1)
    return loss.masked_scatter(hit, -(share * told.clamp_min(-1e4)).sum(-1))
