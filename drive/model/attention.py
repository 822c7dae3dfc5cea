"""Who attends to whom: the very masks that the transformer is given, written down while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from drive.model.network import DrivingNetwork

Rows = NDArray[np.bool_]


@contextmanager
def recorded_masks(network: DrivingNetwork) -> Iterator[list[Rows]]:
    """Within it, every call of the transformer adds the mask of the batch's first item: [new tokens, all tokens so far] bool."""
    masks: list[Rows] = []

    def write_down(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        masks.append(arguments[2][0].cpu().numpy())

    hook = network.transformer.register_forward_pre_hook(write_down)
    try:
        yield masks
    finally:
        hook.remove()


def whole_table(masks: list[Rows]) -> Rows:
    """The masks of calls on one cache, in their order -> one table [N, N]; what comes later is not attended to."""
    count = masks[-1].shape[1]
    return np.concatenate([np.pad(mask, ((0, 0), (0, count - mask.shape[1]))) for mask in masks])
