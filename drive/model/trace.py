"""Modules of hundreds of small parts run in one piece: the same operations on the same numbers, without Python between them."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Calls with one shape of input before it is traced, which takes as long as some hundred calls save.
OFTEN = 24
MOST_SHAPES = 16  # kept; others go the plain way
_CHECKS = 3  # a trace is made faster in its first calls


class Traced:
    """Calls a module in evaluation mode (a tensor in, a list of tensors out), in inference through a TorchScript trace for every shape
    of input that has come often. A trace whose answers are not the module's to the last bit is not used. Copies start afresh, and so
    does whoever was moved or given other tensors; weights changed in place are seen.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        # Where each tensor is held: asking the module for all of them would take as long as a tenth of its work.
        groups = [group for part in module.modules() for group in (part._parameters, part._buffers)]
        self._held = [(group, name) for group in groups for name, tensor in group.items() if tensor is not None]
        self._forget()

    def __call__(self, x: Tensor) -> Sequence[Tensor]:
        if self.module.training or not torch.is_inference_mode_enabled():
            return self.module(x)  # type: ignore[no-any-return]
        places = tuple(held[name].data_ptr() for held, name in self._held)  # type: ignore[union-attr]
        if places != self._places:
            self._forget(places)
        shape = (*x.shape, x.dtype, x.stride())
        self._calls[shape] += 1
        if self._calls[shape] == OFTEN and len(self._traces) < MOST_SHAPES:
            self._traces[shape] = self._trace(x)
        return self._traces.get(shape, self.module)(x)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[int, Any]) -> Traced:
        return Traced(copy.deepcopy(self.module, memo))

    def _forget(self, places: tuple[int, ...] = ()) -> None:
        self._places, self._calls, self._traces = places, Counter[Any](), dict[Any, Any]()

    def _trace(self, x: Tensor) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that become constants: there is a trace for each shape
            try:
                traced = torch.jit.trace(self.module, x, strict=False, check_trace=False)
                expected = self.module(x)
                same = all(torch.equal(a, b) for _ in range(_CHECKS) for a, b in zip(traced(x), expected, strict=True))
            except RuntimeError:  # what cannot be traced runs as it is
                return self.module
        return traced if same else self.module
