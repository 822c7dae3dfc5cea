"""What an objective is: how samples become a batch, and a batch a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from drive.config import Jitter
from drive.schema import SceneSample

# The name under which `loss` is given the network that is trained.
STUDENT = "student"


class ObjectiveBatch(Protocol):
    """Whatever an objective makes of its examples."""

    def to(self, device: torch.device | str) -> Self:
        """On another device."""
        ...


class Objective(Protocol):
    """An objective is one file, its configuration in `drive.config.objectives`, and a line in `drive.train.objectives.OBJECTIVES`.

    It is made of (its configuration, the configuration of the network that is trained, the device), and raises ValueError where these do
    not go together. `example`, `vary` and `collate` run in worker processes.
    """

    def check(self, sample: SceneSample, jitter: Jitter) -> Any:
        """What was found out about a sample, given without its pictures. Raises ValueError where its answers cannot be trained on."""
        ...

    def left_out(self) -> list[str]:
        """What `check` has left out so far of the samples it was given, a line each."""
        ...

    def example(self, sample: SceneSample, known: Any = None) -> Any:
        """What is kept of a sample; known: what `check` found, where it did. Raises MissingImage where a picture is absent."""
        ...

    def vary(self, example: Any, jitter: Jitter, rng: np.random.Generator) -> Any:
        """A random variant of an example. Raises ValueError where the objective has none."""
        ...

    def collate(self, examples: Sequence[Any], rngs: Sequence[np.random.Generator] | None) -> Any:
        """Examples as a batch. rngs: one an example, for whatever is random in it: it then does not depend on how many ranks or
        parts share the step. None: nothing is random."""
        ...

    def count(self, batch: Any) -> float:
        """How many things the loss is the mean of; parts of a step weigh by it."""
        ...

    def loss(self, networks: Mapping[str, nn.Module], batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The mean loss, and further figures for the curves. networks: the trained one as "student", and one, frozen, for each
        checkpoint that the configuration names. generator: follows from seed, step and rank."""
        ...
