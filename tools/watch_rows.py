"""Features of clean and corrupted pictures, a row each, with which town, moment and corruption they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from drive.frames import Array
from drive.schema import Observation
from drive.watch.corruptions import STRENGTHS, corrupted
from drive.watch.judge import CLEAN
from drive.watch.looks import LEAST_MOVED_M, Pictured, features, moved_between, seen

LEARNED = ("black", "frozen", "blurred", "dirty", "swapped")


@dataclass(frozen=True, eq=False)
class Rows:
    """features [N, F] of pictures; town, moment: of each, the latter counted anew for every corruption; kind: CLEAN or of a corruption;
    strength: 0 for clean ones."""

    features: Array
    town: Array
    moment: Array
    kind: Array
    strength: Array

    @staticmethod
    def joined(parts: Iterable[Rows]) -> Rows:
        """All of them, moments numbered through."""
        listed, first, moments = list(parts), 0, []
        for part in listed:
            moments.append(part.moment + first)
            first += int(part.moment.max(initial=-1)) + 1
        rest = {f.name: np.concatenate([getattr(part, f.name) for part in listed]) for f in fields(Rows) if f.name != "moment"}
        return Rows(moment=np.concatenate(moments), **rest)

    def where(self, chosen: Array) -> Rows:
        """Some of them."""
        return Rows(*(getattr(self, f.name)[chosen] for f in fields(self)))


def rows_of(town: int, moments: Iterable[Observation], kinds: Sequence[str], variants: int | None) -> Rows:
    """Every moment clean and with `variants` corruptions drawn from kinds and strengths; None: with each. Of corrupted moments the rows of
    pictures that were changed; none where a picture that stands still could not be told (the car stands)."""
    found: list[tuple[Array, int, int, str, int]] = []
    number = 0
    for k, moment in enumerate(moments):
        rng = np.random.default_rng([town, k])
        shown = [[seen(view) for view in frame.cameras] for frame in moment.frames[:-3:-1]]
        found += [(row, town, number, CLEAN, 0) for row in _rows(moment, shown)]
        number += 1
        for kind, strength in _drawn(kinds, variants, rng, len(moment.frames)):
            if kind == "frozen" and (_moved(moment) or 0.0) < LEAST_MOVED_M:
                continue
            wrong = corrupted(moment, kind, strength, int(rng.integers(1 << 30)))
            now = [[seen(view) for view in frame.cameras] for frame in wrong.frames[:-3:-1]]
            changed = [not np.array_equal(a.rgb, b.rgb) for a, b in zip(shown[0], now[0], strict=True)]
            found += [(row, town, number, kind, strength) for row, own in zip(_rows(wrong, now), changed, strict=True) if own]
            number += 1
    columns = list(zip(*found, strict=True))
    return Rows(np.stack(columns[0]), *(np.array(column) for column in columns[1:]))


def _drawn(kinds: Sequence[str], variants: int | None, rng: np.random.Generator, frames: int) -> list[tuple[str, int]]:
    every = [(kind, strength) for kind in kinds for strength in STRENGTHS if kind != "frozen" or frames > 1]
    return every if variants is None else [every[i] for i in rng.choice(len(every), min(variants, len(every)), replace=False)]


def _rows(moment: Observation, shown: list[list[Pictured]]) -> Array:
    return features(shown[0], shown[1] if len(shown) > 1 else (), _moved(moment))


def _moved(moment: Observation) -> float | None:
    return moved_between(moment.frames[-2], moment.frames[-1], moment.speed_mps) if len(moment.frames) > 1 else None
