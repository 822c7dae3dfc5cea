"""Several sources as one: which sample stands at which place of the endless row that training goes through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drive.config import Stage
from drive.config.data import DatasetConfig, MixConfig, RecordsConfig, TownsConfig, parts_of
from drive.schema import SceneSample
from drive.train.sources import Needs, Source, open_source

# Weights are kept exactly within every block of this many places, in an order of its own.
BLOCK = 1024


class Mix:
    """Sources one behind the other, and a rule for drawing from them by weight.

    `draw` gives the sample at a place of the row, from (seed, place) alone: nothing is replayed by who goes on there. Each source is
    gone through in epochs, every one a permutation of its own.
    """

    def __init__(self, sources: Sequence[Source], weights: Sequence[float]) -> None:
        """Raises ValueError where a weight is too small beside the others to be drawn."""
        self.sources = tuple(sources)
        self._starts = [0, *accumulate(len(source) for source in sources)]
        share = np.array(weights) / np.sum(weights)
        if (share * BLOCK < 0.5).any():
            raise ValueError(f"a part of the mix has {share.min():.2g} of its weight; give each at least {1 / BLOCK:.1g}")
        # Each part's places in a block; the largest part takes what rounding leaves over.
        counts = np.maximum(1, np.floor(share * BLOCK).astype(int))
        counts[np.argmax(counts)] += BLOCK - counts.sum()
        self._counts = counts
        # What a stage's objective found out about samples when they were checked (`Objective.check`): by `checked_as`, then by index.
        self.known: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: int) -> SceneSample:
        return self._of(index)[0][self._of(index)[1]]

    def unread(self, index: int) -> SceneSample:
        """As of `Source`."""
        return self._of(index)[0].unread(self._of(index)[1])

    def turn_degrees(self, index: int) -> float:
        """As of `Source`."""
        return self._of(index)[0].turn_degrees(self._of(index)[1])

    def draw(self, seed: int, place: int) -> int:
        """The index of the sample at a place of the row."""
        part, ordinal = 0, place
        if len(self.sources) > 1:
            block, within = divmod(place, BLOCK)
            parts = _parts(seed, block, tuple(self._counts.tolist()))
            part = int(parts[within])
            ordinal = block * int(self._counts[part]) + int((parts[:within] == part).sum())
        epoch, at = divmod(ordinal, len(self.sources[part]))
        return self._starts[part] + int(_order(seed, epoch, part, len(self.sources[part]))[at])

    def _of(self, index: int) -> tuple[Source, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self.sources[part], index - self._starts[part]


def checked_as(stage: Stage) -> str:
    """What a sample is checked for: stages that differ in it find out other things."""
    return repr((stage.objective, stage.jitter))


def open_mix(data: DatasetConfig | TownsConfig | RecordsConfig | MixConfig, needs: Needs) -> Mix:
    """The samples of a configuration. Raises ValueError where a source does not fit."""
    parts = parts_of(data)
    return Mix([open_source(part.data, needs) for part in parts], [part.weight for part in parts])


@lru_cache(maxsize=16)
def _order(seed: int, epoch: int, part: int, count: int) -> NDArray[np.int64]:
    """An epoch of one part: a permutation drawn from its seed, epoch and part."""
    return np.random.default_rng([seed, epoch, *([part] if part else [])]).permutation(count)


@lru_cache(maxsize=4)
def _parts(seed: int, block: int, counts: tuple[int, ...]) -> NDArray[np.int64]:
    """Which part each place of a block belongs to."""
    return np.random.default_rng([seed, block, len(counts), 0]).permutation(np.repeat(np.arange(len(counts)), counts))
